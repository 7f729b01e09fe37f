/** Definitions and examples of a variable, beside the item. */
import { html } from "../lib/dom.js";
import { text } from "../lib/text.js";
import { usePicture } from "./pictures.js";

/** @param {{book: import("./answers.js").Book, variable: import("./answers.js").Variable | undefined, hidden: boolean}} props */
export function Guide({ book, variable, hidden }) {
  return html`<aside class="guide" aria-label=${text.coder.guide} tabindex="0">
    ${book.instructions && html`<details open=${!variable}><summary>${text.coder.instructions}</summary><p class="lines">${book.instructions}</p></details>`}
    ${
      variable &&
      html`<h2>${variable.question || variable.name}</h2>
        <p class="lines">${variable.definition || html`<span class="soft">${text.coder.noDefinition}</span>`}</p>
        <${Examples} keys=${variable.examples} of=${variable.name} hidden=${hidden} />
        <dl>
          ${variable.categories.map(
            (category) => html`<div key=${category.name}>
              <dt>${category.name}</dt>
              <dd class="lines">
                ${category.definition}
                <${Examples} keys=${category.examples} of=${category.name} hidden=${hidden} />
              </dd>
            </div>`,
          )}
        </dl>`
    }
  </aside>`;
}

/** @param {{keys: string[], of: string, hidden: boolean}} props */
function Examples({ keys, of, hidden }) {
  if (!keys.length) return null;
  return html`<ul class="examples">
    ${keys.map((key) => html`<li key=${key}><${SmallPicture} picture=${key} name=${text.coder.exampleOf(of)} hidden=${hidden} /></li>`)}
  </ul>`;
}

/** @param {{picture: string, name: string, hidden: boolean}} props */
export function SmallPicture({ picture, name, hidden }) {
  const { address, error } = usePicture(picture, "256");
  if (error) return html`<span class="small soft">${text.coder.noPicture}</span>`;
  if (!address) return html`<span class="small-picture" aria-hidden="true"></span>`;
  return html`<span class="small-picture"><img src=${address} alt=${name} class=${hidden ? "blurred" : ""} /></span>`;
}
