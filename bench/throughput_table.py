"""The throughput benchmark's result as Markdown, with its targets; `python -m bench.throughput_table FILE` again."""

import json
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]
SINGLE_TARGET = 1.25  # one client's p50, in units of decode + in-process call
COLUMNS = (
    "model",
    "placement",
    "body",
    "clients x images",
    "images/s",
    "of the bound",
    "of the bound with decode",
    "target",
    "p50 ms",
    "p99 ms",
    "errors",
    "CPU ms/image",
    "RSS MB",
)


def target(encoding: str, clients: int, images: int) -> float | None:
    """The least share of the bound without decode that is aimed at."""
    if (clients, images) == (4, 32):
        return 0.90
    if (clients, images) == (32, 1):
        return 0.85 if encoding == "json" else 0.90
    return None


def report(result: Json) -> str:
    """Every table of the result of `bench.throughput`."""
    parts = [_conditions(result), "### In-process\n", _bounds(result), "### Service\n", _cells(result)]
    if result["failed"]:
        parts.append("Not measured, or not to the end:\n")
        parts += [f"* {what}: {why}" for what, why in result["failed"].items()]
    return "\n".join(parts)


def _conditions(result: Json) -> str:
    machine, settings, photos = result["machine"], result["settings"], result["photos"]
    before, after = (machine.get(f"load_average_{when}", [float("nan")])[0] for when in ("before", "after"))
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"{result['date']}; {machine['cores']} cores of {machine['processor']}; load average {before:.2f} before, "
        f"{after:.2f} after; Python {machine['python']}, {versions}; {photos['count']} JPEGs of "
        f"{photos['mean_bytes'] / 1000:.1f} kB; {settings['rounds']} rounds of {settings['seconds']:g} s. Medians over "
        "the rounds, smallest and largest in brackets.\n"
    )


def _bounds(result: Json) -> str:
    rows = []
    for model, kinds in result["bound"].items():
        best = {kind: described(ranked[0]) for kind, ranked in result["calibration"][model].items()}
        alone = by_round(kinds["encode"], "images_per_second")
        for kind, label in (
            ("encode", "the bound: ONNX Runtime alone"),
            ("loaded", "the same while the generator sends to a service that does nothing"),
            ("decode_encode", "the bound with decode"),
        ):
            rates = by_round(kinds[kind], "images_per_second")
            share = ratios(rates, alone)
            cpu = statistics.median(entry["cpu_per_image"] for entry in kinds[kind]) * 1000
            made = best.get(kind, best["encode"])
            rows.append([model, label, made, interval(rates.values(), 1), interval(share, 2), f"{cpu:.1f}"])
        single = [1000 * entry["p50"] for entry in kinds["single"]]
        rows.append(
            [model, "one image: decode + call, p50 in ms", best["single"], interval(single, 1), "", ""],
        )
    return markdown(["model", "what", "how", "images/s, or ms", "of the bound", "CPU ms/image"], rows)


def _cells(result: Json) -> str:
    groups: dict[tuple[Any, ...], list[Json]] = {}
    for cell in result["cells"]:
        key = cell["model"], cell["placement"], cell["encoding"], cell["clients"], cell["images"]
        groups.setdefault(key, []).append(cell)
    order = {name: i for i, name in enumerate(result["settings"]["placements"])}
    keys = sorted(groups, key=lambda k: (k[0], order[k[1]], k[2], k[4], k[3]))
    return markdown(COLUMNS, [_row(result, key, groups[key]) for key in keys])


def _row(result: Json, key: tuple[Any, ...], cells: Sequence[Json]) -> list[str]:
    model, placement, encoding, clients, images = key
    bounds = result["bound"][model]
    rates = by_round(cells, "images_per_second")
    shares = ratios(rates, by_round(bounds["encode"], "images_per_second"))
    decoding = ratios(rates, by_round(bounds["decode_encode"], "images_per_second"))
    p50, p99 = (median([cell[name] for cell in cells]) for name in ("p50", "p99"))
    errors: Counter[str] = Counter()
    for cell in cells:
        errors.update(cell["errors"])
    requests = sum(cell["requests"] for cell in cells) + errors.total()
    verdict = ""
    if wanted := target(encoding, clients, images):
        verdict = f"≥ {wanted:.2f} {said(statistics.median(shares) >= wanted)}"
    elif (clients, images) == (1, 1) and p50:
        ratio = p50 / statistics.median(entry["p50"] for entry in bounds["single"])
        verdict = f"p50 {ratio:.2f} ≤ {SINGLE_TARGET} {said(ratio <= SINGLE_TARGET)}"
    found = ", ".join(f"{count} x {kind}" for kind, count in errors.items())
    return [
        model,
        placement,
        encoding,
        f"{clients} x {images}",
        interval(rates.values(), 1),
        interval(shares, 2),
        interval(decoding, 2),
        verdict,
        *("–" if seconds is None else f"{1000 * seconds:.1f}" for seconds in (p50, p99)),
        f"{found or 0} of {requests:,}",
        f"{1000 * statistics.median(cell['cpu_per_image'] for cell in cells):.1f}",
        f"{max(cell['rss'] for cell in cells) / 1e6:.0f}",
    ]


def by_round(entries: Sequence[Json], field: str) -> dict[int, float]:
    """The mean of `field` in each round."""
    values: dict[int, list[float]] = {}
    for entry in entries:
        values.setdefault(entry["round"], []).append(entry[field])
    return {number: statistics.fmean(found) for number, found in values.items()}


def ratios(ours: dict[int, float], theirs: dict[int, float]) -> list[float]:
    """Round by round: what slowed the machine slowed both."""
    return [ours[number] / theirs[number] for number in ours if number in theirs]


def median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def interval(values: Any, digits: int) -> str:
    found = list(values)
    return f"{statistics.median(found):.{digits}f} [{min(found):.{digits}f}, {max(found):.{digits}f}]"


def described(config: Json) -> str:
    decoders = f", {config['decoders']} decoding" if config["decoders"] else ""
    spinning = ", spinning" if config["spinning"] else ""
    called = f"{config['callers']} callers of {config['threads']} threads"
    return f"batch {config['batch']}, {called}{spinning}{decoders}"


def said(met: bool) -> str:
    return "met" if met else "**missed**"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    print(report(json.loads(Path(sys.argv[1]).read_text())))
