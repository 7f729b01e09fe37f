/** The items that are the most similar to one. */
import { call, path } from "../lib/api.js";
import { html } from "../lib/dom.js";
import { useLoad } from "../lib/load.js";
import { ErrorNotice } from "../lib/parts.js";
import { hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";
import { TextTile, Thumbnail } from "../look/tile.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

const FEW = 12;

/** @param {{study: string, item: string, blurred: boolean, pictures: boolean}} props */
export function Similar({ study, item, blurred, pictures }) {
  const found = useLoad(
    (signal) =>
      /** @type {Promise<Schemas["StudySearchAnswer"]>} */ (
        call(path`v1/studies/${study}/search`, { method: "POST", json: { query: { key: item }, k: FEW }, signal })
      ),
    [study, item],
  );
  return html`<section class="item-similar" aria-labelledby="similar">
    <h2 id="similar">${text.item.similar}</h2>
    <${ErrorNotice} error=${found.error} />
    <ul>
      ${found.value?.data.map(
        (each) => html`<li key=${each.key}>
          <a href=${hashOf(["s", study, "item", each.key])} aria-label=${each.id} title=${each.id}>
            <span class="tile-box">
              ${pictures ? html`<${Thumbnail} study=${study} item=${each.key} blurred=${blurred} />` : html`<${TextTile} study=${study} item=${each.key} />`}
            </span>
            <span class="small soft">${text.look.cosine(each.cosine)}</span>
          </a>
        </li>`,
      )}
    </ul>
  </section>`;
}
