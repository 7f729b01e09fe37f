/** The wall: a grid of tiles, of which only those near the view exist. */
import { html, useEffect, useId, useLayoutEffect, useRef, useState } from "../lib/dom.js";
import { cell } from "../lib/format.js";
import { text } from "../lib/text.js";
import { useBand } from "./band.js";
import { GAP, gridOf, keyLeadsTo, tilesWithin } from "./grid.js";
import { Space } from "./space.js";
import { Tile } from "./tile.js";

/** @typedef {import("./rows.js").Rows} Rows */
/** @typedef {{from: number, to: number, shift: number}} Shown rows that exist, and what lies between content and element */
/**
 * @typedef {{study: string, rows: Rows, size: number, show: string[], blurred: boolean, pictures: boolean, selected: Set<string>,
 *   start: string | null, onSelect: (keys: Set<string>) => void, onOpen: (key: string) => void, onLike: (key: string) => void}} WallProps
 *   `start`: key of the item that is shown first
 */

const NEAR = 2; // rows above and below the view
const IDLE = 150; // ms without scrolling

/** The lines beneath a picture. @param {Rows} rows @param {string[]} show @param {number} i */
export function linesOf(rows, show, i) {
  const lines = show.map((name) => {
    const value = name === "id" ? rows.ids[i] : rows.columns[name]?.[i];
    if (value === null || value === undefined) return "–";
    return typeof value === "number" ? cell(value) : String(value);
  });
  const cosine = rows.cosines?.[i];
  return cosine === undefined ? lines : [text.look.cosine(cosine), ...lines];
}

/** @param {WallProps} props */
export function Wall(props) {
  const { study, rows, size, show, blurred, pictures, selected, start, onSelect } = props;
  const n = rows.keys.length;
  const id = useId();
  const scroller = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [space] = useState(() => new Space());
  const [view, setView] = useState({ width: 0, height: 0 });
  const [shown, setShown] = useState(/** @type {Shown} */ ({ from: 0, to: 0, shift: 0 }));
  const [active, setActive] = useState(() => Math.max(0, start ? rows.keys.indexOf(start) : 0));
  const anchor = useRef(0);
  const before = useRef(/** @type {Set<string> | null} */ (null)); // what was selected when a band began
  const idle = useRef(0);
  const cache = useRef({ inputs: /** @type {unknown[]} */ ([]), made: new Map() });
  const lines = show.length + (rows.cosines ? 1 : 0);
  const grid = gridOf(view.width, size, lines, n);
  const latest = useRef(grid);
  const first = useRef(0); // the tile at the upper edge, which stays there when sizes change

  const look = () => {
    const { rowHeight, columns, rows: all } = latest.current;
    const from = Math.max(0, Math.floor(space.top / rowHeight) - NEAR);
    const to = Math.min(all, Math.ceil((space.top + space.view) / rowHeight) + NEAR);
    first.current = Math.floor((space.top + rowHeight / 2) / rowHeight) * columns;
    setShown((was) =>
      was.from === from && was.to === to && was.shift === space.shift ? was : { from, to, shift: space.shift },
    );
  };
  const move = (/** @type {number} */ top) => {
    if (!scroller.current) return;
    scroller.current.scrollTop = space.place(top);
    space.settled(scroller.current.scrollTop);
    look();
  };
  const bringIntoView = (/** @type {number} */ index) => {
    const top = Math.floor(index / latest.current.columns) * latest.current.rowHeight;
    const bottom = top + latest.current.rowHeight + GAP;
    if (top < space.top) move(top);
    else if (bottom > space.top + space.view) move(bottom - space.view);
  };

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const measure = () => setView({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => {
      observer.disconnect();
      clearTimeout(idle.current);
    };
  }, []);

  const layout = `${grid.columns} ${grid.rowHeight} ${grid.height} ${view.height}`;
  useLayoutEffect(() => {
    if (!view.height) return;
    const fresh = space.view === 0;
    latest.current = grid;
    space.resize(grid.height, view.height);
    move(Math.floor(first.current / grid.columns) * grid.rowHeight);
    if (fresh && active) bringIntoView(active);
    if (fresh && start && document.activeElement === document.body) scroller.current?.focus({ preventScroll: true });
  }, [layout]);

  const shownRows = useRef(rows);
  useLayoutEffect(() => {
    if (shownRows.current === rows) return;
    const held = shownRows.current.keys[active];
    const sameOrder = shownRows.current.keys.length === n && held === rows.keys[active];
    shownRows.current = rows;
    if (sameOrder) return;
    setActive(0);
    anchor.current = 0;
    move(0);
  }, [rows]);

  const band = useBand(
    scroller,
    () => space.top,
    (box, add) => {
      before.current ??= add ? selected : new Set();
      onSelect(new Set([...before.current, ...tilesWithin(latest.current, box, n).map((i) => rows.keys[i] ?? "")]));
    },
  );
  useEffect(() => {
    if (!band) before.current = null;
  }, [band === null]);

  const scrolled = () => {
    if (!scroller.current) return;
    const settle = () => move(space.top);
    if (space.scrolled(scroller.current.scrollTop)) settle();
    else look();
    clearTimeout(idle.current);
    if (space.real > space.height) idle.current = window.setTimeout(settle, IDLE);
  };
  const handlers = handlersOf(props, {
    ...{ active, grid, page: Math.max(1, Math.floor(view.height / grid.rowHeight)), anchor },
    goTo: (index) => {
      setActive(index);
      bringIntoView(index);
    },
  });

  const inputs = [rows, layout, active, selected, blurred, shown.shift, show.join("\n")];
  if (inputs.some((each, i) => each !== cache.current.inputs[i])) cache.current = { inputs, made: new Map() };
  const made = new Map();
  for (let row = shown.from; row < shown.to; row += 1) {
    made.set(row, cache.current.made.get(row) ?? rowOf(row));
  }
  cache.current.made = made;

  /** @param {number} row */
  function rowOf(row) {
    const tiles = [];
    for (let i = row * grid.columns; i < Math.min((row + 1) * grid.columns, n); i += 1) {
      const key = rows.keys[i] ?? "";
      const left = GAP + (i % grid.columns) * (grid.tile + GAP);
      tiles.push(html`<${Tile}
        ...${{ key, study, index: i, n, pictures, blurred, item: key, tile: grid.tile, id: `${id}-${i}`, name: rows.ids[i] ?? key }}
        lines=${linesOf(rows, show, i)} active=${i === active} selected=${selected.has(key)}
        style=${{ left: `${left}px`, width: `${grid.tile}px`, height: `${grid.rowHeight - GAP}px` }}
      />`);
    }
    return html`<div key=${row} class="wall-row" role="presentation" style=${{ top: `${GAP + row * grid.rowHeight - shown.shift}px` }}>${tiles}</div>`;
  }

  return html`<div
    ref=${scroller}
    class=${`wall ${selected.size ? "selecting" : ""}`}
    role="listbox"
    aria-label=${text.look.wall}
    aria-multiselectable="true"
    aria-activedescendant=${made.has(Math.floor(active / grid.columns)) ? `${id}-${active}` : undefined}
    tabindex="0"
    onScroll=${scrolled}
    onKeyDown=${handlers.keyDown}
    onClick=${handlers.click}
  >
    <div class="wall-space" role="presentation" style=${{ height: `${Math.min(grid.height, space.tallest)}px` }}>
      ${[...made.values()]}
      ${
        band &&
        html`<div class="wall-band" style=${{
          ...{ left: `${band.left}px`, width: `${band.right - band.left}px` },
          ...{ top: `${band.top - space.shift}px`, height: `${band.bottom - band.top}px` },
        }}></div>`
      }
    </div>
  </div>`;
}

