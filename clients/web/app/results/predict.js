/** A classifier predicts all items, as columns of the study. */
import { call, path } from "../lib/api.js";
import { html, useState } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { useAction } from "../lib/load.js";
import { Button, ErrorNotice, Notice } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { submitted } from "../look/inputs.js";
import { Counts } from "../try/label_all.js";
import { Select } from "./parts.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

/**
 * @param {{study: Schemas["StudyCard"], classifiers: string[], own: string[], chosen: string, onChoose: (name: string) => void, onDone: () => void}} props
 */
export function Predict({ study, classifiers, own, chosen, onChoose, onDone }) {
  const [made, setMade] = useState(/** @type {Schemas["StudyPredictions"] | null} */ (null));
  const predict = useAction(async () => {
    setMade(null);
    /** @type {Schemas["StudyPredictions"]} */
    const answer = await call(path`v1/studies/${study.name}/predict`, { method: "POST", json: { classifier: chosen } });
    setMade(answer);
    onDone();
  });
  const options = [
    ...(chosen ? [] : [{ value: "", name: text.results.choose }]),
    ...classifiers.map((each) => ({ value: each, name: own.includes(each) ? each : text.results.ofOthers(each) })),
  ];
  const column = made ? (Object.keys(made.columns)[0] ?? "") : "";
  return html`<section class="card" aria-labelledby="predict">
    <h2 id="predict">${text.results.predict}</h2>
    <p class="soft">${text.results.predictAbout}</p>
    ${
      classifiers.length
        ? html`<form class="row end" onSubmit=${submitted(() => predict.run())}>
            <${Select} label=${text.results.classifier} value=${chosen} options=${options} onChange=${onChoose} />
            <${Button} submit kind="primary" busy=${predict.busy} disabled=${!chosen}>${text.results.predictNow(study.items)}<//>
          </form>`
        : html`<p class="soft">${text.results.noClassifier}</p>`
    }
    <${ErrorNotice} error=${predict.error} />
    ${
      made &&
      html`<${Notice}>
        <p>${text.try.labelled(made.n, column)}</p>
        <${Counts} study=${study.name} column=${column} counts=${made.counts} />
        ${made.mean !== null && html`<p>${text.results.mean(number(made.mean, 4))}</p>`}
        ${made.remarks.map((remark) => html`<p key=${remark} class="small">${remark}</p>`)}
      <//>`
    }
  </section>`;
}
