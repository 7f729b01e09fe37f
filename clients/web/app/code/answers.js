/** Answers to the variables of a codebook: what may be chosen, and what is missing. */

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {Schemas["Unit"] & {texts?: string[]}} Unit an item or a pair; `texts` where items have no pictures */
/** @typedef {{value: string | number | string[] | null, cannot_tell: boolean}} Code */
/** @typedef {Record<string, Code>} Codes by the names of variables */
/** @typedef {{name: string, definition: string, examples: string[]}} Category */
/**
 * @typedef {{name: string, kind: Schemas["Variable"]["kind"], question: string, definition: string, categories: Category[], multiple: boolean,
 *   low: number | null, high: number | null, step: number | null, ties: boolean, cannot_tell: boolean, required: boolean | null,
 *   examples: string[]}} Variable
 */
/** @typedef {{title: string, instructions: string, variables: Variable[]}} Book */
/** @typedef {Omit<Schemas["CodingAnswer"], "codebook"> & {codebook: Book | null}} About */

/** @typedef {{name: string, code: Code, count: number}} Option `count`: number of coders who have given it, 0 for a choice of one's own */

/** The code "cannot tell". @type {Code} */
export const CANNOT_TELL = { value: null, cannot_tell: true };

/** Whether the answer is one of several. @param {Variable} variable */
export function isChoice(variable) {
  return variable.kind !== "continuous" && variable.kind !== "text";
}

/** Whether an item counts as coded only with this code. @param {Variable} variable */
export function isRequired(variable) {
  return variable.required ?? variable.kind !== "text";
}

/** The values to choose from, in the order of their keys. @param {Variable} variable @returns {string[]} */
export function choicesOf(variable) {
  if (variable.kind === "more") return ["first", "second", ...(variable.ties ? ["equal"] : [])];
  if (variable.kind === "same") return ["same", "different"];
  return variable.categories.map((category) => category.name);
}

/** Whether one choice is the whole answer to an item, so that the page may go on by itself. @param {Variable[]} variables */
export function isOneChoice(variables) {
  const required = variables.filter(isRequired);
  const [only] = required;
  return required.length === 1 && only !== undefined && isChoice(only) && !only.multiple;
}

/** The choices of a variable as options. @param {Variable} variable @returns {Option[]} */
export function optionsOf(variable) {
  return choicesOf(variable).map((name) => ({
    name,
    code: { value: variable.multiple ? [name] : name, cannot_tell: false },
    count: 0,
  }));
}

/** Different codes of coders as options, with the number of coders of each. @param {Code[]} codes @returns {Option[]} */
export function optionsGiven(codes) {
  /** @type {Option[]} */
  const options = [];
  for (const code of codes) {
    const same = options.find((option) => equal(option.code, code));
    if (same) same.count++;
    else options.push({ name: nameOf(code), code, count: 1 });
  }
  return options;
}

/** A code as people read it; empty for "cannot tell". @param {Code} code */
export function nameOf(code) {
  return Array.isArray(code.value) ? code.value.join(", ") : String(code.value ?? "");
}

/** The code of a variable with several categories after one of them was switched on or off; null for none. @param {Variable} variable @param {Code | undefined} code @param {string} choice @returns {Code | null} */
export function toggled(variable, code, choice) {
  const before = Array.isArray(code?.value) ? code.value : [];
  const after = choicesOf(variable).filter((each) => before.includes(each) !== (each === choice));
  return after.length ? { value: after, cannot_tell: false } : null;
}

/** Whether two codes are equal. @param {Code | undefined} one @param {Code | undefined} other */
export function equal(one, other) {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

/** Whether two sets of codes are equal. @param {Codes} one @param {Codes} other */
export function allEqual(one, other) {
  return Object.keys({ ...one, ...other }).every((name) => equal(one[name], other[name]));
}

/** The codes that the variables take: what was begun may be older than the codebook. @param {Variable[]} variables @param {Codes} codes @returns {Codes} */
export function fitting(variables, codes) {
  const fits = (/** @type {Variable} */ variable, /** @type {Code | undefined} */ code) => {
    if (!code) return false;
    if (code.cannot_tell) return variable.cannot_tell;
    if (variable.kind === "text") return typeof code.value === "string";
    if (variable.kind === "continuous")
      return typeof code.value === "number" && code.value >= (variable.low ?? 0) && code.value <= (variable.high ?? 1);
    const chosen = Array.isArray(code.value) ? code.value : [code.value];
    return (
      Array.isArray(code.value) === variable.multiple &&
      chosen.every((each) => choicesOf(variable).includes(String(each)))
    );
  };
  return Object.fromEntries(
    variables
      .filter((each) => fits(each, codes[each.name]))
      .map((each) => [each.name, /** @type {Code} */ (codes[each.name])]),
  );
}

/** Place of the first variable without a code, from `from` on and then from the start; -1 if there is none. @param {Variable[]} variables @param {Codes} codes @param {{from?: number, texts?: boolean, required?: boolean}} [options] */
export function firstMissing(variables, codes, { from = 0, texts = true, required = false } = {}) {
  const order = variables.map((_, i) => (i + from) % variables.length);
  const place = order.find((i) => {
    const variable = variables[i];
    if (!variable || codes[variable.name]) return false;
    return (texts || variable.kind !== "text") && (!required || isRequired(variable));
  });
  return place ?? -1;
}

/** The step of a slider. @param {Variable} variable */
export function stepOf(variable) {
  return variable.step ?? ((variable.high ?? 1) - (variable.low ?? 0)) / 100;
}
