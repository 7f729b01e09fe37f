/** A tile of the wall: a picture or a text, and lines beneath it. */
import { pictureAddress } from "../lib/api.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib/dom.js";
import { text } from "../lib/text.js";
import { textOf } from "./texts.js";

const REST = 50; // ms that a tile has to stay near the view before its picture is asked for

/** Addresses of pictures that the browser has. @type {Set<string>} */
const known = new Set();

/**
 * A picture, asked for when the tile has stayed for a moment, and given up when the tile goes.
 * @param {{study: string, item: string, blurred: boolean}} props `item`: its key
 */
export function Thumbnail({ study, item, blurred }) {
  const image = useRef(/** @type {HTMLImageElement | null} */ (null));
  const [broken, setBroken] = useState(false);
  const address = pictureAddress(study, item);
  useLayoutEffect(() => {
    const element = image.current;
    if (element && known.has(address)) element.src = address;
  }, [address]);
  useEffect(() => {
    const element = image.current;
    if (!element || element.src) return;
    const timer = setTimeout(() => {
      element.src = address;
    }, REST);
    return () => {
      clearTimeout(timer);
      if (!element.complete) element.removeAttribute("src");
    };
  }, [address]);
  if (broken) return html`<span class="tile-broken small">${text.look.broken}</span>`;
  return html`<img
    ref=${image}
    class=${blurred ? "blurred" : ""}
    alt=""
    draggable=${false}
    decoding="async"
    onLoad=${() => known.add(address)}
    onError=${() => image.current?.getAttribute("src") && setBroken(true)}
  />`;
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
