/** Filters: each column of the study with its values or its histogram. */
import { html, useId, useRef, useState } from "../lib/dom.js";
import { count, number, percent } from "../lib/format.js";
import { text } from "../lib/text.js";
import { submitted, typed } from "./inputs.js";
import { conditionOf, without } from "./query.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {Schemas["ColumnFigures"]} ColumnFigures */
/** @typedef {{column: ColumnFigures, filters: string[], onChange: (filters: string[]) => void}} OneProps */

const FEW = 8; // values that are shown at first

/**
 * @param {{columns: ColumnFigures[], filters: string[], onChange: (filters: string[]) => void, onDelete: (name: string) => void}} props
 */
export function Filters({ columns, filters, onChange, onDelete }) {
  if (!columns.length) return html`<p class="soft small">${text.look.noColumns}</p>`;
  return html`<div class="filters">
    ${columns.map(
      (column) =>
        html`<${Column} key=${column.name} ...${{ column, filters, onChange }} onDelete=${() => onDelete(column.name)} />`,
    )}
  </div>`;
}

/** @param {OneProps & {onDelete: () => void}} props */
function Column({ column, filters, onChange, onDelete }) {
  const [open, setOpen] = useState(false);
  const used = filters.some((each) => conditionOf(each)?.column === column.name);
  return html`<details class="filter" open=${open} onToggle=${(/** @type {Event} */ event) => setOpen(/** @type {HTMLDetailsElement} */ (event.currentTarget).open)}>
    <summary>
      <span class="filter-name">${column.name}</span>
      ${used && html`<span class="filter-used" title=${text.look.filtered}><span class="hidden-text">${text.look.filtered}</span></span>`}
    </summary>
    ${
      open &&
      html`<div class="filter-body">
        ${column.kind === "number" ? html`<${Numbers} ...${{ column, filters, onChange }} />` : html`<${Texts} ...${{ column, filters, onChange }} />`}
        <${Missing} ...${{ column, filters, onChange }} />
        ${column.source && html`<p class="soft small">${text.look.madeBy(String(column.source.operation ?? ""))}</p>`}
        <button type="button" class="link small" onClick=${onDelete}>${text.look.deleteColumn}</button>
      </div>`
    }
  </details>`;
}

/** Values of a column of texts. @param {OneProps} props */
function Texts({ column, filters, onChange }) {
  const [part, setPart] = useState("");
  const [all, setAll] = useState(false);
  const id = useId();
  const values = (column.values ?? []).filter((each) => String(each.value).toLowerCase().includes(part.toLowerCase()));
  const most = Math.max(1, ...(column.values ?? []).map((each) => each.count));
  const chosen = (/** @type {string} */ value) => filters.includes(`${column.name}=${value}`);
  const toggle = (/** @type {string} */ value) =>
    onChange([...without(filters, column.name, ["="]), ...(chosen(value) ? [] : [`${column.name}=${value}`])]);
  return html`
    ${
      column.distinct > FEW &&
      html`<form class="filter-search" onSubmit=${submitted(() => part && toggle(values.length === 1 ? String(values[0]?.value) : part))}>
        <label class="hidden-text" for=${id}>${text.look.findValue(column.name)}</label>
        <input id=${id} class="input" type="search" placeholder=${text.look.findValue(column.name)} value=${part} onInput=${typed(setPart)} />
      </form>`
    }
    <ul class="values">
      ${values.slice(0, all ? undefined : FEW).map(
        (each) => html`<li key=${each.value}>
          <button type="button" class="value" aria-pressed=${String(chosen(String(each.value)))} onClick=${() => toggle(String(each.value))}>
            <span class="value-bar" style=${{ width: percent(each.count / most, 3) }}></span>
            <span class="value-name">${String(each.value)}</span>
            <span class="value-count">${count(each.count)}</span>
          </button>
        </li>`,
      )}
    </ul>
    ${
      values.length > FEW &&
      html`<button type="button" class="link small" aria-expanded=${String(all)} onClick=${() => setAll(!all)}>
        ${all ? text.look.fewer : text.look.more(values.length - FEW)}
      </button>`
    }
    ${column.distinct > (column.values?.length ?? 0) && html`<p class="soft small">${text.look.distinct(column.distinct)}</p>`}
  `;
}

