/** All items of a study are labelled by a variant, which leads to the wall by label. */
import { call, path } from "../lib/api.js";
import { html, useState } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { useAction } from "../lib/load.js";
import { Button, ErrorNotice, Field, Notice } from "../lib/parts.js";
import { hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";
import { submitted, typed } from "../look/inputs.js";
import { isComplete, requestOf } from "./variant.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

/** The wall with the items of one value of a column. @param {string} study @param {string} column @param {string} value */
export function wallOf(study, column, value) {
  return hashOf(["s", study, "look"], new URLSearchParams([["filter", `${column}=${value}`]]));
}

/**
 * @param {{study: Schemas["StudyCard"], variants: import("./variant.js").Variant[], names: string[], ready: boolean, onDone: () => void}} props
 *   `ready`: whether items have vectors
 */
export function LabelAll({ study, variants, names, ready, onDone }) {
  const [chosen, setChosen] = useState(0);
  const [prefix, setPrefix] = useState("label");
  const [made, setMade] = useState(/** @type {Schemas["StudyAnalysis"] | null} */ (null));
  const variant = variants[Math.min(chosen, variants.length - 1)];
  const label = useAction(async () => {
    if (!variant) return;
    setMade(null);
    /** @type {Schemas["StudyAnalysis"]} */
    const answer = await call(path`v1/studies/${study.name}/zero-shot`, {
      method: "POST",
      json: { ...requestOf(variant), prefix: prefix.trim() },
    });
    setMade(answer);
    onDone();
  });
  return html`<section class="card" aria-labelledby="label-all">
    <h2 id="label-all">${text.try.all}</h2>
    <p class="soft">${text.try.allAbout}</p>
    <form class="row end" onSubmit=${submitted(() => label.run())}>
      ${
        variants.length > 1 &&
        html`<${Field} label=${text.try.by}>
          ${(/** @type {string} */ id) => html`<select
            id=${id} class="input" value=${String(chosen)} onChange=${typed((value) => setChosen(Number(value)))}
          >${names.map((name, i) => html`<option key=${i} value=${i}>${name}</option>`)}</select>`}
        <//>`
      }
      <${Field} label=${text.try.column}>
        ${(/** @type {string} */ id) => html`<input
          id=${id} class="input" required maxlength="60" value=${prefix} onInput=${typed(setPrefix)}
        />`}
      <//>
      <${Button} submit kind="primary" busy=${label.busy} disabled=${!ready || !variant || !isComplete(variant)}>
        ${text.try.labelAll(study.items)}
      <//>
    </form>
    ${!ready && html`<p class="soft">${text.try.noVectors}</p>`}
    <${ErrorNotice} error=${label.error} />
    ${made && html`<${Labelled} study=${study.name} column=${prefix.trim()} answer=${made} />`}
  </section>`;
}

/** @param {{study: string, column: string, answer: Schemas["StudyAnalysis"]}} props */
function Labelled({ study, column, answer }) {
  return html`<${Notice}>
    <p>${text.try.labelled(answer.n, column)}</p>
    <${Counts} study=${study} column=${column} counts=${answer.counts} />
    ${answer.none > 0 && html`<p>${text.try.unlabelled(answer.none)}</p>`}
    ${answer.remarks.map((remark) => html`<p key=${remark} class="small">${remark}</p>`)}
  <//>`;
}

/**
 * Numbers of items by label, each of which leads to the wall.
 * @param {{study: string, column: string, counts: Record<string, number>, names?: Record<string, string>}} props `names`: shown for values
 */
export function Counts({ study, column, counts, names = {} }) {
  return html`<ul class="counts">
    ${Object.entries(counts).map(
      ([value, n]) => html`<li key=${value}>
        <a href=${wallOf(study, column, value)}>${names[value] ?? value}</a> <span class="soft">${count(n)}</span>
      </li>`,
    )}
  </ul>`;
}
