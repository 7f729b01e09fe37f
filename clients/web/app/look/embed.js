/** The notice of a study whose items have no vectors yet, from which they are computed. */
import { call, followJob, path } from "../lib/api.js";
import { html, useEffect, useId, useState } from "../lib/dom.js";
import { useAction, useLoad } from "../lib/load.js";
import { Button, ErrorNotice, Notice, Progress } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { typed } from "./inputs.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

/**
 * @param {{study: string, pictures: boolean, sets: Schemas["VectorSetCard"][], known: boolean, onDone: () => void}} props
 *   `known`: whether `sets` were read
 */
export function EmbeddingsNotice({ study, pictures, sets, known, onDone }) {
  const [started, setStarted] = useState(/** @type {string | null} */ (null));
  const [left, setLeft] = useState(0);
  const first = sets[0];
  const running = started ?? first?.job ?? null;
  if (running) {
    return html`<${Running}
      key=${running}
      job=${running}
      onDone=${(/** @type {number} */ failed) => {
        setStarted(null);
        setLeft(failed);
        onDone();
      }}
    />`;
  }
  if (left) return html`<${Notice} kind="warn">${text.look.notEmbedded(left)}<//>`;
  if (!known || !pictures || (first && !first.missing)) return null;
  return html`<${Start} study=${study} set=${first ?? null} onStarted=${setStarted} />`;
}

/** @param {{job: string, onDone: (failed: number) => void}} props */
function Running({ job: id, onDone }) {
  const [job, setJob] = useState(/** @type {Schemas["Job"] | null} */ (null));
  const [error, setError] = useState(/** @type {Error | null} */ (null));
  useEffect(() => {
    const controller = new AbortController();
    followJob(id, setJob, controller.signal).then(
      (done) => onDone(Number(done.result?.failed ?? 0)),
      (problem) => controller.signal.aborted || setError(problem),
    );
    return () => controller.abort();
  }, [id]);
  if (error) return html`<${ErrorNotice} error=${error} retry=${() => onDone(0)} />`;
  return html`<${Notice}><${Progress} label=${job?.stage || text.look.embedding} value=${job?.progress || null} /><//>`;
}

/** @param {{study: string, set: Schemas["VectorSetCard"] | null, onStarted: (job: string) => void}} props */
function Start({ study, set, onStarted }) {
  const [model, setModel] = useState("");
  const id = useId();
  const models = useLoad((signal) => /** @type {Promise<Schemas["ModelList"]>} */ (call("v1/models", { signal })), []);
  const start = useAction(async () => {
    const chosen = set?.model ?? model;
    /** @type {Schemas["Job"]} */
    const job = await call(path`v1/studies/${study}/embeddings`, {
      method: "POST",
      json: chosen ? { model: chosen } : {},
    });
    onStarted(job.id);
  });
  const fitting = (models.value?.data ?? []).filter((each) => each.modalities.includes("image"));
  return html`<${Notice}>
    <div class="row">
      <span>${set ? text.look.missingVectors(set.missing) : text.look.noVectors}</span>
      ${
        !set &&
        fitting.length > 1 &&
        html`<label class="hidden-text" for=${id}>${text.look.model}</label>
          <select id=${id} class="input" value=${model} onChange=${typed(setModel)}>
            ${fitting.map((each) => html`<option key=${each.id} value=${each.default ? "" : each.id}>${each.id}</option>`)}
          </select>`
      }
      <${Button} kind="primary" busy=${start.busy} onClick=${() => start.run()}>${text.look.embed}<//>
    </div>
    <${ErrorNotice} error=${start.error} />
  <//>`;
}
