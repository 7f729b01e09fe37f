/** A new assignment: which items, by which design, and by whom they are coded. */
import { ApiError, call, path } from "../lib/api.js";
import { html, useState } from "../lib/dom.js";
import { useAction } from "../lib/load.js";
import { Button, ErrorNotice } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { Conditions } from "./conditions.js";
import { Select, Text } from "./inputs.js";
import { Links } from "./links.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/**
 * @typedef {{name: string, design: string, size: string, strata: string, allocation: string, floor: string, scores: string, uniform: string,
 *   filters: string[], pairs: string, coders: string, adjudicators: string, overlap: string, seed: string}} Draw
 */
/** @typedef {(change: Partial<Draw>) => void} Set */

/** @type {Draw} */
const FIRST = {
  filters: [],
  ...{ name: "first", design: "simple", size: "200", strata: "", allocation: "proportional", floor: "5", scores: "" },
  ...{ uniform: "0.2", pairs: "", coders: "", adjudicators: "", overlap: "", seed: "0" },
};

/** Lines, or parts between commas, that are not empty. @param {string} written @param {RegExp} [by] */
function partsOf(written, by = /[\n,;]/) {
  return written
    .split(by)
    .map((each) => each.trim())
    .filter(Boolean);
}

/** The ids of all items that fulfil the filters. @param {string} study @param {string[]} filters @returns {Promise<string[]>} */
async function selected(study, filters) {
  /** @type {Schemas["TableAnswer"]} */
  const table = await call(path`v1/studies/${study}/table`, { query: { ids: true, filter: filters } });
  return table.ids ?? [];
}

/** The request of an assignment. @param {Draw} draw @param {string} study @returns {Promise<Record<string, unknown>>} */
async function requestOf(draw, study) {
  const people = { coders: partsOf(draw.coders), adjudicators: partsOf(draw.adjudicators) };
  const shared = {
    ...{ name: draw.name.trim(), ...people, seed: Number(draw.seed) },
    ...(draw.overlap && { overlap: Number(draw.overlap) }),
  };
  const { filters } = draw;
  if (draw.design === "pairs") {
    const pairs = partsOf(draw.pairs, /\n/).map((line) => partsOf(line, /[\t;]|,(?= ?\S)/));
    if (pairs.some((pair) => pair.length !== 2)) throw new ApiError(422, "pairs", text.coding.draw.badPairs, null);
    return { ...shared, pairs: pairs.map(([a, b]) => ({ a, b })) };
  }
  if (draw.design === "selection") {
    const ids = await selected(study, filters);
    if (!ids.length) throw new ApiError(422, "no_items", text.coding.draw.noItems, null);
    return { ...shared, items: ids.map((id) => ({ id })) };
  }
  const sample = {
    ...{ design: draw.design, size: Number(draw.size), filters },
    ...(draw.design === "stratified" && { strata: draw.strata, allocation: draw.allocation }),
    ...(draw.design === "stratified" && draw.allocation === "floor" && { floor: Number(draw.floor) }),
    ...(["active", "purposive"].includes(draw.design) && { scores: draw.scores }),
    ...(draw.design === "active" && { uniform: Number(draw.uniform) }),
  };
  return { ...shared, sample };
}

