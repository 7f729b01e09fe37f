/** Reading the items that the wall shows: all of them in order, or the most similar ones. */
import { call, path } from "../lib/api.js";
import { useEffect, useState } from "../lib/dom.js";
import { base64Of, pictureOf } from "./pictures.js";
import { isSimilar, writeQuery } from "./query.js";
import { selectionOf } from "./selection.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {import("./query.js").WallQuery} WallQuery */
/** @typedef {string | number | boolean | null} Cell */
/** @typedef {{keys: string[], ids: string[], cosines: number[] | null, columns: Record<string, Cell[]>, remarks: string[]}} Rows */

export const MOST_SIMILAR = 10_000;

/** What was read last, which the page of an item and the way back from it use. @type {{token: string, rows: Rows} | null} */
let last = null;

/** @param {string} study @param {WallQuery} query */
const tokenOf = (study, query) => `${study}?${writeQuery(query)}`;

/** @param {string} study @param {WallQuery} query @param {AbortSignal} [signal] @returns {Promise<Rows>} */
export async function readRows(study, query, signal) {
  const found = await (isSimilar(query) ? readSimilar : readTable)(study, query, signal);
  const rows = query.only ? onlyThose(found, selectionOf(study)) : found;
  last = { token: tokenOf(study, query), rows };
  return rows;
}

/** @param {Rows} rows @param {Set<string>} keys @returns {Rows} */
function onlyThose(rows, keys) {
  const there = rows.keys.map((key) => keys.has(key));
  const kept = (/** @type {unknown[]} */ values) => values.filter((_, i) => there[i]);
  return /** @type {Rows} */ ({
    keys: kept(rows.keys),
    ids: kept(rows.ids),
    cosines: rows.cosines && kept(rows.cosines),
    columns: Object.fromEntries(Object.entries(rows.columns).map(([name, values]) => [name, kept(values)])),
    remarks: rows.remarks,
  });
}

/** @param {string} study @param {WallQuery} query @param {AbortSignal} [signal] @returns {Promise<Rows>} */
async function readTable(study, query, signal) {
  /** @type {Schemas["TableAnswer"]} */
  const answer = await call(path`v1/studies/${study}/table`, {
    query: {
      ...{ ids: true, filter: query.filters, search: query.search, sort: query.sort, descending: query.descending },
      column: query.show.filter((name) => name !== "id"),
    },
    ...(signal && { signal }),
  });
  return { keys: answer.keys, ids: answer.ids ?? [], cosines: null, columns: answer.columns, remarks: [] };
}

/** @param {string} study @param {WallQuery} query @param {AbortSignal} [signal] @returns {Promise<Rows>} */
async function readSimilar(study, query, signal) {
  /** @type {Record<string, string>} */
  let like = { text: query.text };
  if (query.like) like = { key: query.like };
  if (query.picture) like = { image: await base64Of(pictureOf(query.picture)) };
  /** @type {Schemas["StudySearchAnswer"]} */
  const answer = await call(path`v1/studies/${study}/search`, {
    method: "POST",
    json: { query: like, k: MOST_SIMILAR, filter: query.filters, ...(query.model && { model: query.model }) },
    ...(signal && { signal }),
  });
  const part = query.search.toLowerCase();
  const found = part ? answer.data.filter((each) => each.id.toLowerCase().includes(part)) : answer.data;
  const names = query.show.filter((name) => name !== "id");
  /** @type {Record<string, Cell[]>} */
  const columns = {};
  if (names.length) {
    const table = await readTable(study, { ...query, sort: null, descending: false, search: "" }, signal);
    const places = new Map(table.keys.map((key, i) => [key, i]));
    for (const name of names) {
      columns[name] = found.map((each) => table.columns[name]?.[places.get(each.key) ?? -1] ?? null);
    }
  }
  return {
    keys: found.map((each) => each.key),
    ids: found.map((each) => each.id),
    cosines: found.map((each) => each.cosine),
    columns,
    remarks: answer.remarks ?? [],
  };
}

/**
 * The rows of a query. Those that were read last for the same query are there at once; `refresh` reads them again.
 * @param {string} study
 * @param {WallQuery} query
 * @param {{refresh: boolean, turn?: number}} options
 * @returns {{rows: Rows | null, error: Error | null, loading: boolean}}
 */
export function useRows(study, query, { refresh, turn = 0 }) {
  const token = tokenOf(study, query);
  const [state, setState] = useState(
    /** @type {{rows: Rows | null, error: Error | null, loading: boolean}} */ ({
      rows: last?.token === token ? last.rows : null,
      error: null,
      loading: true,
    }),
  );
  useEffect(() => {
    if (!refresh && last?.token === token) {
      setState({ rows: last.rows, error: null, loading: false });
      return;
    }
    const controller = new AbortController();
    setState((before) => ({ ...before, error: null, loading: true }));
    readRows(study, query, controller.signal).then(
      (rows) => controller.signal.aborted || setState({ rows, error: null, loading: false }),
      (error) => controller.signal.aborted || setState({ rows: null, error, loading: false }),
    );
    return () => controller.abort();
  }, [token, refresh, turn]);
  return state;
}
