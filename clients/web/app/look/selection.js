/** The selected items of a study, which the wall, the map and the page of an item share, and which end with the tab. */
import { call, path } from "../lib/api.js";
import { useEffect, useState } from "../lib/dom.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

const AT_ONCE = 10_000; // items of one request
const PREFIX = "selection:";

/** @type {Map<string, Set<string>>} */
const selections = new Map();
/** @type {Set<() => void>} */
const listeners = new Set();

/** The selected keys. @param {string} study @returns {Set<string>} */
export function selectionOf(study) {
  return selections.get(study) ?? new Set();
}

/** @param {string} study @param {Set<string>} keys */
export function select(study, keys) {
  selections.set(study, keys);
  for (const listener of listeners) listener();
}

/** The selected keys, now and when they change. @param {string} study @returns {Set<string>} */
export function useSelection(study) {
  const [, setTurn] = useState(0);
  useEffect(() => {
    const changed = () => setTurn((before) => before + 1);
    listeners.add(changed);
    return () => {
      listeners.delete(changed);
    };
  }, []);
  return selectionOf(study);
}

/**
 * Save the selected items as a column, in which they have the value yes. Returns the name of the column.
 * @param {string} study
 * @param {string} name
 * @param {Set<string>} keys
 */
export async function saveSelection(study, name, keys) {
  /** @type {Schemas["TableAnswer"]} */
  const table = await call(path`v1/studies/${study}/table`, { query: { ids: true } });
  const ids = (table.ids ?? []).filter((_, i) => keys.has(table.keys[i] ?? ""));
  const column = name.startsWith(PREFIX) ? name : PREFIX + name;
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    const part = ids.slice(start, start + AT_ONCE);
    await call(path`v1/studies/${study}/columns`, {
      method: "PUT",
      json: { ids: part, columns: { [column]: part.map(() => "yes") } },
    });
  }
  return column;
}
