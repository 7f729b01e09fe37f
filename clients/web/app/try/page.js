/** Labels are tried on a few pictures at once; all items are labelled, clustered, and searched for duplicates. */
import { call, path } from "../lib/api.js";
import { html, useEffect, useRef, useState } from "../lib/dom.js";
import { useLoad } from "../lib/load.js";
import { Button, ErrorNotice, Field } from "../lib/parts.js";
import { text } from "../lib/text.js";
import { EmbeddingsNotice } from "../look/embed.js";
import { typed } from "../look/inputs.js";
import { useVectorSets } from "../look/vectors.js";
import { Clusters, Duplicates } from "./group.js";
import { LabelAll } from "./label_all.js";
import { LabelByModel } from "./label_by_model.js";
import { Preview } from "./preview.js";
import { isComplete, newVariant, requestOf, VariantForm } from "./variant.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {import("./variant.js").Variant} Variant */

const MOST = 6; // variants
const PAUSE = 400; // ms without a key after which labels are scored
const SIZES = [6, 12, 24];

/** The variants of a study that this tab has seen last. @type {Map<string, Variant[]>} */
const seen = new Map();

/** @param {import("../pages.js").PageProps} props */
export function TryPage({ study, reload, blurred }) {
  const { name } = study;
  const [variants, setVariants] = useState(() => seen.get(name) ?? [newVariant(1)]);
  const [draw, setDraw] = useState({ seed: 0, size: 6 });
  const vectors = useVectorSets(name);
  const models = useLoad((signal) => /** @type {Promise<Schemas["ModelList"]>} */ (call("v1/models", { signal })), []);
  const ready = vectors.sets.some((each) => each.items > 0);
  const names = variants.map((_, i) => text.try.variant(i + 1));
  useEffect(() => {
    seen.set(name, variants);
  }, [variants]);
  const update = (/** @type {Variant} */ changed) =>
    setVariants((before) => before.map((each) => (each.id === changed.id ? changed : each)));
  const add = () =>
    setVariants((before) => [...before, newVariant(Math.max(...before.map((each) => each.id)) + 1, before.at(-1))]);
  return html`<main class="page wide try" id="content">
    <h1>${text.try.title}</h1>
    <${EmbeddingsNotice}
      study=${name} pictures=${study.pictures} sets=${vectors.sets} known=${vectors.known}
      onDone=${() => {
        vectors.reload();
        reload();
      }}
    />
    <div class="try-columns">
      <div>
        ${variants.map(
          (variant, i) => html`<fieldset class="variant" key=${variant.id}>
            <legend>${names[i]}</legend>
            <${VariantForm}
              variant=${variant} onChange=${update}
              models=${(models.value?.data ?? []).filter((each) => each.zero_shot && each.modalities.includes("image"))}
            />
            ${
              variants.length > 1 &&
              html`<${Button} onClick=${() => setVariants((before) => before.filter((each) => each.id !== variant.id))}>
                ${text.try.removeVariant(i + 1)}
              <//>`
            }
          </fieldset>`,
        )}
        <${Button} disabled=${variants.length >= MOST} onClick=${add}>${text.try.addVariant}<//>
        <p class="small soft">${text.try.addAbout}</p>
      </div>
      <${Scored} study=${study} variants=${variants} names=${names} draw=${draw} onDraw=${setDraw} blurred=${blurred} />
    </div>
    <${LabelAll} study=${study} variants=${variants} names=${names} ready=${ready} onDone=${reload} />
    <${LabelByModel} study=${study} onDone=${reload} />
    <${Clusters} study=${study} ready=${ready} onDone=${reload} />
    <${Duplicates} study=${study} ready=${ready} onDone=${reload} />
  </main>`;
}

/** @typedef {{seed: number, size: number}} Draw */

/**
 * @param {{study: Schemas["StudyCard"], variants: Variant[], names: string[], draw: Draw, onDraw: (draw: Draw) => void, blurred: boolean}} props
 */
function Scored({ study, variants, names, draw, onDraw, blurred }) {
  const complete = variants.map(isComplete);
  const asked = variants.filter(isComplete).map(requestOf);
  const question = usePaused(JSON.stringify({ variants: asked, ...draw }), PAUSE);
  const preview = useLoad(
    async (signal) => {
      const json = JSON.parse(question);
      if (!json.variants.length || !study.items) return null;
      /** @type {Schemas["ZeroShotPreview"]} */
      const answer = await call(path`v1/studies/${study.name}/zero-shot/preview`, { method: "POST", json, signal });
      return answer;
    },
    [question, study.name],
  );
  const shown = preview.value;
  return html`<div class="scored">
    <div class="row">
      <${Button} disabled=${!shown} onClick=${() => onDraw({ ...draw, seed: draw.seed + 1 })}>${text.try.others}<//>
      <span class="spacer"></span>
      <${Field} label=${text.try.size}>
        ${(/** @type {string} */ id) => html`<select
          id=${id} class="input" value=${String(draw.size)} onChange=${typed((size) => onDraw({ ...draw, size: Number(size) }))}
        >${SIZES.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}</select>`}
      <//>
    </div>
    <p class="hidden-text" role="status">${preview.loading ? text.try.scoring : shown ? text.try.ready : ""}</p>
    <${ErrorNotice} error=${preview.error} retry=${preview.reload} />
    ${!study.items && html`<p class="soft">${text.try.noItems}</p>`}
    ${study.items > 0 && !shown && !preview.error && html`<p class="soft">${asked.length ? text.try.scoring : text.try.empty}</p>`}
    ${
      shown &&
      html`<${Preview}
        study=${study} preview=${shown} names=${names.filter((_, i) => complete[i])} blurred=${blurred}
        stale=${preview.loading}
      />
      ${shown.remarks.map((remark) => html`<p key=${remark} class="small soft">${remark}</p>`)}
      <p class="small soft">${text.try.notValidated}</p>`
    }
  </div>`;
}

/** A value that changes only when it has been the same for a while. @template T @param {T} value @param {number} pause */
function usePaused(value, pause) {
  const [kept, setKept] = useState(value);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return undefined;
    }
    const timer = setTimeout(() => setKept(value), pause);
    return () => clearTimeout(timer);
  }, [value]);
  return kept;
}
