/** Signing in with an API key, which is exchanged for a cookie at once and is not kept by the page. */
import { call } from "./lib/api.js";
import { html, useState } from "./lib/dom.js";
import { useAction } from "./lib/load.js";
import { Button, ErrorNotice, Field } from "./lib/parts.js";
import { text } from "./lib/text.js";

/** @param {{onDone: () => void}} props */
export function SignIn({ onDone }) {
  const [key, setKey] = useState("");
  const enter = useAction(async () => {
    await call("v1/session", { method: "POST", headers: { authorization: `Bearer ${key.trim()}` } });
    setKey("");
    onDone();
  });
  return html`<main class="page narrow" id="content">
    <h1>${text.signIn.title}</h1>
    <form
      onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        enter.run();
      }}
    >
      <${Field} label=${text.signIn.key} hint=${text.signIn.hint}>
        ${(/** @type {string} */ id, /** @type {string} */ hint) => html`<input
          id=${id}
          class="input"
          type="password"
          autocomplete="off"
          required
          aria-describedby=${hint}
          value=${key}
          onInput=${(/** @type {Event} */ event) => setKey(/** @type {HTMLInputElement} */ (event.target).value)}
        />`}
      <//>
      <${ErrorNotice} error=${enter.error} />
      <${Button} kind="primary" submit busy=${enter.busy}>${text.signIn.enter}<//>
    </form>
  </main>`;
}
