/** Sending pictures of this computer to a study, in parts that the server takes at once. */
import { call, path } from "../lib/api.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {{id: string, file: File}} Picture */
/** @typedef {{id: string, message: string}} Refused */

const AT_ONCE = 32; // pictures of one request
const BYTES_AT_ONCE = 16 * 2 ** 20;

/**
 * The files of what was dropped, those within folders too.
 * @param {DataTransfer | null} transfer
 * @returns {Promise<Picture[]>}
 */
export async function droppedFiles(transfer) {
  const entries = Array.from(transfer?.items ?? [], (item) => item.webkitGetAsEntry());
  const found = await Promise.all(entries.map((entry) => (entry ? filesOf(entry) : [])));
  return found.flat();
}

/** @param {FileSystemEntry} entry @returns {Promise<Picture[]>} */
async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    );
    return [{ id: entry.fullPath.replace(/^\//, ""), file }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {Picture[]} */
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // at most 100 at once
    if (!some.length) return found;
    for (const each of some) found.push(...(await filesOf(each)));
  }
}

/**
 * Send pictures, and return those that the server did not take. Sending them again changes nothing.
 * @param {string} study
 * @param {Picture[]} pictures
 * @param {(done: number) => void} report
 * @returns {Promise<Refused[]>}
 */
export async function sendPictures(study, pictures, report) {
  /** @type {Refused[]} */
  const refused = [];
  let done = 0;
  report(0);
  for (const part of inParts(pictures)) {
    const form = new FormData();
    for (const { id, file } of part) form.append("input", file, id);
    const request = JSON.stringify({ on_error: "skip", ids: part.map(({ id }) => id) });
    form.append("request", new Blob([request], { type: "application/json" }));
    /** @type {Schemas["PicturesAnswer"]} */
    const answer = await call(path`v1/studies/${study}/items`, { method: "POST", form });
    refused.push(...answer.refused.map((each) => ({ id: each.id ?? "", message: each.message })));
    done += part.length;
    report(done);
  }
  return refused;
}

/** @param {Picture[]} pictures @returns {Generator<Picture[]>} */
function* inParts(pictures) {
  /** @type {Picture[]} */
  let part = [];
  let size = 0;
  for (const picture of pictures) {
    if (part.length && (part.length >= AT_ONCE || size + picture.file.size > BYTES_AT_ONCE)) {
      yield part;
      part = [];
      size = 0;
    }
    part.push(picture);
    size += picture.file.size;
  }
  if (part.length) yield part;
}
