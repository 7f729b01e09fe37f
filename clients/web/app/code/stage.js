/** The picture that is coded, two of a pair, or texts: blurred until a key is held, and enlarged on demand. */
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib/dom.js";
import { messageOf, Notice } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { usePicture } from "./pictures.js";

/** @typedef {import("./desk.js").Desk} Desk */
const HELD = 250; // milliseconds after which a touch is no tap any more

/**
 * @param {{desk: Desk, hidden: boolean, zoom: boolean, setView: (change: Partial<import("./keys.js").View>) => void}} props
 *   `hidden`: blurred
 */
export function Stage({ desk, hidden, zoom, setView }) {
  const unit = desk.unit;
  const [, setTurn] = useState(0);
  useEffect(() => {
    const changed = () => setTurn((turn) => turn + 1);
    desk.pictures.listeners.add(changed);
    return () => {
      desk.pictures.listeners.delete(changed);
    };
  }, []);
  if (!unit) return null;
  const isPair = unit.pictures.length + (unit.texts?.length ?? 0) > 1;
  const nameOf = (/** @type {number} */ i) => (isPair ? text.coder.ofPair(i) : text.coder.picture);
  return html`<div class=${`stage ${isPair ? "pair" : ""}`} aria-busy=${String(!desk.takesAnswers)}>
    ${unit.pictures.map(
      (key, i) => html`<${Picture}
        key=${`${unit.key} ${i}`}
        desk=${desk}
        picture=${key}
        name=${nameOf(i)}
        caption=${isPair ? nameOf(i) : null}
        hidden=${hidden}
        zoom=${zoom}
        setView=${setView}
      />`,
    )}
    ${unit.texts?.map(
      (each, i) => html`<figure key=${`${unit.key} text ${i}`}>
        ${isPair && html`<figcaption>${nameOf(i)}</figcaption>`}
        <div class="text" tabindex="0" role="group" aria-label=${nameOf(i)}>${each}</div>
      </figure>`,
    )}
  </div>`;
}

/**
 * @param {{desk: Desk, picture: string, name: string, caption: string | null, hidden: boolean, zoom: boolean,
 *   setView: (change: Partial<import("./keys.js").View>) => void}} props
 */
function Picture({ desk, picture, name, caption, hidden, zoom, setView }) {
  const held = desk.pictures.get(picture);
  const full = usePicture(zoom ? picture : null, "full");
  const image = useRef(/** @type {HTMLImageElement | null} */ (null));
  const frame = useRef(/** @type {HTMLDivElement | null} */ (null));
  const press = usePress((open) => setView({ open }));
  useLayoutEffect(() => {
    if (!held.address || !image.current) return;
    let gone = false;
    image.current
      .decode()
      .catch(() => {})
      .then(() => gone || painted(desk, picture));
    return () => {
      gone = true;
    };
  }, [held.address]);
  useEffect(() => {
    if (held.error) desk.seen(picture); // it can be coded as "cannot tell"
  }, [held.error]);
  useLayoutEffect(() => {
    if (zoom) frame.current?.focus();
  }, [zoom]);
  if (held.error)
    return html`<figure>
      <${Notice} kind="bad">${text.coder.noPicture} ${messageOf(held.error)}<//>
      <button type="button" class="button" onClick=${() => desk.pictures.want([picture, ...desk.pictures.held.keys()])}>
        ${text.common.retry}
      </button>
    </figure>`;
  return html`<figure>
    ${caption && html`<figcaption>${caption}</figcaption>`}
    <div
      ref=${frame}
      class=${`frame ${zoom ? "zoomed" : ""}`}
      tabindex=${zoom ? 0 : undefined}
      role=${zoom ? "group" : undefined}
      aria-label=${zoom ? text.coder.zoomed : undefined}
    >
      ${
        held.address
          ? html`<img
              ref=${image}
              src=${(hidden && held.veil) || (full.address ?? held.address)}
              alt=${name}
              class=${hidden ? (held.veil ? "blurred" : "blurred by-filter") : ""}
              draggable=${false}
              ...${press.handlers(hidden)}
              onClick=${() => press.wasHeld() || setView(hidden ? { peek: true } : { zoom: !zoom })}
            />`
          : html`<p class="soft" role="status">${text.coder.loadingPicture}</p>`
      }
      ${
        hidden &&
        held.address &&
        html`<p class="veil-hint small"><span class="by-key">${text.coder.hintKey}</span><span class="by-touch">${text.coder.hintTouch}</span></p>`
      }
    </div>
  </figure>`;
}

/**
 * A finger that is held on a blurred picture shows it for as long; a tap is a click.
 * @param {(open: boolean) => void} onHeld
 */
function usePress(onHeld) {
  const state = useRef({ timer: 0, held: false });
  const end = () => {
    clearTimeout(state.current.timer);
    if (state.current.held) onHeld(false);
  };
  const handlers = (/** @type {boolean} */ hidden) => ({
    onPointerDown: (/** @type {PointerEvent} */ event) => {
      state.current.held = false;
      if (!hidden || event.pointerType === "mouse") return;
      state.current.timer = setTimeout(() => {
        state.current.held = true;
        onHeld(true);
      }, HELD);
    },
    onPointerUp: end,
    onPointerCancel: end,
    onPointerLeave: end,
    onContextMenu: (/** @type {Event} */ event) => state.current.held && event.preventDefault(),
  });
  return { handlers, wasHeld: () => state.current.held };
}

/** Note that a picture is on the screen, once it is painted. @param {Desk} desk @param {string} picture */
function painted(desk, picture) {
  requestAnimationFrame(() => {
    const channel = new MessageChannel(); // its message comes after the frame was painted
    channel.port1.onmessage = () => {
      channel.port1.close();
      desk.seen(picture);
    };
    channel.port2.postMessage(null);
  });
}
