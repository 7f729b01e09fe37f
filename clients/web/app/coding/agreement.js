/** The agreement of coders so far, for each variable. */
import { ApiError, call, path } from "../lib/api.js";
import { html, useEffect, useRef, useState } from "../lib/dom.js";
import { count, number, percent } from "../lib/format.js";
import { useLoad } from "../lib/load.js";
import { messageOf } from "../lib/parts.js";
import { text } from "../lib/text.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {import("./book.js").Variable} Variable */
/** @typedef {{variable: Variable, category: string, answer: Schemas["AgreementAnswer"] | null, error: string}} Row */

const EVERY = 15_000; // milliseconds between two readings of all coefficients, which the server computes anew

/** The value, which changes at most once in EVERY. @param {number} value */
function useSlowly(value) {
  const [shown, setShown] = useState(value);
  const last = useRef(0);
  useEffect(() => {
    if (value === shown) return;
    const timer = setTimeout(
      () => {
        last.current = Date.now();
        setShown(value);
      },
      Math.max(0, last.current + EVERY - Date.now()),
    );
    return () => clearTimeout(timer);
  }, [value, shown]);
  return shown;
}

/** @param {string} study @param {string} assignment @param {Variable} variable @param {string} category @param {AbortSignal} signal @returns {Promise<Row>} */
async function readOne(study, assignment, variable, category, signal) {
  try {
    const query = { assignment, variable: variable.name, category, resamples: 200 };
    return {
      variable,
      category,
      answer: await call(path`v1/studies/${study}/agreement`, { query, signal }),
      error: "",
    };
  } catch (error) {
    if (error instanceof ApiError && error.status >= 400)
      return { variable, category, answer: null, error: messageOf(error) };
    throw error;
  }
}

/** @param {{study: string, assignment: string, variables: Variable[], codes: number, ready: boolean}} props
 *   `codes`: number of codes, by which it is known that there are others; `ready`: whether coders have items in common */
export function Agreement({ study, assignment, variables, codes, ready }) {
  const words = text.coding.agreement;
  const settled = useSlowly(codes);
  const rows = useLoad(
    async (signal) => {
      /** @type {Row[]} */
      const found = [];
      if (!ready) return found;
      for (const each of variables.filter(({ kind }) => kind !== "text"))
        for (const category of each.multiple ? each.categories.map(({ name }) => name) : [""])
          found.push(await readOne(study, assignment, each, category, signal));
      return found;
    },
    [settled, ready],
  );
  if (!ready) return html`<h3>${words.title}</h3><p class="soft">${words.none}</p>`;
  return html`<h3>${words.title}</h3>
    <div class="scroll-x">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">${words.variable}</th><th scope="col" class="number">${words.items}</th>
            <th scope="col" class="number">${words.percent}</th><th scope="col" class="number">${words.alpha}</th>
          </tr>
        </thead>
        <tbody>
          ${(rows.value ?? []).map(
            ({ variable, category, answer, error }) => html`<tr key=${`${variable.name} ${category}`}>
              <th scope="row">${variable.name}${category && html` <span class="soft small">${category}</span>`}</th>
              ${
                answer
                  ? html`<td class="number">${count(answer.items)}</td>
                      <td class="number">${answer.percent.value === null ? "–" : percent(answer.percent.value, 0)}</td>
                      <td class="number">${coefficient(answer.alpha)}</td>`
                  : html`<td colspan="3" class="soft small">${error}</td>`
              }
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <p class="soft small">${rows.loading && !rows.value ? text.common.loading : words.about}</p>`;
}

/** @param {Schemas["AgreementCoefficient"]} value */
function coefficient({ value, low, high }) {
  const shown = (/** @type {number} */ each) => number(Math.round(each * 100) / 100);
  if (value === null) return "–";
  return low === null || high === null ? shown(value) : `${shown(value)} (${shown(low)} – ${shown(high)})`;
}
