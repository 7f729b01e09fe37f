/** The map: items as points, by two columns of numbers. */
import { call, path } from "../lib/api.js";
import { html, useId, useMemo, useRef, useState } from "../lib/dom.js";
import { cell } from "../lib/format.js";
import { useLoad } from "../lib/load.js";
import { Button, ErrorNotice, Notice } from "../lib/parts.js";
import { go, hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";
import { EmbeddingsNotice } from "../look/embed.js";
import { Chips } from "../look/filters.js";
import { typed } from "../look/inputs.js";
import { readQuery, writeQuery } from "../look/query.js";
import { select, useSelection } from "../look/selection.js";
import { SelectionBar } from "../look/selection_bar.js";
import { useVectorSets } from "../look/vectors.js";
import { ComputeMap } from "./compute.js";
import { Legend } from "./legend.js";
import { Plot } from "./plot.js";
import { colouringOf, pointsOf } from "./points.js";
import { Preview } from "./preview.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {import("./plot.js").Shown} Shown */

/** Pairs of columns that an analysis has written as a map: x and y, cluster:x and cluster:y. @param {string[]} names */
export function mapsOf(names) {
  const ups = names.filter((name) => name.endsWith("x") && names.includes(`${name.slice(0, -1)}y`));
  return ups.map((name) => /** @type {[string, string]} */ ([name, `${name.slice(0, -1)}y`]));
}

const hasWebGL = () => document.createElement("canvas").getContext("webgl") !== null;

/** @param {import("../pages.js").PageProps} props */
export function MapPage({ study, reload, query: params, blurred }) {
  const { name } = study;
  const [turn, setTurn] = useState(0);
  const [drawable, setDrawable] = useState(hasWebGL);
  const vectors = useVectorSets(name);
  const columns = useLoad(
    (signal) => /** @type {Promise<Schemas["ColumnList"]>} */ (call(path`v1/studies/${name}/columns`, { signal })),
    [name, turn],
  );
  const figures = columns.value?.data ?? [];
  const numbers = figures.filter((each) => each.kind === "number").map((each) => each.name);
  const newest = mapsOf(numbers).at(-1);
  const [x, y] = [params.get("x") ?? newest?.[0] ?? "", params.get("y") ?? newest?.[1] ?? ""];
  const again = () => setTurn((before) => before + 1);
  if (!drawable) return html`<${NoWebGL} study=${name} />`;
  return html`<main class="map" id="content">
    <h1 class="hidden-text">${text.map.title(study.title || name)}</h1>
    <${ErrorNotice} error=${columns.error} retry=${columns.reload} />
    ${
      columns.value && !(x && y)
        ? html`<div class="page">
            <${EmbeddingsNotice} study=${name} pictures=${study.pictures} sets=${vectors.sets} known=${vectors.known} onDone=${vectors.reload} />
            <${ComputeMap} study=${name} vectors=${vectors.sets.some((each) => each.items > 0)} onDone=${again} />
          </div>`
        : null
    }
    ${
      columns.value &&
      html`<${Whole}
        ...${{ study, params, x, y, numbers, blurred, turn }}
        names=${figures.map((each) => each.name)}
        onFailed=${() => setDrawable(false)}
        onSaved=${() => {
          again();
          reload();
        }}
      />`
    }
  </main>`;
}

/** @param {{study: string}} props */
function NoWebGL({ study }) {
  return html`<main class="page" id="content">
    <${Notice} kind="warn">${text.map.noWebGL}<//>
    <a class="button" href=${hashOf(["s", study, "look"], { sort: "cluster" })}>${text.map.toWall}</a>
  </main>`;
}

/**
 * The map with its tools.
 * @param {{study: Schemas["StudyCard"], params: URLSearchParams, x: string, y: string, numbers: string[], names: string[], blurred: boolean, turn: number,
 *   onFailed: () => void, onSaved: () => void}} props
 */
function Whole({ study, params, x, y, numbers, names, blurred, turn, onFailed, onSaved }) {
  const { name } = study;
  const colour =
    params.get("colour") ?? names.find((each) => x && each === (x === "x" ? "cluster" : x.slice(0, -2))) ?? "";
  const query = readQuery(params);
  const [lasso, setLasso] = useState(false);
  const [only, setOnly] = useState(/** @type {number | null} */ (null));
  const [shown, setShown] = useState(/** @type {Shown | null} */ (null));
  const [remark, setRemark] = useState("");
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const selected = useSelection(name);
  const table = useLoad(
    async (signal) => {
      if (!x || !y) return null;
      const column = [...new Set([x, y, colour].filter(Boolean))];
      /** @type {Schemas["TableAnswer"]} */
      const answer = await call(path`v1/studies/${name}/table`, {
        query: { ids: true, column, filter: query.filters },
        signal,
      });
      return { keys: answer.keys, ids: answer.ids ?? [], columns: answer.columns, x, y, colour };
    },
    [name, x, y, colour, query.filters.join("\n"), turn],
  );
  const read = table.value;
  const points = useMemo(() => read && pointsOf(read, read.columns[read.x] ?? [], read.columns[read.y] ?? []), [read]);
  const colouring = useMemo(
    () => read && points && colouringOf(points, read.colour ? (read.columns[read.colour] ?? null) : null),
    [points],
  );
  const set = (/** @type {Record<string, string>} */ patch) => {
    const next = new URLSearchParams(params);
    for (const [key, value] of Object.entries(patch)) next.set(key, value);
    setOnly(null);
    setShown(null);
    go(hashOf(["s", name, "map"], next), { replace: true });
  };
  const filter = (/** @type {string[]} */ filters) => {
    const next = new URLSearchParams(params);
    next.delete("filter");
    for (const each of filters) next.append("filter", each);
    go(hashOf(["s", name, "map"], next));
  };
  const wall = (/** @type {object} */ patch) =>
    hashOf(["s", name, "look"], writeQuery({ filters: query.filters, ...patch }));
  const key = shown && points ? (points.keys[shown.point] ?? "") : "";
  const value =
    shown && read?.colour && points ? read.columns[read.colour]?.[points.rows[shown.point] ?? -1] : undefined;
  const line = value === undefined ? "" : `${colour}: ${typeof value === "number" ? cell(value) : (value ?? "–")}`;
  const toggle = (/** @type {string} */ item) => {
    const next = new Set(selected);
    if (!next.delete(item)) next.add(item);
    select(name, next);
  };
  return html`
    <div class="look-bar">
      <${Choice} label=${text.map.across} value=${x} names=${numbers} onChange=${(/** @type {string} */ next) => set({ x: next })} />
      <${Choice} label=${text.map.up} value=${y} names=${numbers} onChange=${(/** @type {string} */ next) => set({ y: next })} />
      <${Choice} label=${text.map.colour} value=${colour} names=${names} none=${text.map.noColour} onChange=${(/** @type {string} */ next) => set({ colour: next })} />
      <${Button} pressed=${lasso} onClick=${() => setLasso(!lasso)}>${text.map.lasso}<//>
      <a href=${wall({})}>${text.map.asWall}</a>
    </div>
    ${
      query.filters.length > 0 &&
      html`<div class="chips"><${Chips} filters=${query.filters} onChange=${filter} /></div>`
    }
    ${remark && html`<${Notice}>${remark}<//>`}
    <${ErrorNotice} error=${table.error} retry=${table.reload} />
    ${points && points.left > 0 && html`<p class="soft small look-remark">${text.map.left(points.left)}</p>`}
    ${
      points &&
      colouring &&
      html`<div class="map-body">
        <div class="map-main" ref=${box}>
          <${Plot}
            ...${{ points, colouring, only, lasso, selected, onFailed }}
            onShow=${setShown}
            onLasso=${(/** @type {Set<string>} */ keys) => select(name, keys)}
            onToggle=${toggle}
            onOpen=${(/** @type {string} */ item) => go(hashOf(["s", name, "item", item], writeQuery({ filters: query.filters })))}
          />
          ${
            shown &&
            html`<${Preview}
              ...${{ study: name, item: key, line, at: shown.at, blurred }}
              name=${points.ids[shown.point] ?? ""}
              pictures=${study.pictures}
              width=${box.current?.clientWidth ?? 0}
            />`
          }
          <span class="hidden-text" aria-live="polite">${shown ? `${points.ids[shown.point]}. ${line}` : ""}</span>
        </div>
        <${Legend} colouring=${colouring} only=${only} onOnly=${setOnly} />
      </div>`
    }
    <${SelectionBar}
      study=${name}
      columns=${names}
      onSaved=${(/** @type {string} */ column) => {
        setRemark(text.look.saved(column));
        onSaved();
      }}
    >
      <a class="button" href=${wall({ only: true })}>${text.map.selectedOnWall}</a>
    <//>
    <p class="look-keys soft small" id="map-keys">${text.map.keys}</p>
  `;
}

/** @param {{label: string, value: string, names: string[], none?: string, onChange: (value: string) => void}} props */
function Choice({ label, value, names, none, onChange }) {
  const id = useId();
  return html`<div class="look-sort">
    <label for=${id}>${label}</label>
    <select id=${id} class="input" value=${value} onChange=${typed(onChange)}>
      ${(none || !value) && html`<option value="">${none ?? "–"}</option>`}
      ${names.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
    </select>
  </div>`;
}
