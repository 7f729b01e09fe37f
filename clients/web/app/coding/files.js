/** Files that the page gives to be saved, and codebooks of files. */

/** Let a file be saved. @param {string} name @param {string | Blob} content @param {string} [type] */
export function saveFile(name, content, type = "text/plain") {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** A cell of a CSV: quoted, and no formula of a spreadsheet program. @param {string} value */
function cell(value) {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** @param {string[][]} rows */
export function csvOf(rows) {
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

const YAML = "../../vendor/js-yaml.js"; // loaded only where it is needed
/** @typedef {{load: (text: string) => unknown, dump: (value: unknown, options: object) => string}} Yaml */

/** @returns {Promise<Yaml>} */
async function yaml() {
  const address = YAML; // a variable, so that the checker of types leaves the file alone
  await import(address);
  return /** @type {{jsyaml: Yaml}} */ (/** @type {unknown} */ (globalThis)).jsyaml;
}

/** The content of a .json, .yaml or .yml file. Throws Error for a text that is neither. @param {File} file @returns {Promise<unknown>} */
export async function readFile(file) {
  const content = await file.text();
  if (/\.ya?ml$/i.test(file.name)) return (await yaml()).load(content);
  return JSON.parse(content);
}

/** @param {unknown} value */
export async function yamlOf(value) {
  return (await yaml()).dump(value, { lineWidth: 100, noRefs: true });
}
