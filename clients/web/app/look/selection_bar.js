/** What is selected, and what can be done with it. */
import { html, useId, useState } from "../lib/dom.js";
import { useAction } from "../lib/load.js";
import { Button, Dialog, ErrorNotice, Field } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { submitted, typed } from "./inputs.js";
import { saveSelection, select, useSelection } from "./selection.js";

/**
 * @param {{study: string, columns: string[], onLike?: (key: string) => void, onSaved: (column: string) => void, children?: import("../lib/dom.js").Children}} props
 */
export function SelectionBar({ study, columns, onLike, onSaved, children }) {
  const selected = useSelection(study);
  const [saving, setSaving] = useState(false);
  if (!selected.size) return null;
  const [only] = selected;
  return html`<div class="selection" role="group" aria-label=${text.look.selection}>
    <strong aria-live="polite">${text.look.selected(selected.size)}</strong>
    <${Button} onClick=${() => setSaving(true)}>${text.look.save}<//>
    ${onLike && selected.size === 1 && html`<${Button} onClick=${() => onLike(only ?? "")}>${text.look.like}<//>`}
    ${children}
    <${Button} onClick=${() => select(study, new Set())}>${text.look.clear}<//>
    ${
      saving &&
      html`<${SaveDialog}
        ...${{ study, selected, columns }}
        onClose=${() => setSaving(false)}
        onDone=${(/** @type {string} */ column) => {
          setSaving(false);
          onSaved(column);
        }}
      />`
    }
  </div>`;
}

/**
 * @param {{study: string, selected: Set<string>, columns: string[], onClose: () => void, onDone: (column: string) => void}} props
 */
function SaveDialog({ study, selected, columns, onClose, onDone }) {
  const [name, setName] = useState("");
  const list = useId();
  const save = useAction(async () => onDone(await saveSelection(study, name.trim(), selected)));
  const there = columns.filter((each) => each.startsWith("selection:"));
  return html`<${Dialog} title=${text.look.saveTitle(selected.size)} onClose=${onClose}>
    <form onSubmit=${submitted(() => save.run())}>
      <${Field} label=${text.look.saveName} hint=${text.look.saveHint}>
        ${(/** @type {string} */ id, /** @type {string} */ hint) => html`<input
          id=${id} class="input" required maxlength="80" pattern="[^<>=!]+" list=${list} aria-describedby=${hint}
          autocomplete="off" value=${name} onInput=${typed(setName)}
        />`}
      <//>
      <datalist id=${list}>${there.map((each) => html`<option key=${each} value=${each.replace("selection:", "")} />`)}</datalist>
      <${ErrorNotice} error=${save.error} />
      <div class="row">
        <${Button} kind="primary" submit busy=${save.busy}>${text.look.saveNow}<//>
        <${Button} onClick=${onClose}>${text.common.cancel}<//>
      </div>
    </form>
  <//>`;
}
