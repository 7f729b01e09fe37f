/** A job that the user starts, with its progress. */
import { call, followJob, path } from "../lib/api.js";
import { html, useEffect, useRef, useState } from "../lib/dom.js";
import { useAction } from "../lib/load.js";
import { Button, Progress } from "../lib/parts.js";
import { text } from "../lib/text.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {Record<string, unknown>} Result */

/**
 * Start a job, and follow it to its end.
 * @param {(result: Result) => void} onDone
 */
export function useJob(onDone) {
  const [job, setJob] = useState(/** @type {Schemas["Job"] | null} */ (null));
  const [result, setResult] = useState(/** @type {Result | null} */ (null));
  const gone = useRef(new AbortController());
  useEffect(() => () => gone.current.abort(), []);
  const action = useAction(async (/** @type {string} */ address, /** @type {unknown} */ json) => {
    setResult(null);
    try {
      /** @type {Schemas["Job"]} */
      const begun = await call(address, { method: "POST", json });
      setJob(begun);
      const ended = await followJob(begun.id, setJob, gone.current.signal);
      setResult(ended.result ?? {});
      onDone(ended.result ?? {});
    } catch (error) {
      if (!gone.current.signal.aborted) throw error;
    } finally {
      setJob(null);
    }
  });
  return { start: action.run, busy: action.busy, error: action.error, job, result };
}

/** @param {{job: Schemas["Job"] | null}} props */
export function JobProgress({ job }) {
  if (!job) return null;
  const stop = () => call(path`v1/jobs/${job.id}/cancel`, { method: "POST" });
  return html`<div class="row job" role="status">
    <${Progress} label=${job.stage || text.try.waiting} value=${job.state === "running" ? job.progress : null} />
    <${Button} onClick=${stop}>${text.common.cancel}<//>
  </div>`;
}
