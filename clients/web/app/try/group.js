/** Clusters and duplicates of all items of a study. */
import { path } from "../lib/api.js";
import { html, useState } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { Button, ErrorNotice, Field, Notice } from "../lib/parts.js";
import { hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";
import { submitted, typed } from "../look/inputs.js";
import { JobProgress, useJob } from "./job.js";
import { Counts, wallOf } from "./label_all.js";
import { labelsOf } from "./variant.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {{study: Schemas["StudyCard"], ready: boolean, onDone: () => void}} Props */
/** @typedef {keyof typeof text.try.methods} Method */
/** @typedef {keyof typeof text.try.kinds} Kind */

/** @param {Props} props */
export function Clusters({ study, ready, onDone }) {
  const [method, setMethod] = useState(/** @type {Method} */ ("iterative-kmeans"));
  const [k, setK] = useState("");
  const [words, setWords] = useState("");
  const work = useJob(onDone);
  const takesK = method === "kmeans" || method === "agglomerative";
  const start = () =>
    work.start(path`v1/studies/${study.name}/clusters`, {
      method,
      ...(takesK && k && { k: Number(k) }),
      ...(labelsOf(words).length > 1 && { vocabulary: labelsOf(words) }),
    });
  return html`<section class="card" aria-labelledby="clusters">
    <h2 id="clusters">${text.try.clusters}</h2>
    <p class="soft">${text.try.clustersAbout}</p>
    <form onSubmit=${submitted(start)}>
      <div class="row end">
        <${Field} label=${text.try.method}>
          ${(/** @type {string} */ id) => html`<select
            id=${id} class="input" value=${method} onChange=${typed((value) => setMethod(/** @type {Method} */ (value)))}
          >
            ${Object.entries(text.try.methods).map(([value, name]) => html`<option key=${value} value=${value}>${name}</option>`)}
          </select>`}
        <//>
        ${
          takesK &&
          html`<${Field} label=${text.try.k}>
            ${(/** @type {string} */ id) => html`<input
              id=${id} class="input short" type="number" min="2" max="2000" required=${method === "agglomerative"}
              placeholder=${method === "kmeans" ? text.try.chosen : ""} value=${k} onInput=${typed(setK)}
            />`}
          <//>`
        }
        <${Field} label=${text.try.vocabulary}>
          ${(/** @type {string} */ id) => html`<input
            id=${id} class="input" placeholder=${text.try.vocabularyExample} value=${words} onInput=${typed(setWords)}
          />`}
        <//>
        <${Button} submit kind="primary" busy=${work.busy} disabled=${!ready}>${text.try.cluster}<//>
      </div>
    </form>
    <${JobProgress} job=${work.job} />
    <${ErrorNotice} error=${work.error} />
    ${work.result && html`<${Clustered} study=${study.name} result=${work.result} />`}
  </section>`;
}

/** @param {{study: string, result: Record<string, unknown>}} props the result of the job */
function Clustered({ study, result }) {
  const sizes = /** @type {Record<string, number>} */ (result.sizes ?? {});
  const words = /** @type {Record<string, string[]>} */ (result.names ?? {});
  const names = Object.fromEntries(
    Object.keys(sizes).map((id) => [id, [id, words[id]?.[0]].filter(Boolean).join(" ")]),
  );
  return html`<${Notice}>
    <p>${text.try.clustered(Number(result.clusters), Number(result.unclustered))}</p>
    <${Counts} study=${study} column="cluster" counts=${sizes} names=${names} />
    <div class="row">
      <a href=${hashOf(["s", study, "map"], { x: "x", y: "y", colour: "cluster" })}>${text.try.map}</a>
      <a href=${path`v1/clusters/${String(result.clustering)}/report.html`} target="_blank" rel="noopener">${text.try.report}</a>
    </div>
  <//>`;
}

/** @param {Props} props */
export function Duplicates({ study, ready, onDone }) {
  const [kind, setKind] = useState(/** @type {Kind} */ ("near"));
  const [threshold, setThreshold] = useState("");
  const work = useJob(onDone);
  const start = () =>
    work.start(path`v1/studies/${study.name}/duplicates`, {
      kind,
      ...(kind === "semantic" && threshold && { threshold: Number(threshold) }),
    });
  const kinds = /** @type {Kind[]} */ (Object.keys(text.try.kinds));
  const result = work.result;
  return html`<section class="card" aria-labelledby="duplicates">
    <h2 id="duplicates">${text.try.duplicates}</h2>
    <p class="soft">${text.try.duplicatesAbout}</p>
    <form class="row end" onSubmit=${submitted(start)}>
      <${Field} label=${text.try.kind}>
        ${(/** @type {string} */ id) => html`<select
          id=${id} class="input" value=${kind} onChange=${typed((value) => setKind(/** @type {Kind} */ (value)))}
        >${kinds.map((each) => html`<option key=${each} value=${each}>${text.try.kinds[each]}</option>`)}</select>`}
      <//>
      ${
        kind === "semantic" &&
        html`<${Field} label=${text.try.threshold}>
          ${(/** @type {string} */ id) => html`<input
            id=${id} class="input short" type="number" min="0" max="1" step="any" placeholder=${text.try.learned}
            value=${threshold} onInput=${typed(setThreshold)}
          />`}
        <//>`
      }
      <${Button} submit kind="primary" busy=${work.busy} disabled=${kind === "semantic" ? !ready : !study.pictures}>
        ${text.try.find}
      <//>
    </form>
    <${JobProgress} job=${work.job} />
    <${ErrorNotice} error=${work.error} />
    ${
      result &&
      html`<${Notice}>
        <p>${text.try.duplicated(Number(result.groups), Number(result.extra))}</p>
        <ul class="counts">
          <li><a href=${wallOf(study.name, "duplicate_kept", "no")}>${text.try.extra}</a> <span class="soft">${count(Number(result.extra))}</span></li>
          <li><a href=${wallOf(study.name, "duplicate_kept", "yes")}>${text.try.kept}</a></li>
        </ul>
      <//>`
    }
  </section>`;
}
