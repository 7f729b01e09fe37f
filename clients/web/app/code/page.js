/** The page of a coder: one item at a time. */
import { html, useEffect, useMemo, useRef, useState } from "../lib/dom.js";
import { useTabSwitch } from "../lib/load.js";
import { Button, messageOf, Notice } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { isOneChoice } from "./answers.js";
import { Desk } from "./desk.js";
import { Drafts } from "./drafts.js";
import { Guide } from "./guide.js";
import { Help } from "./help.js";
import { onKeyDown, onKeyUp } from "./keys.js";
import { Leave } from "./leave.js";
import { Pictures } from "./pictures.js";
import { Questions } from "./questions.js";
import { Done, Review } from "./review.js";
import { Stage } from "./stage.js";

/** @typedef {import("./keys.js").View} View */
/** @typedef {import("./answers.js").About} About */

const SLOW = 600; // milliseconds after which the page says that it is still saving

/** @param {{about: About, tag: string, onEnd: () => void, onLeave: () => void}} props `tag`: of the link; `onEnd`: the link is not valid any more; `onLeave`: the coder has ended the session */
export function CodingPage({ about, tag, onEnd, onLeave }) {
  const variables = about.codebook?.variables ?? [];
  const canGoOn = about.role === "coder" && isOneChoice(variables);
  const [automatic, setAutomatic] = useTabSwitch("coder-automatic", true);
  const [blur, setBlur] = useTabSwitch("coder-blur", true);
  const [view, setWhole] = useState(
    /** @type {View} */ ({
      help: false,
      guide: false,
      review: false,
      zoom: false,
      open: false,
      peek: false,
      leave: false,
    }),
  );
  const setView = (/** @type {Partial<View>} */ change) => setWhole((before) => ({ ...before, ...change }));
  const [, setTurn] = useState(0);
  const desk = useMemo(() => new Desk(about, new Pictures(), new Drafts(tag)), [about]);
  desk.automatic = canGoOn && automatic;
  desk.onChange = () => setTurn((turn) => turn + 1);
  const page = { desk, view, setView, blur, setBlur };
  const latest = useRef(page);
  latest.current = page;
  useEffect(() => {
    desk.start();
    return listen(latest);
  }, [desk]);
  useEffect(() => {
    if (desk.phase === "ended") onEnd();
  }, [desk.phase]);
  useEffect(() => setView({ zoom: false, peek: false }), [desk.unit?.key]);
  const hidden = blur && !view.open && !view.peek;
  const { unit } = desk;
  return html`
    <header class="bar">
      <strong class="title">${about.study}</strong>
      <${Done} progress=${desk.progress} />
      <span class="spacer"></span>
      <${Button} pressed=${blur} onClick=${() => setBlur(!blur)}>${text.coder.blur} <kbd>b</kbd><//>
      <${Button} pressed=${view.guide} onClick=${() => setView({ guide: !view.guide })}>${text.coder.guide} <kbd>d</kbd><//>
      <${Button} onClick=${() => setView({ review: true })}>${text.coder.reviews[about.role]} <kbd>r</kbd><//>
      <${Button} onClick=${() => setView({ help: true })}>${text.coder.help} <kbd>h</kbd><//>
      <${Button} onClick=${() => setView({ leave: true })}>${text.coder.end}<//>
    </header>
    ${view.leave && html`<${Leave} desk=${desk} onClose=${() => setView({ leave: false })} onDone=${onLeave} />`}
    ${view.help && html`<${Help} role=${about.role} onClose=${() => setView({ help: false })} />`}
    ${
      view.review
        ? html`<main id="content"><${Review}
            title=${text.coder.reviews[about.role]}
            names=${variables.map((variable) => variable.name)}
            hidden=${hidden}
            onClose=${() => setView({ review: false })}
            onOpen=${(/** @type {string} */ key) => {
              setView({ review: false });
              desk.open(key);
            }}
          /></main>`
        : html`<main id="content" class=${`desk ${view.guide ? "with-guide" : ""}`}>
            <h1 class="hidden-text">${about.codebook?.title || about.study}</h1>
            ${unit && html`<${Stage} desk=${desk} hidden=${hidden} zoom=${view.zoom} setView=${setView} />`}
            ${view.guide && about.codebook && html`<${Guide} book=${about.codebook} variable=${desk.variables[desk.cursor]} hidden=${hidden} />`}
            <section class="side" aria-label=${text.coder.questions}>
              <${Told} desk=${desk} />
              ${unit && html`<${Questions} desk=${desk} />`}
              ${unit && html`<${Actions} desk=${desk} />`}
              ${
                canGoOn &&
                unit &&
                html`<label class="check small">
                  <input
                    type="checkbox"
                    checked=${automatic}
                    onChange=${(/** @type {Event} */ event) => setAutomatic(/** @type {HTMLInputElement} */ (event.target).checked)}
                  />
                  ${text.coder.automatic}
                </label>`
              }
              ${!unit && desk.phase === "finished" && html`<${Finished} desk=${desk} setView=${setView} />`}
            </section>
          </main>`
    }
  `;
}

