"""Throughput of analysers through the service beside their bare graphs, interleaved: python -m bench.analyses URL

The bare graph runs the same rows in as many threads as the machine has cores, as the service's lanes do. Rounds
alternate, and medians of ratios are printed with the load. The server must have the same DAGUERRE_HOME.
"""

import argparse
import io
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image

import daguerre
from models.analysers.folder import locate
from models.analysers.spec import Arrays
from models.analysers.table import ANALYSERS, CODE
from models.sessions.onnx import OnnxSession
from service.settings import CORES
from tests.e2e.harness import jpeg

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "motorcycle_left", "retina")


def rows_of(
    name: str, home: Path, photos: Sequence[bytes]
) -> tuple[Callable[[str, Arrays], Any], list[tuple[str, Arrays]]]:
    """A function that runs one row, and all rows that the analyser makes of the photos."""
    folder = locate(name, home)
    code = CODE[folder.spec.kind](folder.spec, folder.path)
    sessions = {part: OnnxSession(folder.path / f"{part}.onnx", threads=1) for part in folder.spec.parts}

    def run(part: str, row: Arrays) -> Any:
        return sessions[part].compute(tuple(array[None] for array in row))

    found = []
    for photo in photos:
        steps = code.steps(Image.open(io.BytesIO(photo)).convert("RGB"), code.choices())
        try:
            work = next(steps)
            while True:
                found += [(work.part, row) for row in work.rows]
                work = steps.send([tuple(out[0] for out in run(work.part, row)) for row in work.rows])
        except StopIteration:
            pass
    return run, found


def main() -> None:
    """Measure every analyser that has a network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--home", type=Path, required=True, help="DAGUERRE_HOME of the server")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--copies", type=int, default=4, help="times that each of the photos is analysed in a round")
    given = parser.parse_args()
    photos = [jpeg(name, width=640) for name in PHOTOS] * given.copies
    client = daguerre.Client(given.url, progress=False)
    threads = ThreadPoolExecutor(CORES)
    for name, spec in ANALYSERS.items():
        if not spec.parts:
            continue
        run, rows = rows_of(name, given.home, photos)

        def bare(run: Any = run, rows: Any = rows) -> None:
            list(threads.map(lambda each: run(*each), rows))

        def served(kind: str = spec.kind) -> None:
            client.analyse(dict(enumerate(photos)), [kind])

        ratios, seconds = [], []
        for timed in (bare, served):
            timed()
        for _ in range(given.rounds):
            took = []
            for timed in (bare, served):
                began = time.perf_counter()
                timed()
                took.append(time.perf_counter() - began)
            ratios.append(took[0] / took[1])
            seconds.append(took[1] / len(photos))
        ratio, spread = statistics.median(ratios), (min(ratios), max(ratios))
        print(
            f"{name}: {ratio:.2f} of the bare graph [{spread[0]:.2f}, {spread[1]:.2f}], "
            f"{1 / statistics.median(seconds):.1f} pictures/s, load {os.getloadavg()[0]:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
