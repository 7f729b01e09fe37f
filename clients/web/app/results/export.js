/** Files of the study: codes, codebook, Label Studio, and everything in one archive. */
import { call, path, withQuery } from "../lib/api.js";
import { html } from "../lib/dom.js";
import { useAction } from "../lib/load.js";
import { Button, ErrorNotice } from "../lib/parts.js";
import { text } from "../lib/text.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

/** @param {{study: Schemas["StudyCard"], coded: import("./parts.js").Coded | null}} props */
export function Export({ study, coded }) {
  const { name } = study;
  const table = (/** @type {string} */ layout) =>
    withQuery(path`v1/studies/${name}/codes`, {
      layout,
      format: "csv",
      assignment: coded?.assignment,
      ...(layout !== "long" && { variable: coded?.variable, category: coded?.category, majority: coded?.majority }),
    });
  const file = (/** @type {string} */ about) => [name, coded?.assignment, about].filter(Boolean).join("-");
  /** @type {{href: string, file: string, name: string, about: string}[]} */
  const files = [
    { href: path`v1/studies/${name}/export`, file: `${name}.zip`, ...text.results.files.archive },
    ...(coded
      ? [
          { href: table("long"), file: file("long.csv"), ...text.results.files.long },
          { href: table("wide"), file: file(`${coded.variable}-wide.csv`), ...text.results.files.wide },
          { href: table("final"), file: file(`${coded.variable}-final.csv`), ...text.results.files.final },
          {
            href: withQuery(path`v1/studies/${name}/label-studio`, { assignment: coded.assignment }),
            file: file("label-studio.json"),
            ...text.results.files.labelStudio,
          },
        ]
      : []),
  ];
  return html`<section class="card" aria-labelledby="export">
    <h2 id="export">${text.results.export}</h2>
    <ul class="files">
      ${files.map(
        (each) => html`<li key=${each.file}>
          <a class="button file" href=${each.href} download=${each.file}>${each.name}</a>
          <span class="small soft">${each.about}</span>
        </li>`,
      )}
      ${study.codebook && html`<${CodebookFile} study=${name} />`}
    </ul>
  </section>`;
}

/** The codebook as a file, as it is read again: without the number of its version. @param {{study: string}} props */
function CodebookFile({ study }) {
  const save = useAction(async () => {
    /** @type {Schemas["CodebookAnswer"]} */
    const answer = await call(path`v1/studies/${study}/codebook`);
    const address = URL.createObjectURL(
      new Blob([JSON.stringify(answer.codebook, null, 2)], { type: "application/json" }),
    );
    const link = Object.assign(document.createElement("a"), { href: address, download: `${study}-codebook.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  });
  return html`<li>
    <${Button} busy=${save.busy} onClick=${() => save.run()}>${text.results.files.codebook.name}<//>
    <span class="small soft">${text.results.files.codebook.about}</span>
    <${ErrorNotice} error=${save.error} />
  </li>`;
}
