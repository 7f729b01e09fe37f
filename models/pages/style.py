"""The style sheet of all reports, for light and dark screens and for paper."""

_HEAT = "\n".join(f".h{i} {{ background: rgb(var(--heat) / {4 + 5.6 * i:.0f}%); }}" for i in range(11))

STYLE = f"""
:root {{ color-scheme: light dark; --ink: #1a1a1a; --soft: #5c5c5c; --rule: #cfcfcf; --paper: #fff; --note: #f6f3ea;
  --line: #1f5a94; --other: #a8480f; --bar: #8fb0cf; --heat: 31 90 148; }}
@media screen and (prefers-color-scheme: dark) {{
  :root {{ --ink: #e4e4e4; --soft: #a3a3a3; --rule: #444; --paper: #161616; --note: #26241c;
    --line: #86b7e6; --other: #eb9a5f; --bar: #41678c; --heat: 110 165 220; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 2.5rem auto 4rem; padding: 0 1.2rem; max-width: 60rem; color: var(--ink); background: var(--paper);
  font: 15px/1.45 Charter, "Bitstream Charter", "Source Serif 4", Georgia, "DejaVu Serif", serif;
  overflow-wrap: anywhere; }}
h1 {{ font-size: 1.6rem; line-height: 1.2; margin: 0 0 .2rem; }}
h2 {{ font-size: 1.1rem; margin: 2.2rem 0 .5rem; padding-top: .5rem; border-top: 1px solid var(--rule);
  break-after: avoid; }}
h3 {{ font-size: 1rem; margin: 1.4rem 0 .3rem; break-after: avoid; }}
p {{ margin: .4rem 0; max-width: 46rem; }}
.lead {{ font-size: 1.12rem; margin: .4rem 0 1rem; }}
.kicker, .soft, caption, small {{ color: var(--soft); }}
.kicker {{ margin: 0; }}
small {{ font-size: .82em; }}
.notes {{ background: var(--note); border-left: 3px solid var(--other); padding: .5rem .9rem; margin: 1rem 0; }}
.notes h2 {{ border: 0; margin: 0; padding: 0; font-size: 1rem; }}
.notes ul {{ margin: .2rem 0; padding-left: 1.1rem; }}
.wide {{ overflow-x: auto; margin: .6rem 0 1rem; }}
table {{ border-collapse: collapse; font-size: .88rem; font-variant-numeric: lining-nums tabular-nums; }}
caption {{ text-align: left; padding-bottom: .35rem; }}
th, td {{ padding: .16rem 0 .16rem 1.1rem; text-align: right; vertical-align: baseline; white-space: nowrap; }}
th {{ font-weight: 600; }}
thead th {{ border-top: 1px solid var(--ink); border-bottom: 1px solid var(--rule); font-weight: 400;
  color: var(--soft); vertical-align: bottom; }}
tbody tr:last-child > * {{ border-bottom: 1px solid var(--ink); }}
th:first-child {{ padding-left: 0; text-align: left; white-space: normal; min-width: 7rem; max-width: 28rem;
  font-weight: 400; }}
td small {{ margin-left: .3em; }}
td small.interval {{ display: inline-block; min-width: 6.6em; text-align: left; }}
.words td {{ text-align: left; white-space: normal; min-width: 3rem; }}
.words td:nth-child(n + 3) {{ min-width: 11rem; }}
.words thead th {{ text-align: left; }}
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
.plots {{ display: flex; flex-wrap: wrap; gap: .6rem 1.4rem; align-items: flex-end; margin: .6rem 0; }}
figure {{ margin: 0; break-inside: avoid; }}
figcaption {{ font-size: .84rem; max-width: 22rem; }}
.small figcaption {{ max-width: 10rem; }}
.cards {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .9rem; margin: .8rem 0; }}
.cards img {{ display: block; max-width: 100%; max-height: 10rem; }}
.cards figcaption {{ margin-top: .25rem; line-height: 1.3; }}
summary {{ cursor: pointer; color: var(--soft); font-size: .88rem; }}
@media (max-width: 30rem) {{
  body {{ margin-top: 1.2rem; padding: 0 .8rem; }}
  th:first-child {{ max-width: 11rem; }}
  .facts th {{ max-width: 7rem; min-width: 5rem; }}
}}
@media print {{
  @page {{ size: A4; margin: 16mm 15mm; }}
  * {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
  body {{ margin: 0; padding: 0; max-width: none; font-size: 9.5pt; }}
  table {{ font-size: 8pt; }}
  .many {{ font-size: 6pt; }}
  .many td {{ min-width: 0; }}
  .wide {{ overflow: visible; }}
  tr, figure, .notes {{ break-inside: avoid; }}
  thead {{ display: table-header-group; }}
}}
"""
