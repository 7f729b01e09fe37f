/** Inputs of the owner's page. */
import { html } from "../lib/dom.js";
import { Field } from "../lib/parts.js";

/** @typedef {import("../lib/dom.js").Children} Children */

/** The value of the input of an event. @param {Event} event */
export function valueIn(event) {
  return /** @type {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} */ (event.target).value;
}

/**
 * @param {{label: string, hint?: string, value: string, onChange: (value: string) => void, type?: string, rows?: number, required?: boolean,
 *   min?: number, max?: number, step?: string, list?: string[]}} props `rows`: a text of several lines; `list`: proposals
 */
export function Text({ label, hint, value, onChange, type = "text", rows, list, ...more }) {
  return html`<${Field} label=${label} hint=${hint}>
    ${(/** @type {string} */ id, /** @type {string | undefined} */ about) => {
      const shared = {
        id,
        class: "input",
        "aria-describedby": about,
        value,
        onInput: (/** @type {Event} */ event) => onChange(valueIn(event)),
      };
      if (rows) return html`<textarea ...${shared} ...${more} rows=${rows}></textarea>`;
      return html`<input ...${shared} ...${more} type=${type} list=${list && `${id}-list`} autocomplete="off" />
        ${list && html`<datalist id=${`${id}-list`}>${list.map((each) => html`<option key=${each} value=${each}></option>`)}</datalist>`}`;
    }}
  <//>`;
}

/** @param {{label: string, hint?: string, value: string, onChange: (value: string) => void, options: {value: string, label: string}[]}} props */
export function Select({ label, hint, value, onChange, options }) {
  return html`<${Field} label=${label} hint=${hint}>
    ${(/** @type {string} */ id, /** @type {string | undefined} */ about) => html`<select
      id=${id}
      class="input"
      aria-describedby=${about}
      value=${value}
      onChange=${(/** @type {Event} */ event) => onChange(valueIn(event))}
    >
      ${options.map((each) => html`<option key=${each.value} value=${each.value} selected=${each.value === value}>${each.label}</option>`)}
    </select>`}
  <//>`;
}

/** @param {{checked: boolean, onChange: (checked: boolean) => void, children?: Children}} props */
export function Check({ checked, onChange, children }) {
  return html`<label class="check">
    <input
      type="checkbox"
      checked=${checked}
      onChange=${(/** @type {Event} */ event) => onChange(/** @type {HTMLInputElement} */ (event.target).checked)}
    />
    ${children}
  </label>`;
}

/** A button that lets a file be chosen. @param {{accept: string, onFile: (file: File) => void, children?: Children}} props */
export function FileButton({ accept, onFile, children }) {
  return html`<label class="button file">
    <input
      type="file"
      class="hidden-text"
      accept=${accept}
      onChange=${(/** @type {Event} */ event) => {
        const input = /** @type {HTMLInputElement} */ (event.target);
        const file = input.files?.[0];
        input.value = "";
        if (file) onFile(file);
      }}
    />
    ${children}
  </label>`;
}
