/** The page of a coder: the link's token becomes a cookie that scripts cannot read, then the assignment is shown. */
import { ApiError, actAsCoder, call } from "../lib/api.js";
import { html, render, useEffect, useState } from "../lib/dom.js";
import { useLoad } from "../lib/load.js";
import { Button, ErrorNotice, Notice } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { CodingPage } from "./page.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {import("./answers.js").About} About */

const TAG = /^[0-9a-f]{8}$/;

/**
 * The assignment of the link, or of a session that this browser has already. Afterwards the address has the tag alone,
 * and the history no token.
 * @param {AbortSignal} signal
 * @returns {Promise<{about: About, tag: string} | null>} null without a link
 */
async function enter(signal) {
  const given = location.hash.slice(1);
  if (!given) return null;
  let tag = given;
  if (!TAG.test(given)) {
    /** @type {Schemas["CoderSession"]} */
    const session = await call("v1/coding/session", {
      method: "POST",
      headers: { authorization: `Bearer ${given}` },
      signal,
    });
    tag = session.tag;
    history.replaceState(null, "", `#${tag}`);
  }
  actAsCoder(tag);
  return { about: /** @type {About} */ (await call("v1/coding", { signal })), tag };
}

function App() {
  const about = useLoad(enter, []);
  const [left, setLeft] = useState(false);
  useEffect(() => {
    const changed = () => location.reload(); // another link
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  useEffect(() => {
    if (about.value) document.title = `${about.value.about.study} · ${text.common.name}`;
  }, [about.value]);
  if (left) return html`<${Message} title=${text.coder.ended}>${text.coder.endedAbout}<//>`;
  if (about.error instanceof ApiError && [401, 403].includes(about.error.status))
    return html`<${Message} title=${text.coder.noLink} kind="bad">${text.coder.noLinkAbout}<//>`;
  if (about.error)
    return html`<main class="page" id="content"><${ErrorNotice} error=${about.error} retry=${about.reload} /></main>`;
  if (about.loading) return html`<main class="page" id="content"><p role="status">${text.common.loading}</p></main>`;
  if (!about.value) return html`<${Message} title=${text.coder.withoutLink}>${text.coder.withoutLinkAbout}<//>`;
  const { about: assignment, tag } = about.value;
  if (!assignment.codebook?.variables.length)
    return html`<${Message} title=${assignment.study} retry=${about.reload}>${text.coder.noCodebook}<//>`;
  return html`<${CodingPage} about=${assignment} tag=${tag} onEnd=${about.reload} onLeave=${() => setLeft(true)} />`;
}

/** @param {{title: string, kind?: "info" | "bad", retry?: () => void, children?: import("../lib/dom.js").Children}} props */
function Message({ title, kind = "info", retry, children }) {
  return html`<main class="page" id="content">
    <h1>${title}</h1>
    <${Notice} kind=${kind}>${children}<//>
    ${retry && html`<${Button} onClick=${retry}>${text.coder.lookAgain}<//>`}
  </main>`;
}

const root = document.getElementById("app");
if (root) render(html`<${App} />`, root);
