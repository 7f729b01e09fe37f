/** Scores of a few pictures under the variants, side by side. */
import { pictureAddress } from "../lib/api.js";
import { html } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

const SHOWN = 6; // labels of a picture

/**
 * @param {{study: Schemas["StudyCard"], preview: Schemas["ZeroShotPreview"], names: string[], blurred: boolean, stale: boolean}} props
 *   `names`: headings of the variants; `stale`: whether other scores are awaited
 */
export function Preview({ study, preview, names, blurred, stale }) {
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${text.try.scores}>
    <table class=${`table preview ${stale ? "stale" : ""}`} aria-busy=${stale ? "true" : undefined}>
      <caption class="hidden-text">${text.try.scores}</caption>
      <thead>
        <tr>
          <th scope="col">${text.try.picture}</th>
          ${preview.variants.map(
            (variant, i) => html`<th scope="col" key=${i}>
              ${names[i]}
              <div class="small soft">${variant.model}${variant.templates.length === 1 ? ` · ${variant.templates[0]}` : ""}</div>
            </th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${preview.items.map(
          (item, row) => html`<tr key=${item.key}>
            <th scope="row" class="shown">
              <a href=${hashOf(["s", study.name, "item", item.key])}>
                ${
                  study.pictures &&
                  html`<span class="frame"><img
                    class=${blurred ? "blurred" : ""} src=${pictureAddress(study.name, item.key)} alt="" loading="lazy"
                  /></span>`
                }
                <span class="small name">${item.id}</span>
              </a>
            </th>
            ${preview.variants.map(
              (variant, i) =>
                html`<td key=${i}><${Scores} variant=${variant} scores=${variant.data[row] ?? null} /></td>`,
            )}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** @param {{variant: Schemas["VariantScores"], scores: Schemas["PreviewScores"] | null}} props */
function Scores({ variant, scores }) {
  if (!scores) return html`<span class="soft">${text.try.unusable}</span>`;
  const order = scores.scores.map((_, i) => i).sort((a, b) => (scores.scores[b] ?? 0) - (scores.scores[a] ?? 0));
  return html`<ol class="bars">
    ${order.slice(0, SHOWN).map((i) => {
      const score = scores.scores[i] ?? 0;
      const label = variant.labels[i] ?? "";
      return html`<li key=${label} class=${label === scores.label ? "best" : ""}>
        <span class="name">${label}${label === scores.label && html`<span class="hidden-text"> (${text.try.best})</span>`}</span>
        <span class="value">${number(score, 2)}</span>
        <span class="bar" aria-hidden="true"><span style=${{ width: `${Math.max(0, Math.min(1, score)) * 100}%` }}></span></span>
      </li>`;
    })}
    ${scores.label === null && html`<li class="best"><span class="name">${text.try.noneFits}</span></li>`}
  </ol>`;
}
