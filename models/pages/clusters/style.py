"""Additions to the style sheet for a clustering: contact sheets, their index, and the map."""

from models.pages.palette import PALETTE_STYLE

CLUSTER_STYLE = f"""{PALETTE_STYLE}
:root {{ --none: #c4c4c4; }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ --none: #555; }} }}
.k {{ stroke: var(--none); }}
.disc, .square, .triangle, .cross {{ fill: none; stroke-width: 5; stroke-linecap: round; opacity: .8; }}
.square {{ stroke-linecap: square; stroke-width: 4.6; }}
.triangle {{ stroke-width: 1.9; stroke-linejoin: round; }}
.cross {{ stroke-width: 1.9; }}
.mark {{ vertical-align: -1px; }}
.mark path {{ opacity: 1; }}
.mark .disc {{ stroke-width: 10; }}
.mark .square {{ stroke-width: 9; }}
.lead + .lead {{ margin-top: -.8rem; }}
.map svg {{ font-size: 13px; }}
.lead-line {{ stroke: var(--ink); stroke-width: .7; opacity: .6; fill: none; }}
.map figcaption {{ max-width: min(46rem, calc(100vw - 2.4rem)); }}
.plots.tops {{ align-items: flex-start; }}
.tops figcaption {{ max-width: 18rem; }}
.median {{ font-size: 15px; font-weight: 700; fill: var(--ink); stroke: var(--paper); stroke-width: 4px;
  paint-order: stroke; stroke-linejoin: round; }}
a:focus-visible .median, a:hover .median {{ fill: var(--other); text-decoration: underline; }}
.box {{ fill: var(--bar); stroke: var(--soft); stroke-width: .6; }}
.mid {{ stroke: var(--ink); stroke-width: 1.8; fill: none; }}
.tree {{ stroke: var(--line); stroke-width: 1.2; fill: none; }}
.limit {{ stroke: var(--other); stroke-dasharray: 4 3; fill: none; }}
.index {{ list-style: none; margin: .6rem 0; padding: 0; display: grid; gap: .5rem;
  grid-template-columns: repeat(auto-fill, minmax(6.4rem, 1fr)); }}
.index a {{ display: block; height: 100%; padding: .3rem; color: inherit; text-decoration: none; line-height: 1.25;
  font-size: .8rem; border: 1px solid var(--rule); border-radius: 3px; break-inside: avoid; }}
.index a:hover, .index a:focus-visible {{ border-color: var(--line); }}
.index a > span, .index a > b {{ display: block; }}
.index b {{ font-size: .95rem; }}
.index .word {{ color: var(--soft); }}
.index .frame {{ height: 5.2rem; margin-bottom: .25rem; }}
.index img {{ width: 100%; height: 100%; object-fit: contain; background: var(--tile); }}
.sheet {{ border-top: 1px solid var(--rule); padding: .2rem 0 1rem; scroll-margin-top: .5rem; }}
.sheet:first-of-type {{ border-top: 0; }}
.sheet p {{ max-width: none; }}
.sheet:target h3 {{ color: var(--other); }}
.sheet h3 {{ display: inline-block; margin: .5rem .8rem .1rem 0; font-size: 1.1rem; }}
.links {{ display: inline-block; margin: 0; font-size: .84rem; }}
.links a {{ margin-right: .5rem; }}
.sheet h4 {{ margin: .6rem 0 .25rem; font-size: .84rem; font-weight: 400; color: var(--soft); break-after: avoid; }}
.strip {{ list-style: none; margin: 0; padding: 0; display: grid; gap: .45rem;
  grid-template-columns: repeat(9, minmax(0, 1fr)); align-items: start; }}
.strip li {{ break-inside: avoid; line-height: 1.15; }}
.strip img {{ display: block; width: 100%; aspect-ratio: 1; object-fit: contain; background: var(--tile); }}
.strip small {{ display: block; margin-top: .15rem; font-size: .7rem; }}
.strip.bare {{ grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .1rem .9rem; }}
.strip.bare small {{ font-size: .8rem; }}
.dense .kinds {{ display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0 1rem; }}
.dense .strip {{ grid-template-columns: repeat(3, minmax(0, 1fr)); }}
.dense .strip.bare {{ grid-template-columns: 1fr; }}
.fold {{ border-top: 1px solid var(--rule); padding: .35rem 0; }}
.fold > summary {{ color: var(--ink); }}
.few {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: 0 1.6rem; }}
.few .strip, .dense .few .strip {{ grid-template-columns: repeat(3, minmax(0, 1fr)); }}
.dense .few .kinds {{ display: block; }}
@media screen {{ .sheet {{ content-visibility: auto; contain-intrinsic-size: auto 30rem; }} }}
@media screen and (max-width: 44rem) {{
  .strip {{ grid-template-columns: repeat(auto-fill, minmax(5.2rem, 1fr)); }}
  .strip small {{ font-size: .72rem; }}
  .strip.bare {{ grid-template-columns: 1fr; }}
  .index {{ grid-template-columns: repeat(auto-fill, minmax(6.6rem, 1fr)); }}
  .dense .kinds {{ display: block; }}
}}
@media print {{
  .links {{ display: none; }}
  .sheet h3 {{ display: block; break-after: avoid; }}
  .kinds > div {{ break-inside: avoid; }}
  .sheet > p {{ break-after: avoid; }}
  .strip small {{ font-size: 7pt; }}
}}
"""
