"""`python -m bench.gpu.table RESULTS.jsonl` prints the results as Markdown, with the targets."""

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]
TARGETS: tuple[tuple[str, Callable[[Json], bool], float], ...] = (  # on an H200, images per second
    ("pixels, CLIP B/32", lambda row: row["part"] == "pixels" and row.get("model") == "clip-b32", 40_000),
    ("pixels, CLIP L/14", lambda row: row["part"] == "pixels" and row.get("model") == "clip-l14", 3_000),
    (
        "JPEG files over HTTP, CLIP B/32",
        lambda row: row["part"] == "uploads" and row.get("encoding") == "multipart" and row.get("model") == "clip-b32",
        10_000,
    ),
)
COLUMNS: dict[str, Sequence[str]] = {
    "pixels": ("model", "precision", "half", "batch", "lanes", "images_per_second", "tflops", "gpu_busy_percent"),
    "compiled pixels": ("model", "precision", "half", "batch", "lanes", "images_per_second", "tflops"),
    "jpeg in process": ("model", "threads", "images_per_second", "gpu_busy_percent"),
    "uploads": (
        *("model", "encoding", "clients", "images", "entry_workers", "batch", "lanes", "images_per_second"),
        *("p50_ms", "p99_ms", "server_cpu_ms_per_image", "gpu_busy_percent", "errors"),
    ),
    "agreement": ("model", "precision", "half", "alone", "alone_bits", "other_batches", "with_cpu", "met"),
    "gpu jpeg": (
        *("way", "threads", "clients", "images", "images_per_second", "p50_ms", "errors", "largest", "mean"),
        *("least_cosine", "mean_cosine", "own_fingerprint", "damaged_alike", "jpeg_engine_percent", "missing"),
    ),
    "memory": ("model", "requests", "growth_mb", "gpu_growth_mb"),
    "full GPU": ("before", "meanwhile", "after", "alive"),
}


def read(path: Path) -> list[Json]:
    """The results that a run has written so far; a last line that was cut is left out."""
    rows = []
    for line in path.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def markdown(rows: Sequence[Json]) -> str:
    """Tables of the results, and which targets are met. Only a GPU's results count for the targets."""
    lines: list[str] = []
    for row in (row for row in rows if row["part"] == "machine"):
        lines += [", ".join(f"{key}: {value}" for key, value in row.items() if key != "part"), ""]
    lines += ["| target (H200) | images/s wanted | best | |", "| --- | --- | --- | --- |"]
    for name, fits, wanted in TARGETS:
        found = [row["images_per_second"] for row in rows if fits(row) and row["device"].startswith("cuda")]
        best = f"{max(found):,.0f}" if found else "unmeasured"
        verdict = ("met" if max(found) >= wanted else "**missed**") if found else ""
        lines.append(f"| {name} | ≥ {wanted:,.0f} | {best} | {verdict} |")
    for part, columns in COLUMNS.items():
        lines += table(part, columns, [row for row in rows if row["part"] == part])
    for row in (row for row in rows if row["part"] == "where time goes"):
        flat = {key: value for key, value in row["milliseconds"].items() if not isinstance(value, dict)}
        lines += ["", f"Where time goes: {row['model']}, batch of {row['batch']}, in ms", ""]
        lines += [
            "| step | ms |",
            "| --- | --- |",
            *(f"| {key.replace('_', ' ')} | {value} |" for key, value in flat.items()),
        ]
        lines += [f"| kernel `{key}` | {value} |" for key, value in row["milliseconds"].get("kernels", {}).items()]
    if ended := [row for row in rows if "ended" in row]:
        lines += ["", "| part | seconds | ended |", "| --- | --- | --- |"]
        lines += [f"| {row['of']} | {row['seconds']} | {row['ended']} |" for row in ended]
    return "\n".join(lines) + "\n"


def table(part: str, columns: Sequence[str], rows: Iterable[Json]) -> list[str]:
    """One table, with the columns that any row has."""
    rows = list(rows)
    kept = [name for name in columns if any(name in row for row in rows)]
    if not rows:
        return []
    lines = [
        "",
        f"{part[0].upper()}{part[1:]}",
        "",
        f"| {' | '.join(kept).replace('_', ' ')} |",
        "| --- " * len(kept) + "|",
    ]
    return lines + [f"| {' | '.join(_cell(row.get(name, '')) for name in kept)} |" for row in rows]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 2 else f"{value:.7f}".rstrip("0").rstrip(".")
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu.table", description=__doc__)
    parser.add_argument("results", type=Path)
    print(markdown(read(parser.parse_args().results)), end="")


if __name__ == "__main__":
    main()
