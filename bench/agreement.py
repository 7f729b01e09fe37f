"""Coverage of the intervals of agreement: `python -m bench.agreement` prints the table of docs/agreement.md.

`python -m bench.agreement groups` prints that of differences between groups of coders, `scale` that of scales.
"""

import sys

from tests.models.annotation import coder_group_simulations, scale_simulations
from tests.models.annotation.agreement_simulations import CELLS, FIGURES, coverage

STUDIES = 2000
RESAMPLES = 300
SIZES = (20, 50, 100, 500)


def _percent(share: float) -> str:
    """A coverage in percent, in bold where it is below 93."""
    return f"{100 * share:.1f}" if share >= 0.93 else f"**{100 * share:.1f}**"


def groups() -> None:
    """Differences between two groups of coders: the jackknife's intervals, and for comparison a bootstrap's."""
    print("| coders in each group | items | these items | other items too | bootstrap of coders |")
    print("| --- | --- | --- | --- | --- |")
    for coders in (2, 3, 5, 10):
        for items in (20, 100, 500):
            found = coder_group_simulations.coverage(coders, items, studies=STUDIES, seed=0, bootstrap=True)
            print(
                f"| {coders} | {items} | " + " | ".join(_percent(each) for each in found.values()) + " |",
                flush=True,
            )


def scale() -> None:
    """Scores from pairwise comparisons, and the share of studies in which all scores are finite."""
    print("| items | comparisons of each | no ties | 20 % ties | ridge 0.1, no ties | studies with a scale, no ridge |")
    print("| --- | --- | --- | --- | --- | --- |")
    for n in (20, 100):
        for per_item in (6, 10, 19):
            kinds = [
                scale_simulations.coverage(n, per_item, studies=STUDIES, seed=0, ties=ties, ridge=ridge)
                for ties, ridge in ((0.0, 0.0), (0.2, 0.0), (0.0, 0.1))
            ]
            cells = ["" if kind["intervals"] == 0 else _percent(kind["intervals"]) for kind in kinds]
            cells.append(f"{100 * kinds[0]['scales']:.1f}")
            print(f"| {n} | {per_item} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Coefficients of agreement."""
    names = (*FIGURES, "ICC(A,1)", "ICC(C,1)")
    print("| codes | items | " + " | ".join(names) + " |\n| --- | --- |" + " --- |" * len(names))
    for name, cell in CELLS.items():
        for n in SIZES:
            found = coverage(cell, n, studies=STUDIES, resamples=RESAMPLES, seed=0)
            cells = (_percent(found[each]) if each in found else "" for each in names)
            print(f"| {name} | {n} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    {"groups": groups, "scale": scale}.get(" ".join(sys.argv[1:]), main)()
