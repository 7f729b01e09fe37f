/** The pictures of a study. */
import { html } from "../lib/dom.js";

/** @param {import("../pages.js").PageProps} props */
export function LookPage({ study }) {
  return html`<main class="page" id="content"><h1>${study.title || study.name}</h1></main>`;
}
