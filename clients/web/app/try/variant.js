/** A variant of a zero-shot question: labels, templates, a model; and its form. */
import { html } from "../lib/dom.js";
import { Field } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { ticked, typed } from "../look/inputs.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/**
 * @typedef {{id: number, labels: string, template: string, own: string, model: string, none: string, multi: boolean}} Variant
 *   `template`: a key of text.try.templates; `own`: templates of the user's, one a line
 */

/** A first variant, or a copy of one. @param {number} id @param {Variant} [from] @returns {Variant} */
export function newVariant(id, from) {
  return { labels: "", template: "model", own: "", model: "", none: "", multi: false, ...from, id };
}

/** Labels of a text: one a line, or between commas; each once. @param {string} content */
export function labelsOf(content) {
  const seen = new Set();
  return content
    .split(/[\n,;]/)
    .map((each) => each.trim())
    .filter((each) => each && !seen.has(each.toLowerCase()) && seen.add(each.toLowerCase()));
}

/** Whether a variant has enough labels to be scored. @param {Variant} variant */
export function isComplete(variant) {
  return labelsOf(variant.labels).length >= (variant.multi ? 1 : 2);
}

/**
 * A variant as the API takes it.
 * @param {Variant} variant
 * @returns {{labels: string[], multi_label: boolean, model?: string, templates?: string[], none_of_these?: {text: string}}}
 */
export function requestOf(variant) {
  const templates = { model: [], label: ["{}"], photo: ["a photo of {}"], own: linesOf(variant.own) }[variant.template];
  return {
    labels: labelsOf(variant.labels),
    multi_label: variant.multi,
    ...(variant.model && { model: variant.model }),
    ...(templates?.length && { templates }),
    ...(variant.none.trim() && { none_of_these: { text: variant.none.trim() } }),
  };
}

/** @param {string} content */
function linesOf(content) {
  return content
    .split("\n")
    .map((each) => each.trim())
    .filter(Boolean);
}

/**
 * @param {{variant: Variant, models: Schemas["ModelCard"][], onChange: (variant: Variant) => void}} props
 *   `models`: those that take labels
 */
export function VariantForm({ variant, models, onChange }) {
  const change = (/** @type {Partial<Variant>} */ patch) => onChange({ ...variant, ...patch });
  const templates = /** @type {(keyof typeof text.try.templates)[]} */ (Object.keys(text.try.templates));
  return html`
    <${Field} label=${text.try.labels} hint=${text.try.labelsHint}>
      ${(/** @type {string} */ id, /** @type {string} */ hint) => html`<textarea
        id=${id} class="input" rows="4" aria-describedby=${hint} spellcheck=${false}
        placeholder=${text.try.labelsExample} value=${variant.labels} onInput=${typed((labels) => change({ labels }))}
      ></textarea>`}
    <//>
    <details class="more">
      <summary>${text.try.options}</summary>
      <${Field} label=${text.try.template} hint=${text.try.templateHint}>
        ${(/** @type {string} */ id, /** @type {string} */ hint) => html`<select
          id=${id} class="input" aria-describedby=${hint} value=${variant.template}
          onChange=${typed((template) => change({ template }))}
        >
          ${templates.map((each) => html`<option key=${each} value=${each}>${text.try.templates[each]}</option>`)}
        </select>`}
      <//>
      ${
        variant.template === "own" &&
        html`<${Field} label=${text.try.own} hint=${text.try.ownHint}>
          ${(/** @type {string} */ id, /** @type {string} */ hint) => html`<textarea
            id=${id} class="input" rows="2" aria-describedby=${hint} placeholder="a photo of {}" value=${variant.own}
            onInput=${typed((own) => change({ own }))}
          ></textarea>`}
        <//>`
      }
      ${
        models.length > 1 &&
        html`<${Field} label=${text.try.model}>
          ${(/** @type {string} */ id) => html`<select
            id=${id} class="input" value=${variant.model} onChange=${typed((model) => change({ model }))}
          >
            <option value="">${text.try.anyModel}</option>
            ${models.map((each) => html`<option key=${each.id} value=${each.id}>${each.id}</option>`)}
          </select>`}
        <//>`
      }
      <${Field} label=${text.try.none} hint=${text.try.noneHint}>
        ${(/** @type {string} */ id, /** @type {string} */ hint) => html`<input
          id=${id} class="input" aria-describedby=${hint} placeholder=${text.try.noneExample} value=${variant.none}
          onInput=${typed((none) => change({ none }))}
        />`}
      <//>
      <label class="check">
        <input type="checkbox" checked=${variant.multi} onChange=${ticked((multi) => change({ multi }))} />
        ${text.try.multi}
      </label>
    </details>
  `;
}
