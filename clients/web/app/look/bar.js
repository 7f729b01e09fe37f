/** The tools above the wall: search, order, captions and size. */
import { html, useEffect, useId, useRef, useState } from "../lib/dom.js";
import { Button } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { submitted, ticked, typed } from "./inputs.js";
import { isSimilar, NO_SIMILAR } from "./query.js";

/** @typedef {import("./query.js").WallQuery} WallQuery */
/** @typedef {(patch: Partial<WallQuery>) => void} Change */

/**
 * Search by words, by a picture, or by a part of the name.
 * @param {{query: WallQuery, vectors: boolean, onChange: Change, onPicture: (file: File) => void}} props
 */
export function SearchBar({ query, vectors, onChange, onPicture }) {
  const [kind, setKind] = useState(/** @type {"text" | "search"} */ (query.search || !vectors ? "search" : "text"));
  const [words, setWords] = useState(query.text || query.search);
  const file = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [id, kinds] = [useId(), useId()];
  useEffect(() => setWords(query.text || query.search), [query.text, query.search]);
  useEffect(() => setKind(query.search || !vectors ? "search" : "text"), [vectors]);
  const start = () =>
    kind === "text"
      ? onChange({ ...NO_SIMILAR, search: "", text: words.trim() })
      : onChange({ ...NO_SIMILAR, search: words.trim() });
  return html`<form class="look-search" role="search" onSubmit=${submitted(start)}>
    <label class="hidden-text" for=${kinds}>${text.look.searchKind}</label>
    <select id=${kinds} class="input" value=${kind} onChange=${typed((value) => setKind(value === "text" ? "text" : "search"))}>
      <option value="text" disabled=${!vectors}>${text.look.byText}</option>
      <option value="search">${text.look.byName}</option>
    </select>
    <label class="hidden-text" for=${id}>${text.look.search}</label>
    <input
      id=${id} class="input" type="search" maxlength="1000" value=${words} onInput=${typed(setWords)}
      placeholder=${kind === "text" ? text.look.byTextHint : text.look.byNameHint}
    />
    <${Button} submit kind="primary">${text.look.search}<//>
    ${
      vectors &&
      html`<input
          ref=${file} type="file" accept="image/*" hidden
          onChange=${(/** @type {Event} */ event) => {
            const input = /** @type {HTMLInputElement} */ (event.target);
            if (input.files?.[0]) onPicture(input.files[0]);
            input.value = "";
          }}
        />
        <${Button} onClick=${() => file.current?.click()}>${text.look.byPicture}<//>`
    }
  </form>`;
}

/** @param {{query: WallQuery, names: string[], onChange: Change}} props `names`: of the columns */
export function SortBar({ query, names, onChange }) {
  const id = useId();
  const similar = isSimilar(query);
  return html`<div class="look-sort">
    <label for=${id}>${text.look.sort}</label>
    <select
      id=${id} class="input" value=${similar ? "" : (query.sort ?? "")} disabled=${similar}
      onChange=${typed((value) => onChange({ sort: value || null }))}
    >
      <option value="">${similar ? text.look.bySimilarity : text.look.asAdded}</option>
      <option value="id">${text.look.id}</option>
      ${names.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
    </select>
    <${Button} disabled=${similar} pressed=${query.descending} label=${text.look.descending} onClick=${() => onChange({ descending: !query.descending })}>
      ${query.descending ? "↓" : "↑"}
    <//>
  </div>`;
}

/** @param {{query: WallQuery, names: string[], onChange: Change}} props */
export function Captions({ query, names, onChange }) {
  const element = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  useEffect(() => {
    const away = (/** @type {Event} */ event) => {
      const inside = event.target instanceof Node && element.current?.contains(event.target);
      if (element.current && (event instanceof KeyboardEvent ? event.key === "Escape" : !inside))
        element.current.open = false;
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("keydown", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("keydown", away);
    };
  }, []);
  return html`<details class="menu" ref=${element}>
    <summary class="button">${text.look.captions}${query.show.length > 0 && ` (${query.show.length})`}</summary>
    <div class="menu-body">
      ${["id", ...names].map(
        (name) => html`<label class="check" key=${name}>
          <input
            type="checkbox" checked=${query.show.includes(name)}
            onChange=${ticked((on) => onChange({ show: on ? [...query.show, name] : query.show.filter((each) => each !== name) }))}
          />
          ${name === "id" ? text.look.id : name}
        </label>`,
      )}
    </div>
  </details>`;
}

/** @param {{size: number, onChange: (size: number) => void}} props */
export function SizeSlider({ size, onChange }) {
  const id = useId();
  return html`<div class="look-size">
    <label for=${id}>${text.look.size}</label>
    <input id=${id} type="range" min="64" max="384" step="16" value=${size} onInput=${typed((value) => onChange(Number(value)))} />
  </div>`;
}
