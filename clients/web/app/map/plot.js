/** The canvas of the map: the viewer in a frame of its own, which has no origin and is spoken to by messages. */
import { html, useEffect, useRef, useState } from "../lib/dom.js";
import { text } from "../lib/text.js";
import { middleOf, neighbourOf } from "./points.js";

/** @typedef {import("./points.js").Points} Points */
/** @typedef {import("./points.js").Colouring} Colouring */
/** @typedef {[number, number] | null} At pixels from the upper left corner */
/** @typedef {{point: number, at: At}} Shown */
/**
 * @typedef {{points: Points, colouring: Colouring, only: number | null, lasso: boolean, selected: Set<string>,
 *   onShow: (shown: Shown | null) => void, onLasso: (keys: Set<string>) => void, onOpen: (key: string) => void,
 *   onToggle: (key: string) => void, onFailed: () => void}} PlotProps
 *   `only`: the colour that is shown alone
 */

const STEP = 1.5; // of the zoom
const PAN = 0.25;

/** The three parts of a colour as the viewer takes them. @param {string} colour as computed: rgb(…) */
const partsOf = (colour) => (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map((each) => Number(each) / 255);
const hexOf = (/** @type {number[]} */ parts) =>
  `#${parts
    .map((each) =>
      Math.round(255 * each)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;

/** The size of points in px. @param {number} n */
const sizeOf = (n) => (n > 50_000 ? 2.5 : n > 10_000 ? 3.5 : n > 2_000 ? 5 : 7);

/** @param {PlotProps} props */
export function Plot(props) {
  const { points, colouring, only, lasso, selected } = props;
  const frame = useRef(/** @type {HTMLIFrameElement | null} */ (null));
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [ready, setReady] = useState(false);
  const [drawn, setDrawn] = useState(0);
  const focus = useRef(/** @type {number | null} */ (null));
  const latest = useRef(props);
  latest.current = props;
  const tell = (/** @type {object} */ message) => frame.current?.contentWindow?.postMessage(message, "*"); // to this frame alone

  const show = (/** @type {number | null} */ point) => {
    focus.current = point;
    tell({ type: "focus", point });
    if (point === null) latest.current.onShow(null);
  };
  const key = (/** @type {string} */ name, /** @type {boolean} */ shift) => {
    const { onOpen, onToggle } = latest.current;
    const keys = latest.current.points.keys;
    const at = focus.current;
    if (name.startsWith("Arrow") && shift) {
      const [x, y] = { ArrowLeft: [-PAN, 0], ArrowRight: [PAN, 0], ArrowUp: [0, PAN] }[name] ?? [0, -PAN];
      tell({ type: "pan", x, y });
    } else if (name.startsWith("Arrow")) {
      show(at === null ? middleOf(latest.current.points) : neighbourOf(latest.current.points, at, name));
    } else if (name === "+" || name === "=") tell({ type: "zoom", by: STEP });
    else if (name === "-") tell({ type: "zoom", by: 1 / STEP });
    else if (name === "0") tell({ type: "reset" });
    else if (name === "Escape") show(null);
    else if (name === "Enter" && at !== null) onOpen(keys[at] ?? "");
    else if (name === " " && at !== null) onToggle(keys[at] ?? "");
    else return false;
    return true;
  };

  useEffect(() => {
    const heard = (/** @type {MessageEvent} */ event) => {
      if (!frame.current || event.source !== frame.current.contentWindow) return;
      const { onShow, onLasso, onFailed, points: all } = latest.current;
      const { type, point, points: caught, at } = event.data;
      const keysOf = (/** @type {number[]} */ some) => new Set(some.map((i) => all.keys[i] ?? ""));
      if (type === "ready") setReady(true);
      else if (type === "failed") onFailed();
      else if (type === "drawn") setDrawn((before) => before + 1);
      else if (type === "over" && point !== null) onShow({ point, at });
      else if (type === "over") onShow(null);
      else if (type === "view" && focus.current !== null) onShow({ point: focus.current, at });
      else if (type === "lasso") onLasso(keysOf(caught));
      else if (type === "click") {
        show(caught[caught.length - 1]);
        selectAgain();
      } else if (type === "deselect") selectAgain();
      else if (type === "key") key(event.data.key, event.data.shift);
    };
    window.addEventListener("message", heard);
    return () => window.removeEventListener("message", heard);
  }, []);

  const selectAgain = () => {
    const { selected: keys, points: all } = latest.current;
    const some = [];
    if (keys.size) for (let i = 0; i < all.keys.length; i += 1) if (keys.has(all.keys[i] ?? "")) some.push(i);
    tell({ type: "select", points: some });
  };

  useEffect(() => {
    if (!ready || !box.current) return;
    const paint = () => {
      if (!box.current) return;
      const style = getComputedStyle(box.current);
      tell({ type: "theme", ground: partsOf(style.backgroundColor), active: hexOf(partsOf(style.color)) });
    };
    paint();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", paint);
    return () => dark.removeEventListener("change", paint);
  }, [ready]);
  useEffect(() => {
    if (!ready) return;
    focus.current = null;
    tell({
      type: "draw",
      x: points.x,
      y: points.y,
      z: colouring.z,
      colours: colouring.colours,
      size: sizeOf(points.x.length),
    });
  }, [ready, points, colouring]);
  useEffect(() => {
    if (ready) tell({ type: "mode", lasso });
  }, [ready, lasso]);
  useEffect(() => {
    if (!drawn) return;
    const some = only === null ? null : points.rows.map((_, i) => i).filter((i) => colouring.z[i] === only);
    tell({ type: "filter", points: some });
  }, [drawn, only]);
  useEffect(() => {
    if (drawn) selectAgain();
  }, [drawn, selected]);

  return html`<div
    ref=${box}
    class="map-plot"
    role="application"
    tabindex="0"
    data-drawn=${drawn}
    aria-label=${text.map.plot(points.keys.length)}
    aria-describedby="map-keys"
    onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey && key(event.key, event.shiftKey)) event.preventDefault();
    }}
    onBlur=${() => show(null)}
  >
    <iframe
      ref=${frame}
      src="web/app/map/viewer.html"
      sandbox="allow-scripts"
      title=${text.map.frame}
      tabindex="-1"
    ></iframe>
  </div>`;
}
