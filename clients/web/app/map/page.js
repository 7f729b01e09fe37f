/** A page that follows. */
import { html } from "../lib/dom.js";

/** @param {import("../pages.js").PageProps} props */
export function MapPage({ study }) {
  return html`<main class="page" id="content"><h1>${study.name}</h1></main>`;
}
