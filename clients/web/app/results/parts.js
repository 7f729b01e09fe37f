/** What the steps of the page share: the variable, and a select. */
import { html } from "../lib/dom.js";
import { Field } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { ticked, typed } from "../look/inputs.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {{assignment: string, variable: string, category: string, majority: boolean}} Coded a coded variable */
/** @typedef {{name: string, kind: string, multiple?: boolean, categories?: {name: string}[]}} Variable */

/** Kinds of variables that can be trained and estimated. */
const KINDS = ["binary", "categorical", "ordinal", "continuous"];

/** @param {Schemas["CodebookAnswer"] | null} book @returns {Variable[]} */
export function variablesOf(book) {
  const every = /** @type {Variable[]} */ (/** @type {unknown} */ (book?.codebook.variables ?? []));
  return every.filter((each) => KINDS.includes(each.kind));
}

/** A coded variable as the API takes it. @param {Coded} coded */
export function codedRequest({ assignment, variable, category, majority }) {
  return { assignment, variable, majority, ...(category && { category }) };
}

/**
 * @param {{label: string, value: string, options: {value: string, name: string}[], hint?: string, onChange: (value: string) => void}} props
 */
export function Select({ label, value, options, hint, onChange }) {
  return html`<${Field} label=${label} hint=${hint}>
    ${(/** @type {string} */ id, /** @type {string | undefined} */ about) => html`<select
      id=${id} class="input" aria-describedby=${about} value=${value} onChange=${typed(onChange)}
    >${options.map((each) => html`<option key=${each.value} value=${each.value}>${each.name}</option>`)}</select>`}
  <//>`;
}

/** Options with the same names as values. @param {string[]} values */
export const optionsOf = (values) => values.map((value) => ({ value, name: value }));

/**
 * The variable that is trained and estimated.
 * @param {{coded: Coded, assignments: Schemas["AssignmentCard"][], variables: Variable[], onChange: (coded: Coded) => void}} props
 */
export function ChooseVariable({ coded, assignments, variables, onChange }) {
  const variable = variables.find((each) => each.name === coded.variable);
  const categories = variable?.multiple ? (variable.categories ?? []).map((each) => each.name) : [];
  const choose = (/** @type {string} */ name) => {
    const chosen = variables.find((each) => each.name === name);
    onChange({ ...coded, variable: name, category: chosen?.multiple ? (chosen.categories?.[0]?.name ?? "") : "" });
  };
  return html`<div class="row end">
    <${Select}
      label=${text.results.variable} value=${coded.variable} options=${optionsOf(variables.map((each) => each.name))}
      onChange=${choose}
    />
    ${
      categories.length > 0 &&
      html`<${Select}
        label=${text.results.category} value=${coded.category} options=${optionsOf(categories)}
        onChange=${(/** @type {string} */ category) => onChange({ ...coded, category })}
      />`
    }
    <${Select}
      label=${text.results.assignment} value=${coded.assignment} options=${optionsOf(assignments.map((each) => each.name))}
      onChange=${(/** @type {string} */ assignment) => onChange({ ...coded, assignment })}
    />
    <label class="check field">
      <input
        type="checkbox" checked=${coded.majority}
        onChange=${ticked((majority) => onChange({ ...coded, majority }))}
      />
      ${text.results.majority}
    </label>
  </div>`;
}
