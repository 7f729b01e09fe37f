/** Components that all pages use. */
import { ApiError } from "./api.js";
import { html, useId, useLayoutEffect, useRef } from "./dom.js";
import { percent } from "./format.js";
import { text } from "./text.js";

/** @typedef {import("./dom.js").Children} Children */

/**
 * A button.
 * @param {{kind?: "plain" | "primary" | "danger", busy?: boolean, disabled?: boolean, pressed?: boolean, label?: string, submit?: boolean,
 *   onClick?: (event: MouseEvent) => void, children?: Children}} props `label`: text for screen readers, where the content is a symbol
 */
export function Button({ kind = "plain", busy, disabled, pressed, label, submit, onClick, children }) {
  return html`<button
    type=${submit ? "submit" : "button"}
    class=${`button ${kind}`}
    disabled=${disabled || busy}
    aria-busy=${busy ? "true" : undefined}
    aria-pressed=${pressed === undefined ? undefined : String(pressed)}
    aria-label=${label}
    title=${label}
    onClick=${onClick}
  >${children}</button>`;
}

/**
 * A labelled input: give one `input`, `select` or `textarea` as a function of the id that it must have.
 * @param {{label: string, hint?: string, children: (id: string, describedBy: string | undefined) => Children}} props
 */
export function Field({ label, hint, children }) {
  const id = useId();
  const describedBy = hint ? `${id}-hint` : undefined;
  return html`<div class="field">
    <label class="label" for=${id}>${label}</label>
    ${children(id, describedBy)}
    ${hint && html`<span class="hint" id=${describedBy}>${hint}</span>`}
  </div>`;
}

/** A remark; `bad` and `warn` are read out at once. @param {{kind?: "info" | "warn" | "bad", children?: Children}} props */
export function Notice({ kind = "info", children }) {
  return html`<div class=${`notice ${kind}`} role=${kind === "info" ? "status" : "alert"}>${children}</div>`;
}

/** The sentence about an error. @param {Error} error */
export function messageOf(error) {
  if (!(error instanceof ApiError)) return text.common.pageError(String(error));
  return error.status === 0 ? text.common.noAnswer : error.message;
}

/** An error, if there is one. @param {{error: Error | null, retry?: () => void}} props */
export function ErrorNotice({ error, retry }) {
  if (!error) return null;
  const id = error instanceof ApiError ? error.requestId : null;
  return html`<${Notice} kind="bad">
    <div>${messageOf(error)}</div>
    ${id && html`<div class="small soft">${text.common.requestId(id)}</div>`}
    ${retry && html`<${Button} onClick=${retry}>${text.common.retry}<//>`}
  <//>`;
}

/** Progress from 0 to 1, or of unknown length. @param {{label: string, value?: number | null}} props */
export function Progress({ label, value }) {
  const id = useId();
  return html`<div class="field">
    <label class="small" for=${id}>${label}${value != null && ` (${percent(value, 0)})`}</label>
    <progress id=${id} max="1" value=${value ?? undefined}></progress>
  </div>`;
}

/**
 * A dialog, which keeps the focus within it and gives it back. Escape closes it. It takes the focus before the next key is handled, so that
 * nothing that is typed quickly is lost.
 * @param {{title: string, onClose: () => void, children?: Children}} props
 */
export function Dialog({ title, onClose, children }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const id = useId();
  useLayoutEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return html`<dialog
    ref=${element}
    aria-labelledby=${id}
    onCancel=${(/** @type {Event} */ event) => {
      event.preventDefault();
      onClose();
    }}
  >
    <h2 id=${id}>${title}</h2>
    ${children}
  </dialog>`;
}
