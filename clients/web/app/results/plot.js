/** Estimates as a plot with intervals, and as a table beneath. */
import { html } from "../lib/dom.js";
import { count, number, percent } from "../lib/format.js";
import { text } from "../lib/text.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {Schemas["EstimatedMean"]} Mean */
/** @typedef {{name: string, n: number, coded: number, naive: number, mean: Mean | null}} Row */

const [WIDTH, ROW, TOP, RIGHT] = [640, 46, 8, 16];
const CHARACTER = 7.2; // width of one in the plot, about

/** The rows of an answer: each label in the whole corpus, then in its parts. @param {Schemas["EstimateCorpusAnswer"]} answer */
export function rowsOf(answer) {
  /** @type {Row[]} */
  const rows = [];
  for (const each of answer.estimates) {
    const label = each.label || text.results.whole;
    rows.push({ name: label, n: answer.n, coded: answer.n_coded, naive: each.mean.naive, mean: each.mean });
    for (const part of each.parts)
      rows.push({
        name: `${each.label ? `${each.label} · ` : ""}${part.by} ${part.value}`,
        n: part.n,
        coded: part.n_coded,
        naive: part.naive,
        mean: part.mean,
      });
  }
  return rows;
}

/** Round numbers for an axis. @param {number} low @param {number} high */
export function ticksOf(low, high) {
  const rough = (high - low) / 5 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    ticks.push(Number((i * step).toPrecision(10)));
  return ticks;
}

/** @param {{rows: Row[], share: boolean}} props `share`: whether values are shares */
export function Plot({ rows, share }) {
  const values = rows.flatMap((row) => [row.naive, ...ends(row.mean)]);
  const padding = (Math.max(...values) - Math.min(...values)) * 0.05 || 0.05;
  const low = share ? 0 : Math.min(...values) - padding;
  const high = share ? Math.min(1, Math.max(...values) + padding) : Math.max(...values) + padding;
  const left = Math.min(220, Math.max(...rows.map((row) => row.name.length)) * CHARACTER + 16);
  const x = (/** @type {number} */ value) => left + ((value - low) / (high - low)) * (WIDTH - left - RIGHT);
  const bottom = TOP + rows.length * ROW;
  const most = Math.floor((left - 16) / CHARACTER);
  const format = (/** @type {number} */ value) => (share ? percent(value, 1) : number(value, 4));
  return html`<figure class="plot">
    <div class="scroll-x" tabindex="0" role="region" aria-label=${text.results.plotted}><svg viewBox=${`0 0 ${WIDTH} ${bottom + 28}`} role="img" aria-label=${text.results.plot}>
      ${ticksOf(low, high).map(
        (tick) => html`<g key=${tick}>
          <line class="grid" x1=${x(tick)} x2=${x(tick)} y1=${TOP} y2=${bottom} />
          <text class="tick" x=${x(tick)} y=${bottom + 18} text-anchor="middle">${format(tick)}</text>
        </g>`,
      )}
      ${rows.map((row, i) => {
        const y = TOP + i * ROW + ROW / 2;
        const name = row.name.length > most ? `${row.name.slice(0, most - 1)}…` : row.name;
        return html`<g key=${row.name}>
          <text class="label" x=${left - 10} y=${y + 4} text-anchor="end">${name}<title>${row.name}</title></text>
          ${
            row.mean &&
            html`<line class="interval" x1=${x(row.mean.corrected.low)} x2=${x(row.mean.corrected.high)} y1=${y - 7} y2=${y - 7} />
              <circle class="corrected" cx=${x(row.mean.corrected.value)} cy=${y - 7} r="5" />
              <line class="interval coded" x1=${x(row.mean.classical.low)} x2=${x(row.mean.classical.high)} y1=${y + 7} y2=${y + 7} />
              <rect class="coded" x=${x(row.mean.classical.value) - 4} y=${y + 3} width="8" height="8" />`
          }
          <path class="naive" d=${`M${x(row.naive)} ${y - 13}l6 6l-6 6l-6 -6z`} />
        </g>`;
      })}
    </svg></div>
    <figcaption class="legend small">
      <span><span class="mark corrected" aria-hidden="true"></span>${text.results.corrected}</span>
      <span><span class="mark naive" aria-hidden="true"></span>${text.results.naive}</span>
      <span><span class="mark coded" aria-hidden="true"></span>${text.results.coded}</span>
    </figcaption>
  </figure>`;
}

/** @param {Mean | null} mean */
const ends = (mean) => (mean ? [mean.corrected.low, mean.corrected.high, mean.classical.low, mean.classical.high] : []);

/** @param {{rows: Row[], share: boolean}} props */
export function EstimatesTable({ rows, share }) {
  const format = (/** @type {number} */ value) => (share ? percent(value, 1) : number(value, 4));
  const interval = (/** @type {Schemas["EstimatedValue"]} */ each) =>
    html`${format(each.value)} <span class="soft">${text.results.range(format(each.low), format(each.high))}</span>`;
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${text.results.table}>
    <table class="table">
      <caption class="hidden-text">${text.results.table}</caption>
      <thead>
        <tr>
          <th scope="col">${text.results.of}</th>
          <th scope="col" class="number">${text.results.corrected}</th>
          <th scope="col" class="number">${text.results.naive}</th>
          <th scope="col" class="number">${text.results.coded}</th>
          <th scope="col" class="number">${text.results.n}</th>
          <th scope="col" class="number">${text.results.nCoded}</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) => html`<tr key=${row.name}>
            <th scope="row">${row.name}</th>
            <td class="number">${row.mean ? interval(row.mean.corrected) : text.results.few}</td>
            <td class="number">${format(row.naive)}</td>
            <td class="number">${row.mean ? interval(row.mean.classical) : "–"}</td>
            <td class="number">${count(row.n)}</td>
            <td class="number">${count(row.coded)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
