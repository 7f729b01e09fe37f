/** The codebook of a study: edited, saved as a version, and exchanged as a file. */
import { ApiError, call, path } from "../lib/api.js";
import { html, useEffect, useState } from "../lib/dom.js";
import { time } from "../lib/format.js";
import { useAction, useLoad } from "../lib/load.js";
import { Button, ErrorNotice, Notice } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { bookOf, moved, newVariable, plainBook, replaced } from "./book.js";
import { readFile, saveFile, yamlOf } from "./files.js";
import { FileButton, Select, Text } from "./inputs.js";
import { VariableForm } from "./variable.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {import("./book.js").Codebook} Codebook */
/** @typedef {import("./book.js").Variable} Variable */

/** A version of the codebook; null where there is none yet. @param {string} study @param {string} version @param {AbortSignal} signal @returns {Promise<Schemas["CodebookAnswer"] | null>} */
async function read(study, version, signal) {
  try {
    return await call(path`v1/studies/${study}/codebook`, { query: { version }, signal });
  } catch (error) {
    if (error instanceof ApiError && error.code === "no_codebook") return null;
    throw error;
  }
}

/** @param {{study: Schemas["StudyCard"], reload: () => void, blurred: boolean}} props */
export function CodebookPage({ study, reload, blurred }) {
  const words = text.coding.book;
  const [version, setVersion] = useState("");
  const [book, setBook] = useState(/** @type {Codebook} */ ({ title: "", instructions: "", variables: [] }));
  const [saved, setSaved] = useState(/** @type {Schemas["CodebookAnswer"] | null} */ (null));
  const [changed, setChanged] = useState(false);
  const found = useLoad((signal) => read(study.name, version, signal), [study.name, version]);
  useEffect(() => {
    if (found.value) {
      setBook(/** @type {Codebook} */ (/** @type {unknown} */ (found.value.codebook)));
      setChanged(false);
    }
  }, [found.value]);
  const edit = (/** @type {Codebook} */ next) => {
    setBook(next);
    setChanged(true);
    setSaved(null);
  };
  const setVariables = (/** @type {Variable[]} */ variables) => edit({ ...book, variables });
  const save = useAction(async () => {
    /** @type {Schemas["CodebookAnswer"]} */
    const answer = await call(path`v1/studies/${study.name}/codebook`, { method: "PUT", json: book });
    setSaved(answer);
    setChanged(false);
    setVersion("");
    found.reload();
    reload();
  });
  const take = useAction(async (/** @type {File} */ file) => {
    edit(await bookOfFile(file));
  });
  const versions = found.value?.versions ?? 0;
  return html`<section aria-label=${text.coding.codebook}>
    <div class="row">
      ${versions > 1 && html`<${Versions} n=${versions} current=${found.value?.version ?? versions} onChange=${setVersion} />`}
      ${found.value && html`<span class="soft small">${words.version(found.value.version, time(found.value.saved))}</span>`}
      <span class="spacer"></span>
      <${FileButton} accept=".json,.yaml,.yml" onFile=${(/** @type {File} */ file) => take.run(file)}>${words.take}<//>
      <${Button} onClick=${() => saveFile(`${study.name}-codebook.json`, `${JSON.stringify(plainBook(book), null, 2)}\n`, "application/json")}>JSON<//>
      <${Button} onClick=${async () => saveFile(`${study.name}-codebook.yaml`, await yamlOf(plainBook(book)))}>YAML<//>
    </div>
    <${ErrorNotice} error=${found.error} retry=${found.reload} />
    <${ErrorNotice} error=${take.error} />
    ${!found.loading && !found.error && !book.variables.length && html`<p class="soft">${words.none}</p>`}
    <${Text} label=${words.title} value=${book.title} onChange=${(/** @type {string} */ title) => edit({ ...book, title })} />
    <${Text} label=${words.instructions} hint=${words.instructionsHint} rows=${3} value=${book.instructions} onChange=${(/** @type {string} */ instructions) => edit({ ...book, instructions })} />
    ${book.variables.map(
      (variable, i) => html`<${VariableForm}
        key=${i}
        study=${study}
        blurred=${blurred}
        variable=${variable}
        onChange=${(/** @type {Variable | null} */ value) => setVariables(replaced(book.variables, i, value))}
        onMove=${(/** @type {number} */ step) => setVariables(moved(book.variables, i, step))}
      />`,
    )}
    <div class="row save">
      <${Button} onClick=${() => setVariables([...book.variables, newVariable()])}>${words.addVariable}<//>
      <span class="spacer"></span>
      ${changed && html`<span class="soft small">${words.changed}</span>`}
      <${Button} kind="primary" busy=${save.busy} disabled=${!book.variables.length} onClick=${() => save.run()}>${words.save}<//>
    </div>
    <${ErrorNotice} error=${save.error} />
    ${
      saved &&
      html`<${Notice}>
        ${words.saved(saved.version)}
        ${saved.remarks.map((remark) => html`<div key=${remark}>${remark}</div>`)}
      <//>`
    }
  </section>`;
}

/** @param {{n: number, current: number, onChange: (version: string) => void}} props */
function Versions({ n, current, onChange }) {
  const options = Array.from({ length: n }, (_, i) => ({ value: String(n - i), label: String(n - i) }));
  return html`<${Select} label=${text.coding.book.versions} value=${String(current)} options=${options} onChange=${onChange} />`;
}

/** @param {File} file */
async function bookOfFile(file) {
  try {
    return bookOf(await readFile(file));
  } catch (error) {
    throw new ApiError(422, "invalid_file", text.coding.book.badFile(file.name, String(error)), null);
  }
}
