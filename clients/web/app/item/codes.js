/** The codes of an item, of all coders. */
import { html } from "../lib/dom.js";
import { cell, time } from "../lib/format.js";
import { text } from "../lib/text.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

/** @param {{codes: Schemas["ItemCode"][]}} props */
export function Codes({ codes }) {
  if (!codes.length) return html`<p class="soft small">${text.item.noCodes}</p>`;
  return html`<h2>${text.item.codes}</h2>
    <table class="table item-table">
      <thead>
        <tr>
          <th scope="col">${text.item.variable}</th>
          <th scope="col">${text.item.coder}</th>
          <th scope="col">${text.item.code}</th>
        </tr>
      </thead>
      <tbody>
        ${codes.map(
          (each) => html`<tr key=${`${each.assignment} ${each.coder} ${each.variable}`} title=${time(each.saved)}>
            <td>${each.variable}</td>
            <td>${each.coder}${each.role === "adjudicator" && html` <span class="soft small">${text.item.adjudicator}</span>`}
              <div class="soft small">${each.assignment}</div>
            </td>
            <td>${codeText(each.value)}</td>
          </tr>`,
        )}
      </tbody>
    </table>`;
}

/** @param {Schemas["ItemCode"]["value"]} value */
function codeText(value) {
  if (value === null) return text.item.cannotTell;
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "number" ? cell(value) : value;
}
