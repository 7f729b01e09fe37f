"""Coverage of the intervals of estimates: `python -m bench.estimates [--quick] [--only shares]`.

It prints the tables of docs/estimates.md and writes bench/results/estimates.json. The designs are those of
`tests/models/correction`: shares in corpora of 3,000 items with predictions whose AUC is .9, and regressions in corpora
of 2,000 items in which an outcome or a covariate is predicted. A width is relative to that by the codes alone.
"""

import argparse
import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.models.correction.test_means import simulate
from tests.models.correction.test_regression import coverage

OUT = Path(__file__).parent / "results" / "estimates.json"
SIZES = (50, 100, 500)
SAMPLES = {"simple": "simple random", "unequal": "unequal probabilities", "groups": "whole groups of 10"}
REGRESSIONS = (  # family, what is predicted, its prevalence
    ("linear", "outcome", None),
    *itertools.product(("linear",), ("covariate",), (0.05, 0.3)),
    *itertools.product(("logistic",), ("outcome", "covariate"), (0.05, 0.3)),
)
TARGET = 0.93  # a coverage below is printed in bold


def shares(studies: int) -> list[dict[str, Any]]:
    """Coverage with predictions and without, and widths, in each cell."""
    cells = []
    for design, balanced, n, p in itertools.product(SAMPLES, (False, True), SIZES, (0.05, 0.3)):
        held, plain, widths = simulate(n, p, design, balanced, studies)
        cells.append({"design": design, "balanced": balanced, "n": n, "p": p, "coverage": held, "codes_alone": plain,
                      **_widths(widths), "studies": studies})  # fmt: skip
    print("| sample, predictions | n | share .05 | width | share .3 | width |\n| --- | --- | --- | --- | --- | --- |")
    for few, many in zip(cells[::2], cells[1::2], strict=True):
        name = f"{SAMPLES[few['design']]}, {'balanced' if few['balanced'] else 'calibrated'}"
        values = (
            f"{_bold(each['coverage'])} ({100 * each['codes_alone']:.1f}) | {each['width']:.2f}" for each in (few, many)
        )
        print(f"| {name} | {few['n']} | {' | '.join(values)} |", flush=True)
    _summary(cells)
    return cells


def regressions(studies: int) -> list[dict[str, Any]]:
    """The lowest coverage of a coefficient, and widths, in each cell."""
    cells = []
    print("| sample | model, predicted | n = 50 | 100 | 500 |\n| --- | --- | --- | --- | --- |")
    for design, (family, predicted, p) in itertools.product(SAMPLES, REGRESSIONS):
        row = []
        for n in SIZES:
            held, ratios, refused = coverage(family, predicted, n, design, p, studies)
            cell = {"design": design, "family": family, "predicted": predicted, "p": p, "n": n, "refused": refused,
                    "coverage": held.tolist(), "studies": studies}  # fmt: skip
            words = ""
            if len(ratios):
                cell |= _widths(ratios)
                words = f"{_bold(held.min())}, {cell['width']:.2f}"
            row.append(words + (f" ({100 * refused:.0f} % refused)" if refused > 0.005 else ""))
            cells.append(cell)
        name = f"{family}, {predicted}" + (f" of {p:g}".replace("0.", ".") if p else "")
        print(f"| {SAMPLES[design]} | {name} | {' | '.join(row)} |", flush=True)
    _summary(cells)
    return cells


def _widths(ratios: np.ndarray) -> dict[str, float]:
    """Widths relative to those by codes alone: median and largest."""
    return {"width": float(np.median(ratios)), "widest": float(ratios.max())}


def _bold(share: float) -> str:
    return f"{100 * share:.1f}" if share >= TARGET else f"**{100 * share:.1f}**"


def _summary(cells: list[dict[str, Any]]) -> None:
    known = [cell for cell in cells if "width" in cell]
    widths = [cell["width"] for cell in known]
    low = sum(float(np.min(cell["coverage"])) < TARGET for cell in known)
    print(
        f"\n{len(cells)} cells, {low} with a coverage below {100 * TARGET:g}; largest width "
        f"{max(cell['widest'] for cell in known):.3f}; median over cells of the median width {np.median(widths):.3f}, "
        f"largest {max(widths):.3f}\n",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.estimates", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50 studies a cell; nothing is written")
    parser.add_argument("--only", choices=("shares", "regressions"), help="one of the tables; the file keeps the other")
    options = parser.parse_args()
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    for name, table in (("shares", shares), ("regressions", regressions)):
        if options.only in (None, name):
            start = time.monotonic()
            cells = table(50 if options.quick else 2000)
            took, load = round(time.monotonic() - start, 1), round(os.getloadavg()[0], 1)
            results[name] = {"cells": cells, "seconds": took, "load": load}
            print(f"{took} s, load {load}\n", flush=True)
    if not options.quick:
        OUT.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
