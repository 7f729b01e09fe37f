/**
 * A scrolled height that may be larger than browsers allow an element to be (about 17 million px in Firefox, 33 in
 * Chromium). The element has at most TALLEST px. Small steps move the content by as much; jumps, which are those of the
 * scroll bar, move it in proportion. `shift` is what lies between a place of the content and that in the element.
 */
export const TALLEST = 8_000_000;

export class Space {
  real = 0;
  view = 0;
  /** Place of the content that is at the upper edge of the view. */
  top = 0;
  shift = 0;
  #before = 0;

  /** @param {number} tallest */
  constructor(tallest = TALLEST) {
    this.tallest = tallest;
  }

  /** Height of the element. */
  get height() {
    return Math.min(this.real, this.tallest);
  }

  get #ratio() {
    return this.real > this.height ? (this.real - this.view) / (this.height - this.view) : 1;
  }

  get lowest() {
    return Math.max(0, this.real - this.view);
  }

  /** Set the height of the content and of the view. @param {number} real @param {number} view */
  resize(real, view) {
    this.real = real;
    this.view = view;
    this.top = Math.min(this.top, this.lowest);
    if (this.#ratio === 1) this.shift = 0;
  }

  /** The element was scrolled to here. @param {number} scrolled @returns {boolean} whether `settle` should be called at once */
  scrolled(scrolled) {
    const ratio = this.#ratio;
    if (ratio === 1 || Math.abs(scrolled - this.#before) > this.view) this.shift = scrolled * (ratio - 1);
    this.#before = scrolled;
    this.top = Math.max(0, Math.min(scrolled + this.shift, this.lowest));
    const end = this.height - this.view;
    return ratio !== 1 && ((scrolled <= 0 && this.top > 0) || (scrolled >= end && this.top < this.lowest));
  }

  /** Show this place of the content. @param {number} top @returns {number} where the element is to be scrolled to */
  place(top) {
    this.top = Math.max(0, Math.min(top, this.lowest));
    return this.top / this.#ratio;
  }

  /** The element was scrolled by `place`, and is here. @param {number} scrolled */
  settled(scrolled) {
    this.#before = scrolled;
    this.shift = this.#ratio === 1 ? 0 : this.top - scrolled;
    if (this.#ratio === 1) this.top = scrolled;
  }
}
