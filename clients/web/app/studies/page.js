/** The list of studies; a study is made and deleted here. */
import { call, path, pictureAddress } from "../lib/api.js";
import { html, useState } from "../lib/dom.js";
import { bytes, time } from "../lib/format.js";
import { useAction, useLoad } from "../lib/load.js";
import { Button, Dialog, ErrorNotice, Field, Notice } from "../lib/parts.js";
import { hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";
import { NewStudy } from "./create.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {Schemas["StudyCard"]} StudyCard */

/** All studies of the key, page after page. @param {AbortSignal} signal @returns {Promise<StudyCard[]>} */
async function readStudies(signal) {
  /** @type {StudyCard[]} */
  const all = [];
  /** @type {string | null | undefined} */
  let cursor;
  do {
    /** @type {Schemas["StudyList"]} */
    const page = await call("v1/studies", { query: { cursor }, signal });
    all.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor);
  return all;
}

/** @param {{blurred: boolean}} props */
export function StudiesPage({ blurred }) {
  const studies = useLoad(readStudies, []);
  const [making, setMaking] = useState(false);
  const [deleting, setDeleting] = useState(/** @type {StudyCard | null} */ (null));
  const [remark, setRemark] = useState("");
  document.title = text.common.name;
  return html`<main class="page" id="content">
    <div class="row">
      <h1>${text.studies.title}</h1>
      <span class="spacer"></span>
      <${Button} kind="primary" onClick=${() => setMaking(true)}>${text.studies.create}<//>
    </div>
    ${remark && html`<${Notice}>${remark}<//>`}
    <${ErrorNotice} error=${studies.error} retry=${studies.reload} />
    ${studies.value?.length === 0 && html`<p class="soft">${text.studies.none}</p>`}
    <ul class="studies">
      ${studies.value?.map((study) => html`<${Card} key=${study.name} study=${study} blurred=${blurred} onDelete=${() => setDeleting(study)} />`)}
    </ul>
    ${making && html`<${NewStudy} onClose=${() => setMaking(false)} />`}
    ${
      deleting &&
      html`<${DeleteStudy}
        study=${deleting}
        onClose=${() => setDeleting(null)}
        onDone=${(/** @type {string} */ what) => {
          setDeleting(null);
          setRemark(what);
          studies.reload();
        }}
      />`
    }
  </main>`;
}

/** @param {{study: StudyCard, blurred: boolean, onDelete: () => void}} props */
function Card({ study, blurred, onDelete }) {
  const first = useLoad(
    (signal) =>
      /** @type {Promise<Schemas["ItemPage"]>} */ (
        call(path`v1/studies/${study.name}/items`, { query: { limit: 4 }, signal })
      ),
    [study.name, study.items],
  );
  return html`<li class="card">
    <div class="covers" aria-hidden="true">
      ${first.value?.data.map(
        (item) => html`<img
          key=${item.key}
          class=${blurred ? "blurred" : ""}
          src=${pictureAddress(study.name, item.key)}
          alt=""
          loading="lazy"
        />`,
      )}
    </div>
    <h2><a href=${hashOf(["s", study.name, "look"])}>${study.title || study.name}</a></h2>
    <p class="soft small">
      ${study.name} · ${text.common.items(study.items)} · ${text.common.codes(study.codes)}
      ${study.bytes ? ` · ${bytes(study.bytes)}` : ""} · ${text.studies.created(time(study.created))}
    </p>
    <${Button} label=${`${text.studies.remove}: ${study.name}`} onClick=${onDelete}>${text.common.delete}<//>
  </li>`;
}

/** @param {{study: StudyCard, onClose: () => void, onDone: (what: string) => void}} props */
function DeleteStudy({ study, onClose, onDone }) {
  const [typed, setTyped] = useState("");
  const remove = useAction(async () => {
    /** @type {Schemas["DeletedStudy"]} */
    const gone = await call(path`v1/studies/${study.name}`, { method: "DELETE" });
    const what = [text.common.items(gone.items), text.common.pictures(gone.pictures), text.common.codes(gone.codes)];
    onDone(text.studies.removed(study.name, what.join(", ")));
  });
  return html`<${Dialog} title=${text.studies.removeTitle(study.name)} onClose=${onClose}>
    <p>${text.studies.removeAbout}</p>
    <p>${text.common.items(study.items)}, ${text.common.codes(study.codes)}</p>
    <${Field} label=${text.studies.removeType(study.name)}>
      ${(/** @type {string} */ id) => html`<input
        id=${id}
        class="input"
        autocomplete="off"
        value=${typed}
        onInput=${(/** @type {Event} */ event) => setTyped(/** @type {HTMLInputElement} */ (event.target).value)}
      />`}
    <//>
    <${ErrorNotice} error=${remove.error} />
    <div class="row">
      <${Button} kind="danger" disabled=${typed !== study.name} busy=${remove.busy} onClick=${() => remove.run()}>
        ${text.common.delete}
      <//>
      <${Button} onClick=${onClose}>${text.common.cancel}<//>
    </div>
  <//>`;
}
