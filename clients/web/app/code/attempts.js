/** Requests that a page repeats until they succeed, with what is shown meanwhile. */
import { ApiError, call } from "../lib/api.js";

/** @typedef {"loading" | "coding" | "saving" | "finished" | "failed" | "refused" | "ended"} Phase
 *   failed: no answer, and tried again; refused: the server does not take it; ended: the link is not valid any more */

const PATIENCE = 20_000; // milliseconds after which a request counts as failed
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 10_000;

export class Attempts {
  constructor() {
    /** @type {Phase} */
    this.phase = "loading";
    /** @type {Error | null} */
    this.error = null;
    this.wait = FIRST_WAIT;
    this.timer = 0;
    /** @type {() => Promise<void>} */
    this.again = async () => {}; // what is tried again after a failure
    /** @type {() => void} */
    this.onChange = () => {};
  }

  /** @template T @param {string} address @param {import("../lib/api.js").Options} [options] @returns {Promise<T>} */
  ask(address, options) {
    return call(address, { ...options, signal: AbortSignal.timeout(PATIENCE) });
  }

  /**
   * Do what asks the server; where that fails, keep the page as it is and do `again` later, and until that has succeeded.
   * @param {() => Promise<void>} work
   * @param {() => Promise<void>} [again]
   */
  async tried(work, again = () => this.tried(work)) {
    clearTimeout(this.timer);
    this.again = again;
    try {
      await work();
      this.wait = FIRST_WAIT;
    } catch (reason) {
      const error = /** @type {Error} */ (reason);
      const status = error instanceof ApiError ? error.status : -1;
      if (status === 401) this.fail("ended", error);
      else if (status >= 400 && status < 500 && status !== 429) this.fail("refused", error);
      else {
        this.fail("failed", error);
        this.timer = setTimeout(() => this.retry(), this.wait);
        this.wait = Math.min(this.wait * 1.6, LONGEST_WAIT);
      }
    }
  }

  /** Try again what has failed. */
  retry() {
    if (this.phase === "failed") this.again();
  }

  /** @param {Phase} phase @param {Error} error */
  fail(phase, error) {
    Object.assign(this, { phase, error });
    this.onChange();
  }
}
