"""Remarks on an agreement: sentences on what its figures do not say."""

from collections.abc import Iterator, Mapping, Sequence

from models.annotation.agreement_details import Details
from models.annotation.icc import Icc
from models.codes import Column, are_quantities
from models.errors import listed, quoted
from models.intervals import Figure

EXTREME = 0.9  # share of the codes from which a category makes alpha and kappa say little
CODES = 20  # codes from which a share is known
FEW = 0.1  # share of the resamples up to which a coefficient may be undefined without a remark
ENOUGH = 100  # resamples from which that share is known


def without_codes(names: Sequence[str], coders: Sequence[str]) -> Iterator[str]:
    """A sentence on coders who have no code."""
    present = set(coders)
    absent = [name for name in dict.fromkeys(names) if name not in present]
    if absent:
        have, they = ("has", "is") if len(absent) == 1 else ("have", "are")
        yield f"{listed(absent)} {have} no codes and {they} left out of the {len(absent) + len(coders)} coders"


def quantities(column: Column) -> Iterator[str]:
    """A remark on codes that are quantities rather than names of categories."""
    if are_quantities(column):
        different = len({name for name in column.names if name is not None})
        yield (
            f"the codes are {different:,} different numbers, and under level nominal two numbers agree only where they "
            'are equal, so that percent, kappa and alpha say little; if they are quantities, set level="interval"'
        )


def prevalence(category: str, share: float, codes: int, figures: Mapping[str, Figure]) -> Iterator[str]:
    """A remark where one category has nearly all codes, of CODES or more."""
    if codes < CODES:
        return
    if share == 1:
        yield (
            f"all codes are {quoted(category)}, so that alpha, kappa and AC1 are not defined: percent agreement is 1, "
            "and says nothing about other categories"
        )
    elif share >= EXTREME:
        beside = [f"percent agreement ({figures['percent'].value:.3f})"]
        if (ac1 := figures.get("ac1")) is not None:
            beside.append(f"Gwet's AC1 ({ac1.value:.3f})")
        yield (
            f"{100 * share:.1f} % of the codes are {quoted(category)}: where a category has 90 % or more, agreement by "
            f"chance is high, and alpha and kappa say little about the coders; give {' and '.join(beside)} and the "
            "agreement on each category beside them, or code a sample in which the rare categories are more frequent"
        )


def undefined(figures: Mapping[str, Figure], details: Details, resamples: int, share: float) -> Iterator[str]:
    """A remark where a coefficient has no value in more than one in ten resamples, which its interval leaves out.

    The number is a field of every coefficient, and stands beside it in the command line and on the page.
    """
    counts = {name: getattr(figure, "undefined", 0) for name, figure in figures.items()}
    kappas = [] if "kappa" in figures else [getattr(pair.kappa, "undefined", 0) for pair in details.pairs]
    if share == 1 or resamples < ENOUGH or max(*counts.values(), *kappas, 0) <= FEW * resamples:
        return
    many = [f"{name.replace('_', ' ')} in {count:,}" for name, count in counts.items() if count]
    if some := [count for count in kappas if count]:
        pairs = "1 pair" if len(some) == 1 else f"{len(some)} pairs"
        many.append(f"kappa of {pairs} of coders in up to {max(some):,}")
    yield (
        f"of {resamples:,} resamples a coefficient is undefined in some, because their codes do not vary: "
        f"{', '.join(many)}; its interval is of the others alone, and is not to be relied on where they are many; "
        "code more items"
    )


def correlations(found: Icc | None, coders: int, items: int) -> Iterator[str]:
    """A remark where the ICC leaves out items, or has too few."""
    if found is None:
        return
    if found.items < 2:
        yield (
            f"the ICC is not defined: {found.items:,} of {items:,} items have a code of each of the {coders:,} coders, "
            "and it needs two; read alpha, which takes missing codes"
        )
    elif found.items < items:
        yield (
            f"the ICC is of the {found.items:,} of {items:,} items that all {coders:,} coders have coded; alpha is of "
            "all of them"
        )
