/** A classifier is trained from the codes; its figures are shown. */
import { call, path } from "../lib/api.js";
import { html, useState } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { useLoad } from "../lib/load.js";
import { Button, ErrorNotice, Field, Notice } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { submitted, ticked, typed } from "../look/inputs.js";
import { JobProgress, useJob } from "../try/job.js";
import { codedRequest } from "./parts.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {{value: number | null, low: number | null, high: number | null}} Figure */

/** Figures that are shown at once. */
const CHIEF = new Set(["accuracy", "balanced_accuracy", "f1_macro", "brier", "rmse", "mae", "r2", "pearson"]);

/** A name that a classifier may have. @param {string} name */
const safeName = (name) =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "-")
    .replace(/^[-_]+|-+$/g, "")
    .slice(0, 60) || "classifier";

/**
 * @param {{study: Schemas["StudyCard"], coded: import("./parts.js").Coded, ready: boolean, chosen: string, onTrained: (name: string) => void}} props
 */
export function Train({ study, coded, ready, chosen, onTrained }) {
  const [typedName, setName] = useState("");
  const [balanced, setBalanced] = useState(false);
  const work = useJob((result) => onTrained(String(result.classifier)));
  const name = typedName || safeName([coded.variable, coded.category].filter(Boolean).join("-"));
  const start = () => work.start(path`v1/studies/${study.name}/train`, { ...codedRequest(coded), name, balanced });
  const remarks = /** @type {string[]} */ (work.result?.remarks ?? []);
  return html`<section class="card" aria-labelledby="train">
    <h2 id="train">${text.results.train}</h2>
    <p class="soft">${text.results.trainAbout}</p>
    <form class="row end" onSubmit=${submitted(start)}>
      <${Field} label=${text.results.name}>
        ${(/** @type {string} */ id) => html`<input
          id=${id} class="input" required maxlength="60" pattern="[a-z0-9][a-z0-9_.\\-]*" value=${name}
          onInput=${typed(setName)}
        />`}
      <//>
      <label class="check field">
        <input type="checkbox" checked=${balanced} onChange=${ticked(setBalanced)} />${text.results.balanced}
      </label>
      <${Button} submit kind="primary" busy=${work.busy} disabled=${!ready}>${text.results.trainNow}<//>
    </form>
    ${!ready && html`<p class="soft">${text.try.noVectors}</p>`}
    <${JobProgress} job=${work.job} />
    <${ErrorNotice} error=${work.error} />
    ${remarks.map((remark) => html`<${Notice} kind="warn" key=${remark}>${remark}<//>`)}
    ${chosen && html`<${Report} key=${chosen} name=${chosen} />`}
  </section>`;
}

/** @param {{name: string}} props */
function Report({ name }) {
  const classifier = useLoad(
    (signal) => /** @type {Promise<Schemas["ClassifierAnswer"]>} */ (call(path`v1/classifiers/${name}`, { signal })),
    [name],
  );
  const report = classifier.value?.report ?? {};
  const measured = /** @type {{figures?: Record<string, Figure>, baseline?: Record<string, Figure>}} */ (
    report.cross_validated ?? report.held_out ?? report.validation ?? {}
  );
  const notes = /** @type {{message: string}[]} */ (report.notes ?? []);
  const figures = Object.entries(measured.figures ?? {});
  const chief = figures.filter(([key]) => CHIEF.has(key));
  const rest = figures.filter(([key]) => !CHIEF.has(key));
  return html`<div>
    <h3>${text.results.reportOf(name)}</h3>
    <${ErrorNotice} error=${classifier.error} />
    ${chief.length > 0 && html`<${Figures} label=${text.results.reportOf(name)} figures=${chief} baseline=${measured.baseline ?? {}} />`}
    ${
      rest.length > 0 &&
      html`<details class="more">
        <summary>${text.results.further}</summary>
        <${Figures} label=${text.results.further} figures=${rest} baseline=${measured.baseline ?? {}} />
      </details>`
    }
    ${notes.map((note) => html`<${Notice} kind="warn" key=${note.message}>${note.message}<//>`)}
    ${
      classifier.value &&
      html`<a href=${path`v1/classifiers/${name}/report.html`} target="_blank" rel="noopener">${text.results.report}</a>`
    }
  </div>`;
}

/**
 * @param {{label: string, figures: [string, Figure][], baseline: Record<string, Figure>}} props
 */
function Figures({ label, figures, baseline }) {
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${label}>
    <table class="table figures">
      <thead>
        <tr>
          <th scope="col">${text.results.figure}</th>
          <th scope="col" class="number">${text.results.value}</th>
          <th scope="col" class="number">${text.results.interval}</th>
          <th scope="col" class="number">${text.results.baseline}</th>
        </tr>
      </thead>
      <tbody>
        ${figures.map(
          ([key, each]) => html`<tr key=${key}>
            <th scope="row">${named(key)}</th>
            <td class="number">${shown(each.value)}</td>
            <td class="number">${each.low === null ? "" : text.results.range(shown(each.low), shown(each.high))}</td>
            <td class="number">${shown(baseline[key]?.value ?? null)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** The name of a figure, as in f1[protest]. @param {string} key */
function named(key) {
  const [, name = key, label] = /^(\w+)(?:\[(.*)\])?$/s.exec(key) ?? [];
  const known = /** @type {Record<string, string>} */ (text.results.figures)[name] ?? name;
  return label === undefined ? known : text.results.figureOf(known, label);
}

/** @param {number | null} value */
const shown = (value) => (value === null ? "–" : number(value, 3));
