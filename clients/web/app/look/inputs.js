/** Small helpers of inputs. */

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
