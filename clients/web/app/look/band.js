/** A band that is drawn with the mouse over the wall, and selects what it touches. */
import { useEffect, useRef, useState } from "../lib/dom.js";

/** @typedef {import("./grid.js").Box} Box */
/** @typedef {{x: number, y: number, clientX: number, clientY: number, add: boolean}} Start */

const DRAG = 6; // px from where a press is a drag
const EDGE = 40; // px from the edges where the wall scrolls along

/**
 * @param {{current: HTMLElement | null}} scroller
 * @param {() => number} topOf the place of the content at the upper edge
 * @param {(box: Box, add: boolean) => void} onBand called while the band is drawn; `add`: to what is selected
 * @returns {Box | null} the band in coordinates of the content
 */
export function useBand(scroller, topOf, onBand) {
  const [box, setBox] = useState(/** @type {Box | null} */ (null));
  const latest = useRef(onBand);
  latest.current = onBand;
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    /** @type {Start | null} */
    let start = null;
    /** @type {PointerEvent | null} */
    let at = null;
    let drawing = false;
    let frame = 0;

    const inContent = (/** @type {PointerEvent} */ event) => {
      const edge = element.getBoundingClientRect();
      return { x: event.clientX - edge.left, y: event.clientY - edge.top + topOf() };
    };
    const draw = () => {
      if (!start || !at) return;
      const { x, y } = inContent(at);
      const made = {
        ...{ left: Math.min(x, start.x), right: Math.max(x, start.x) },
        ...{ top: Math.min(y, start.y), bottom: Math.max(y, start.y) },
      };
      setBox(made);
      latest.current(made, start.add);
    };
    const scrollAlong = () => {
      if (!drawing || !at) return;
      const edge = element.getBoundingClientRect();
      const beyond = Math.max(0, at.clientY - edge.bottom + EDGE) - Math.max(0, edge.top + EDGE - at.clientY);
      if (beyond) {
        element.scrollTop += beyond / 2;
        draw();
      }
      frame = requestAnimationFrame(scrollAlong);
    };
    const down = (/** @type {PointerEvent} */ event) => {
      if (event.button !== 0 || event.pointerType !== "mouse" || event.offsetX > element.clientWidth) return;
      start = {
        ...inContent(event),
        clientX: event.clientX,
        clientY: event.clientY,
        add: event.ctrlKey || event.metaKey || event.shiftKey,
      };
    };
    const move = (/** @type {PointerEvent} */ event) => {
      if (!start) return;
      at = event;
      if (!drawing && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > DRAG) {
        drawing = true;
        element.setPointerCapture(event.pointerId);
        frame = requestAnimationFrame(scrollAlong);
      }
      if (drawing) draw();
    };
    const end = () => {
      if (drawing) element.addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => element.removeEventListener("click", swallow, { capture: true }));
      start = null;
      drawing = false;
      cancelAnimationFrame(frame);
      setBox(null);
    };
    const swallow = (/** @type {Event} */ event) => event.stopPropagation();
    element.addEventListener("pointerdown", down);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", end);
    element.addEventListener("pointercancel", end);
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", end);
      element.removeEventListener("pointercancel", end);
    };
  }, []);
  return box;
}
