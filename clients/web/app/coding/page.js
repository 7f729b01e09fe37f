/** The page "Code" of a study: its codebook, its assignments, and one assignment with its people. */
import { html, useEffect } from "../lib/dom.js";
import { Notice } from "../lib/parts.js";
import { go, hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";
import { AssignmentPage } from "./assignment.js";
import { AssignmentsPage } from "./assignments.js";
import { CodebookPage } from "./codebook.js";
import { DrawPage } from "./draw.js";
import { useStyle } from "./style.js";

/** @param {import("../pages.js").PageProps} props */
export function CodePage({ study, reload, parts, query, blurred }) {
  const styled = useStyle("coding.css");
  const [part = "", name] = parts;
  useEffect(() => {
    const first = study.codebook ? "assignments" : "codebook";
    if (!part) go(hashOf(["s", study.name, "code", first]), { replace: true });
  }, [part]);
  const link = (/** @type {string} */ to, /** @type {string} */ label) => html`<a
    class="button"
    href=${hashOf(["s", study.name, "code", to])}
    aria-current=${(part === "assignment" || part === "new" ? "assignments" : part) === to ? "page" : undefined}
  >${label}</a>`;
  if (!styled) return html`<main class="page" id="content">${text.common.loading}</main>`;
  return html`<main class="page coding" id="content">
    <div class="row">
      <h1>${study.title || study.name}</h1>
      <span class="spacer"></span>
      <nav class="row" aria-label=${text.coding.parts}>
        ${link("codebook", text.coding.codebook)} ${link("assignments", text.coding.assignments)}
      </nav>
    </div>
    ${part === "codebook" && html`<${CodebookPage} study=${study} reload=${reload} blurred=${blurred} />`}
    ${
      part &&
      part !== "codebook" &&
      !study.codebook &&
      html`<${Notice}>${text.coding.noCodebook} <a href=${hashOf(["s", study.name, "code", "codebook"])}>${text.coding.makeCodebook}</a><//>`
    }
    ${part === "assignments" && html`<${AssignmentsPage} study=${study} />`}
    ${part === "new" && html`<${DrawPage} study=${study} reload=${reload} query=${query} />`}
    ${part === "assignment" && name && html`<${AssignmentPage} key=${name} study=${study} name=${name} blurred=${blurred} />`}
  </main>`;
}
