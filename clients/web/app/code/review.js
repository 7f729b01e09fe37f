/** A coder's own codes, or an adjudicator's decisions, to look through and to change. */
import { call } from "../lib/api.js";
import { html, useLayoutEffect, useRef, useState } from "../lib/dom.js";
import { count, number } from "../lib/format.js";
import { useLoad } from "../lib/load.js";
import { Button, ErrorNotice } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { nameOf } from "./answers.js";
import { SmallPicture } from "./guide.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {import("./answers.js").Unit} Unit */
/** @typedef {import("./answers.js").Code} Code */

const ROWS = 25;

/** @param {{title: string, names: string[], onOpen: (key: string) => void, onClose: () => void, hidden: boolean}} props `names` of the variables, in order */
export function Review({ title, names, onOpen, onClose, hidden }) {
  const [offset, setOffset] = useState(0);
  const heading = useRef(/** @type {HTMLHeadingElement | null} */ (null));
  const units = useLoad(
    (signal) =>
      /** @type {Promise<Schemas["UnitList"]>} */ (call("v1/coding/units", { query: { limit: ROWS, offset }, signal })),
    [offset],
  );
  useLayoutEffect(() => heading.current?.focus(), [offset]);
  useLayoutEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && onClose();
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  const all = units.value?.progress.assigned ?? 0;
  return html`<section class="page review" aria-label=${title}>
    <div class="row">
      <h1 tabindex="-1" ref=${heading}>${title}</h1>
      <span class="spacer"></span>
      <${Button} kind="primary" onClick=${onClose}>${text.coder.back}<//>
    </div>
    <${ErrorNotice} error=${units.error} retry=${units.reload} />
    <ol class="units" start=${offset + 1}>
      ${units.value?.data.map((unit) => html`<${Row} key=${unit.key} unit=${unit} names=${names} hidden=${hidden} onOpen=${() => onOpen(unit.key)} />`)}
    </ol>
    ${
      all > ROWS &&
      html`<nav class="row" aria-label=${text.coder.pages}>
        <${Button} disabled=${offset === 0} onClick=${() => setOffset(offset - ROWS)}>${text.coder.earlier}<//>
        <span>${text.coder.range(offset + 1, Math.min(offset + ROWS, all), all)}</span>
        <${Button} disabled=${offset + ROWS >= all} onClick=${() => setOffset(offset + ROWS)}>${text.coder.later}<//>
      </nav>`
    }
  </section>`;
}

/** @param {{unit: Unit, names: string[], hidden: boolean, onOpen: () => void}} props */
function Row({ unit, names, hidden, onOpen }) {
  const coded = names.filter((name) => unit.codes[name]);
  return html`<li>
    <button type="button" class="unit" onClick=${onOpen}>
      <span class="row">
        ${unit.pictures.map((key, i) => html`<${SmallPicture} key=${key} picture=${key} name=${text.coder.ofPair(i)} hidden=${hidden} />`)}
        ${unit.texts?.map((each) => html`<span class="excerpt small">${each.slice(0, 160)}</span>`)}
      </span>
      <span>
        ${!coded.length && html`<span class="soft">${text.coder.notCoded}</span>`}
        ${coded.map((name) => html`<span class="code" key=${name}><span class="soft">${name}</span> ${written(unit.codes[name])}</span>`)}
        ${unit.note && html`<span class="code"><span class="soft">${text.coder.note}</span> ${unit.note.slice(0, 200)}</span>`}
      </span>
    </button>
  </li>`;
}

/** @param {Code | undefined} code */
function written(code) {
  if (!code) return "";
  if (code.cannot_tell) return text.coder.cannotTell;
  return typeof code.value === "number" ? number(code.value, 6) : nameOf(code).slice(0, 200);
}

/** Done of assigned, as text and as a bar. @param {{progress: Schemas["OwnProgress"]}} props */
export function Done({ progress }) {
  const label = text.coder.progress(progress.done, progress.assigned);
  return html`<div class="done">
    <progress max=${progress.assigned || 1} value=${progress.done} aria-label=${text.coder.progressLabel}></progress>
    <span class="small" title=${label}>${count(progress.done)} / ${count(progress.assigned)}</span>
  </div>`;
}
