/** A labeller of the server applies the codebook to all items: what is sent where and its cost first, then a job. */
import { call, path } from "../lib/api.js";
import { html, useState } from "../lib/dom.js";
import { number, percent } from "../lib/format.js";
import { useAction, useLoad } from "../lib/load.js";
import { Button, ErrorNotice, Field, Notice } from "../lib/parts.js";
import { hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";
import { submitted, ticked, typed } from "../look/inputs.js";
import { JobProgress, useJob } from "./job.js";
import { Counts } from "./label_all.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {{variable: string, category: string | null, column: string, n: number, missing: number, cannot_tell: number, counts: Record<string, number>}} Figures */
/** @typedef {{labeller?: string, variables: string[], category_order: "fixed" | "permuted"}} Method */

/**
 * Nothing where the server has no labeller.
 * @param {{study: Schemas["StudyCard"], onDone: () => void}} props
 */
export function LabelByModel({ study, onDone }) {
  const labellers = useLoad(
    (signal) => /** @type {Promise<Schemas["LabellerList"]>} */ (call("v1/labellers", { signal })),
    [],
  );
  const cards = labellers.value?.data ?? [];
  if (!cards.length) return null;
  return html`<section class="card" aria-labelledby="label-by-model">
    <h2 id="label-by-model">${text.labels.title}</h2>
    <p class="soft">${text.labels.about}</p>
    ${
      study.codebook
        ? html`<${Form} study=${study} cards=${cards} onDone=${onDone} />`
        : html`<p><a href=${hashOf(["s", study.name, "code", "codebook"])}>${text.labels.noCodebook}</a></p>`
    }
  </section>`;
}

/** @param {{study: Schemas["StudyCard"], cards: Schemas["LabellerCard"][], onDone: () => void}} props */
function Form({ study, cards, onDone }) {
  const [name, setName] = useState(cards[0]?.name ?? "");
  const [left, setLeft] = useState(/** @type {string[]} */ ([]));
  const [permuted, setPermuted] = useState(true);
  const [plan, setPlan] = useState(/** @type {{method: Method, plan: Schemas["StudyLabelPlan"]} | null} */ (null));
  const work = useJob(() => {
    setPlan(null);
    onDone();
  });
  const book = useLoad(
    (signal) =>
      /** @type {Promise<Schemas["CodebookAnswer"]>} */ (call(path`v1/studies/${study.name}/codebook`, { signal })),
    [study.name, study.codebook],
  );
  const codebook = /** @type {{variables: {name: string, kind: string}[]} | undefined} */ (book.value?.codebook);
  const known = (codebook?.variables ?? []).filter((each) => each.kind !== "more" && each.kind !== "same");
  const variables = known.map((each) => each.name).filter((each) => !left.includes(each));
  const card = cards.find((each) => each.name === name);
  const look = useAction(async () => {
    setPlan(null);
    /** @type {Method} */
    const method = { labeller: name, variables, category_order: permuted ? "permuted" : "fixed" };
    const answer = await call(path`v1/studies/${study.name}/labels/plan`, { method: "POST", json: method });
    setPlan({ method, plan: /** @type {Schemas["StudyLabelPlan"]} */ (answer) });
  });
  const changed = () => setPlan(null);
  const start = () =>
    plan && work.start(path`v1/studies/${study.name}/labels`, { ...plan.method, fingerprint: plan.plan.fingerprint });
  return html`
    <form onSubmit=${submitted(() => look.run())}>
      <div class="row end">
        <${Field} label=${text.labels.labeller}>
          ${(/** @type {string} */ id) => html`<select
            id=${id} class="input" value=${name}
            onChange=${typed((value) => {
              setName(value);
              changed();
            })}
          >${cards.map((each) => html`<option key=${each.name} value=${each.name}>${each.name} (${each.model})</option>`)}</select>`}
        <//>
        <${Button} submit busy=${look.busy} disabled=${!variables.length || work.busy}>${text.labels.look}<//>
      </div>
      ${card && html`<p class="small soft">${card.sent} ${card.kept}</p>`}
      <fieldset class="row">
        <legend class="label">${text.labels.variables}</legend>
        ${known.map(
          (each) => html`<label class="check" key=${each.name}>
            <input
              type="checkbox" checked=${!left.includes(each.name)}
              onChange=${ticked((on) => {
                setLeft((before) => (on ? before.filter((one) => one !== each.name) : [...before, each.name]));
                changed();
              })}
            />
            ${each.name}
          </label>`,
        )}
      </fieldset>
      <label class="check">
        <input
          type="checkbox" checked=${permuted}
          onChange=${ticked((on) => {
            setPermuted(on);
            changed();
          })}
        />
        ${text.labels.permuted}
      </label>
    </form>
    <${ErrorNotice} error=${look.error || book.error} />
    ${plan && !work.result && html`<${Plan} plan=${plan.plan} busy=${work.busy} onStart=${start} />`}
    <${JobProgress} job=${work.job} />
    <${ErrorNotice} error=${work.error} />
    ${work.result && html`<${Done} study=${study.name} result=${work.result} />`}
  `;
}

/** Cost and prompt, and the confirmation. @param {{plan: Schemas["StudyLabelPlan"], busy: boolean, onStart: () => void}} props */
function Plan({ plan, busy, onStart }) {
  const [sure, setSure] = useState(false);
  const { cost } = plan;
  return html`<div class="notice info" role="status">
    <p>${text.labels.cost(cost.requests, cost.prompt_tokens, cost.completion_tokens)}
      ${cost.price !== null && ` ${text.labels.price(number(cost.price, 2), cost.currency ?? "")}`}</p>
    <p class="small soft">
      ${text.labels.most(cost.most_requests, cost.most_completion_tokens)}
      ${cost.most_price !== null && ` ${text.labels.price(number(cost.most_price, 2), cost.currency ?? "")}`}
      ${plan.looked_at < plan.items && ` ${text.labels.scaled(plan.looked_at)}`}
    </p>
    <details class="more">
      <summary>${text.labels.prompt}</summary>
      <pre class="prompt" tabindex="0">${plan.prompt.system}</pre>
    </details>
    <div class="row">
      <label class="check">
        <input type="checkbox" checked=${sure} onChange=${ticked(setSure)} />
        ${plan.host ? text.labels.send(plan.items, plan.host) : text.labels.here(plan.items)}
      </label>
      <${Button} kind="primary" busy=${busy} disabled=${!sure} onClick=${onStart}>${text.try.labelAll(plan.items)}<//>
    </div>
  </div>`;
}

/** @param {{study: string, result: Record<string, unknown>}} props the result of the job */
function Done({ study, result }) {
  const variables = /** @type {Figures[]} */ (result.variables ?? []);
  const errors = Object.entries(/** @type {Record<string, number>} */ (result.errors ?? {}));
  const remarks = /** @type {string[]} */ (result.remarks ?? []);
  const n = Number(result.n);
  return html`<${Notice}>
    <p>${text.labels.done(n - Number(result.failed), String(result.labeller))}</p>
    ${errors.length > 0 && html`<p>${text.labels.failed(Number(result.failed))} ${errors.map(([code, many]) => `${code} ${many}`).join(", ")}</p>`}
    ${variables.map(
      (each) => html`<div key=${each.column}>
        <h3>${each.column}</h3>
        <${Counts} study=${study} column=${each.column} counts=${each.counts} />
        ${each.cannot_tell > 0 && html`<p class="small">${text.labels.cannotTell(each.cannot_tell, percent(each.cannot_tell / n))}</p>`}
      </div>`,
    )}
    ${remarks.map((remark) => html`<p key=${remark} class="small">${remark}</p>`)}
    <a href=${hashOf(["s", study, "results"])}>${text.labels.results}</a>
  <//>`;
}
