/** The folders of the server, one level at a time. */
import { Select } from "../coding/inputs.js";
import { call } from "../lib/api.js";
import { html } from "../lib/dom.js";
import { useLoad } from "../lib/load.js";
import { text } from "../lib/text.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

const UP = "..";

/** Choices of a folder within the one that is chosen; none where that is no folder. @param {{place: string, onChange: (place: string) => void}} props */
export function Folders({ place, onChange }) {
  const within = place.replace(/\/+$/, "");
  const found = useLoad(
    (signal) => /** @type {Promise<Schemas["FolderList"]>} */ (call("v1/folders", { query: { within }, signal })),
    [within],
  );
  const names = found.error ? [] : (found.value?.data ?? []);
  if (!names.length && !within) return null;
  return html`<${Select}
    label=${text.studies.folders}
    value=""
    options=${[
      { value: "", label: text.studies.chooseFolder },
      ...(within ? [{ value: UP, label: text.studies.upwards }] : []),
      ...names.map((name) => ({ value: name, label: name })),
    ]}
    onChange=${(/** @type {string} */ name) => {
      if (name === UP) onChange(within.split("/").slice(0, -1).join("/"));
      else if (name) onChange(within ? `${within}/${name}` : name);
    }}
  />`;
}
