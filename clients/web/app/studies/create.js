/** The dialog in which a study is made, from pictures of this computer, a folder of the server, or a collection. */
import { call } from "../lib/api.js";
import { html, useRef, useState } from "../lib/dom.js";
import { useAction } from "../lib/load.js";
import { Button, Dialog, ErrorNotice, Field, Notice, Progress } from "../lib/parts.js";
import { go, hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";
import { Folders } from "./folders.js";
import { droppedFiles, sendPictures } from "./upload.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {"send" | "folder" | "collection"} Source */
/** @typedef {import("./upload.js").Refused} Refused */

/** @param {{onClose: () => void}} props */
export function NewStudy({ onClose }) {
  const [name, setName] = useState("");
  const [title, setTitle] = useState("");
  const [source, setSource] = useState(/** @type {Source} */ ("send"));
  const [place, setPlace] = useState("");
  const [files, setFiles] = useState(/** @type {{id: string, file: File}[]} */ ([]));
  const [sent, setSent] = useState(/** @type {number | null} */ (null));
  const [refused, setRefused] = useState(/** @type {Refused[]} */ ([]));
  const made = useRef(false);

  const make = useAction(async () => {
    if (!made.current) {
      /** @type {Record<string, string>} */
      const request = { name, title };
      if (source !== "send") request[source] = place;
      await call("v1/studies", { method: "POST", json: request });
      made.current = true;
    }
    if (source === "send" && files.length) {
      const left = await sendPictures(name, files, setSent);
      setSent(null);
      if (left.length) {
        setRefused(left);
        setFiles([]);
        return;
      }
    }
    go(hashOf(["s", name, "look"]));
  });

  const typed = (/** @type {(value: string) => void} */ set) => (/** @type {Event} */ event) =>
    set(/** @type {HTMLInputElement} */ (event.target).value);
  return html`<${Dialog} title=${text.studies.create} onClose=${onClose}>
    <form
      onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        make.run();
      }}
    >
      <${Field} label=${text.studies.name} hint=${text.studies.nameHint}>
        ${(/** @type {string} */ id, /** @type {string} */ hint) => html`<input
          id=${id} class="input" required maxlength="64" pattern="[A-Za-z0-9][A-Za-z0-9_.\\-]*" aria-describedby=${hint}
          disabled=${made.current} value=${name} onInput=${typed(setName)}
        />`}
      <//>
      <${Field} label=${text.studies.heading} hint=${text.studies.headingHint}>
        ${(/** @type {string} */ id, /** @type {string} */ hint) => html`<input
          id=${id} class="input" maxlength="500" aria-describedby=${hint} value=${title} onInput=${typed(setTitle)}
        />`}
      <//>
      <${Sources} source=${source} onChange=${setSource} />
      ${
        source === "send"
          ? html`<${Drop} count=${files.length} onFiles=${setFiles} />`
          : html`<${Field}
              label=${source === "folder" ? text.studies.folder : text.studies.collection}
              hint=${source === "folder" ? text.studies.folderHint : ""}
            >
              ${(/** @type {string} */ id, /** @type {string} */ hint) => html`<input
                id=${id} class="input" required aria-describedby=${hint} value=${place} onInput=${typed(setPlace)}
              />`}
            <//>
            ${source === "folder" && html`<${Folders} place=${place} onChange=${setPlace} />`}`
      }
      ${sent !== null && html`<${Progress} label=${text.studies.sending(sent, files.length)} value=${sent / files.length} />`}
      ${refused.length > 0 && html`<${RefusedFiles} refused=${refused} />`}
      <${ErrorNotice} error=${make.error} />
      <div class="row">
        <${Button} kind="primary" submit busy=${make.busy}>${refused.length ? text.studies.open : text.studies.make}<//>
        ${!made.current && html`<${Button} onClick=${onClose}>${text.common.cancel}<//>`}
      </div>
    </form>
  <//>`;
}

/** @param {{source: Source, onChange: (source: Source) => void}} props */
function Sources({ source, onChange }) {
  const names = /** @type {Source[]} */ (Object.keys(text.studies.sources));
  return html`<fieldset class="choices">
    <legend>${text.studies.source}</legend>
    ${names.map(
      (each) => html`<label class="check" key=${each}>
        <input type="radio" name="source" checked=${each === source} onChange=${() => onChange(each)} />
        ${text.studies.sources[each]}
      </label>`,
    )}
  </fieldset>`;
}

/** Pictures that are dropped or chosen. @param {{count: number, onFiles: (files: {id: string, file: File}[]) => void}} props */
export function Drop({ count, onFiles }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [over, setOver] = useState(false);
  return html`<div
    class=${`drop ${over ? "over" : ""}`}
    onDragOver=${(/** @type {DragEvent} */ event) => {
      event.preventDefault();
      setOver(true);
    }}
    onDragLeave=${() => setOver(false)}
    onDrop=${async (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      setOver(false);
      onFiles(await droppedFiles(event.dataTransfer));
    }}
  >
    <p>${count ? text.common.pictures(count) : text.studies.drop}</p>
    <input
      ref=${input} type="file" multiple accept="image/*" class="hidden-text" aria-label=${text.studies.choose} tabindex="-1"
      onChange=${(/** @type {Event} */ event) => {
        const chosen = /** @type {HTMLInputElement} */ (event.target).files ?? [];
        onFiles(Array.from(chosen, (file) => ({ id: file.webkitRelativePath || file.name, file })));
      }}
    />
    <${Button} onClick=${() => input.current?.click()}>${text.studies.choose}<//>
    <p class="small soft">${text.studies.kept}</p>
  </div>`;
}

/** @param {{refused: Refused[]}} props */
export function RefusedFiles({ refused }) {
  return html`<${Notice} kind="warn">
    ${text.studies.refused(refused.length)}
    <ul>
      ${refused.slice(0, 20).map((each) => html`<li key=${each.id}>${each.id}: ${each.message}</li>`)}
    </ul>
  <//>`;
}
