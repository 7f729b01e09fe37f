/** Every text that people read on the pages. Keys are grouped by page; functions take numbers and names. */
import { count } from "../app/lib/format.js";

const plural = (/** @type {number} */ n, /** @type {string} */ one, /** @type {string} */ many) =>
  `${count(n)} ${n === 1 ? one : many}`;

export default {
  common: {
    name: "Daguerre",
    cancel: "Cancel",
    close: "Close",
    delete: "Delete",
    retry: "Try again",
    loading: "Loading …",
    noAnswer: "The server does not answer. Check that it runs and that this computer is connected, then try again.",
    pageError: (/** @type {string} */ about) => `This page has made a mistake (${about}). Reload it.`,
    requestId: (/** @type {string} */ id) => `Number of the request, for the server's log: ${id}`,
    pictures: (/** @type {number} */ n) => plural(n, "picture", "pictures"),
    items: (/** @type {number} */ n) => plural(n, "item", "items"),
    codes: (/** @type {number} */ n) => plural(n, "code", "codes"),
    skip: "Skip to the content",
    blur: "Blur pictures",
    api: "API",
    noPage: "There is no such page.",
  },
  signIn: {
    title: "Sign in",
    key: "API key",
    hint: "The person who runs the server gives out keys. It is kept in a cookie that scripts cannot read.",
    enter: "Sign in",
    out: "Sign out",
  },
  pages: {
    look: "Look",
    map: "Map",
    try: "Try",
    code: "Code",
    results: "Results",
  },
  studies: {
    title: "Studies",
    none: "There is no study yet. A study is a set of pictures that you look at, label and code.",
    create: "New study",
    name: "Name",
    nameHint: "Letters, digits, '-', '_' and '.'; it is part of addresses.",
    heading: "Title",
    headingHint: "Coders read it.",
    source: "Pictures",
    sources: { send: "Sent from this computer", folder: "A folder on the server", collection: "A collection" },
    folder: "Folder",
    folderHint: "Below the folder DAGUERRE_DATA of the server. The pictures stay where they are.",
    collection: "Name of the collection",
    kept: "The pictures are kept on the server until the study is deleted. Only your key sees them.",
    drop: "Drop pictures or a folder here, or",
    choose: "Choose pictures",
    sending: (/** @type {number} */ done, /** @type {number} */ all) =>
      `Sending ${count(done)} of ${count(all)} pictures`,
    refused: (/** @type {number} */ n) => `${plural(n, "file was", "files were")} not added:`,
    make: "Make the study",
    open: "Open the study",
    created: (/** @type {string} */ when) => `made ${when}`,
    remove: "Delete the study",
    removeTitle: (/** @type {string} */ name) => `Delete ${name}?`,
    removeAbout:
      "Pictures that were sent, thumbnails, columns, codebooks, codes and coders' links are deleted for good. " +
      "Pictures of a folder on the server stay there.",
    removeType: (/** @type {string} */ name) => `Type ${name} to confirm`,
    removed: (/** @type {string} */ name, /** @type {string} */ what) => `${name} is deleted: ${what}.`,
    leftOut: (/** @type {number} */ n) =>
      `${plural(n, "file", "files")} of the folder are no pictures and were left out.`,
  },
};
