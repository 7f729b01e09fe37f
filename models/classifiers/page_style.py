"""The style sheet of report pages: quiet, dense, light and dark, on paper too."""

STYLE = """
:root{color-scheme:light dark;--ink:#1b1b1b;--soft:#666;--line:#d8d8d8;--paper:#fff;--mark:#1f5fa8;--warn:#fff6e0}
@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--soft:#a0a0a0;--line:#3c3c3c;--paper:#161616;--mark:#7db4ef;
--warn:#332a12}}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:62rem;margin:0 auto;padding:2rem 1rem 4rem}
h1{font-size:1.7rem;margin:0 0 .3rem;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:2.2rem 0 .4rem}
h3{font-size:1rem;margin:1.4rem 0 .3rem}p{margin:.3rem 0 .8rem;max-width:46rem}.lead{font-size:1.1rem}
aside{background:var(--warn);border-left:3px solid #d59a1c;padding:.6rem 1rem;margin:1rem 0}
aside h2{margin:0;font-size:1rem}aside ul{margin:.2rem 0;padding-left:1.2rem}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:.4rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.22rem .8rem .22rem 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top;
overflow-wrap:anywhere}
thead th{color:var(--soft);font-weight:500}tbody th{font-weight:500}
.matrix td,.matrix th{padding:.2rem .5rem;text-align:right;overflow-wrap:normal}
.matrix tbody td{background:color-mix(in srgb,var(--mark) calc(var(--share)*70%),transparent)}
.bar{width:8rem;height:.5rem;margin-left:.6rem;vertical-align:middle}.bar rect{fill:var(--mark)}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:1rem}
figure{margin:0}figcaption{font-size:.85rem;color:var(--soft)}
.plot{width:100%;max-width:19rem;height:auto}.plot .frame{fill:none;stroke:var(--line)}
.plot polyline{fill:none;stroke:var(--mark);stroke-width:1.5}.plot .ideal{stroke:var(--soft);stroke-dasharray:4 3}
.plot circle{fill:var(--mark);fill-opacity:.6}.plot text{font-size:11px;fill:var(--soft)}
.plot .mid{text-anchor:middle}.plot .end{text-anchor:end}
.worst{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:1rem}
.worst img{width:100%;height:9rem;object-fit:contain;background:color-mix(in srgb,var(--ink) 6%,transparent)}
.worst b{color:var(--ink);font-weight:500}.worst .id{display:block;overflow-wrap:anywhere}
@media print{main{max-width:none;padding:0}figure,tr{break-inside:avoid}body{font-size:10pt}}
"""
