/** From codes to results: training, prediction, corrected shares, files. */
import { ApiError, call, path } from "../lib/api.js";
import { html, useState } from "../lib/dom.js";
import { useLoad } from "../lib/load.js";
import { ErrorNotice, Notice } from "../lib/parts.js";
import { hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";
import { useVectorSets } from "../look/vectors.js";
import { Estimate } from "./estimate.js";
import { Export } from "./export.js";
import { ChooseVariable, variablesOf } from "./parts.js";
import { Predict } from "./predict.js";
import { Train } from "./train.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {import("./parts.js").Coded} Coded */

/** What the page reads of a study. @param {string} study @param {AbortSignal} signal */
async function read(study, signal) {
  const [book, assignments, runs, classifiers] = await Promise.all([
    readCodebook(study, signal),
    /** @type {Promise<Schemas["AssignmentList"]>} */ (call(path`v1/studies/${study}/assignments`, { signal })),
    /** @type {Promise<Schemas["StudyRunList"]>} */ (call(path`v1/studies/${study}/runs`, { signal })),
    /** @type {Promise<Schemas["ClassifierList"]>} */ (call("v1/classifiers", { query: { limit: 1000 }, signal })),
  ]);
  const trained = runs.data.filter((run) => run.operation === "train").map((run) => String(run.result.classifier));
  const others = classifiers.data.filter((each) => each.kind === "linear" && each.usable).map((each) => each.id);
  const there = new Set(others);
  const own = trained.filter((each) => there.has(each)); // the newest versions, of this study first
  return {
    variables: variablesOf(book),
    assignments: assignments.data.filter((each) => each.kind === "items"),
    classifiers: [...new Set([...own, ...others])],
    trained: own,
  };
}

/** @param {string} study @param {AbortSignal} signal @returns {Promise<Schemas["CodebookAnswer"] | null>} */
async function readCodebook(study, signal) {
  try {
    return await call(path`v1/studies/${study}/codebook`, { signal });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

/** @param {import("../pages.js").PageProps} props */
export function ResultsPage({ study, reload }) {
  const { name } = study;
  const vectors = useVectorSets(name);
  const about = useLoad((signal) => read(name, signal), [name]);
  const [chosenCoded, setCoded] = useState(/** @type {Coded | null} */ (null));
  const [chosenClassifier, setClassifier] = useState("");
  const found = about.value;
  const coded = chosenCoded ?? (found && firstOf(found.assignments, found.variables));
  const classifiers = found?.classifiers ?? [];
  const chosen = chosenClassifier || found?.trained[0] || "";
  const every = chosen && !classifiers.includes(chosen) ? [chosen, ...classifiers] : classifiers;
  const ready = vectors.sets.some((each) => each.items > 0);
  const changed = () => {
    about.reload();
    reload();
  };
  return html`<main class="page results" id="content">
    <h1>${text.results.title}</h1>
    <${ErrorNotice} error=${about.error} retry=${about.reload} />
    ${
      found &&
      !coded &&
      html`<${Notice}>${text.results.noCodes} <a href=${hashOf(["s", name, "code"])}>${text.results.toCode}</a><//>`
    }
    ${
      found &&
      coded &&
      html`<${ChooseVariable}
          coded=${coded} assignments=${found.assignments} variables=${found.variables} onChange=${setCoded}
        />
        <${Train}
          study=${study} coded=${coded} ready=${ready} chosen=${chosen}
          onTrained=${(/** @type {string} */ id) => {
            setClassifier(id);
            changed();
          }}
        />
        <${Predict}
          study=${study} classifiers=${every} chosen=${chosen} own=${found?.trained ?? []} onChoose=${setClassifier} onDone=${changed}
        />
        <${Estimate} study=${study} coded=${coded} classifiers=${found?.trained ?? []} chosen=${chosen} onDone=${changed} />`
    }
    ${found && html`<${Export} study=${study} coded=${coded} />`}
  </main>`;
}

/**
 * The variable that is chosen first.
 * @param {Schemas["AssignmentCard"][]} assignments
 * @param {import("./parts.js").Variable[]} variables
 * @returns {Coded | null}
 */
function firstOf(assignments, variables) {
  const [assignment] = assignments;
  const [variable] = variables;
  if (!assignment || !variable) return null;
  const category = variable.multiple ? (variable.categories?.[0]?.name ?? "") : "";
  return { assignment: assignment.name, variable: variable.name, category, majority: false };
}
