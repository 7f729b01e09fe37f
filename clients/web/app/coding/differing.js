/** Items on which coders differ, with their pictures and codes. */
import { call, path, pictureAddress } from "../lib/api.js";
import { html, useState } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { useLoad } from "../lib/load.js";
import { Button, ErrorNotice } from "../lib/parts.js";
import { hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";
import { Select } from "./inputs.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

const FEW = 12;

/** @param {{study: Schemas["StudyCard"], assignment: string, variables: import("./book.js").Variable[], blurred: boolean, n: number, codes: number}} props */
export function Differing({ study, assignment, variables, blurred, n, codes }) {
  const words = text.coding.differ;
  const [variable, setVariable] = useState("");
  const [limit, setLimit] = useState(FEW);
  const found = useLoad(
    (signal) =>
      /** @type {Promise<Schemas["DisagreementList"]>} */ (
        call(path`v1/studies/${study.name}/assignments/${assignment}/disagreements`, {
          query: { variable, limit },
          signal,
        })
      ),
    [variable, limit, n, codes],
  );
  const total = found.value?.total ?? 0;
  return html`<h3>${words.title}</h3>
    <${ErrorNotice} error=${found.error} retry=${found.reload} />
    ${
      variables.length > 1 &&
      n > 0 &&
      html`<${Select}
        label=${words.variable}
        value=${variable}
        options=${[{ value: "", label: words.all }, ...variables.map(({ name }) => ({ value: name, label: name }))]}
        onChange=${setVariable}
      />`
    }
    ${found.value && total === 0 && html`<p class="soft">${words.none}</p>`}
    <ul class="differing">
      ${found.value?.data.map((each) => html`<${Card} key=${`${each.key} ${each.other} ${each.variable}`} study=${study} entry=${each} blurred=${blurred} />`)}
    </ul>
    ${total > limit && html`<${Button} onClick=${() => setLimit(limit * 4)}>${words.more(count(total - limit))}<//>`}`;
}

/** @param {{study: Schemas["StudyCard"], entry: Schemas["Disagreement"], blurred: boolean}} props */
function Card({ study, entry, blurred }) {
  const words = text.coding.differ;
  return html`<li class="card">
    ${
      study.pictures &&
      html`<a href=${hashOf(["s", study.name, "item", entry.key])} class="thumb">
        <img src=${pictureAddress(study.name, entry.key)} alt=${entry.id} class=${blurred ? "blurred" : ""} loading="lazy" />
      </a>`
    }
    <p class="small soft">${entry.id}${entry.other && ` · ${entry.other}`}</p>
    <p class="small"><strong>${entry.variable}</strong></p>
    <ul class="small unmarked">
      ${entry.codes.map((code) => html`<li key=${code.coder}>${code.coder}: ${written(code.value)}</li>`)}
      ${entry.decided && html`<li><strong>${words.decided}: ${written(entry.decision)}</strong></li>`}
    </ul>
  </li>`;
}

/** @param {string | number | string[] | null | undefined} value */
function written(value) {
  if (value === null || value === undefined) return text.coding.cannotTell;
  return Array.isArray(value) ? value.join(", ") : String(value);
}
