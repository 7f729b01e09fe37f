/** The legend: the colours of values, one of which can be shown alone. */
import { html } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { text } from "../lib/text.js";
import { SCALE } from "./points.js";

/** @param {{colouring: import("./points.js").Colouring, only: number | null, onOnly: (place: number | null) => void}} props */
export function Legend({ colouring, only, onOnly }) {
  const { entries, scale } = colouring;
  if (!entries.length && !scale) return null;
  return html`<div class="map-legend" role="group" aria-label=${text.map.legend}>
    ${
      scale &&
      html`<div class="map-legend-scale">
        <span class="map-legend-ramp" style=${{ background: SCALE }}></span>
        <span class="small">${scale.low}</span><span class="small">${scale.high}</span>
      </div>`
    }
    <ul class="values">
      ${entries.map(
        (each) => html`<li key=${each.place}>
          <button
            type="button" class="value" aria-pressed=${String(only === each.place)} title=${text.map.only}
            onClick=${() => onOnly(only === each.place ? null : each.place)}
          >
            <span class="map-legend-dot" style=${{ background: each.colour }}></span>
            <span class="value-name">${each.name}</span>
            <span class="value-count">${count(each.n)}</span>
          </button>
        </li>`,
      )}
    </ul>
  </div>`;
}
