/** The page of a coder. */
import { html, render } from "../lib/dom.js";

const root = document.getElementById("app");
if (root) render(html`<main class="page" id="content"></main>`, root);
