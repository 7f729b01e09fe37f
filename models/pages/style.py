"""The style sheet of all reports, for light and dark screens and for paper."""

_HEAT = "\n".join(f".h{i} {{ background: rgb(var(--heat) / {4 + 5.6 * i:.0f}%); }}" for i in range(11))

STYLE = f"""
:root {{ color-scheme: light dark; --ink: #1a1a1a; --soft: #5c5c5c; --rule: #cfcfcf; --paper: #fff; --note: #f6f3ea;
  --line: #1f5a94; --other: #a8480f; --bar: #8fb0cf; --heat: 31 90 148; --shade: rgb(0 0 0 / 28%); --tile: #f4f4f4; }}
@media screen and (prefers-color-scheme: dark) {{
  :root {{ --ink: #e4e4e4; --soft: #a3a3a3; --rule: #444; --paper: #161616; --note: #26241c;
    --line: #86b7e6; --other: #eb9a5f; --bar: #41678c; --heat: 110 165 220; --shade: rgb(255 255 255 / 34%);
    --tile: #222; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 0; padding: 2.2rem 1.2rem 4rem; color: var(--ink); background: var(--paper);
  font: 15px/1.45 Charter, "Bitstream Charter", "Source Serif 4", Georgia, "DejaVu Serif", serif;
  overflow-wrap: anywhere; }}
main {{ max-width: 64rem; margin: 0 auto; }}
a {{ color: var(--line); }}
a:focus-visible, .wide:focus-visible {{ outline: 2px solid var(--other); outline-offset: 2px; }}
.contents {{ margin: 1.2rem 0 0; font-size: .9rem; line-height: 1.5; }}
.contents h2 {{ margin: 0 0 .2rem; padding: 0; border: 0; font-size: .9rem; color: var(--soft); font-weight: 400; }}
.contents ol {{ list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0 1.1rem; }}
h1 {{ font-size: 1.6rem; line-height: 1.2; margin: 0 0 .2rem; }}
section {{ scroll-margin-top: .5rem; }}
h2 {{ font-size: 1.1rem; margin: 2.2rem 0 .5rem; padding-top: .5rem; border-top: 1px solid var(--rule);
  break-after: avoid; }}
h3 {{ font-size: 1rem; margin: 1.4rem 0 .3rem; break-after: avoid; }}
p {{ margin: .4rem 0; max-width: 46rem; }}
.lead {{ font-size: 1.12rem; margin: .4rem 0 1rem; }}
.kicker, .soft, caption, small {{ color: var(--soft); }}
.kicker {{ margin: 0; }}
small {{ font-size: max(.82em, 11px); }}
.notes {{ background: var(--note); border-left: 3px solid var(--other); padding: .5rem .9rem; margin: 1rem 0; }}
.notes h2 {{ border: 0; margin: 0; padding: 0; font-size: 1rem; }}
.notes ul {{ margin: .2rem 0; padding-left: 1.1rem; }}
.wide {{ overflow-x: auto; margin: .6rem 0 1rem; max-width: 100%; background:
  linear-gradient(to right, var(--paper) 45%, transparent) -2px 0 / 2.6rem 100% no-repeat local,
  linear-gradient(to left, var(--paper) 45%, transparent) calc(100% + 2px) 0 / 2.6rem 100% no-repeat local,
  linear-gradient(to right, var(--shade), transparent) left / .8rem 100% no-repeat scroll,
  linear-gradient(to left, var(--shade), transparent) right / .8rem 100% no-repeat scroll; }}
.wide::before {{ content: "scrolls →"; display: block; position: sticky; left: 0; height: 0; opacity: 0;
  overflow: hidden; text-align: right; padding-right: .4rem; font-size: .8rem; line-height: 1.3rem;
  color: var(--other); }}
@keyframes scrolled {{ from {{ height: 1.3rem; opacity: 1; }} to {{ height: 1.3rem; opacity: 0; }} }}
@supports (animation-timeline: scroll()) {{  /* without anything to scroll, the animation does not run */
  @media screen {{ .wide::before {{ animation: scrolled linear both; animation-timeline: scroll(nearest inline); }} }}
}}
table {{ border-collapse: collapse; font-size: .88rem; font-variant-numeric: lining-nums tabular-nums; }}
table:has(caption) {{ min-width: min(100%, 20rem); }}
caption {{ text-align: left; padding-bottom: .35rem; }}
caption > span {{ display: block; position: sticky; left: 0; max-width: min(46rem, calc(100vw - 2.4rem)); }}
th, td {{ padding: .16rem 0 .16rem 1.1rem; text-align: right; vertical-align: baseline; white-space: nowrap; }}
th {{ font-weight: 600; }}
thead th {{ border-top: 1px solid var(--ink); border-bottom: 1px solid var(--rule); font-weight: 400;
  color: var(--soft); vertical-align: bottom; }}
tbody tr:last-child > * {{ border-bottom: 1px solid var(--ink); }}
th:first-child {{ padding-left: 0; text-align: left; white-space: normal; min-width: 7rem; max-width: 28rem;
  font-weight: 400; }}
td small {{ margin-left: .3em; }}
td small.interval {{ display: inline-block; min-width: 6.6em; text-align: left; }}
.three-names :is(td, th):nth-child(-n + 3) {{ text-align: left; }}
.words td {{ text-align: left; white-space: normal; min-width: 3rem; }}
.words td:nth-child(n + 3) {{ min-width: 11rem; }}
.words thead th {{ text-align: left; }}
code {{ font: inherit; white-space: nowrap; }}
bdi > .name {{ display: inline-block; max-width: 100%; }}
th, dt, summary, .contents a {{ overflow-wrap: break-word; }}  /* a column is as wide as its widest word */
.facts {{ margin: .5rem 0; }}
.facts th {{ color: var(--soft); vertical-align: top; max-width: 14rem; }}
.facts td {{ text-align: left; white-space: normal; }}
.facts tbody tr:last-child > * {{ border: 0; }}
.matrix th, .matrix td {{ padding: .12rem .2rem; text-align: center; line-height: 1.15; }}
.matrix td {{ min-width: 2.3rem; border: 1px solid var(--paper); }}
.matrix td small {{ display: block; margin: 0; color: inherit; }}
.matrix tbody th, .matrix thead th:first-child {{ padding-right: .6rem; max-width: 15rem; text-align: left; }}
.matrix td.d {{ outline: 1px solid var(--soft); outline-offset: -2px; }}
.many {{ font-size: .72rem; }}
.many td {{ min-width: 1.55rem; }}
{_HEAT}
svg {{ max-width: 100%; height: auto; font-size: 11px; font-family: inherit; fill: var(--ink); }}
td svg {{ vertical-align: middle; min-width: 6rem; }}
.axis {{ stroke: var(--soft); fill: none; }}
.grid {{ stroke: var(--rule); fill: none; stroke-width: .7; }}
.ideal {{ stroke: var(--soft); fill: none; stroke-dasharray: 2 3; }}
.line {{ stroke: var(--line); fill: none; stroke-width: 1.6; }}
.second {{ stroke: var(--other); fill: none; stroke-width: 1.6; stroke-dasharray: 6 3; }}
.dot {{ fill: var(--line); }}
.sized {{ fill: var(--line); fill-opacity: .6; }}
.hollow {{ fill: var(--paper); stroke: var(--other); stroke-width: 1.4; }}
.points {{ stroke: var(--line); stroke-width: 3.4; stroke-linecap: round; fill: none; opacity: .5; }}
.bar {{ fill: var(--bar); }}
.tick, .name {{ fill: var(--soft); }}
.beside {{ display: flex; flex-wrap: wrap; gap: 0 2.4rem; align-items: flex-start; }}
.beside > * {{ min-width: 0; max-width: 100%; }}
.slim {{ display: none; }}
blockquote {{ margin: .6rem 0; padding: .1rem 0 .1rem .9rem; border-left: 3px solid var(--rule); }}
.plots {{ display: flex; flex-wrap: wrap; gap: .6rem 1.4rem; align-items: flex-end; margin: .6rem 0; }}
figure {{ margin: 0; min-width: 0; max-width: 100%; overflow-x: auto; break-inside: avoid; }}
figure svg {{ display: block; max-width: none; }}
figcaption {{ font-size: .84rem; max-width: min(22rem, calc(100vw - 2.4rem)); position: sticky; left: 0; }}
.small figcaption {{ max-width: 10rem; }}
.cards {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .9rem; margin: .8rem 0; }}
.cards img {{ display: block; width: 100%; height: 8.5rem; object-fit: contain; background: var(--tile); }}
.cards figcaption {{ margin-top: .25rem; line-height: 1.3; }}
summary {{ cursor: pointer; color: var(--soft); font-size: .88rem; }}
@media screen and (min-width: 72rem) {{
  main.listed {{ max-width: 78rem; display: grid; grid-template-columns: 11rem minmax(0, 1fr);
    grid-template-rows: auto 1fr; column-gap: 2.4rem; }}
  main.listed > * {{ grid-column: 2; }}
  main.listed > .contents {{ grid-column: 1; grid-row: 1 / span 2; position: sticky; top: 0; align-self: start;
    max-height: 100vh; overflow-y: auto; margin: 0; padding: .4rem 0; }}
  .contents ol {{ display: block; }}
  .contents li {{ margin-bottom: .3rem; line-height: 1.3; }}
  .contents a {{ text-decoration: none; }}
}}
@media screen and (max-width: 40rem) {{
  .broad {{ display: none; }}
  .slim {{ display: block; }}
}}
@media screen and (max-width: 30rem) {{
  body {{ padding: 1.2rem .8rem 3rem; }}
  th:first-child {{ max-width: 9rem; }}
  .facts th {{ max-width: 8rem; min-width: 5rem; }}
  .cards {{ grid-template-columns: repeat(auto-fill, minmax(6.6rem, 1fr)); gap: .6rem; }}
}}
@media print {{
  @page {{ size: A4; margin: 16mm 15mm; }}
  * {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
  body {{ padding: 0; font-size: 9.5pt; }}
  main {{ max-width: none; }}
  table {{ font-size: 8pt; }}
  .many {{ font-size: 6pt; }}
  .many td {{ min-width: 0; }}
  .wide {{ overflow: visible; background: none; }}
  figure {{ overflow: visible; }}
  figure svg {{ max-width: 100%; }}
  th, td {{ white-space: normal; }}
  table:not(.words, .facts) td {{ overflow-wrap: normal; }}
  tr, figure, .notes {{ break-inside: avoid; }}
  details::details-content {{ content-visibility: visible; block-size: auto; }}
  thead {{ display: table-header-group; }}
}}
"""
