/** The dialog in which a column is deleted. */
import { call, path } from "../lib/api.js";
import { html } from "../lib/dom.js";
import { useAction } from "../lib/load.js";
import { Button, Dialog, ErrorNotice } from "../lib/parts.js";
import { text } from "../lib/text.js";

/** @param {{study: string, column: string, onClose: () => void, onDone: () => void}} props */
export function DeleteColumn({ study, column, onClose, onDone }) {
  const remove = useAction(async () => {
    await call(path`v1/studies/${study}/columns/${column}`, { method: "DELETE" });
    onDone();
  });
  return html`<${Dialog} title=${text.look.deleteTitle(column)} onClose=${onClose}>
    <p>${text.look.deleteAbout}</p>
    <${ErrorNotice} error=${remove.error} />
    <div class="row">
      <${Button} kind="danger" busy=${remove.busy} onClick=${() => remove.run()}>${text.common.delete}<//>
      <${Button} onClick=${onClose}>${text.common.cancel}<//>
    </div>
  <//>`;
}
