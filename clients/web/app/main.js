/** The workbench: its frame, and the page that the address names. */
import { ApiError, blurFaces, call } from "./lib/api.js";
import { html, render, useEffect, useState } from "./lib/dom.js";
import { useAction, useLoad, useTabChoice } from "./lib/load.js";
import { ErrorNotice } from "./lib/parts.js";
import { hashOf, usePlace } from "./lib/router.js";
import { text } from "./lib/text.js";
import { PAGES } from "./pages.js";
import { SignIn } from "./sign_in.js";
import { StudiesPage } from "./studies/page.js";

/** @typedef {import("./lib/api.js").Schemas} Schemas */
/** @typedef {import("./pages.js").PageProps} PageProps */

/** @typedef {"picture" | "faces" | "none"} Blur parts of pictures that are blurred */
const BLURS = /** @type {const} */ (["picture", "faces", "none"]);

function App() {
  const session = useLoad(
    (signal) => /** @type {Promise<Schemas["SessionCard"]>} */ (call("v1/session", { signal })),
    [],
  );
  const [blur, setBlur] = useTabChoice("blur", BLURS);
  blurFaces(blur === "faces");
  const blurred = blur === "picture";
  const { parts, query } = usePlace();
  const signOut = useAction(async () => {
    await call("v1/session", { method: "DELETE" });
    session.reload();
  });
  const needsKey = session.error instanceof ApiError && session.error.status === 401;
  if (needsKey) return html`<${SignIn} onDone=${session.reload} />`;
  if (!session.value)
    return html`<main class="page"><${ErrorNotice} error=${session.error} retry=${session.reload} /></main>`;
  const study = parts[0] === "s" ? parts[1] : undefined;
  return html`
    <button type="button" class="button skip" onClick=${skip}>${text.common.skip}</button>
    <header class="top">
      <a class="brand" href="#/"><img src="web/style/icon.svg" alt="" />${text.common.name}</a>
      ${study && html`<${Tabs} study=${study} current=${parts[2] ?? "look"} />`}
      <span class="spacer"></span>
      <span class="check">
        <label for="blur">${text.common.blur}</label>
        <select
          id="blur"
          class="input"
          value=${blur}
          onChange=${(/** @type {Event} */ event) => setBlur(/** @type {Blur} */ (/** @type {HTMLSelectElement} */ (event.target).value))}
        >
          ${BLURS.map((each) => html`<option key=${each} value=${each}>${text.common.blurs[each]}</option>`)}
        </select>
      </span>
      <a href="docs">${text.common.api}</a>
      ${session.value.keys && html`<button type="button" class="button" onClick=${() => signOut.run()}>${text.signIn.out}</button>`}
    </header>
    ${
      study
        ? html`<${StudyFrame} key=${`${study} ${blur}`} name=${study} parts=${parts.slice(2)} query=${query} blurred=${blurred} />`
        : html`<${StudiesPage} key=${blur} blurred=${blurred} />`
    }
  `;
}

/** Move the focus behind the navigation; a link would change the address, which names the page. */
function skip() {
  const content = document.getElementById("content");
  content?.setAttribute("tabindex", "-1");
  content?.focus();
}

/** @param {{study: string, current: string}} props */
function Tabs({ study, current }) {
  return html`<nav class="tabs" aria-label=${study}>
    <a href=${hashOf(["s", study, "look"])} title=${study}><strong>${study}</strong></a>
    ${PAGES.filter((page) => page.title).map(
      (page) => html`<a
        key=${page.name}
        href=${hashOf(["s", study, page.name])}
        aria-current=${page.name === current ? "page" : undefined}
      >${page.title}</a>`,
    )}
  </nav>`;
}

/**
 * A study's page, whose module is loaded when it is opened first.
 * @param {{name: string, parts: string[], query: URLSearchParams, blurred: boolean}} props
 */
function StudyFrame({ name, parts, query, blurred }) {
  const row = PAGES.find((page) => page.name === (parts[0] ?? "look"));
  const study = useLoad(
    (signal) =>
      /** @type {Promise<Schemas["StudyCard"]>} */ (call(`v1/studies/${encodeURIComponent(name)}`, { signal })),
    [name],
  );
  const [shown, setShown] = useState(/** @type {{name: string, Page: import("./pages.js").Page} | null} */ (null));
  const [error, setError] = useState(/** @type {Error | null} */ (null));
  useEffect(() => {
    document.title = `${name} · ${text.common.name}`;
    setError(null);
    row?.load().then((Page) => setShown({ name: row.name, Page }), setError);
  }, [row?.name]);
  if (!row) return html`<main class="page" id="content">${text.common.noPage}</main>`;
  const failed = error ?? study.error;
  if (failed)
    return html`<main class="page" id="content"><${ErrorNotice} error=${failed} retry=${study.reload} /></main>`;
  if (!study.value || shown?.name !== row.name)
    return html`<main class="page" id="content">${text.common.loading}</main>`;
  return html`<${shown.Page}
    study=${study.value}
    reload=${study.reload}
    parts=${parts.slice(1)}
    query=${query}
    blurred=${blurred}
  />`;
}

const root = document.getElementById("app");
if (root) render(html`<${App} />`, root);
