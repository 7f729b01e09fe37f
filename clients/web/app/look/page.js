/** The pictures of a study: a wall with filters, search, order, captions and a selection. */
import { call, path } from "../lib/api.js";
import { html, useEffect, useState } from "../lib/dom.js";
import { useLoad } from "../lib/load.js";
import { Button, ErrorNotice, Notice } from "../lib/parts.js";
import { go, hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";
import { AddPictures } from "../studies/add.js";
import { Captions, SearchBar, SizeSlider, SortBar } from "./bar.js";
import { DeleteColumn } from "./delete_column.js";
import { useDroppedPicture } from "./drop.js";
import { EmbeddingsNotice } from "./embed.js";
import { Chip, Chips, Filters } from "./filters.js";
import { keepPicture, nameOfPicture } from "./pictures.js";
import { conditionOf, NO_SIMILAR, readQuery, writeQuery } from "./query.js";
import { useRows } from "./rows.js";
import { select, useSelection } from "./selection.js";
import { SelectionBar } from "./selection_bar.js";
import { useVectorSets } from "./vectors.js";
import { Wall } from "./wall.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {import("./query.js").WallQuery} WallQuery */

const NARROW = "(max-width: 52rem)";

/** The item that was opened last, to which the wall returns. @type {Map<string, string>} */
const opened = new Map();

/** @param {import("../pages.js").PageProps} props */
export function LookPage({ study, reload, query: params, blurred }) {
  const { name } = study;
  const query = readQuery(params);
  const [turn, setTurn] = useState(0);
  const [remark, setRemark] = useState(/** @type {string | null} */ (null));
  const [size, setSize] = useState(() => Number(sessionStorage.getItem("tile")) || 160);
  const [deleting, setDeleting] = useState(/** @type {string | null} */ (null));
  const selected = useSelection(name);
  const vectors = useVectorSets(name);
  const columns = useLoad(
    (signal) => /** @type {Promise<Schemas["ColumnList"]>} */ (call(path`v1/studies/${name}/columns`, { signal })),
    [name, turn],
  );
  const { rows, error, loading } = useRows(name, query, { refresh: true, turn });
  const figures = columns.value?.data ?? [];
  const names = figures.map((each) => each.name);
  const hasVectors = vectors.sets.some((each) => each.items > 0);

  const change = (/** @type {Partial<WallQuery>} */ patch) =>
    go(hashOf(["s", name, "look"], writeQuery({ ...query, ...patch })));
  const like = (/** @type {string} */ key) => {
    if (hasVectors) change({ ...NO_SIMILAR, like: key });
    else setRemark(text.look.noVectorsYet);
  };
  const byPicture = (/** @type {File} */ file) => change({ ...NO_SIMILAR, picture: keepPicture(file) });
  const over = useDroppedPicture(hasVectors ? byPicture : () => setRemark(text.look.noVectorsYet));

  return html`<main class="look" id="content">
    <h1 class="hidden-text">${study.title || name}</h1>
    <div class="look-bar">
      <${SearchBar} query=${query} vectors=${hasVectors || !vectors.known} onChange=${change} onPicture=${byPicture} />
      <${SortBar} query=${query} names=${names} onChange=${change} />
      <${Captions} query=${query} names=${names} onChange=${change} />
      <${SizeSlider}
        size=${size}
        onChange=${(/** @type {number} */ next) => {
          sessionStorage.setItem("tile", String(next));
          setSize(next);
        }}
      />
    </div>
    <div class="look-body">
      <${FilterPanel} count=${query.filters.length}>
        <${ErrorNotice} error=${columns.error} retry=${columns.reload} />
        <${Filters} columns=${figures} filters=${query.filters} onChange=${(/** @type {string[]} */ filters) => change({ filters })} onDelete=${setDeleting} />
      <//>
      <section class="look-main" aria-label=${text.look.pictures}>
        ${study.items === 0 && !study.folder && !study.collection && html`<${AddPictures} study=${name} onDone=${reload} />`}
        <${EmbeddingsNotice} study=${name} pictures=${study.pictures && study.items > 0} sets=${vectors.sets} known=${vectors.known} onDone=${vectors.reload} />
        ${remark && html`<${Remark} text=${remark} onClose=${() => setRemark(null)} />`}
        ${rows?.remarks.map((each) => html`<p class="soft small look-remark" key=${each}>${each}</p>`)}
        <div class="chips">
          <span class="look-count" aria-live="polite">${rows ? text.look.count(rows.keys.length, study.items) : text.common.loading}</span>
          <${SimilarChip} query=${query} onChange=${change} />
          ${query.only && html`<${Chip} label=${text.look.onlySelected} onRemove=${() => change({ only: false })} />`}
          <${Chips} filters=${query.filters} onChange=${(/** @type {string[]} */ filters) => change({ filters })} />
        </div>
        <${ErrorNotice} error=${error} />
        ${rows && !rows.keys.length && html`<${Nothing} study=${study} onClear=${() => change({ ...NO_SIMILAR, filters: [], search: "", only: false })} />`}
        ${
          rows &&
          rows.keys.length > 0 &&
          html`<div class="wall-frame" aria-busy=${String(loading)}>
            <${Wall}
              ...${{ study: name, rows, size, blurred, selected }}
              show=${query.show.filter((each) => each === "id" || each in rows.columns)}
              pictures=${study.pictures}
              start=${opened.get(name) ?? null}
              onSelect=${(/** @type {Set<string>} */ keys) => select(name, keys)}
              onLike=${like}
              onOpen=${(/** @type {string} */ key) => {
                opened.set(name, key);
                go(hashOf(["s", name, "item", key], params));
              }}
            />
          </div>`
        }
        <${SelectionBar}
          study=${name}
          columns=${names}
          onLike=${like}
          onSaved=${(/** @type {string} */ column) => {
            setRemark(text.look.saved(column));
            setTurn((before) => before + 1);
            reload();
          }}
        >
          ${!query.only && html`<${Button} onClick=${() => change({ only: true })}>${text.look.only}<//>`}
        <//>
        <p class="look-keys soft small">${text.look.keys}</p>
      </section>
    </div>
    ${over && html`<div class="look-drop">${text.look.drop}</div>`}
    ${
      deleting &&
      html`<${DeleteColumn}
        study=${name}
        column=${deleting}
        onClose=${() => setDeleting(null)}
        onDone=${() => {
          setDeleting(null);
          change({
            filters: query.filters.filter((each) => conditionOf(each)?.column !== deleting),
            show: query.show.filter((each) => each !== deleting),
            ...(query.sort === deleting && { sort: null }),
          });
          setTurn((before) => before + 1);
        }}
      />`
    }
  </main>`;
}

/** Filters beside the wall; above it and folded on a narrow screen. @param {{count: number, children?: import("../lib/dom.js").Children}} props */
function FilterPanel({ count, children }) {
  const [open, setOpen] = useState(() => !matchMedia(NARROW).matches);
  useEffect(() => {
    const narrow = matchMedia(NARROW);
    const changed = () => setOpen(!narrow.matches);
    narrow.addEventListener("change", changed);
    return () => narrow.removeEventListener("change", changed);
  }, []);
  return html`<details class="look-filters" open=${open} onToggle=${(/** @type {Event} */ event) => setOpen(/** @type {HTMLDetailsElement} */ (event.currentTarget).open)}>
    <summary><h2>${text.look.filters}${count > 0 && ` (${count})`}</h2></summary>
    ${children}
  </details>`;
}

/** @param {{query: WallQuery, onChange: (patch: Partial<WallQuery>) => void}} props */
function SimilarChip({ query, onChange }) {
  const remove = () => onChange(NO_SIMILAR);
  if (query.picture)
    return html`<${Chip} label=${text.look.likePicture(nameOfPicture(query.picture))} onRemove=${remove} />`;
  if (query.like) return html`<${Chip} label=${text.look.likeItem} onRemove=${remove} />`;
  if (query.text) return html`<${Chip} label=${text.look.likeText(query.text)} onRemove=${remove} />`;
  if (query.search)
    return html`<${Chip} label=${text.look.nameHas(query.search)} onRemove=${() => onChange({ search: "" })} />`;
  return null;
}

/** @param {{text: string, onClose: () => void}} props */
function Remark({ text: about, onClose }) {
  return html`<${Notice}><div class="row"><span>${about}</span><span class="spacer"></span><${Button} onClick=${onClose}>${text.common.close}<//></div><//>`;
}

/** @param {{study: Schemas["StudyCard"], onClear: () => void}} props */
function Nothing({ study, onClear }) {
  if (!study.items) return html`<p class="soft">${text.look.empty}</p>`;
  return html`<div class="row"><span class="soft">${text.look.nothing}</span><${Button} onClick=${onClear}>${text.look.clearFilters}<//></div>`;
}