/** A range of a column of numbers. @param {OneProps} props */
function Numbers({ column, filters, onChange }) {
  const limit = (/** @type {string[]} */ operators) => {
    for (const each of filters) {
      const condition = conditionOf(each);
      if (condition?.column === column.name && operators.includes(condition.operator)) return condition.value;
    }
    return "";
  };
  const [from, to] = [limit([">=", ">"]), limit(["<=", "<"])];
  const set = (/** @type {string} */ low, /** @type {string} */ high, below = "<=") => {
    const left = without(filters, column.name, [">=", ">", "<=", "<"]);
    if (low !== "") left.push(`${column.name}>=${low}`);
    if (high !== "") left.push(`${column.name}${below}${high}`);
    onChange(left);
  };
  const low = useId();
  const high = useId();
  const start = useRef(-1); // the bin where a range begins that is drawn with the pointer
  const edges = column.histogram?.edges ?? [];
  const counts = column.histogram?.counts ?? [];
  const most = Math.max(1, ...counts);
  return html`
    <div
      class="histogram" role="img" aria-label=${text.look.histogram(column.name)}
      onPointerDown=${(/** @type {PointerEvent} */ event) => {
        start.current = binAt(event);
        event.preventDefault();
      }}
      onPointerUp=${(/** @type {PointerEvent} */ event) => {
        const [first, last] = [Math.min(start.current, binAt(event)), Math.max(start.current, binAt(event))];
        if (first >= 0) set(String(edges[first]), String(edges[last + 1]), last === counts.length - 1 ? "<=" : "<");
        start.current = -1;
      }}
    >
      ${counts.map((n, i) => {
        const [low, high] = [edges[i] ?? 0, edges[i + 1] ?? 0];
        const within = (from === "" || high > Number(from)) && (to === "" || low < Number(to));
        return html`<span
          key=${i} class=${`bin ${within ? "within" : ""}`} data-bin=${i} title=${text.look.bin(number(low), number(high), count(n))}
        ><span style=${{ height: n ? `max(2px, ${(100 * n) / most}%)` : "0" }}></span></span>`;
      })}
    </div>
    <div class="range">
      <label class="hidden-text" for=${low}>${text.look.from(column.name)}</label>
      <input
        id=${low} class="input" type="number" step="any" placeholder=${column.min === null ? "" : number(column.min)} value=${from}
        onChange=${typed((value) => set(value, to))}
      />
      <span aria-hidden="true">–</span>
      <label class="hidden-text" for=${high}>${text.look.to(column.name)}</label>
      <input
        id=${high} class="input" type="number" step="any" placeholder=${column.max === null ? "" : number(column.max)} value=${to}
        onChange=${typed((value) => set(from, value))}
      />
    </div>
  `;
}

/** Items without a value. @param {OneProps} props */
function Missing({ column, filters, onChange }) {
  if (!column.missing) return null;
  const none = `${column.name}=`;
  const chosen = filters.includes(none);
  return html`<button
    type="button" class="value" aria-pressed=${String(chosen)}
    onClick=${() => onChange([...without(filters, column.name, ["=", "!="]), ...(chosen ? [] : [none])])}
  >
    <span class="value-name"><em>${text.look.noValue}</em></span>
    <span class="value-count">${count(column.missing)}</span>
  </button>`;
}

/** The filters that hold, each of which can be removed. @param {{filters: string[], onChange: (filters: string[]) => void}} props */
export function Chips({ filters, onChange }) {
  return filters.map((filter, i) => {
    const label = chipText(filter);
    return html`<${Chip} key=${filter} label=${label} onRemove=${() => onChange(filters.filter((_, j) => j !== i))} />`;
  });
}

/** @param {{label: string, onRemove: () => void}} props */
export function Chip({ label, onRemove }) {
  return html`<span class="chip">
    <span>${label}</span>
    <button type="button" aria-label=${text.look.removeFilter(label)} title=${text.look.removeFilter(label)} onClick=${onRemove}>×</button>
  </span>`;
}

/** @param {string} filter */
function chipText(filter) {
  const condition = conditionOf(filter);
  if (!condition) return filter;
  const { column, operator, value } = condition;
  if (value === "") return operator === "=" ? text.look.without(column) : text.look.withAny(column);
  const signs = { "=": ":", "!=": " ≠", ">=": " ≥", "<=": " ≤", ">": " >", "<": " <" };
  const shown = value.trim() !== "" && Number.isFinite(Number(value)) ? number(Number(value), 4) : value;
  return `${column}${signs[/** @type {keyof typeof signs} */ (operator)]} ${shown}`;
}

/** The number of the bin of a histogram that the pointer is over; -1 for none. @param {PointerEvent} event */
function binAt(event) {
  const bin = /** @type {Element} */ (event.target).closest("[data-bin]");
  return bin ? Number(bin.getAttribute("data-bin")) : -1;
}
