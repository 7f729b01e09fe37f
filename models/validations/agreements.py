"""Agreement of predictions with each coder, and of coders with each other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from models.annotation.agreement import Agreement, Level, agreement
from models.stopping import Check
from models.validations.tables import Predicted, Reference

CODERS = 12  # coders with an agreement of their own, those with the most codes


@dataclass(frozen=True, kw_only=True)
class PairAgreement:
    """The agreement of two coders, or of a coder with predictions; `machines` counts the predictions among the two."""

    a: str
    b: str
    machines: int
    agreement: Agreement


def agreements_of(
    reference: Reference, predicted: Sequence[Predicted], level: Level, *, check: Check, resamples: int, seed: int
) -> list[PairAgreement]:
    """The agreement of each set of predictions with each coder, and of each two coders."""
    often = [name for name, _ in Counter(reference.coder).most_common(CODERS)]
    coded: dict[str, dict[str, Any]] = {name: {} for name in often}
    for coder, item, code in zip(reference.coder, reference.item, reference.code, strict=True):
        if coder in coded:
            coded[coder][item] = code
    machines = {each.labeller.name: each.all_coded for each in predicted}
    pairs = [((a, machines[a]), (b, coded[b]), 1) for a in machines for b in coded]
    pairs += [((a, coded[a]), (b, coded[b]), 0) for a, b in combinations(coded, 2)]
    found = []
    for (a, ours), (b, theirs), many in pairs:
        shared = [item for item in ours if item in theirs]
        if not shared:
            continue
        check()
        result = agreement(
            ["a"] * len(shared) + ["b"] * len(shared),
            [*shared, *shared],
            [*(ours[item] for item in shared), *(theirs[item] for item in shared)],
            level=level,
            missing=(),
            resamples=resamples,
            seed=seed,
            check=check,
        )
        found.append(PairAgreement(a=a, b=b, machines=many, agreement=result))
    return found
