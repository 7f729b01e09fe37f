/** The end of a coder's session, for a computer that others use too. */
import { call } from "../lib/api.js";
import { html } from "../lib/dom.js";
import { useAction } from "../lib/load.js";
import { Button, Dialog, ErrorNotice, Notice } from "../lib/parts.js";
import { text } from "../lib/text.js";

/** @param {{desk: import("./desk.js").Desk, onClose: () => void, onDone: () => void}} props */
export function Leave({ desk, onClose, onDone }) {
  const leave = useAction(async () => {
    await call("v1/coding/session", { method: "DELETE" });
    desk.drafts.drop();
    desk.unit = null; // nothing is left to warn of
    onDone();
  });
  return html`<${Dialog} title=${text.coder.endTitle} onClose=${onClose}>
    <p>${text.coder.endAbout}</p>
    ${desk.isDirty && html`<${Notice} kind="warn">${text.coder.unsaved}<//>`}
    <${ErrorNotice} error=${leave.error} />
    <div class="row">
      <${Button} kind="primary" busy=${leave.busy} onClick=${() => leave.run()}>${text.coder.end}<//>
      <${Button} onClick=${onClose}>${text.common.cancel}<//>
    </div>
  <//>`;
}
