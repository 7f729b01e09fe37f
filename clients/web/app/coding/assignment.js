/** One assignment while it is coded: people, agreement, disagreements, and files of codes. */
import { call, path } from "../lib/api.js";
import { html, useEffect, useState } from "../lib/dom.js";
import { count, percent, time } from "../lib/format.js";
import { useAction, useLoad } from "../lib/load.js";
import { Button, Dialog, ErrorNotice, Notice } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { Agreement } from "./agreement.js";
import { describe, readAssignments } from "./assignments.js";
import { Differing } from "./differing.js";
import { Exports } from "./exports.js";
import { LinkTable } from "./links.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

const EVERY = 5000; // milliseconds between two looks at the progress, while the page is seen

/** Do `work` again and again while the page is seen. @param {() => void} work */
function useRepeated(work) {
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && work(), EVERY);
    return () => clearInterval(timer);
  }, []);
}

/** @param {{study: Schemas["StudyCard"], name: string, blurred: boolean}} props */
export function AssignmentPage({ study, name, blurred }) {
  const words = text.coding;
  const card = useLoad(
    async (signal) => (await readAssignments(study.name, signal)).find((each) => each.name === name) ?? null,
    [study.name, name],
  );
  const book = useLoad(
    (signal) =>
      /** @type {Promise<Schemas["CodebookAnswer"]>} */ (call(path`v1/studies/${study.name}/codebook`, { signal })),
    [study.name],
  );
  const progress = useLoad(
    (signal) =>
      /** @type {Promise<Schemas["ProgressAnswer"]>} */ (
        call(path`v1/studies/${study.name}/assignments/${name}/progress`, { signal })
      ),
    [study.name, name],
  );
  useRepeated(progress.reload);
  const failed = card.error ?? book.error ?? progress.error;
  const state = progress.value;
  const kind = card.value?.kind ?? "items";
  const codebook = /** @type {import("./book.js").Codebook | undefined} */ (
    /** @type {unknown} */ (book.value?.codebook)
  );
  const variables = (codebook?.variables ?? []).filter(
    (each) => ["more", "same"].includes(each.kind) === (kind === "pairs"),
  );
  const codes = state?.coders.reduce((sum, each) => sum + each.codes, 0) ?? 0; // changes as soon as anything does
  return html`<section aria-label=${name}>
    <h2>${name}</h2>
    ${card.value && html`<p>${describe(card.value)} · ${words.seed(card.value.seed)}</p>`}
    ${!card.loading && !card.value && !card.error && html`<${Notice} kind="bad">${words.unknownAssignment}<//>`}
    ${card.value && !card.value.fit_for_inference && html`<${Notice} kind="warn">${words.notForInference}<//>`}
    ${card.value?.remarks.map((remark) => html`<${Notice} key=${remark}>${remark}<//>`)}
    <${ErrorNotice} error=${failed} retry=${progress.reload} />
    ${
      state &&
      html`<p>
          ${words.complete(state.complete, state.units)}
          ${state.differing > 0 && ` ${words.differing(state.differing, state.adjudicated)}`}
        </p>
        <${People} study=${study.name} assignment=${name} progress=${state} reload=${progress.reload} />`
    }
    ${
      state &&
      variables.length > 0 &&
      html`<${Agreement} study=${study.name} assignment=${name} variables=${variables} codes=${codes} ready=${state.complete > 0 && state.coders.filter(({ role }) => role === "coder").length > 1} />
        <${Differing} study=${study} assignment=${name} variables=${variables} blurred=${blurred} n=${state.differing} codes=${codes} />
        <${Exports} study=${study.name} assignment=${name} variables=${variables} pairs=${kind === "pairs"} reload=${progress.reload} />`
    }
  </section>`;
}

/** @param {{study: string, assignment: string, progress: Schemas["ProgressAnswer"], reload: () => void}} props */
function People({ study, assignment, progress, reload }) {
  const words = text.coding.progress;
  const roles = /** @type {Record<string, string>} */ (text.coding.roles);
  const [asked, setAsked] = useState(
    /** @type {{person: Schemas["CoderProgress"], what: "revoke" | "renew"} | null} */ (null),
  );
  const [tokens, setTokens] = useState(/** @type {Schemas["CoderToken"][]} */ ([]));
  return html`<div class="scroll-x"><table class="table people">
      <thead>
        <tr>
          <th scope="col">${words.name}</th><th scope="col">${words.done}</th>
          <th scope="col" class="number">${words.cannotTell}</th><th scope="col">${words.last}</th><th scope="col">${words.link}</th>
        </tr>
      </thead>
      <tbody>
        ${progress.coders.map(
          (each) => html`<tr key=${each.name}>
            <th scope="row">${each.name} <span class="soft small">${roles[each.role]}</span></th>
            <td>
              <progress max=${each.assigned || 1} value=${each.done} aria-label=${`${words.done}: ${each.name}`}></progress>
              <span class="small">${count(each.done)} / ${count(each.assigned)}${each.assigned > 0 && ` (${percent(each.done / each.assigned, 0)})`}</span>
            </td>
            <td class="number">${count(each.cannot_tell)}</td>
            <td>${each.last ? time(each.last) : "–"}</td>
            <td>
              <span class="row">
                ${!each.active && html`<span class="soft small">${words.revoked}</span>`}
                <${Button} label=${`${words.renew}: ${each.name}`} onClick=${() => setAsked({ person: each, what: "renew" })}>${words.renew}<//>
                ${each.active && html`<${Button} kind="danger" label=${`${words.revoke}: ${each.name}`} onClick=${() => setAsked({ person: each, what: "revoke" })}>${words.revoke}<//>`}
              </span>
            </td>
          </tr>`,
        )}
      </tbody>
    </table></div>
    ${tokens.length > 0 && html`<${Notice} kind="warn">${text.coding.links.once}<//><${LinkTable} tokens=${tokens} />`}
    ${
      asked &&
      html`<${Ask}
        study=${study}
        assignment=${assignment}
        ...${asked}
        onClose=${() => setAsked(null)}
        onDone=${(/** @type {Schemas["CoderToken"] | null} */ token) => {
          setAsked(null);
          setTokens((before) => [
            ...before.filter((each) => each.name !== asked.person.name),
            ...(token ? [token] : []),
          ]);
          reload();
        }}
      />`
    }`;
}

/** @param {{study: string, assignment: string, person: Schemas["CoderProgress"], what: "revoke" | "renew", onClose: () => void, onDone: (token: Schemas["CoderToken"] | null) => void}} props */
function Ask({ study, assignment, person, what, onClose, onDone }) {
  const words = text.coding.progress;
  const act = useAction(async () => {
    const people = path`v1/studies/${study}/assignments/${assignment}/coders`;
    if (what === "renew")
      onDone(await call(people, { method: "POST", json: { name: person.name, role: person.role } }));
    else {
      await call(people + path`/${person.name}`, { method: "DELETE" });
      onDone(null);
    }
  });
  return html`<${Dialog} title=${words[what]} onClose=${onClose}>
    <p>${what === "renew" ? words.renewAbout(person.name) : words.revokeAbout(person.name)}</p>
    <${ErrorNotice} error=${act.error} />
    <div class="row">
      <${Button} kind=${what === "renew" ? "primary" : "danger"} busy=${act.busy} onClick=${() => act.run()}>${words[what]}<//>
      <${Button} onClick=${onClose}>${text.common.cancel}<//>
    </div>
  <//>`;
}
