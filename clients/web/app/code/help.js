/** All keys of the page. */
import { html } from "../lib/dom.js";
import { Button, Dialog } from "../lib/parts.js";
import { text } from "../lib/text.js";

/** @param {{role: "coder" | "adjudicator", onClose: () => void}} props */
export function Help({ role, onClose }) {
  const rows = text.coder.keys.filter((row) => !row.role || row.role === role);
  return html`<${Dialog} title=${text.coder.help} onClose=${onClose}>
    <table class="table">
      <tbody>
        ${rows.map(
          (row) => html`<tr key=${row.about}>
            <th scope="row">${row.keys.map((key) => html`<kbd key=${key}>${key}</kbd> `)}</th>
            <td>${row.about}</td>
          </tr>`,
        )}
      </tbody>
    </table>
    <p class="small soft">${text.coder.helpMouse}</p>
    <${Button} kind="primary" onClick=${onClose}>${text.common.close}<//>
  <//>`;
}