/** Keys of the page, and a warning where it is closed with answers that are not saved. @param {{current: import("./keys.js").Page}} latest */
function listen(latest) {
  const down = (/** @type {KeyboardEvent} */ event) => onKeyDown(event, latest.current);
  const up = (/** @type {KeyboardEvent} */ event) => onKeyUp(event, latest.current);
  const away = () => latest.current.setView({ open: false });
  const online = () => latest.current.desk.retry();
  const closing = (/** @type {BeforeUnloadEvent} */ event) => latest.current.desk.isDirty && event.preventDefault();
  window.addEventListener("keydown", down);
  window.addEventListener("keyup", up);
  window.addEventListener("blur", away);
  window.addEventListener("online", online);
  window.addEventListener("beforeunload", closing);
  return () => {
    window.removeEventListener("keydown", down);
    window.removeEventListener("keyup", up);
    window.removeEventListener("blur", away);
    window.removeEventListener("online", online);
    window.removeEventListener("beforeunload", closing);
  };
}

/** @param {{desk: Desk}} props */
function Actions({ desk }) {
  const busy = desk.phase === "saving" || desk.phase === "loading";
  return html`<div class="row actions">
    <${Button} kind="primary" disabled=${busy} onClick=${() => desk.goOn()}>${text.coder.save} <kbd>${text.coder.enter}</kbd><//>
    <${Button} onClick=${() => desk.undo()}>${text.coder.undo} <kbd>u</kbd><//>
    <span class="row">
      <${Button} label=${text.coder.previous} onClick=${() => desk.back()}>←<//>
      <${Button} label=${text.coder.next} onClick=${() => desk.forward()}>→<//>
    </span>
  </div>`;
}

/** The state of saving, and what is missing; it is read out. @param {{desk: Desk}} props */
function Told({ desk }) {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    setSlow(false);
    if (desk.phase !== "saving" && desk.phase !== "loading") return;
    const timer = setTimeout(() => setSlow(true), SLOW);
    return () => clearTimeout(timer);
  }, [desk.phase]);
  const remarks = /** @type {Record<string, string>} */ (text.coder.remarks);
  return html`<div aria-live="polite">
    ${slow && html`<${Notice}>${desk.phase === "saving" ? text.coder.saving : text.common.loading}<//>`}
    ${desk.remark && html`<${Notice} kind="warn">${remarks[desk.remark]}<//>`}
    ${
      desk.phase === "failed" &&
      desk.error &&
      html`<${Notice} kind="bad">
        <p><strong>${desk.unit ? text.coder.notSaved : text.coder.notLoaded}</strong> ${text.coder.again}</p>
        <p class="small">${messageOf(desk.error)}</p>
        <${Button} onClick=${() => desk.retry()}>${text.coder.now}<//>
      <//>`
    }
    ${
      desk.phase === "refused" &&
      desk.error &&
      html`<${Notice} kind="bad">
        <p><strong>${text.coder.refused}</strong></p>
        <p class="small">${messageOf(desk.error)}</p>
        <${Button} onClick=${() => desk.renew()}>${text.coder.renew}<//>
      <//>`
    }
  </div>`;
}

/** @param {{desk: Desk, setView: (change: Partial<View>) => void}} props */
function Finished({ desk, setView }) {
  const decides = desk.about.role === "adjudicator";
  return html`<div class="finished">
    <h2>${decides ? text.coder.nothingDiffers : text.coder.finished}</h2>
    <p>${decides ? text.coder.nothingDiffersAbout(desk.progress.done) : text.coder.finishedAbout(desk.progress.done)}</p>
    <div class="row">
      <${Button} kind="primary" onClick=${() => setView({ review: true })}>${text.coder.reviews[desk.about.role]}<//>
      <${Button} onClick=${() => desk.start()}>${text.coder.lookAgain}<//>
      <${Button} onClick=${() => desk.undo()}>${text.coder.undo}<//>
    </div>
  </div>`;
}
