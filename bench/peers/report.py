"""The result as a page: targets, tables and a plot, written between the markers of docs/benchmarks-peers.md."""

import json
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.peers.arms import INT8
from bench.peers.arms import LOADS as ALL_LOADS
from bench.peers.arms import OURS as WAYS
from bench.plots import bars
from bench.throughput_table import (
    SINGLE_TARGET,
    by_round,
    described,
    interval,
    markdown,
    median,
    ratios,
    said,
    target,
)

Json = dict[str, Any]
BEGIN, END = "<!-- bench.peers: generated from here -->", "<!-- bench.peers: to here -->"
PAGE, PLOT = "benchmarks-peers.md", "img/peers.svg"
OURS = ("inline", "process", INT8)
LIMITS = {
    ("image", "infinity"): (2.2, " (2.5 wished)"),
    ("image", "litserve"): (1.15, ""),
    ("text", "infinity"): (2.0, ""),
}
INT8_LIMITS = {True: (1.15, " (int8)"), False: (2.0, " (int8)")}  # whether the peer runs a graph of 8 bits as well
LOADS = ("32x1", "4x32")  # that the targets are about


def write_page(result: Json, docs: Path) -> None:
    """Write the tables between the page's markers, and the plot beside it."""
    page = docs / PAGE
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"{PAGE}: the markers {BEGIN} and {END} are missing")
    (docs / PLOT).parent.mkdir(parents=True, exist_ok=True)
    _plot(result, docs / PLOT)
    page.write_text(f"{before}{BEGIN}\n\n{report(result)}\n{END}{after}", encoding="utf-8")


def report(result: Json) -> str:
    """Every table of the result of `bench.peers`."""
    parts = [
        _conditions(result),
        f"![Images per second under four loads; the dashed line is the in-process bound]({PLOT})\n",
        "### Targets\n",
        _targets(result),
        "### Images\n",
        _cells(result, "image"),
        "In-process:\n",
        _bounds(result),
        "### Texts\n",
        _cells(result, "text"),
        "### Choices by calibration\n",
        _calibration(result),
        "### The same work\n",
        _verified(result),
    ]
    if result["failed"]:
        parts += ["Not measured, or not to the end:\n", *(f"* {what}: {why}" for what, why in result["failed"].items())]
    return "\n".join(parts)


def _conditions(result: Json) -> str:
    machine, settings, photos = result["machine"], result["settings"], result["photos"]
    before, after = (machine[f"load_average_{when}"][0] for when in ("before", "after"))
    versions = "; ".join(
        f"{name}: " + ", ".join(f"{package} {number}" for package, number in found.items())
        for name, found in {"this service": machine["versions"], **result["versions"]}.items()
    )
    quick = "" if settings["scale"] == 1 else f" **A smoke run at {settings['scale']:g} of the time: no figures.**"
    return (
        f"{result['date']}; {machine['cores']} cores of {machine['processor']}; load average {before:.2f} before, "
        f"{after:.2f} after; Python {machine['python']}; {photos['count']} JPEGs of "
        f"{photos['mean_bytes'] / 1000:.1f} kB; {settings['rounds']} rounds.{quick} Medians over the rounds, smallest "
        f"and largest in brackets; ratios are taken within the round.\n\n{versions}.\n"
    )


def _groups(result: Json, task: str) -> dict[tuple[str, str, str], list[Json]]:
    """Cells by (server, encoding, load)."""
    found: dict[tuple[str, str, str], list[Json]] = {}
    for cell in result["cells"]:
        if cell["task"] == task:
            found.setdefault((cell["server"], cell["encoding"], cell["load"]), []).append(cell)
    return found


def _rates(cells: Sequence[Json]) -> dict[int, float]:
    return by_round(cells, "per_second")


def _targets(result: Json) -> str:
    """A row for each target and load, a column for each way into this service."""
    bound = by_round(result["bound"]["encode"], "images_per_second")
    single = statistics.median(entry["p50"] for entry in result["bound"]["single"])
    rows: dict[tuple[str, str, str, str], dict[str, str]] = {}
    for task in ("image", "text"):
        groups = _groups(result, task)
        for (server, encoding, load), cells in groups.items():
            if server not in OURS:
                continue
            column, clients, items = _named(server, encoding), *map(int, load.split("x"))
            for peer, theirs in ((k[0], cells) for k, cells in groups.items() if k[0] not in OURS and k[2] == load):
                if load not in LOADS:
                    continue
                least, note = LIMITS.get((task, peer), (None, "none"))
                if server == INT8:
                    least, note = INT8_LIMITS[INT8 in peer]
                needed = f"≥ {least:g}{note}" if least else note
                ceiling = f"{statistics.median(ratios(bound, _rates(theirs))):.2f}" if task == "image" else ""
                found = _judged(ratios(_rates(cells), _rates(theirs)), least)
                rows.setdefault((f"{task}s/s, times {peer}", load, needed, ceiling), {})[column] = found
            if server == INT8:
                continue  # the bound is that of the graph in fp32
            if task == "image" and (share := target(encoding, clients, items)):
                row = ("images/s, of the bound", load, f"≥ {share:.2f}", "")
                rows.setdefault(row, {})[column] = _judged(ratios(_rates(cells), bound), share)
            if task == "image" and load == "1x1" and (p50 := median([cell["p50"] for cell in cells])):
                row = ("p50, of decode + call in-process", load, f"≤ {SINGLE_TARGET}", "")
                rows.setdefault(row, {})[column] = f"{p50 / single:.2f} {said(p50 / single <= SINGLE_TARGET)}"
    columns = [_named(server, encoding) for server, ways in WAYS["image"].items() for encoding in ways]
    return markdown(
        ["what", "clients x items", "target", "the bound's", *columns],
        [[*key, *(rows[key].get(column, "") for column in columns)] for key in sorted(rows)],
    )


