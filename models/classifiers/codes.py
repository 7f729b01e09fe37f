"""A long table of coders × items to one target for each item, by a stated rule; their agreement, and who disagreed."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from models.annotation.agreement import Agreement, Level, agreement
from models.classifiers.folders import Dropped
from models.classifiers.targets import absent, label
from models.errors import AgreementError

Rule = Literal["majority", "unanimous", "mean"]
SAID: dict[Rule, str] = {
    "majority": "the code that most coders gave; ties are dropped",
    "unanimous": "the code that all coders gave; items on which they differ are dropped",
    "mean": "the mean of all codes",
}


@dataclass(frozen=True, kw_only=True)
class Codes:
    """Targets, and how they came about.

    Attributes
    ----------
    disagreement : for each item, the share of its codes that differ from its target; of numbers their standard
        deviation (0 for a single code).
    agreement : None where no item has two codes.
    """

    rule: Rule
    items: tuple[str, ...]
    targets: tuple[Any, ...]
    n_codes: tuple[int, ...]
    disagreement: tuple[float, ...]
    dropped: tuple[Dropped, ...]
    agreement: Agreement | None

    @property
    def rule_in_words(self) -> str:
        return SAID[self.rule]


def aggregated(
    coder: Sequence[Hashable],
    item: Sequence[Hashable],
    code: Sequence[Any],
    *,
    rule: Rule = "majority",
    level: Level | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Codes:
    """One target for each item.

    Parameters
    ----------
    coder, item, code : (rows,); missing codes are None, NaN, or rows that are not there. 1, 1.0 and "1" are one code.
    rule : "majority" and "unanimous" of labels, "mean" of numbers.
    level : of measurement, for the agreement; None: nominal, interval under "mean".

    Raises
    ------
    AgreementError : what `agreement` raises, but for a single coder, who agrees with nobody.
    """
    if rule not in SAID:
        raise AgreementError(f"rule: got {rule!r}; there are {', '.join(SAID)}")
    if not len(coder) == len(item) == len(code):
        raise AgreementError(
            f"codes: {len(coder)} coders, {len(item)} items and {len(code)} codes; each row of the table has all three"
        )
    given: dict[str, list[Any]] = {}
    seen: set[tuple[Hashable, str]] = set()
    for who, what, value in zip(coder, item, code, strict=True):
        name = str(what)
        given.setdefault(name, [])
        if absent(value):
            continue
        if (who, name) in seen:
            raise AgreementError(f"codes: {who!r} codes {name!r} twice; keep one of the two rows")
        seen.add((who, name))
        given[name].append(_number(value) if rule == "mean" else label(value))
    names, targets, counts, apart, dropped = [], [], [], [], []
    for name, values in given.items():
        target, reason = _target(values, rule)
        if reason:
            dropped.append(Dropped(name=name, code="no_target", reason=reason))
            continue
        names.append(name)
        targets.append(target)
        counts.append(len(values))
        apart.append(float(np.std(values)) if rule == "mean" else sum(v != target for v in values) / len(values))
    read = [None if absent(value) else _number(value) if rule == "mean" else label(value) for value in code]
    several = len({who for who, _ in seen}) > 1 and any(len(values) > 1 for values in given.values())
    return Codes(
        rule=rule,
        items=tuple(names),
        targets=tuple(targets),
        n_codes=tuple(counts),
        disagreement=tuple(apart),
        dropped=tuple(dropped),
        agreement=agreement(
            coder,
            item,
            read,
            level=level or ("interval" if rule == "mean" else "nominal"),
            resamples=resamples,
            seed=seed,
        )
        if several
        else None,
    )


def _target(values: Sequence[Any], rule: Rule) -> tuple[Any, str | None]:
    """The target, or why there is none."""
    if not values:
        return None, "has no code"
    if rule == "mean":
        return float(np.mean(values)), None
    (first, most), *others = Counter(values).most_common()
    if rule == "unanimous" and others:
        return None, f"coders differ: {_said(values)}"
    if others and others[0][1] == most:
        return None, f"a tie: {_said(values)}"
    return first, None


def _said(values: Sequence[Any]) -> str:
    return ", ".join(f"{count} {value}" for value, count in Counter(values).most_common(4))


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as exc:
        raise AgreementError(f'codes: {exc}; the mean is of numbers, of labels take rule="majority"') from exc
