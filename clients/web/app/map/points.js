/** The points of a map: their places from -1 to 1, and their colours. */
import { cell } from "../lib/format.js";
import { text } from "../lib/text.js";

/** @typedef {string | number | boolean | null} Cell */
/** @typedef {{name: string, colour: string, n: number, place: number}} Entry of the legend; `place`: its number in `z` */
/** @typedef {{z: Float32Array, colours: string[], entries: Entry[], scale: {low: string, high: string} | null}} Colouring */
/** @typedef {{keys: string[], ids: string[], x: Float32Array, y: Float32Array, left: number, rows: number[]}} Points `rows`: of the table */

/** Okabe and Ito's colours, which most people with a colour blindness tell apart, and two more. */
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c6d31", "#7b4ab5", "#b3a500"];
const OTHER = "#8a8f98";
/** Steps of viridis. */
const STEPS = [
  "#440154",
  "#482878",
  "#3e4a89",
  "#31688e",
  "#26828e",
  "#1f9e89",
  "#35b779",
  "#6dcd59",
  "#b4de2c",
  "#fde725",
];
const BETWEEN = 4; // colours between two steps

/**
 * Items with both coordinates, scaled alike in both directions.
 * @param {{keys: string[], ids: string[]}} table
 * @param {Cell[]} across
 * @param {Cell[]} up
 * @returns {Points}
 */
export function pointsOf(table, across, up) {
  const rows = [];
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  for (let i = 0; i < table.keys.length; i += 1) {
    const at = [across[i], up[i]];
    if (typeof at[0] !== "number" || typeof at[1] !== "number") continue;
    rows.push(i);
    for (const side of [0, 1]) {
      low[side] = Math.min(low[side] ?? 0, Number(at[side]));
      high[side] = Math.max(high[side] ?? 0, Number(at[side]));
    }
  }
  const [left = 0, bottom = 0] = low;
  const [right = 0, top = 0] = high;
  const half = (Math.max(right - left, top - bottom) || 1) / 1.9;
  return {
    keys: rows.map((i) => table.keys[i] ?? ""),
    ids: rows.map((i) => table.ids[i] ?? ""),
    x: Float32Array.from(rows, (i) => (Number(across[i]) - (left + right) / 2) / half),
    y: Float32Array.from(rows, (i) => (Number(up[i]) - (bottom + top) / 2) / half),
    left: table.keys.length - rows.length,
    rows,
  };
}

/**
 * The colours of points by the values of a column.
 * @param {Points} points
 * @param {Cell[] | null} values of the table; null for one colour
 * @returns {Colouring}
 */
export function colouringOf(points, values) {
  const z = new Float32Array(points.rows.length);
  if (!values) return { z, colours: [COLOURS[0] ?? "", OTHER], entries: [], scale: null };
  const mine = points.rows.map((i) => values[i] ?? null);
  return mine.some((each) => typeof each === "string") ? byName(mine, z) : byNumber(mine, z);
}

/** @param {Cell[]} values @param {Float32Array} z @returns {Colouring} */
function byName(values, z) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const each of values) if (each !== null) counts.set(String(each), (counts.get(String(each)) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  const shown = sorted.slice(0, COLOURS.length);
  const names = new Map(shown.map(([name], i) => [name, i]));
  const rest = shown.length;
  let [others, none] = [0, 0];
  values.forEach((each, i) => {
    z[i] = each === null ? rest + 1 : (names.get(String(each)) ?? rest);
    if (z[i] === rest) others += 1;
    if (z[i] === rest + 1) none += 1;
  });
  const entries = shown.map(([name, n], place) => ({ name, n, place, colour: COLOURS[place] ?? OTHER }));
  if (others) entries.push({ name: text.map.others(sorted.length - rest), n: others, place: rest, colour: OTHER });
  if (none) entries.push({ name: text.look.noValue, n: none, place: rest + 1, colour: FAINT });
  return { z, colours: [...entries.slice(0, rest).map((each) => each.colour), OTHER, FAINT], entries, scale: null };
}

const FAINT = "#b9bec6";

/** @param {Cell[]} values @param {Float32Array} z @returns {Colouring} */
function byNumber(values, z) {
  let [low, high, none] = [Infinity, -Infinity, 0];
  for (const each of values) {
    if (typeof each !== "number") continue;
    low = Math.min(low, each);
    high = Math.max(high, each);
  }
  const colours = ramp();
  values.forEach((each, i) => {
    if (typeof each === "number") z[i] = Math.round(((each - low) / (high - low || 1)) * (colours.length - 1));
    else {
      z[i] = colours.length;
      none += 1;
    }
  });
  const entries = none ? [{ name: text.look.noValue, n: none, place: colours.length, colour: FAINT }] : [];
  const scale = Number.isFinite(low) ? { low: cell(low), high: cell(high) } : null;
  return { z, colours: [...colours, FAINT], entries, scale };
}

/** Viridis in small steps. */
function ramp() {
  const parts = (/** @type {string} */ colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  const made = [];
  for (let i = 0; i < STEPS.length - 1; i += 1) {
    const [from, to] = [parts(STEPS[i] ?? ""), parts(STEPS[i + 1] ?? "")];
    for (let k = 0; k < BETWEEN; k += 1) {
      const mixed = from.map((each, c) => Math.round(each + ((to[c] ?? 0) - each) * (k / BETWEEN)));
      made.push(`#${mixed.map((each) => each.toString(16).padStart(2, "0")).join("")}`);
    }
  }
  return [...made, STEPS[STEPS.length - 1] ?? ""];
}

/** The colours of the scale, from low to high, for its legend. */
export const SCALE = `linear-gradient(to right, ${STEPS.join(", ")})`;

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/**
 * The nearest point in the direction of a key: within 60 degrees of it, and weighed by how far aside it lies.
 * @param {Points} points
 * @param {number} from
 * @param {string} key
 */
export function neighbourOf({ x, y }, from, key) {
  const [right = 0, up = 0] = DIRECTIONS[/** @type {keyof typeof DIRECTIONS} */ (key)] ?? [];
  let [best, least] = [from, Infinity];
  for (let i = 0; i < x.length; i += 1) {
    const [dx, dy] = [(x[i] ?? 0) - (x[from] ?? 0), (y[i] ?? 0) - (y[from] ?? 0)];
    const along = dx * right + dy * up;
    const aside = Math.abs(dx * up - dy * right);
    if (along <= 0 || aside > 1.7 * along) continue;
    const far = along + 2 * aside;
    if (far < least) [best, least] = [i, far];
  }
  return best;
}

/** The point nearest to the middle. @param {Points} points */
export function middleOf({ x, y }) {
  let [best, least] = [0, Infinity];
  for (let i = 0; i < x.length; i += 1) {
    const far = Math.hypot(x[i] ?? 0, y[i] ?? 0);
    if (far < least) [best, least] = [i, far];
  }
  return best;
}
