/** The places of tiles on the wall, and where keys lead. All sizes in px. */

export const GAP = 8;
const LINE = 20; // height of a line of text beneath a picture

/** @typedef {{columns: number, tile: number, rowHeight: number, rows: number, height: number}} Grid */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Box */

/**
 * @param {number} width of the wall
 * @param {number} size that tiles should have at least
 * @param {number} lines of text beneath each picture
 * @param {number} n number of tiles
 * @returns {Grid}
 */
export function gridOf(width, size, lines, n) {
  const columns = Math.max(1, Math.floor((width - GAP) / (size + GAP)));
  const tile = Math.max(16, Math.floor((width - GAP) / columns) - GAP);
  const rowHeight = tile + (lines ? lines * LINE + 4 : 0) + GAP;
  const rows = Math.ceil(n / columns);
  return { columns, tile, rowHeight, rows, height: rows * rowHeight + GAP };
}

/**
 * The tiles that a box touches.
 * @param {Grid} grid
 * @param {Box} box
 * @param {number} n
 * @returns {number[]}
 */
export function tilesWithin(grid, box, n) {
  const step = grid.tile + GAP;
  const within = (
    /** @type {number} */ from,
    /** @type {number} */ to,
    /** @type {number} */ size,
    /** @type {number} */ length,
  ) => ({
    first: Math.max(0, Math.ceil((from - GAP - length) / size)),
    last: Math.floor((to - GAP) / size),
  });
  const across = within(box.left, box.right, step, grid.tile);
  const down = within(box.top, box.bottom, grid.rowHeight, grid.rowHeight - GAP);
  /** @type {number[]} */
  const found = [];
  for (let row = down.first; row <= Math.min(down.last, grid.rows - 1); row += 1) {
    for (let column = across.first; column <= Math.min(across.last, grid.columns - 1); column += 1) {
      const index = row * grid.columns + column;
      if (index < n) found.push(index);
    }
  }
  return found;
}

/**
 * The tile that a key leads to; null for a key that leads nowhere.
 * @param {string} key
 * @param {number} index
 * @param {{columns: number, page: number, n: number}} wall `page`: rows in view
 */
export function keyLeadsTo(key, index, { columns, page, n }) {
  const steps = {
    ...{ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns },
    ...{ PageUp: -columns * page, PageDown: columns * page, Home: -index, End: n - 1 - index },
  };
  if (!(key in steps)) return null;
  const step = steps[/** @type {keyof typeof steps} */ (key)];
  const goal = index + step;
  if (goal >= 0 && goal < n) return goal;
  if (key === "PageUp") return index % columns;
  if (key === "PageDown") return n - 1;
  if (key === "ArrowDown" && Math.floor(index / columns) < Math.floor((n - 1) / columns)) return n - 1;
  return index;
}
