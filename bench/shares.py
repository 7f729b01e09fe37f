"""Simulated coverage of the intervals of shares: `python -m bench.shares` prints the table of docs/classifiers.md."""

from tests.models.test_intervals import DESIGNS, simulate

STUDIES = 4000


def main() -> None:
    print("| n | p | " + " | ".join(DESIGNS) + " |\n| --- | --- |" + " --- |" * len(DESIGNS))
    for n in (6, 20, 100):
        for p in (0.0, 0.02, 0.5, 0.98):
            cells = (f"{100 * simulate(n, p, design, STUDIES, 0):.1f} %" for design in DESIGNS)
            print(f"| {n} | {p:g} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
