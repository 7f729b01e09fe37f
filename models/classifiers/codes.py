"""Codes of several coders aggregated to one target for each item, with their agreement."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from models.annotation.agreement import Agreement, Level, agreement
from models.classifiers.records import Dropped, Note
from models.codes import finite, read_codes, read_ids
from models.errors import AgreementError, listed, quoted
from models.stopping import checkpoint

Rule = Literal["majority", "unanimous", "mean", "adjudicated", "both"]
RULES: dict[Rule, str] = {
    "majority": "the code that most coders gave; ties are dropped",
    "unanimous": "the code that all coders gave; items on which coders differ are dropped",
    "mean": "the mean of all codes",
    "adjudicated": "the code that all coders gave; where coders differ, that of the adjudicator",
    "both": "every code, weighted so that the codes of an item sum to one",
}
UNDECIDED = "coders_differ"  # code of an item that is dropped because its coders differ


@dataclass(frozen=True, kw_only=True)
class Codes:
    """Targets aggregated from codes.

    Attributes
    ----------
    targets : for each item; under the rule "both" the code that most coders gave, the first of several.
    n_codes : for each item, without the adjudicator's.
    disagreement : for each item, the share of its codes that differ from its target; under the rule "mean" their
        standard deviation (0 for a single code).
    shares : under the rule "both" the codes of each item with their shares of its coders; otherwise None.
    agreement : of the coders, without the adjudicator; None where no item has two codes.
    by_coder : coder → item → code, of all items, dropped ones too, without the adjudicator.
    n_items, n_several, n_differ : number of items with a code, with two or more, and of those with different ones.
    n_overruled : number of items on which coders agree and the adjudicator does not; the coders' code is the target.
    """

    rule: Rule
    items: tuple[str, ...]
    targets: tuple[Any, ...]
    n_codes: tuple[int, ...]
    disagreement: tuple[float, ...]
    dropped: tuple[Dropped, ...]
    agreement: Agreement | None
    shares: tuple[tuple[tuple[Any, float], ...], ...] | None
    by_coder: Mapping[str, Mapping[str, Any]]
    n_items: int
    n_several: int
    n_differ: int
    n_overruled: int = 0
    adjudicator: str | None = None

    @property
    def rule_in_words(self) -> str:
        return RULES[self.rule]

    @property
    def n_undecided(self) -> int:
        """Number of items that are dropped because their coders differ."""
        return sum(item.code == UNDECIDED for item in self.dropped)

    def nobody_decides(self, ways: str) -> str:
        """A sentence for an error where every item is dropped because its coders differ; `ways` out, beside people."""
        n, lacks = self.n_undecided, ", and the adjudicator has no code for them" if self.adjudicator else ""
        return (
            f"codes: the coders differ on all {n:,} items that they coded{lacks} (rule {self.rule}), so that none has "
            f"a target; let a third coder code them, have an adjudicator decide them (rule adjudicated){ways}"
        )

    def notes(self) -> Iterator[Note]:
        """Notes on items that are dropped because their coders differ, and on an adjudicator who differs."""
        if n := self.n_undecided:
            other = "have the adjudicator code them" if self.rule == "adjudicated" else "use rule adjudicated, or both"
            yield Note(
                UNDECIDED,
                f"{n:,} of {self.n_items:,} coded items are left out because their coders differ (rule {self.rule}): "
                "the figures describe the items on which coders agree, which are easier, so that accuracy is too high "
                f"for all items, and estimates of a corpus are biased; {other}",
            )
        if self.n_overruled:
            yield Note(
                "adjudicator_differs",
                f"the adjudicator differs on {self.n_overruled:,} items on which the other coders agree; their code is "
                "kept",
            )


def aggregate_codes(
    coder: Sequence[Hashable],
    item: Sequence[Hashable],
    code: Sequence[Any],
    *,
    rule: Rule = "majority",
    adjudicator: str | None = None,
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
    rule : "majority", "unanimous" or "adjudicated" for labels, "mean" for numbers, "both" for either.
    adjudicator : the coder whose code decides where others differ, under the rule "adjudicated".
    missing : texts that are no codes; None: those of models.codes.
    level : level of measurement for the agreement; None: interval under "mean", else nominal.

    Raises
    ------
    AgreementError : an unknown rule, columns of different lengths, two codes of one coder for one item, a code that is
        not a number under "mean", an adjudicator who has no codes, or who is missing.
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
    if (rule == "adjudicated") != (adjudicator is not None):
        raise AgreementError(
            f"adjudicator: got {'none' if adjudicator is None else quoted(adjudicator)} with rule {rule!r}; rule "
            '"adjudicated" needs the coder who decides, other rules have none'
        )
    if adjudicator is not None and adjudicator not in coders:
        raise AgreementError(
            f"adjudicator: {quoted(adjudicator)} has no codes; the coders are {listed(dict.fromkeys(coders))}"
        )
    checkpoint()
    codes_of: dict[str, dict[str, Any]] = {}
    decisions: dict[str, Any] = {}
    for who, name, value in zip(coders, items, cleaned, strict=True):
        own = codes_of.setdefault(name, {})
        if value is None:
            continue
        if who in own or (who == adjudicator and name in decisions):
            raise AgreementError(
                f"codes: coder {quoted(who)} has two codes for item {quoted(name)}; keep one of the two rows"
            )
        if who == adjudicator:
            decisions[name] = value
        else:
            own[who] = value
    names, targets, counts, disagreement, shares = [], [], [], [], []
    dropped = []
    checkpoint()
    for name, by in codes_of.items():
        values = list(by.values())
        target, code, reason = _target(values, rule, decisions.get(name))
        if reason:
            dropped.append(Dropped(name=name, code=code, reason=reason))
            continue
        names.append(name)
        targets.append(target)
        counts.append(len(values))
        shares.append(tuple((value, count / len(values)) for value, count in Counter(values).items()))
        others = sum(value != target for value in values) / max(len(values), 1)
        disagreement.append(float(np.std(values)) if rule == "mean" else others)
    checkpoint()
    by_coder: dict[str, dict[str, Any]] = {}
    for name, by in codes_of.items():
        for who, value in by.items():
            by_coder.setdefault(who, {})[name] = value
    several = {name: set(by.values()) for name, by in codes_of.items() if len(by) > 1}
    agreed = {name: next(iter(values)) for name, values in several.items() if len(values) == 1}
    rows = [i for i, who in enumerate(coders) if who != adjudicator]
    checkpoint()
    return Codes(
        rule=rule,
        items=tuple(names),
        targets=tuple(targets),
        n_codes=tuple(counts),
        disagreement=tuple(disagreement),
        dropped=tuple(dropped),
        agreement=agreement(
            [coders[i] for i in rows],
            [items[i] for i in rows],
            [cleaned[i] for i in rows],
            missing=(),
            level=level or ("interval" if rule == "mean" else "nominal"),
            resamples=resamples,
            seed=seed,
            check=checkpoint,
        )
        if several
        else None,
        shares=tuple(shares) if rule == "both" else None,
        by_coder=by_coder,
        n_items=sum(bool(by) or name in decisions for name, by in codes_of.items()),
        n_several=len(several),
        n_differ=len(several) - len(agreed),
        n_overruled=sum(name in decisions and decisions[name] != value for name, value in agreed.items()),
        adjudicator=adjudicator,
    )


def _target(values: Sequence[Any], rule: Rule, decision: Any) -> tuple[Any, str, str | None]:
    """The target of one item; or the code of the problem and the reason why there is none.

    `decision` is the adjudicator's code, None where there is none.
    """
    if not values:
        return decision, "no_target", "has no code" if decision is None else None
    if rule == "mean":
        return float(np.mean(values)), "", None
    (first, most), *others = Counter(values).most_common()
    if rule == "adjudicated" and others:
        reason = f"coders differ, and the adjudicator has no code: {_counts(values)}"
        return decision, UNDECIDED, reason if decision is None else None
    if rule == "unanimous" and others:
        return None, UNDECIDED, f"coders differ: {_counts(values)}"
    if rule == "majority" and others and others[0][1] == most:
        return None, UNDECIDED, f"a tie: {_counts(values)}"
    return first, "", None


def _counts(values: Sequence[Any]) -> str:
    return ", ".join(f"{count} {value}" for value, count in Counter(values).most_common(4))


def _number(value: Any) -> float | None:
    try:
        return None if value is None else finite(value)
    except (TypeError, ValueError) as exc:
        raise AgreementError(f'codes: {exc}; rule "mean" needs numbers, use "majority" for labels') from exc
