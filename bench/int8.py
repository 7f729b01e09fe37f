"""`python -m bench.int8`: all-MiniLM-L6-v2 in int8, as near to fp32 as asked for, with its true weights.

Imports fp32, int8 and int8 with `--min-cosine`, and measures all of them in turns on one thread: times as fast as fp32,
cosines with fp32 over 1,029 texts, sizes. Two to five minutes, most of them for the search.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.parity import _many_texts, _speed
from models.sources.make import ImportRequest, import_model, with_served_name
from tests.models import architectures

ROOT = Path(__file__).parents[1]


def measure(asked: list[float], home: Path) -> dict[str, Any]:
    """Speed, cosines and sizes of each."""
    before = os.getloadavg()
    served: dict[Any, Any] = {}
    seconds: dict[str, float] = {}
    for name, precision, least in [("fp32", "fp32", None), ("int8", "int8", None)] + [
        (f"int8, ≥ {least:g}", "int8", least) for least in asked
    ]:
        started = time.perf_counter()
        wanted: Any = {"precision": precision, "min_cosine": least}
        request = ImportRequest(source=architectures.minilm(), name=f"minilm-{least or 0:g}", **wanted)
        served[name] = import_model(with_served_name(request), home, lambda text: print(text, flush=True))
        seconds[name] = time.perf_counter() - started
    speed, texts = _speed(served, "text", home), _many_texts(served, home)
    rows = [
        {
            "precision": name,
            "times_as_fast": round(speed[name], 2),
            "min_cosine": round(texts[name]["min"], 5),
            "mean_cosine": round(texts[name]["mean"], 5),
            "texts": texts[name]["n"],
            "mb": round(sum(path.stat().st_size for path in folder.path.glob("*.onnx*")) / 1e6),
            "kept_fp32": list(folder.spec.kept_fp32),
            "import_seconds": round(seconds[name], 1),
        }
        for name, folder in served.items()
    ]
    return {"load_before": before, "load_after": os.getloadavg(), "rows": rows}


def markdown(results: dict[str, Any]) -> str:
    """The results as a table."""
    lines = [
        f"Load average {results['load_before'][0]:.2f} before, {results['load_after'][0]:.2f} after.",
        "",
        "| precision | times as fast | min cosine | mean | MB | products in fp32 |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in results["rows"]:
        cells = [row[key] for key in ("precision", "times_as_fast", "min_cosine", "mean_cosine", "mb")]
        lines.append(f"| {' | '.join(map(str, cells))} | {len(row['kept_fp32'])} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.int8", description=__doc__)
    parser.add_argument("--min-cosine", type=float, nargs="+", default=[0.995])
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "int8.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        results = measure(given.min_cosine, Path(home))
    given.out.write_text(json.dumps(results, indent=1) + "\n")
    print(markdown(results))


if __name__ == "__main__":
    main()