def _judged(found: list[float], least: float | None) -> str:
    return interval(found, 2) + (f" {said(statistics.median(found) >= least)}" if least else "")


def _cells(result: Json, task: str) -> str:
    bound = by_round(result["bound"]["encode"], "images_per_second")
    rows = []
    for (server, encoding, load), cells in sorted(
        _groups(result, task).items(), key=lambda item: (item[0][2], item[0])
    ):
        errors: Counter[str] = Counter()
        for cell in cells:
            errors.update(cell["errors"])
        said_errors = ", ".join(f"{count} x {kind}" for kind, count in errors.items()) or "0"
        shares = [interval(ratios(_rates(cells), bound), 2)] if task == "image" else []
        p50, p99 = (median([cell[name] for cell in cells]) for name in ("p50", "p99"))
        rows.append(
            [
                load.replace("x", " x "),
                _named(server, encoding),
                interval(_rates(cells).values(), 1),
                *shares,
                *("–" if seconds is None else f"{1000 * seconds:.0f}" for seconds in (p50, p99)),
                f"{said_errors} of {sum(cell['requests'] for cell in cells) + errors.total():,}",
                f"{1000 * statistics.median(cell['cpu_per_item'] for cell in cells):.1f}",
                f"{max(cell['pss'] for cell in cells) / 1e6:.0f}",
            ]
        )
    head = [f"clients x {task}s", "server", f"{task}s/s", *(["of the bound"] if task == "image" else [])]
    return markdown([*head, "p50 ms", "p99 ms", "errors", f"CPU ms/{task}", "PSS MB"], rows)


def _bounds(result: Json) -> str:
    bound = result["bound"]
    best = {kind: described(ranked[0]) for kind, ranked in result["bound_calibration"].items()}
    rows = [
        [label, best[kind], interval(by_round(bound[kind], "images_per_second").values(), 1), f"{cpu:.1f}"]
        for kind, label in (("encode", "the bound: ONNX Runtime alone"), ("decode_encode", "with decode"))
        for cpu in [1000 * statistics.median(entry["cpu_per_image"] for entry in bound[kind])]
    ]
    single = [1000 * entry["p50"] for entry in bound["single"]]
    rows.append(["one image: decode + call, p50 in ms", best["single"], interval(single, 1), ""])
    return markdown(["what", "how", "images/s, or ms", "CPU ms/image"], rows)


def _calibration(result: Json) -> str:
    rows = []
    for name, trials in result["calibration"].items():
        for rank, trial in enumerate(trials):
            rates = [f"{trial[load]:.1f}" if load in trial else "–" for load in ("1x1", "32x1", "4x32")]
            options = f"`{json.dumps(trial['options'])}`"
            rows.append([name, options, *rates, "**chosen**" if rank == 0 else trial.get("failed", "")])
    return markdown(["peer", "options", "1 x 1", "32 x 1", "4 x 32", ""], rows)


def _verified(result: Json) -> str:
    rows = [
        [arm, encoding, *(f"{least[name]:.6f}" for name in ("cosine", "centred")), f"{least['alone']:.7f}"]
        for arm, found in result["verified"].items()
        for encoding, least in found.items()
    ]
    head = [
        "server",
        "body",
        "least cosine with transformers",
        "after the mean was taken away",
        "alone with in a batch",
    ]
    return markdown(head, rows)


def _named(server: str, encoding: str) -> str:
    named = f"inline {INT8}" if server == INT8 else server
    return f"{named}, {encoding.removeprefix('text-')}" if server in OURS else server


def _plot(result: Json, path: Path) -> None:
    groups = _groups(result, "image")
    ours = [(server, encoding) for server, ways in WAYS["image"].items() for encoding in ways]
    servers = [*ours, *sorted({key[:2] for key in groups} - set(ours))]
    panels = {
        f"{load.replace('x', ' x ')}": {
            _named(*server): list(_rates(groups[(*server, load)]).values())
            for server in servers
            if (*server, load) in groups
        }
        for load in ALL_LOADS["image"]
    }
    line = statistics.median(entry["images_per_second"] for entry in result["bound"]["encode"])
    bars(panels, line=line, unit="images/s", ours=OURS, path=path)
