/** What a coder has begun and not saved, kept in this browser: of one item for each link, until it is saved. */

/** @typedef {{codes: import("./answers.js").Codes, note: string}} Draft */

export class Drafts {
  /** @param {string} tag of the coder's link */
  constructor(tag) {
    this.name = `daguerre-draft-${tag}`;
  }

  /** @param {string} key of the item @param {Draft} draft */
  keep(key, draft) {
    try {
      localStorage.setItem(this.name, JSON.stringify({ key, ...draft }));
    } catch {
      // a browser that keeps nothing: the page warns before it is closed
    }
  }

  /** @param {string} key of the item @returns {Draft | null} */
  of(key) {
    try {
      const kept = JSON.parse(localStorage.getItem(this.name) ?? "null");
      return kept?.key === key ? { codes: kept.codes ?? {}, note: String(kept.note ?? "") } : null;
    } catch {
      return null;
    }
  }

  drop() {
    try {
      localStorage.removeItem(this.name);
    } catch {
      // nothing was kept
    }
  }
}
