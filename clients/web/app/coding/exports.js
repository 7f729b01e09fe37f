/** Files of the codes of an assignment, and annotations of Label Studio. */
import { ApiError, call, path, send } from "../lib/api.js";
import { html, useState } from "../lib/dom.js";
import { useAction } from "../lib/load.js";
import { Button, ErrorNotice, Notice } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { saveFile } from "./files.js";
import { Check, FileButton, Select } from "./inputs.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

/** @param {{study: string, assignment: string, variables: import("./book.js").Variable[], pairs: boolean, reload: () => void}} props */
export function Exports({ study, assignment, variables, pairs, reload }) {
  const words = text.coding.exports;
  const [variable, setVariable] = useState(variables[0]?.name ?? "");
  const [category, setCategory] = useState("");
  const [majority, setMajority] = useState(false);
  const [imported, setImported] = useState(/** @type {Schemas["LabelStudioImport"] | null} */ (null));
  const chosen = variables.find((each) => each.name === variable);
  const save = useAction(async (/** @type {"long" | "wide" | "final"} */ layout) => {
    const whole = layout === "long";
    const only = whole
      ? { adjudicators: true }
      : { variable, category: chosen?.multiple ? category || chosen.categories[0]?.name : undefined };
    const query = { assignment, layout, format: "csv", ...only, ...(layout === "final" && { majority }) };
    const response = await send(path`v1/studies/${study}/codes`, { query });
    saveFile([study, assignment, ...(whole ? [] : [variable]), `${layout}.csv`].join("-"), await response.blob());
  });
  const tasks = useAction(async () => {
    const response = await send(path`v1/studies/${study}/label-studio`, { query: { assignment } });
    saveFile(`${study}-${assignment}-label-studio.json`, await response.blob());
  });
  const take = useAction(async (/** @type {File} */ file) => {
    setImported(null);
    const json = { tasks: await tasksOf(file) };
    setImported(await call(path`v1/studies/${study}/label-studio`, { method: "POST", json, query: { assignment } }));
    reload();
  });
  return html`<h3>${words.title}</h3>
    <div class="row">
      <${Button} busy=${save.busy} onClick=${() => save.run("long")}>${words.long}<//>
      ${!pairs && html`<${Button} busy=${tasks.busy} onClick=${() => tasks.run()}>${words.labelStudio}<//>`}
      ${!pairs && html`<${FileButton} accept=".json" onFile=${(/** @type {File} */ file) => take.run(file)}>${words.takeLabelStudio}<//>`}
    </div>
    <p class="small soft">${words.longAbout}</p>
    <div class="row ends">
      <${Select}
        label=${words.variable}
        value=${variable}
        options=${variables.map(({ name }) => ({ value: name, label: name }))}
        onChange=${(/** @type {string} */ name) => {
          setVariable(name);
          setCategory(variables.find((each) => each.name === name)?.categories[0]?.name ?? "");
        }}
      />
      ${
        chosen?.multiple &&
        html`<${Select} label=${words.category} value=${category || (chosen.categories[0]?.name ?? "")} options=${chosen.categories.map(({ name }) => ({ value: name, label: name }))} onChange=${setCategory} />`
      }
      <${Button} busy=${save.busy} onClick=${() => save.run("wide")}>${words.wide}<//>
      <${Button} busy=${save.busy} onClick=${() => save.run("final")}>${words.final}<//>
      <${Check} checked=${majority} onChange=${setMajority}>${words.majority}<//>
    </div>
    <p class="small soft">${words.wideAbout}</p>
    <${ErrorNotice} error=${save.error ?? tasks.error ?? take.error} />
    ${
      imported &&
      html`<${Notice}>
        ${words.imported(imported.codes, imported.unchanged)}
        ${imported.remarks.map((remark) => html`<div class="small" key=${remark}>${remark}</div>`)}
      <//>`
    }`;
}

/** @param {File} file @returns {Promise<unknown[]>} */
async function tasksOf(file) {
  try {
    const tasks = JSON.parse(await file.text());
    if (Array.isArray(tasks)) return tasks;
  } catch {
    // said below
  }
  throw new ApiError(422, "invalid_file", text.coding.exports.badFile(file.name), null);
}
