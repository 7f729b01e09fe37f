/** Pictures of this computer are added to a study that has none yet. */
import { html, useState } from "../lib/dom.js";
import { useAction } from "../lib/load.js";
import { Button, ErrorNotice, Progress } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { Drop, RefusedFiles } from "./create.js";
import { sendPictures } from "./upload.js";

/** @typedef {import("./upload.js").Refused} Refused */

/** @param {{study: string, onDone: () => void}} props */
export function AddPictures({ study, onDone }) {
  const [files, setFiles] = useState(/** @type {{id: string, file: File}[]} */ ([]));
  const [sent, setSent] = useState(0);
  const [refused, setRefused] = useState(/** @type {Refused[]} */ ([]));
  const add = useAction(async () => {
    const left = await sendPictures(study, files, setSent);
    setRefused(left);
    if (left.length < files.length) onDone();
    setFiles([]);
  });
  return html`<div class="page">
    <${Drop} count=${files.length} onFiles=${setFiles} />
    ${add.busy && html`<${Progress} label=${text.studies.sending(sent, files.length)} value=${sent / files.length} />`}
    ${refused.length > 0 && html`<${RefusedFiles} refused=${refused} />`}
    <${ErrorNotice} error=${add.error} />
    <${Button} kind="primary" busy=${add.busy} disabled=${!files.length} onClick=${() => add.run()}>${text.studies.add}<//>
  </div>`;
}
