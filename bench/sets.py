"""Simulated coverage of prediction sets: `python -m bench.sets` prints the tables of docs/classifiers.md."""

import sys

from tests.models.classifiers.set_studies import LEVELS, simulate

KINDS = {"zero-shot": "calibrated zero-shot", "probe": "linear probe", "numbers": "numbers"}
DESIGNS = ("weights", "groups")


def main(studies: int) -> None:
    head = " | ".join(f"{100 * level:g} %" for level in LEVELS)
    print(f"| classifier | coded | {head} |\n| --- | --- |" + " --- |" * len(LEVELS))
    for kind, name in KINDS.items():
        for n in (50, 100, 500):
            covered, size, _, _ = simulate(kind, n, studies)
            print(f"| {name} | {n} | " + " | ".join(map(cell, covered, size, LEVELS)) + " |", flush=True)
    for design in DESIGNS:
        for kind, name in KINDS.items():
            covered, size, _, _ = simulate(kind, 100, studies, design=design)
            print(f"| {name}, {design} | 100 | " + " | ".join(map(cell, covered, size, LEVELS)) + " |", flush=True)
    print(f"\n| class, of 500 coded items | sets | {head} |\n| --- | --- |" + " --- |" * len(LEVELS))
    for each_class in (False, True):
        _, _, classes, _ = simulate("zero-shot", 500, studies // 2, each_class=each_class)
        for c, share in enumerate(("60 %", "30 %", "10 %")):
            cells = (f"{100 * value:.1f} %" for value in classes[:, c])
            print(f"| {share} | {'of each class' if each_class else 'of all items'} | " + " | ".join(cells) + " |")


def cell(covered: float, size: float, level: float) -> str:
    """Coverage and mean size; bold where the coverage is a point or more below the one that was asked for."""
    text = f"{100 * covered:.1f} %, {size:.2f}"
    return f"**{text}**" if covered < level - 0.01 else text


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