/** @param {{study: Schemas["StudyCard"], reload: () => void, query: URLSearchParams}} props `query`: filters that another page proposes */
export function DrawPage({ study, reload, query }) {
  const words = text.coding.draw;
  const filters = query.getAll("filter");
  const [draw, setDraw] = useState({ ...FIRST, filters, design: filters.length ? "selection" : FIRST.design });
  const [made, setMade] = useState(/** @type {Schemas["NewAssignment"] | null} */ (null));
  const set = (/** @type {Partial<Draw>} */ change) => setDraw((before) => ({ ...before, ...change }));
  const assign = useAction(async () => {
    const json = await requestOf(draw, study.name);
    setMade(await call(path`v1/studies/${study.name}/assignments`, { method: "POST", json }));
    reload();
  });
  if (made)
    return html`<${Links} study=${study.name} assignment=${made.name} tokens=${made.tokens} remarks=${made.remarks} />`;
  return html`<section aria-label=${text.coding.newAssignment}>
    <h2>${text.coding.newAssignment}</h2>
    <form
      onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        assign.run();
      }}
    >
      <${Text} label=${words.name} required value=${draw.name} onChange=${(/** @type {string} */ name) => set({ name })} />
      <fieldset class="card">
        <legend>${words.items}</legend>
        <${Items} study=${study} draw=${draw} set=${set} />
      </fieldset>
      <fieldset class="card">
        <legend>${words.people}</legend>
        <div class="columns">
          <${Text} label=${words.coders} hint=${words.codersHint} required value=${draw.coders} onChange=${(/** @type {string} */ coders) => set({ coders })} />
          <${Text} label=${words.adjudicators} hint=${words.adjudicatorsHint} value=${draw.adjudicators} onChange=${(/** @type {string} */ adjudicators) => set({ adjudicators })} />
        </div>
        <div class="columns">
          <${Text} label=${words.overlap} hint=${words.overlapHint} type="number" min=${1} value=${draw.overlap} onChange=${(/** @type {string} */ overlap) => set({ overlap })} />
          <${Text} label=${words.seed} hint=${words.seedHint} type="number" min=${0} required value=${draw.seed} onChange=${(/** @type {string} */ seed) => set({ seed })} />
        </div>
      </fieldset>
      <${ErrorNotice} error=${assign.error} />
      <${Button} kind="primary" submit busy=${assign.busy}>${words.make}<//>
    </form>
  </section>`;
}

/** @param {{study: Schemas["StudyCard"], draw: Draw, set: Set}} props */
function Items({ study, draw, set }) {
  const words = text.coding.draw;
  const columns = Object.entries(study.columns);
  const designs = /** @type {[string, string][]} */ (Object.entries(words.designs));
  const hints = /** @type {Record<string, string>} */ (words.designHints);
  const among = (/** @type {"number" | null} */ kind) => [
    { value: "", label: words.chooseColumn },
    ...columns.filter(([, each]) => !kind || each === kind).map(([name]) => ({ value: name, label: name })),
  ];
  return html`
    <${Select}
      label=${words.design}
      hint=${hints[draw.design]}
      value=${draw.design}
      options=${designs.map(([value, label]) => ({ value, label }))}
      onChange=${(/** @type {string} */ design) => set({ design })}
    />
    ${
      draw.design === "pairs"
        ? html`<${Text} label=${words.pairs} hint=${words.pairsHint} rows=${6} required value=${draw.pairs} onChange=${(/** @type {string} */ pairs) => set({ pairs })} />`
        : html`<div class="columns">
            ${draw.design !== "selection" && html`<${Text} label=${words.size} type="number" min=${1} required value=${draw.size} onChange=${(/** @type {string} */ size) => set({ size })} />`}
            ${
              draw.design === "stratified" &&
              html`<${Select} label=${words.strata} value=${draw.strata} options=${among(null)} onChange=${(/** @type {string} */ strata) => set({ strata })} />
                <${Select}
                  label=${words.allocation}
                  value=${draw.allocation}
                  options=${Object.entries(words.allocations).map(([value, label]) => ({ value, label }))}
                  onChange=${(/** @type {string} */ allocation) => set({ allocation })}
                />`
            }
            ${draw.design === "stratified" && draw.allocation === "floor" && html`<${Text} label=${words.floor} type="number" min=${0} value=${draw.floor} onChange=${(/** @type {string} */ floor) => set({ floor })} />`}
            ${["active", "purposive"].includes(draw.design) && html`<${Select} label=${words.scores} value=${draw.scores} options=${among("number")} onChange=${(/** @type {string} */ scores) => set({ scores })} />`}
            ${draw.design === "active" && html`<${Text} label=${words.uniform} hint=${words.uniformHint} type="number" min=${0} max=${1} step="any" value=${draw.uniform} onChange=${(/** @type {string} */ uniform) => set({ uniform })} />`}
          </div>
          <${Conditions} study=${study.name} filters=${draw.filters} onChange=${(/** @type {string[]} */ filters) => set({ filters })} />`
    }
  `;
}
