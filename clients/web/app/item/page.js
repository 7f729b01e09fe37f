/** An item: its picture, and all that is known of it. */
import { call, path, pictureAddress } from "../lib/api.js";
import { html, useEffect } from "../lib/dom.js";
import { bytes } from "../lib/format.js";
import { useLoad } from "../lib/load.js";
import { Button, ErrorNotice } from "../lib/parts.js";
import { go, hashOf } from "../lib/router.js";
import { text } from "../lib/text.js";
import { useKeys } from "../look/inputs.js";
import { readQuery, writeQuery } from "../look/query.js";
import { useRows } from "../look/rows.js";
import { select, useSelection } from "../look/selection.js";
import { useVectorSets } from "../look/vectors.js";
import { Codes } from "./codes.js";
import { Columns } from "./columns.js";
import { Similar } from "./similar.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

/** @param {import("../pages.js").PageProps} props */
export function ItemPage({ study, parts, query: params, blurred }) {
  const { name } = study;
  const key = parts[0] ?? "";
  const item = useLoad(
    (signal) => /** @type {Promise<Schemas["WholeItem"]>} */ (call(path`v1/studies/${name}/items/${key}`, { signal })),
    [name, key],
  );
  const { sets } = useVectorSets(name);
  const { rows } = useRows(name, readQuery(params), { refresh: false });
  const place = rows ? rows.keys.indexOf(key) : -1;
  const before = place > 0 ? rows?.keys[place - 1] : undefined;
  const after = place >= 0 ? rows?.keys[place + 1] : undefined;
  const to = (/** @type {string} */ other) => hashOf(["s", name, "item", other], params);
  const wall = hashOf(["s", name, "look"], params);
  useKeys({
    ArrowLeft: () => before && go(to(before)),
    ArrowRight: () => after && go(to(after)),
    Escape: () => go(wall),
  });
  usePreloaded(study.pictures && after ? pictureAddress(name, after, "1024") : null);
  useEffect(() => window.scrollTo(0, 0), [key]);
  const known = item.value?.key === key ? item.value : null;
  if (item.error) {
    return html`<main class="page" id="content">
      <${ErrorNotice} error=${item.error} retry=${item.reload} />
      <a href=${wall}>${text.item.back}</a>
    </main>`;
  }
  return html`<main class="item" id="content">
    <div class="item-bar row">
      <a class="button" href=${wall}>${text.item.back}</a>
      <${Step} href=${before && to(before)} label=${text.item.before}>←<//>
      <${Step} href=${after && to(after)} label=${text.item.after}>→<//>
      ${place >= 0 && html`<span class="soft small">${text.item.place(place + 1, rows?.keys.length ?? 0)}</span>`}
      <span class="spacer"></span>
      <${Selected} study=${name} item=${key} />
      ${
        sets.length > 0 &&
        html`<a class="button" href=${hashOf(["s", name, "look"], writeQuery({ like: key }))}>${text.look.like}</a>`
      }
    </div>
    <div class="item-body">
      <div class="item-picture">
        ${
          study.pictures
            ? html`<a href=${pictureAddress(name, key, "full")} target="_blank" rel="noreferrer" title=${text.item.full}>
                <img
                  key=${key} class=${blurred ? "blurred" : ""} src=${pictureAddress(name, key, "1024")}
                  alt=${known?.id ?? text.item.picture} width=${known?.width ?? undefined} height=${known?.height ?? undefined}
                />
              </a>`
            : html`<p class="item-text">${known?.text ?? ""}</p>`
        }
      </div>
      <div class="item-facts">
        <h1>${known?.id ?? text.common.loading}</h1>
        ${known && html`<p class="soft small">${sizeOf(known)}</p>`}
        ${known && html`<${Columns} study=${name} values=${known.columns} />`}
        ${known && html`<${Codes} codes=${known.codes} />`}
      </div>
    </div>
    ${sets.length > 0 && html`<${Similar} study=${name} item=${key} blurred=${blurred} pictures=${study.pictures} />`}
  </main>`;
}

/** @param {Schemas["WholeItem"]} item */
function sizeOf(item) {
  const size = item.width && item.height ? `${item.width} × ${item.height}` : "";
  return [size, item.bytes ? bytes(item.bytes) : ""].filter(Boolean).join(" · ");
}

/** A link to the item before or after. @param {{href: string | undefined, label: string, children?: import("../lib/dom.js").Children}} props */
function Step({ href, label, children }) {
  return href
    ? html`<a class="button" href=${href} aria-label=${label} title=${label}>${children}</a>`
    : html`<${Button} disabled label=${label}>${children}<//>`;
}

/** @param {{study: string, item: string}} props */
function Selected({ study, item }) {
  const selected = useSelection(study);
  const toggle = () => {
    const next = new Set(selected);
    if (!next.delete(item)) next.add(item);
    select(study, next);
  };
  return html`<${Button} pressed=${selected.has(item)} onClick=${toggle}>${text.item.select}<//>`;
}

/** Fetch a picture ahead. @param {string | null} address */
function usePreloaded(address) {
  useEffect(() => {
    if (!address) return;
    const image = new Image();
    image.src = address;
    return () => {
      if (!image.complete) image.removeAttribute("src");
    };
  }, [address]);
}
