/** A tile of the wall: a picture or a text, and lines beneath it. */
import { pictureAddress } from "../lib/api.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib/dom.js";
import { text } from "../lib/text.js";
import { textOf } from "./texts.js";

const REST = 50; // ms that a tile has to stay near the view before its picture is asked for

const POINTS = 8; // along the longest side of a blurred picture

/** Addresses of pictures that the browser has. @type {Set<string>} */
const known = new Set();

/**
 * A picture, asked for when the tile has stayed for a moment, and given up when the tile goes. A blurred one is drawn
 * from a few points once: a filter would have to be computed for each frame.
 * @param {{study: string, item: string, blurred: boolean}} props `item`: its key
 */
export function Thumbnail({ study, item, blurred }) {
  const element = useRef(/** @type {HTMLImageElement | HTMLCanvasElement | null} */ (null));
  const [broken, setBroken] = useState(false);
  const address = pictureAddress(study, item);
  useLayoutEffect(() => {
    const shown = element.current;
    if (!shown) return;
    const image = shown instanceof HTMLCanvasElement ? new Image() : shown;
    image.onload = () => {
      known.add(address);
      if (shown instanceof HTMLCanvasElement) veil(shown, image);
    };
    image.onerror = () => image.getAttribute("src") && setBroken(true);
    const timer = setTimeout(
      () => {
        image.src = address;
      },
      known.has(address) ? 0 : REST,
    );
    return () => {
      clearTimeout(timer);
      image.onload = null;
      if (!image.complete) image.removeAttribute("src");
    };
  }, [address, blurred]);
  if (broken) return html`<span class="tile-broken small">${text.look.broken}</span>`;
  return blurred
    ? html`<canvas key="veiled" ref=${element} width="1" height="1"></canvas>`
    : html`<img key="clear" ref=${element} alt="" draggable=${false} decoding="async" />`;
}

/** Draw a picture from a few points. @param {HTMLCanvasElement} canvas @param {HTMLImageElement} image */
function veil(canvas, image) {
  const longest = Math.max(image.naturalWidth, image.naturalHeight, 1);
  const sized = (/** @type {HTMLCanvasElement} */ made, /** @type {number} */ side) => {
    made.width = Math.max(1, Math.round((side * image.naturalWidth) / longest));
    made.height = Math.max(1, Math.round((side * image.naturalHeight) / longest));
    const context = made.getContext("2d");
    if (context) context.imageSmoothingQuality = "high";
    return context;
  };
  const few = document.createElement("canvas");
  sized(few, POINTS)?.drawImage(image, 0, 0, few.width, few.height);
  sized(canvas, 8 * POINTS)?.drawImage(few, 0, 0, canvas.width, canvas.height);
}

/** The text of an item without a picture. @param {{study: string, item: string}} props */
export function TextTile({ study, item }) {
  const [shown, setShown] = useState(/** @type {string | null} */ (null));
  useEffect(() => {
    let gone = false;
    textOf(study, item, () => gone).then(
      (found) => gone || setShown(found),
      () => gone || setShown(""),
    );
    return () => {
      gone = true;
    };
  }, [study, item]);
  return html`<span class="tile-text">${shown ?? "…"}</span>`;
}

/**
 * @param {{id: string, study: string, item: string, name: string, index: number, n: number, lines: string[], pictures: boolean, blurred: boolean,
 *   active: boolean, selected: boolean, style: Record<string, string>, tile: number}} props
 */
export function Tile({ id, study, item, name, index, n, lines, pictures, blurred, active, selected, style, tile }) {
  return html`<div
    id=${id}
    class=${`tile ${active ? "active" : ""} ${selected ? "selected" : ""}`}
    role="option"
    aria-selected=${String(selected)}
    aria-setsize=${n}
    aria-posinset=${index + 1}
    aria-label=${[name, ...lines].join(", ")}
    title=${name}
    data-index=${index}
    style=${style}
  >
    <span class="tile-box" style=${{ height: `${tile}px` }}>
      ${pictures ? html`<${Thumbnail} study=${study} item=${item} blurred=${blurred} />` : html`<${TextTile} study=${study} item=${item} />`}
      <span class="tile-tick" data-act="select" aria-hidden="true"></span>
      <span class="tile-like" data-act="like" aria-hidden="true" title=${text.look.like}>≈</span>
    </span>
    ${lines.map((line, i) => html`<span class="tile-line" key=${i}>${line}</span>`)}
  </div>`;
}
