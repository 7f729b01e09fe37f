/** What the wall shows, as it stands in the address: #/s/NAME/look?filter=score>=0.5&sort=score&descending=1. */

/**
 * @typedef {{filters: string[], sort: string | null, descending: boolean, search: string, text: string, like: string,
 *   picture: string, model: string, only: boolean, show: string[]}} WallQuery
 *   `search`: a part of the id; `text`, `like` (a key), `picture` (a number of this tab): similar items in order;
 *   `only`: the selected items alone; `show`: columns beneath the pictures
 */
/** @typedef {{column: string, operator: string, value: string}} Condition */

const FILTER = /^([^<>=!]+)(<=|>=|!=|=|<|>)(.*)$/s;

/** @param {URLSearchParams} params @returns {WallQuery} */
export function readQuery(params) {
  return {
    filters: params.getAll("filter"),
    sort: params.get("sort"),
    descending: params.get("descending") === "1",
    search: params.get("search") ?? "",
    text: params.get("text") ?? "",
    like: params.get("like") ?? "",
    picture: params.get("picture") ?? "",
    model: params.get("model") ?? "",
    only: params.get("selected") === "1",
    show: params.getAll("show"),
  };
}

/** @param {Partial<WallQuery>} query @returns {URLSearchParams} */
export function writeQuery(query) {
  const made = new URLSearchParams();
  for (const each of query.filters ?? []) made.append("filter", each);
  if (query.sort) made.set("sort", query.sort);
  if (query.only) made.set("selected", "1");
  if (query.descending) made.set("descending", "1");
  for (const name of /** @type {const} */ (["search", "text", "like", "picture", "model"])) {
    const value = query[name];
    if (value) made.set(name, value);
  }
  for (const each of query.show ?? []) made.append("show", each);
  return made;
}

/** Whether the order is that of similarity. @param {WallQuery} query */
export function isSimilar(query) {
  return Boolean(query.text || query.like || query.picture);
}

/** Nothing that orders by similarity. */
export const NO_SIMILAR = { text: "", like: "", picture: "" };

/** The parts of a filter; null for one that is none. @param {string} filter @returns {Condition | null} */
export function conditionOf(filter) {
  const parts = FILTER.exec(filter);
  return parts ? { column: parts[1] ?? "", operator: parts[2] ?? "", value: parts[3] ?? "" } : null;
}

/** The filters without those of a column that have one of the operators. @param {string[]} filters @param {string} column @param {string[]} operators */
export function without(filters, column, operators) {
  return filters.filter((each) => {
    const condition = conditionOf(each);
    return !(condition?.column === column && operators.includes(condition.operator));
  });
}
