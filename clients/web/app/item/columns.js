/** The columns of an item, with how they were made. */
import { call, path } from "../lib/api.js";
import { html } from "../lib/dom.js";
import { cell, time } from "../lib/format.js";
import { useLoad } from "../lib/load.js";
import { hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";
import { writeQuery } from "../look/query.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {string | number | boolean | null} Cell */

/** @param {{study: string, values: Record<string, Cell>}} props */
export function Columns({ study, values }) {
  const figures = useLoad(
    (signal) => /** @type {Promise<Schemas["ColumnList"]>} */ (call(path`v1/studies/${study}/columns`, { signal })),
    [study],
  );
  const names = Object.keys(values);
  if (!names.length) return html`<p class="soft small">${text.item.noColumns}</p>`;
  return html`<h2>${text.item.columns}</h2>
    <table class="table item-table">
      <thead><tr><th scope="col">${text.item.column}</th><th scope="col">${text.item.value}</th></tr></thead>
      <tbody>
        ${names.map(
          (name) => html`<tr key=${name}>
            <th scope="row">
              ${name}
              <${Source} source=${figures.value?.data.find((each) => each.name === name)?.source ?? null} />
            </th>
            <td><${Value} study=${study} name=${name} value=${values[name] ?? null} /></td>
          </tr>`,
        )}
      </tbody>
    </table>`;
}

/** A value; texts lead to the items that have the same. @param {{study: string, name: string, value: Cell}} props */
function Value({ study, name, value }) {
  if (value === null) return html`<span class="soft">–</span>`;
  if (typeof value === "number") return cell(value);
  const filters = [`${name}=${value}`];
  return html`<a href=${hashOf(["s", study, "look"], writeQuery({ filters }))} title=${text.item.same(name)}>${String(value)}</a>`;
}

/** @param {{source: Record<string, unknown> | null}} props */
function Source({ source }) {
  if (!source) return null;
  const { operation, created, options } = source;
  const when = typeof created === "string" ? time(created) : "";
  return html`<details class="source small">
    <summary class="soft">${text.item.madeBy(String(operation ?? ""), when)}</summary>
    <pre>${JSON.stringify(options ?? source, null, 1)}</pre>
  </details>`;
}
