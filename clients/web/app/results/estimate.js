/** Shares in the corpus, corrected for the errors of predictions by the codes. */
import { call, path } from "../lib/api.js";
import { html, useState } from "../lib/dom.js";
import { useAction } from "../lib/load.js";
import { Button, ErrorNotice, Notice } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { submitted } from "../look/inputs.js";
import { codedRequest, optionsOf, Select } from "./parts.js";
import { EstimatesTable, Plot, rowsOf } from "./plot.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

const COORDINATES = /^(.*:)?(x|y|silhouette)$/; // of clusterings

/**
 * @param {{study: Schemas["StudyCard"], coded: import("./parts.js").Coded, classifiers: string[], chosen: string, onDone: () => void}} props
 */
export function Estimate({ study, coded, classifiers, chosen, onDone }) {
  const [source, setSource] = useState("");
  const [by, setBy] = useState("");
  const [answer, setAnswer] = useState(/** @type {Schemas["EstimateCorpusAnswer"] | null} */ (null));
  const columns = Object.keys(study.columns);
  const sources = [
    ...(source || chosen ? [] : [{ value: "", name: text.results.choose }]),
    ...classifiers.map((name) => ({ value: `classifier ${name}`, name: text.results.byClassifier(name) })),
    ...columns
      .filter((name) => !COORDINATES.test(name))
      .map((name) => ({ value: `column ${name}`, name: text.results.byColumn(name) })),
  ];
  const from = source || (chosen && `classifier ${chosen}`) || "";
  const estimate = useAction(async () => {
    setAnswer(null);
    const [kind, ...rest] = from.split(" ");
    const name = rest.join(" ");
    const predictions = kind === "classifier" ? { classifier: name } : { predictions: [{ column: name }] };
    /** @type {Schemas["EstimateCorpusAnswer"]} */
    const found = await call(path`v1/studies/${study.name}/estimates`, {
      method: "POST",
      json: { ...codedRequest(coded), ...predictions, ...(by && { by: [by] }) },
    });
    setAnswer(found);
    onDone();
  });
  return html`<section class="card" aria-labelledby="estimate">
    <h2 id="estimate">${text.results.estimate}</h2>
    <p class="soft">${text.results.estimateAbout}</p>
    <form class="row end" onSubmit=${submitted(() => estimate.run())}>
      <${Select} label=${text.results.predictions} value=${from} options=${sources} onChange=${setSource} />
      <${Select}
        label=${text.results.by} value=${by} onChange=${setBy}
        options=${[{ value: "", name: text.results.together }, ...optionsOf(columns)]}
      />
      <${Button} submit kind="primary" busy=${estimate.busy} disabled=${!from}>${text.results.estimateNow}<//>
    </form>
    <${ErrorNotice} error=${estimate.error} />
    ${answer && html`<${Estimates} answer=${answer} />`}
  </section>`;
}

/** @param {{answer: Schemas["EstimateCorpusAnswer"]}} props */
function Estimates({ answer }) {
  const rows = rowsOf(answer);
  const share = answer.task !== "continuous";
  return html`<div role="status">
    <p>${text.results.estimated(answer.n, answer.n_coded, answer.confidence)}</p>
    <${Plot} rows=${rows} share=${share} />
    <${EstimatesTable} rows=${rows} share=${share} />
    ${answer.remarks.map((remark) => html`<${Notice} kind="warn" key=${remark}>${remark}<//>`)}
  </div>`;
}
