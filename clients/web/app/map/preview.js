/** The picture of the point that the pointer is over, or that has the focus. */
import { html } from "../lib/dom.js";
import { TextTile, Thumbnail } from "../look/tile.js";

const SIZE = 176; // px, with its edge

/**
 * @param {{study: string, item: string, name: string, line: string, at: [number, number] | null, pictures: boolean, blurred: boolean,
 *   width: number}} props
 */
export function Preview({ study, item, name, line, at, pictures, blurred, width }) {
  if (!at) return null;
  const left = at[0] + 14 + SIZE > width ? at[0] - 14 - SIZE : at[0] + 14;
  return html`<div class="map-preview" style=${{ left: `${Math.max(4, left)}px`, top: `${Math.max(4, at[1] - 40)}px` }}>
    <span class="tile-box">
      ${
        pictures
          ? html`<${Thumbnail} key=${item} study=${study} item=${item} blurred=${blurred} />`
          : html`<${TextTile} key=${item} study=${study} item=${item} />`
      }
    </span>
    <span class="tile-line">${name}</span>
    ${line && html`<span class="tile-line soft">${line}</span>`}
  </div>`;
}