/**
 * What keys and clicks do.
 * @param {WallProps} props
 * @param {{active: number, grid: import("./grid.js").Grid, page: number, anchor: {current: number}, goTo: (index: number) => void}} state
 */
function handlersOf({ rows, selected, onSelect, onOpen, onLike }, { active, grid, page, anchor, goTo }) {
  const n = rows.keys.length;
  const keyOf = (/** @type {number} */ i) => rows.keys[i] ?? "";
  const toggle = (/** @type {number} */ index) => {
    const next = new Set(selected);
    if (!next.delete(keyOf(index))) next.add(keyOf(index));
    anchor.current = index;
    onSelect(next);
  };
  const extend = (/** @type {number} */ index) => {
    const [from, to] = [Math.min(anchor.current, index), Math.max(anchor.current, index)];
    onSelect(new Set([...selected, ...rows.keys.slice(from, to + 1)]));
  };
  return {
    keyDown: (/** @type {KeyboardEvent} */ event) => {
      if (!n || event.altKey) return;
      const goal = keyLeadsTo(event.key, active, { columns: grid.columns, page, n });
      if (goal !== null) {
        if (event.shiftKey) extend(goal);
        else anchor.current = goal;
        goTo(goal);
      } else if (event.key === "Enter") onOpen(keyOf(active));
      else if (event.key === " ") toggle(active);
      else if (event.key === "Escape" && selected.size) onSelect(new Set());
      else if (event.key === "l") onLike(keyOf(active));
      else if (event.key === "a" && (event.ctrlKey || event.metaKey)) onSelect(new Set(rows.keys));
      else return;
      event.preventDefault();
    },
    click: (/** @type {MouseEvent} */ event) => {
      const target = /** @type {Element} */ (event.target);
      const tile = target.closest("[data-index]");
      if (!(tile instanceof HTMLElement)) return;
      const index = Number(tile.dataset.index);
      const act = target.closest("[data-act]")?.getAttribute("data-act");
      goTo(index);
      if (event.shiftKey) extend(index);
      else if (act === "like") onLike(keyOf(index));
      else if (act === "select" || event.ctrlKey || event.metaKey || selected.size) toggle(index);
      else onOpen(keyOf(index));
    },
  };
}
