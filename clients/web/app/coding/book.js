/** Codebooks as the page edits them, without what the kind of a variable does not have. */

/** @typedef {import("../code/answers.js").Book} Codebook */
/** @typedef {import("../code/answers.js").Variable} Variable */
/** @typedef {import("../code/answers.js").Category} Category */
/** @typedef {Variable["kind"]} Kind */

/** @type {Kind[]} */
export const KINDS = ["binary", "categorical", "ordinal", "continuous", "text", "more", "same"];
const WITH_CATEGORIES = ["binary", "categorical", "ordinal"];

/** @param {Kind} kind */
export function hasCategories(kind) {
  return WITH_CATEGORIES.includes(kind);
}

/** @returns {Category} */
export function newCategory() {
  return { name: "", definition: "", examples: [] };
}

/** @returns {Variable} */
export function newVariable() {
  return {
    ...{ name: "", kind: "binary", question: "", definition: "", categories: [], multiple: false },
    ...{ low: null, high: null, step: null, ties: false, cannot_tell: true, required: null, examples: [] },
  };
}

/** The variable with another kind, and what such a variable needs. @param {Variable} variable @param {Kind} kind @returns {Variable} */
export function ofKind(variable, kind) {
  const categories = hasCategories(kind) ? [...variable.categories] : [];
  while (categories.length < 2 && hasCategories(kind) && kind !== "binary") categories.push(newCategory());
  const isNumber = kind === "continuous";
  return {
    ...variable,
    kind,
    categories,
    multiple: variable.multiple && kind === "categorical",
    ties: variable.ties && kind === "more",
    low: isNumber ? (variable.low ?? 0) : null,
    high: isNumber ? (variable.high ?? 100) : null,
    step: isNumber ? variable.step : null,
  };
}

/** The list with one entry replaced; without it for null. @template T @param {T[]} list @param {number} place @param {T | null} value @returns {T[]} */
export function replaced(list, place, value) {
  return list.flatMap((each, i) => (i !== place ? [each] : value === null ? [] : [value]));
}

/** The list with one entry moved by `step`. @template T @param {T[]} list @param {number} place @param {number} step @returns {T[]} */
export function moved(list, place, step) {
  const target = place + step;
  const entry = list[place];
  if (entry === undefined || target < 0 || target >= list.length) return list;
  const rest = list.filter((_, i) => i !== place);
  return [...rest.slice(0, target), entry, ...rest.slice(target)];
}

/** A codebook of a file, with what the page needs; the server checks the rest. Throws Error. @param {unknown} content @returns {Codebook} */
export function bookOf(content) {
  const book = /** @type {Partial<Codebook>} */ (content);
  if (typeof book !== "object" || book === null || !Array.isArray(book.variables)) throw new Error("variables");
  const variables = book.variables.map((each) => ({
    ...newVariable(),
    .../** @type {Partial<Variable>} */ (each),
    categories: (each?.categories ?? []).map((category) => ({ ...newCategory(), .../** @type {object} */ (category) })),
  }));
  return { title: book.title ?? "", instructions: book.instructions ?? "", variables };
}

/** The codebook as a file has it: without what is as it is when left out. @param {Codebook} book */
export function plainBook(book) {
  const variables = book.variables.map((variable) => {
    const first = /** @type {Record<string, unknown>} */ (newVariable());
    const categories = variable.categories.map((category) => kept(category, newCategory()));
    return { name: variable.name, kind: variable.kind, ...kept({ ...variable, categories }, first) };
  });
  return {
    ...kept({ title: book.title, instructions: book.instructions }, { title: "", instructions: "" }),
    variables,
  };
}

/** @param {Record<string, unknown>} value @param {Record<string, unknown>} first */
function kept(value, first) {
  return Object.fromEntries(
    Object.entries(value).filter(([name, each]) => JSON.stringify(each) !== JSON.stringify(first[name])),
  );
}
