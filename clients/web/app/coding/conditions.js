/** The conditions that drawn items fulfil: a column, a comparison and a value, each chosen from what there is. */
import { call, path } from "../lib/api.js";
import { html, useState } from "../lib/dom.js";
import { useLoad } from "../lib/load.js";
import { Button, ErrorNotice } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { Chips } from "../look/filters.js";
import { Select, Text } from "./inputs.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

/** @param {{study: string, filters: string[], onChange: (filters: string[]) => void}} props */
export function Conditions({ study, filters, onChange }) {
  const words = text.coding.draw;
  const columns = useLoad(
    (signal) => /** @type {Promise<Schemas["ColumnList"]>} */ (call(path`v1/studies/${study}/columns`, { signal })),
    [study],
  );
  const [name, setName] = useState("");
  const [sign, setSign] = useState("=");
  const [value, setValue] = useState("");
  const all = columns.value?.data ?? [];
  const column = all.find((each) => each.name === name);
  const values = column?.kind === "text" ? (column.values ?? []).map((each) => String(each.value)) : [];
  const signs = Object.entries(words.signs).filter(([each]) => column?.kind === "number" || ["=", "!="].includes(each));
  const choose = (/** @type {string} */ chosen) => {
    setName(chosen);
    setSign(all.find((each) => each.name === chosen)?.kind === "number" ? ">=" : "=");
    setValue("");
  };
  const add = () => {
    onChange([...new Set([...filters, `${name}${sign}${value}`])]);
    choose("");
  };
  if (!all.length && !filters.length)
    return html`<p class="soft small">${columns.loading ? text.common.loading : words.noColumns}</p>`;
  return html`<fieldset class="conditions">
    <legend class="label">${words.filters}</legend>
    <${ErrorNotice} error=${columns.error} retry=${columns.reload} />
    <div class="chips"><${Chips} filters=${filters} onChange=${onChange} /></div>
    <div class="columns">
      <${Select}
        label=${words.column}
        value=${name}
        options=${[{ value: "", label: words.chooseColumn }, ...all.map((each) => ({ value: each.name, label: each.name }))]}
        onChange=${choose}
      />
      ${
        column &&
        html`<${Select} label=${words.sign} value=${sign} options=${signs.map(([each, label]) => ({ value: each, label }))} onChange=${setSign} />
          ${
            values.length && values.length >= column.distinct
              ? html`<${Select}
                  label=${words.value}
                  value=${value}
                  options=${[{ value: "", label: words.noValue }, ...values.map((each) => ({ value: each, label: each }))]}
                  onChange=${setValue}
                />`
              : html`<${Text} label=${words.value} type=${column.kind === "number" ? "number" : "text"} step="any" list=${values.length ? values : undefined} value=${value} onChange=${setValue} />`
          }
          <${Button} onClick=${add}>${words.addCondition}<//>`
      }
    </div>
    <span class="hint">${words.filtersHint}</span>
  </fieldset>`;
}
