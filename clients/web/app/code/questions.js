/** The variables of an item with their answers, and the note. */
import { html, useEffect, useLayoutEffect, useRef } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { text } from "../lib/text.js";
import { equal, isChoice, isRequired, stepOf } from "./answers.js";
import { keyOf } from "./keys.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./answers.js").Variable} Variable */

const keepFocus = (/** @type {Event} */ event) => event.preventDefault(); // a click leaves the keys to the page

/** @param {{desk: Desk}} props */
export function Questions({ desk }) {
  return html`<div class="questions">
    ${desk.variables.map(
      (variable, i) =>
        html`<${Question} key=${variable.name} desk=${desk} variable=${variable} current=${i === desk.cursor} place=${i} />`,
    )}
    <${Note} desk=${desk} />
  </div>`;
}

/** @param {{desk: Desk, variable: Variable, current: boolean, place: number}} props */
function Question({ desk, variable, current, place }) {
  const element = useRef(/** @type {HTMLFieldSetElement | null} */ (null));
  useEffect(() => {
    if (current) element.current?.scrollIntoView({ block: "nearest" });
  }, [current, desk.unit?.key]);
  const code = desk.draft.codes[variable.name];
  return html`<fieldset
    ref=${element}
    class=${`question ${current ? "current" : ""}`}
    aria-current=${current ? "true" : undefined}
    onFocusIn=${() => current || desk.set({ cursor: place })}
    onClick=${() => current || desk.set({ cursor: place })}
  >
    <legend>
      ${variable.question || variable.name}
      ${!isRequired(variable) && html`<span class="soft small"> ${text.coder.optional}</span>`}
    </legend>
    ${isChoice(variable) && html`<${Choices} desk=${desk} variable=${variable} current=${current} />`}
    ${variable.kind === "continuous" && html`<${Slider} desk=${desk} variable=${variable} current=${current} />`}
    ${variable.kind === "text" && html`<${FreeText} desk=${desk} variable=${variable} current=${current} />`}
    ${
      variable.cannot_tell &&
      html`<${Choice}
        name=${text.coder.cannotTell}
        hint=${current ? "0" : ""}
        pressed=${code?.cannot_tell === true}
        quiet
        onPick=${() => desk.cannotTell(variable)}
      />`
    }
  </fieldset>`;
}

/** @param {{name: string, hint: string, pressed: boolean, quiet?: boolean, about?: string, onPick: () => void}} props */
function Choice({ name, hint, pressed, quiet, about, onPick }) {
  return html`<button
    type="button"
    class=${`choice ${quiet ? "quiet" : ""}`}
    aria-pressed=${String(pressed)}
    onMouseDown=${keepFocus}
    onClick=${onPick}
  >
    ${hint && html`<kbd aria-hidden="true">${hint}</kbd>`}
    <span>${name}</span>
    ${about && html`<span class="soft small">${about}</span>`}
  </button>`;
}

/** @param {{desk: Desk, variable: Variable, current: boolean}} props */
function Choices({ desk, variable, current }) {
  const code = desk.draft.codes[variable.name];
  const decides = desk.about.role === "adjudicator";
  const labels = /** @type {Record<string, string>} */ (
    variable.kind === "more" || variable.kind === "same" ? text.coder.answers : {}
  );
  return html`<div class=${`options ${variable.kind === "ordinal" ? "scale" : ""}`}>
    ${desk.options(variable).map((option, i) => {
      const isOne =
        Array.isArray(code?.value) && !option.count ? code.value.includes(option.name) : equal(code, option.code);
      return html`<${Choice}
        key=${`${option.name} ${option.count}`}
        name=${option.code.cannot_tell ? text.coder.cannotTell : (labels[option.name] ?? option.name)}
        hint=${current ? keyOf(i) : ""}
        pressed=${isOne}
        about=${option.count ? text.coder.given(option.count) : ""}
        onPick=${() => desk.pick(variable, option)}
      />`;
    })}
    ${
      decides &&
      html`<${Choice}
        name=${desk.free.has(variable.name) ? text.coder.givenOnly : text.coder.another}
        hint=${current ? "o" : ""}
        pressed=${desk.free.has(variable.name)}
        quiet
        onPick=${() => desk.another(variable)}
      />`
    }
  </div>`;
}

/** A number between two ends; nothing is chosen until it is moved. @param {{desk: Desk, variable: Variable, current: boolean}} props */
function Slider({ desk, variable, current }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const code = desk.draft.codes[variable.name];
  const [low, high, step] = [variable.low ?? 0, variable.high ?? 1, stepOf(variable)];
  const value = typeof code?.value === "number" ? code.value : null;
  const middle = low + Math.round((high - low) / 2 / step) * step;
  useFocus(input, current, desk);
  const shown = value === null ? text.coder.noValue : number(value, 6);
  return html`<div class=${`slider ${value === null ? "unset" : ""}`}>
    <span class="small soft" aria-hidden="true">${number(low, 6)}</span>
    <input
      ref=${input}
      type="range"
      min=${low}
      max=${high}
      step=${step}
      value=${value ?? middle}
      aria-label=${variable.question || variable.name}
      aria-valuetext=${shown}
      onInput=${(/** @type {Event} */ event) => {
        const moved = Number(/** @type {HTMLInputElement} */ (event.target).value);
        desk.answer(variable, { value: Math.min(Math.max(moved, low), high), cannot_tell: false }, false);
      }}
    />
    <span class="small soft" aria-hidden="true">${number(high, 6)}</span>
    <output>${shown}</output>
  </div>`;
}

/** @param {{desk: Desk, variable: Variable, current: boolean}} props */
function FreeText({ desk, variable, current }) {
  const input = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const code = desk.draft.codes[variable.name];
  useFocus(input, current && desk.moved, desk);
  return html`<textarea
    ref=${input}
    class="input"
    rows="2"
    maxlength="10000"
    aria-label=${variable.question || variable.name}
    value=${typeof code?.value === "string" ? code.value : ""}
    onInput=${(/** @type {Event} */ event) => {
      const written = /** @type {HTMLTextAreaElement} */ (event.target).value;
      desk.answer(variable, written.trim() ? { value: written, cannot_tell: false } : null, false);
    }}
  ></textarea>`;
}

/** Give the focus to an input while its variable is the current one, before the next key is pressed. @param {{current: HTMLElement | null}} input @param {boolean} current @param {Desk} desk */
function useFocus(input, current, desk) {
  const key = desk.unit?.key;
  useLayoutEffect(() => {
    const element = input.current;
    if (current) element?.focus({ preventScroll: true });
    else if (element === document.activeElement) element?.blur();
  }, [current, key]);
}

/** @param {{desk: Desk}} props */
function Note({ desk }) {
  return html`<div class="field note">
    <label class="label" for="note">${text.coder.note} <kbd aria-hidden="true">n</kbd></label>
    <textarea
      id="note"
      class="input"
      rows="2"
      maxlength="10000"
      value=${desk.draft.note}
      onInput=${(/** @type {Event} */ event) => desk.setNote(/** @type {HTMLTextAreaElement} */ (event.target).value)}
    ></textarea>
  </div>`;
}
