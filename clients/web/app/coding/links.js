/** The links of the people of an assignment, which are shown once. */
import { html, useState } from "../lib/dom.js";
import { Button, Notice } from "../lib/parts.js";
import { hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";
import { csvOf, saveFile } from "./files.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

/** The link of a token, at the address by which this page was reached. @param {string} token */
export function linkOf(token) {
  return new URL(`code#${token}`, location.href.split("#")[0]).href;
}

/** @param {{study: string, assignment: string, tokens: Schemas["CoderToken"][], remarks: string[]}} props */
export function Links({ study, assignment, tokens, remarks }) {
  const words = text.coding.links;
  const rows = tokens.map((each) => [each.name, each.role, linkOf(each.token)]);
  return html`<section aria-label=${words.title}>
    <h2>${words.title}</h2>
    <${Notice} kind="warn">${words.once}<//>
    ${remarks.map((remark) => html`<${Notice} key=${remark}>${remark}<//>`)}
    <${LinkTable} tokens=${tokens} />
    <div class="row">
      <${Button} kind="primary" onClick=${() => saveFile(`${study}-${assignment}-links.csv`, csvOf([["name", "role", "link"], ...rows]), "text/csv")}>
        ${words.save}
      <//>
      <a class="button" href=${hashOf(["s", study, "code", "assignment", assignment])}>${words.goOn}</a>
    </div>
  </section>`;
}

/** @param {{tokens: Schemas["CoderToken"][]}} props */
export function LinkTable({ tokens }) {
  const words = text.coding.links;
  const roles = /** @type {Record<string, string>} */ (text.coding.roles);
  return html`<table class="table links">
    <thead><tr><th scope="col">${words.name}</th><th scope="col">${words.link}</th><td></td></tr></thead>
    <tbody>
      ${tokens.map(
        (each) => html`<tr key=${each.name}>
          <th scope="row">${each.name} <span class="soft small">${roles[each.role]}</span></th>
          <td><code>${linkOf(each.token)}</code></td>
          <td><${Copy} label=${`${words.copy}: ${each.name}`} content=${linkOf(each.token)} /></td>
        </tr>`,
      )}
    </tbody>
  </table>`;
}

/** @param {{label: string, content: string}} props */
function Copy({ label, content }) {
  const [state, setState] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(content);
      setState(text.coding.links.copied);
    } catch {
      setState(text.coding.links.notCopied); // over http, browsers give no page the clipboard
    }
  };
  return html`<${Button} label=${label} onClick=${copy}>${text.coding.links.copy}<//> <span class="small" role="status">${state}</span>`;
}
