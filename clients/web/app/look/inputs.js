/** Small helpers of inputs. */
import { useEffect, useRef } from "../lib/dom.js";

/** A listener that passes on the value of an input. @param {(value: string) => void} set */
export const typed = (set) => (/** @type {Event} */ event) =>
  set(/** @type {HTMLInputElement | HTMLSelectElement} */ (event.target).value);

/** A listener that passes on whether a box is ticked. @param {(value: boolean) => void} set */
export const ticked = (set) => (/** @type {Event} */ event) =>
  set(/** @type {HTMLInputElement} */ (event.target).checked);

/** A listener of `submit`. @param {() => void} work */
export const submitted = (work) => (/** @type {Event} */ event) => {
  event.preventDefault();
  work();
};

/** Keys of a page, but not while somebody types or a dialog is open. @param {Record<string, () => unknown>} keys */
export function useKeys(keys) {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const pressed = (/** @type {KeyboardEvent} */ event) => {
      const target = /** @type {Element} */ (event.target);
      if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, textarea, dialog")) return;
      const work = latest.current[event.key];
      if (!work) return;
      event.preventDefault();
      work();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}
