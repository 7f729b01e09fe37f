"""Codes of several coders aggregated to one target for each item, with their agreement."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from models.annotation.agreement import Agreement, Level, agreement
from models.classifiers.records import Dropped
from models.codes import finite, read_codes, read_ids
from models.errors import AgreementError, quoted

Rule = Literal["majority", "unanimous", "mean"]
RULES: dict[Rule, str] = {
    "majority": "the code that most coders gave; ties are dropped",
    "unanimous": "the code that all coders gave; items on which coders differ are dropped",
    "mean": "the mean of all codes",
}


@dataclass(frozen=True, kw_only=True)
class Codes:
    """Targets aggregated from codes.

    Attributes
    ----------
    disagreement : for each item, the share of its codes that differ from its target; under the rule "mean" their
        standard deviation (0 for a single code).
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
        return RULES[self.rule]


def aggregate_codes(
    coder: Sequence[Hashable],
    item: Sequence[Hashable],
    code: Sequence[Any],
    *,
    rule: Rule = "majority",
    missing: Sequence[str] | None = None,
    level: Level | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Codes:
    """Aggregate codes to one target for each item.

    Parameters
    ----------
    coder, item, code : (rows,) a long table; missing codes are None, NaN, blank, or missing rows, and texts in
        `missing`. models.codes says which codes are equal.
    rule : "majority" or "unanimous" for labels, "mean" for numbers.
    missing : texts that are no codes; None: those of models.codes.
    level : level of measurement for the agreement; None: interval under "mean", else nominal.

    Raises
    ------
    AgreementError : an unknown rule, columns of different lengths, two codes of one coder for one item, a code that is
        not a number under "mean".
    """
    if rule not in RULES:
        raise AgreementError(f"rule: got {rule!r}; the rules are {', '.join(RULES)}")
    if not len(coder) == len(item) == len(code):
        raise AgreementError(
            f"codes: got {len(coder)} coders, {len(item)} items and {len(code)} codes; each row of the table needs all "
            "three"
        )
    column = read_codes(code, missing)
    cleaned = [_number(value) for value in column.values] if rule == "mean" else list(column.names)
    coders, items = read_ids(coder, "coder"), read_ids(item, "item")
    codes_of: dict[str, list[Any]] = {}
    pairs: set[tuple[str, str]] = set()
    for who, name, value in zip(coders, items, cleaned, strict=True):
        codes_of.setdefault(name, [])
        if value is None:
            continue
        if (who, name) in pairs:
            raise AgreementError(
                f"codes: coder {quoted(who)} has two codes for item {quoted(name)}; keep one of the two rows"
            )
        pairs.add((who, name))
        codes_of[name].append(value)
    names, targets, counts, disagreement, dropped = [], [], [], [], []
    for name, values in codes_of.items():
        target, reason = _target(values, rule)
        if reason:
            dropped.append(Dropped(name=name, code="no_target", reason=reason))
            continue
        names.append(name)
        targets.append(target)
        counts.append(len(values))
        disagreement.append(float(np.std(values)) if rule == "mean" else sum(v != target for v in values) / len(values))
    comparable = len({who for who, _ in pairs}) > 1 and any(len(values) > 1 for values in codes_of.values())
    return Codes(
        rule=rule,
        items=tuple(names),
        targets=tuple(targets),
        n_codes=tuple(counts),
        disagreement=tuple(disagreement),
        dropped=tuple(dropped),
        agreement=agreement(
            coders,
            items,
            cleaned,
            missing=(),
            level=level or ("interval" if rule == "mean" else "nominal"),
            resamples=resamples,
            seed=seed,
        )
        if comparable
        else None,
    )


def _target(values: Sequence[Any], rule: Rule) -> tuple[Any, str | None]:
    """The target of one item, or the reason why there is none."""
    if not values:
        return None, "has no code"
    if rule == "mean":
        return float(np.mean(values)), None
    (first, most), *others = Counter(values).most_common()
    if rule == "unanimous" and others:
        return None, f"coders differ: {_counts(values)}"
    if others and others[0][1] == most:
        return None, f"a tie: {_counts(values)}"
    return first, None


def _counts(values: Sequence[Any]) -> str:
    return ", ".join(f"{count} {value}" for value, count in Counter(values).most_common(4))


def _number(value: Any) -> float | None:
    try:
        return None if value is None else finite(value)
    except (TypeError, ValueError) as exc:
        raise AgreementError(f'codes: {exc}; rule "mean" needs numbers, use "majority" for labels') from exc
