/** The button that computes a map, by clustering the items. */
import { call, followJob, path } from "../lib/api.js";
import { html, useEffect, useRef, useState } from "../lib/dom.js";
import { useAction } from "../lib/load.js";
import { Button, ErrorNotice, Notice, Progress } from "../lib/parts.js";
import { text } from "../lib/text.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

/** @param {{study: string, vectors: boolean, onDone: () => void}} props */
export function ComputeMap({ study, vectors, onDone }) {
  const [job, setJob] = useState(/** @type {Schemas["Job"] | null} */ (null));
  const controller = useRef(new AbortController());
  useEffect(() => () => controller.current.abort(), []);
  const start = useAction(async () => {
    /** @type {Schemas["Job"]} */
    const made = await call(path`v1/studies/${study}/clusters`, { method: "POST", json: {} });
    setJob(made);
    try {
      await followJob(made.id, setJob, controller.current.signal);
      onDone();
    } finally {
      setJob(null);
    }
  });
  if (!vectors) return html`<p class="soft">${text.map.needsVectors}</p>`;
  return html`<${Notice}>
    ${
      job
        ? html`<${Progress} label=${job.stage || text.map.computing} value=${job.progress || null} />`
        : html`<div class="row"><span>${text.map.none}</span><${Button} kind="primary" busy=${start.busy} onClick=${() => start.run()}>${text.map.compute}<//></div>`
    }
    <${ErrorNotice} error=${start.error} />
  <//>`;
}
