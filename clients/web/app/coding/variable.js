/** The form of one variable of a codebook. */
import { call, path, pictureAddress } from "../lib/api.js";
import { html, useState } from "../lib/dom.js";
import { useLoad } from "../lib/load.js";
import { Button } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { hasCategories, KINDS, moved, newCategory, ofKind, replaced } from "./book.js";
import { Check, Select, Text } from "./inputs.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {import("./book.js").Variable} Variable */
/** @typedef {import("./book.js").Category} Category */
/** @typedef {{study: Schemas["StudyCard"], blurred: boolean}} Shared */

/**
 * @param {Shared & {variable: Variable, onChange: (variable: Variable | null) => void, onMove: (step: number) => void}} props
 *   `onChange` with null removes it
 */
export function VariableForm({ study, blurred, variable, onChange, onMove }) {
  const words = text.coding.book;
  const set = (/** @type {Partial<Variable>} */ change) => onChange({ ...variable, ...change });
  const isRequired = variable.required ?? variable.kind !== "text";
  const name = variable.name || words.unnamed;
  return html`<fieldset class="card variable">
    <legend class="hidden-text">${words.variable}: ${name}</legend>
    <div class="row">
      <h2>${name}</h2>
      <span class="spacer"></span>
      <${Button} label=${`${words.up}: ${name}`} onClick=${() => onMove(-1)}>↑<//>
      <${Button} label=${`${words.down}: ${name}`} onClick=${() => onMove(1)}>↓<//>
      <${Button} kind="danger" label=${`${words.remove}: ${name}`} onClick=${() => onChange(null)}>${words.remove}<//>
    </div>
    <div class="columns">
      <${Text} label=${words.name} hint=${words.nameHint} value=${variable.name} onChange=${(/** @type {string} */ value) => set({ name: value })} />
      <${Select}
        label=${words.kind}
        hint=${words.kindHints[variable.kind]}
        value=${variable.kind}
        options=${KINDS.map((kind) => ({ value: kind, label: words.kinds[kind] }))}
        onChange=${(/** @type {import("./book.js").Kind} */ kind) => onChange(ofKind(variable, kind))}
      />
    </div>
    <${Text} label=${words.question} value=${variable.question} onChange=${(/** @type {string} */ value) => set({ question: value })} />
    <${Text} label=${words.definition} rows=${2} value=${variable.definition} onChange=${(/** @type {string} */ value) => set({ definition: value })} />
    ${variable.kind === "continuous" && html`<${Numbers} variable=${variable} set=${set} />`}
    <div class="row checks">
      <${Check} checked=${isRequired} onChange=${(/** @type {boolean} */ on) => set({ required: on })}>${words.required}<//>
      <${Check} checked=${variable.cannot_tell} onChange=${(/** @type {boolean} */ on) => set({ cannot_tell: on })}>${words.cannotTell}<//>
      ${
        variable.kind === "categorical" &&
        html`<${Check} checked=${variable.multiple} onChange=${(/** @type {boolean} */ on) => set({ multiple: on })}>${words.multiple}<//>`
      }
      ${
        variable.kind === "more" &&
        html`<${Check} checked=${variable.ties} onChange=${(/** @type {boolean} */ on) => set({ ties: on })}>${words.ties}<//>`
      }
    </div>
    <${Examples} study=${study} blurred=${blurred} of=${name} ids=${variable.examples} onChange=${(/** @type {string[]} */ examples) => set({ examples })} />
    ${
      hasCategories(variable.kind) &&
      html`<h3>${words.categories}</h3>
        ${variable.kind === "binary" && !variable.categories.length && html`<p class="soft small">${words.yesNo}</p>`}
        <ol class="categories">
          ${variable.categories.map(
            (category, i) => html`<li key=${i}><${CategoryForm}
              study=${study}
              blurred=${blurred}
              category=${category}
              onChange=${(/** @type {Category | null} */ value) => set({ categories: replaced(variable.categories, i, value) })}
              onMove=${(/** @type {number} */ step) => set({ categories: moved(variable.categories, i, step) })}
            /></li>`,
          )}
        </ol>
        <${Button} label=${`${words.addCategory}: ${name}`} onClick=${() => set({ categories: [...variable.categories, newCategory()] })}>${words.addCategory}<//>`
    }
  </fieldset>`;
}

/** @param {{variable: Variable, set: (change: Partial<Variable>) => void}} props */
function Numbers({ variable, set }) {
  const words = text.coding.book;
  const of = (/** @type {"low" | "high" | "step"} */ name) => html`<${Text}
    label=${words[name]}
    type="number"
    step="any"
    value=${variable[name] === null || variable[name] === undefined ? "" : String(variable[name])}
    onChange=${(/** @type {string} */ value) => set({ [name]: value === "" ? null : Number(value) })}
  />`;
  return html`<div class="columns">${of("low")}${of("high")}${of("step")}</div>`;
}

/** @param {Shared & {category: Category, onChange: (category: Category | null) => void, onMove: (step: number) => void}} props */
function CategoryForm({ study, blurred, category, onChange, onMove }) {
  const words = text.coding.book;
  const set = (/** @type {Partial<Category>} */ change) => onChange({ ...category, ...change });
  const name = category.name || words.unnamed;
  return html`<div class="category">
    <div class="columns">
      <${Text} label=${words.category} value=${category.name} onChange=${(/** @type {string} */ value) => set({ name: value })} />
      <${Text} label=${words.definition} value=${category.definition} onChange=${(/** @type {string} */ value) => set({ definition: value })} />
      <div class="row ends">
        <${Button} label=${`${words.up}: ${name}`} onClick=${() => onMove(-1)}>↑<//>
        <${Button} label=${`${words.down}: ${name}`} onClick=${() => onMove(1)}>↓<//>
        <${Button} label=${`${words.remove}: ${name}`} onClick=${() => onChange(null)}>✕<//>
      </div>
    </div>
    <${Examples} study=${study} blurred=${blurred} of=${name} ids=${category.examples} onChange=${(/** @type {string[]} */ examples) => set({ examples })} />
  </div>`;
}

/** Items that are examples, found by a part of their id. @param {Shared & {of: string, ids: string[], onChange: (ids: string[]) => void}} props */
function Examples({ study, blurred, of, ids, onChange }) {
  const words = text.coding.book;
  const [open, setOpen] = useState(false);
  const [search, setSearch] = useState("");
  const found = useLoad(
    async (signal) => {
      if (!open) return [];
      /** @type {Schemas["ItemPage"]} */
      const page = await call(path`v1/studies/${study.name}/items`, { query: { search, limit: 12 }, signal });
      return page.data;
    },
    [open, search],
  );
  const shown = useLoad(
    async (signal) => {
      if (!ids.length) return [];
      /** @type {Schemas["ItemPage"]} */
      const page = await call(path`v1/studies/${study.name}/items/lookup`, { method: "POST", json: { ids }, signal });
      return page.data;
    },
    [ids.join("\n")],
  );
  const picture = (/** @type {string} */ key) =>
    study.pictures && html`<img src=${pictureAddress(study.name, key)} alt="" class=${blurred ? "blurred" : ""} />`;
  return html`<div class="examples">
    <div class="row">
      <span class="small">${words.examples}: ${ids.length ? "" : words.noExamples}</span>
      ${ids.map((id) => {
        const key = shown.value?.find((item) => item.id === id)?.key;
        return html`<span class="example" key=${id}>
          ${key && picture(key)}<span class="small">${id}</span>
          <${Button} label=${`${words.removeExample}: ${id}`} onClick=${() => onChange(ids.filter((each) => each !== id))}>✕<//>
        </span>`;
      })}
      <${Button} pressed=${open} label=${`${words.addExample}: ${of}`} onClick=${() => setOpen(!open)}>${words.addExample}<//>
    </div>
    ${
      open &&
      html`<${Text} label=${words.searchExample} value=${search} onChange=${setSearch} />
        <div class="row found">
          ${found.value
            ?.filter((item) => !ids.includes(item.id))
            .map(
              (
                item,
              ) => html`<button type="button" class="example" key=${item.key} onClick=${() => onChange([...ids, item.id])}>
                ${picture(item.key)}<span class="small">${item.id}</span>
              </button>`,
            )}
        </div>`
    }
  </div>`;
}
