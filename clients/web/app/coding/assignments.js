/** The assignments of a study. */
import { call, path } from "../lib/api.js";
import { html } from "../lib/dom.js";
import { time } from "../lib/format.js";
import { useLoad } from "../lib/load.js";
import { ErrorNotice } from "../lib/parts.js";
import { hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

/** The assignments of a study. @param {string} study @param {AbortSignal} signal @returns {Promise<Schemas["AssignmentCard"][]>} */
export async function readAssignments(study, signal) {
  /** @type {Schemas["AssignmentList"]} */
  const list = await call(path`v1/studies/${study}/assignments`, { signal });
  return list.data;
}

/** @param {{study: Schemas["StudyCard"]}} props */
export function AssignmentsPage({ study }) {
  const words = text.coding;
  const found = useLoad((signal) => readAssignments(study.name, signal), [study.name]);
  return html`<section aria-label=${words.assignments}>
    <${ErrorNotice} error=${found.error} retry=${found.reload} />
    ${found.value?.length === 0 && html`<p class="soft">${words.noAssignments}</p>`}
    <ul class="assignments">
      ${found.value?.map(
        (each) => html`<li class="card" key=${each.name}>
          <h2><a href=${hashOf(["s", study.name, "code", "assignment", each.name])}>${each.name}</a></h2>
          <p>${describe(each)}</p>
          <p class="soft small">${words.people([...each.coders, ...each.adjudicators])} · ${time(each.created)}</p>
        </li>`,
      )}
    </ul>
    ${
      study.codebook &&
      html`<a class="button primary" href=${hashOf(["s", study.name, "code", "new"])}>${words.newAssignment}</a>`
    }
  </section>`;
}

/** An assignment in a phrase: units, design, overlap. @param {Schemas["AssignmentCard"]} card */
export function describe(card) {
  const words = text.coding;
  const units = card.kind === "pairs" ? words.pairs(card.units) : text.common.items(card.units);
  const designs = /** @type {Record<string, string>} */ (words.designs);
  return [units, designs[card.design] ?? card.design, words.codersEach(card.overlap)].join(" · ");
}
