/** Pictures of a coder, which are fetched with the coder's header and shown from memory. */
import { path, send } from "../lib/api.js";
import { useEffect, useState } from "../lib/dom.js";

const MOST = 6; // pictures in memory: those shown, and those of the next items
const CELLS = 16; // of the longer side of a blurred picture
const SMOOTH = 128; // pixels of the longer side to which the cells are smoothed
/** @typedef {{address: string | null, error: Error | null, image: HTMLImageElement | null, veil: string | null}} Shown `veil`: the address of the blurred picture */
/** @typedef {"256" | "1024" | "full"} Size */

/** @param {string} key @param {Size} size @param {AbortSignal} [signal] */
async function read(key, size, signal) {
  const response = await send(path`v1/coding/pictures/${key}`, { query: { size }, ...(signal && { signal }) });
  return URL.createObjectURL(await response.blob());
}

/** What is shown of a picture that is not held. @type {Shown} */
const NOTHING = { address: null, error: null, image: null, veil: null };

/** The picture scaled to a longer side of so many pixels. @param {HTMLImageElement | HTMLCanvasElement} source @param {number} side */
function scaled(source, side) {
  const [width, height] =
    source instanceof HTMLImageElement ? [source.naturalWidth, source.naturalHeight] : [source.width, source.height];
  const canvas = document.createElement("canvas");
  const scale = side / Math.max(width, height, 1);
  [canvas.width, canvas.height] = [Math.max(Math.round(width * scale), 1), Math.max(Math.round(height * scale), 1)];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** The address of a blurred picture, which is made ahead: a filter would be drawn at the moment that the picture is wanted. @param {HTMLImageElement} image @returns {Promise<string | null>} */
async function veilOf(image) {
  if (!image.naturalWidth) return null;
  const canvas = scaled(scaled(image, CELLS), SMOOTH);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  return blob && URL.createObjectURL(blob);
}

/** @param {Shown} held */
function release(held) {
  for (const address of [held.address, held.veil]) if (address) URL.revokeObjectURL(address);
}

/** The pictures shown now and next, fetched ahead and decoded. */
export class Pictures {
  constructor() {
    /** @type {Map<string, Shown>} */
    this.held = new Map();
    /** @type {Set<() => void>} */
    this.listeners = new Set();
  }

  /** Hold these pictures, the first ones first, and let go of others. @param {string[]} keys */
  want(keys) {
    const wanted = [...new Set(keys)].slice(0, MOST);
    for (const [key, held] of this.held) {
      if (!wanted.includes(key)) this.drop(key, held);
    }
    for (const key of wanted) if (!this.held.get(key) || this.held.get(key)?.error) this.fetch(key);
  }

  /** @param {string} key @returns {Shown} */
  get(key) {
    return this.held.get(key) ?? NOTHING;
  }

  /** @param {string} key @param {Shown} held */
  drop(key, held) {
    this.held.delete(key);
    release(held);
  }

  /** @param {string} key */
  async fetch(key) {
    /** @type {Shown} */
    const made = { ...NOTHING };
    this.held.set(key, made);
    try {
      const address = await read(key, "1024");
      const image = new Image();
      image.src = address;
      await image.decode().catch(() => {}); // a picture that cannot be decoded is reported where it is shown
      const veil = await veilOf(image);
      Object.assign(made, { address, image, veil });
      if (this.held.get(key) !== made) {
        release(made);
        return;
      }
    } catch (error) {
      made.error = /** @type {Error} */ (error);
    }
    for (const each of this.listeners) each();
  }
}

/**
 * A picture that is held while it is shown: an example, a row of a list, a picture at its full size.
 * @param {string | null} key
 * @param {Size} size
 * @returns {{address: string | null, error: Error | null}}
 */
export function usePicture(key, size) {
  const [shown, setShown] = useState(
    /** @type {{address: string | null, error: Error | null}} */ ({ address: null, error: null }),
  );
  useEffect(() => {
    if (key === null) return;
    const controller = new AbortController();
    /** @type {string | null} */
    let held = null;
    read(key, size, controller.signal).then(
      (address) => {
        if (controller.signal.aborted) URL.revokeObjectURL(address);
        else {
          held = address;
          setShown({ address, error: null });
        }
      },
      (error) => controller.signal.aborted || setShown({ address: null, error }),
    );
    return () => {
      controller.abort();
      if (held) URL.revokeObjectURL(held);
      setShown({ address: null, error: null });
    };
  }, [key, size]);
  return shown;
}
