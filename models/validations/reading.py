"""Reading of the codes: the task that they pose, the target of each item, weights and groups of the design."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.classifiers.codes import Rule, aggregate_codes
from models.classifiers.head import Task
from models.classifiers.problem import item_weights
from models.codes import Column, class_order, code_name, infer_task, is_missing, lost_zeros, read_codes, read_ids
from models.errors import AgreementError, TrainingError, listed, quoted
from models.stopping import checkpoint
from models.validations.tables import CodeTable, Labeller, Reference
from models.validations.values import are_numbers, are_shares, have_fractions

ONE_CODER = "codes"  # the name of the only coder, where the table names none


def read_task(task: Task | None, codes: Column, labellers: Sequence[Labeller]) -> Task:
    """The task: as it is given, else by the codes and the predictions. Raises TrainingError where it is not clear."""
    if task is not None:
        return task
    numbers = all(each.scores is None and are_numbers(each.value) for each in labellers)
    fractions = numbers and any(have_fractions(each.value) for each in labellers)
    names = {name for name in codes.names if name is not None}
    if (
        fractions
        and are_numbers(codes.values)
        and not (len(names) <= 2 and all(are_shares(e.value) for e in labellers))
    ):
        return "continuous"
    try:
        return infer_task(codes)
    except TrainingError:
        if numbers:
            return "continuous"
        raise


def read_reference(
    table: CodeTable,
    labellers: Sequence[Labeller],
    *,
    task: Task | None,
    rule: Rule | None,
    missing: Sequence[str] | None,
    seed: int,
    resamples: int,
) -> Reference:
    """Read the codes, and make a target for each item. Raises AgreementError, IdError, TrainingError."""
    n = len(table.code)
    for name in ("item", "coder", "inclusion_prob", "weight", "group", "stratum", "by"):
        column = getattr(table, name)
        if column is not None and len(column) != n:
            raise AgreementError(f"{name}: got {len(column)} for {n} codes; give one for each row of the table")
    codes = read_codes(table.code, missing)
    checkpoint()
    kind = read_task(task, codes, labellers)
    items = read_ids(table.item, "item")
    decides = [] if table.adjudicator is None else [table.adjudicator]
    coders = read_ids([*([ONE_CODER] * n if table.coder is None else table.coder), *decides], "coder")
    adjudicator = coders[-1] if decides else None
    coders = coders[:n]
    aggregated = aggregate_codes(
        coders,
        items,
        codes.values if kind == "continuous" else codes.names,
        rule=rule or ("adjudicated" if decides else "mean" if kind == "continuous" else "majority"),
        adjudicator=adjudicator,
        missing=(),
        resamples=resamples,
        seed=seed,
    )
    checkpoint()
    if not aggregated.items and aggregated.n_undecided:
        raise AgreementError(aggregated.nobody_decides(", or validate against one coder"))
    if not aggregated.items:
        raise AgreementError(f"codes: none of {n:,} rows has a code that counts; fill in the codes, or see `missing`")
    place = {item: i for i, item in enumerate(aggregated.items)}
    design = {
        name: _by_item(name, getattr(table, name), items, place)
        for name in ("inclusion_prob", "weight", "group", "stratum")
    }
    weights = item_weights(design["weight"], design["inclusion_prob"], len(place))
    strata = None if design["stratum"] is None else len(set(map(str, design["stratum"])))
    remarks = [*codes.missing_remark("codes")]
    if zeros := lost_zeros(list(place)):
        remarks.append(zeros)
    tied = [each for each in aggregated.dropped if each.reason != "has no code"]
    if tied:
        remarks.append(
            f"{len(tied):,} of {len(tied) + len(place):,} coded items are left out, since their coders differ "
            f"(rule {aggregated.rule}); they are the difficult ones, so the figures on the others are too good: let "
            "another coder decide them, the adjudicator"
        )
    if strata and strata > 1 and design["inclusion_prob"] is None and design["weight"] is None:
        remarks.append(
            f"the codes come from {strata:,} strata without inclusion_prob: every item counts alike, and the figures "
            "are not those of the corpus unless each stratum was drawn with the same probability; add the column "
            "inclusion_prob of the sample"
        )
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    if effective < len(weights) / 4:
        remarks.append(
            f"the weights are so uneven that {len(weights):,} items have an effective sample size of {effective:.0f}: "
            "a few of them decide all figures"
        )
    groups = None
    if design["group"] is not None:
        groups = np.unique(list(map(str, design["group"])), return_inverse=True)[1].astype(np.intp)
    told_apart = _by_item("by", table.by, items, place, complete=False)
    there = [i for i, name in enumerate(codes.names) if name is not None and coders[i] != adjudicator]
    return Reference(
        task=kind,
        coder=tuple(coders[i] for i in there),
        item=tuple(items[i] for i in there),
        code=tuple((codes.values if kind == "continuous" else codes.names)[i] for i in there),
        items=aggregated.items,
        targets=aggregated.targets,
        weights=weights / weights.mean(),
        weighted=bool(np.ptp(weights) > 1e-9 * weights.max()),
        groups=groups,
        strata=strata,
        codes=aggregated,
        n_items=len(set(items)),
        remarks=tuple(remarks),
        by=None if told_apart is None else tuple(None if each is None else code_name(each) for each in told_apart),
    )


def _by_item(
    name: str, column: Sequence[Any] | None, items: Sequence[str], place: Mapping[str, int], *, complete: bool = True
) -> Any:
    """A column of the design with one value for each item; None where there is none. Raises AgreementError.

    An item may have none where the column need not be `complete`.
    """
    if column is None:
        return None
    values: list[Any] = [None] * len(place)
    for item, value in zip(items, column, strict=True):
        i = place.get(item)
        if i is None or is_missing(value):
            continue
        if values[i] is not None and values[i] != value:
            raise AgreementError(
                f"{name}: item {quoted(item)} has two, {quoted(values[i])} and {quoted(value)}; give an item the same "
                "in all of its rows"
            )
        values[i] = value
    empty = values.count(None)
    if empty and complete:
        first = next(item for item, i in place.items() if values[i] is None)
        raise AgreementError(
            f"{name}: {empty:,} of {len(values):,} coded items have none, the first is {quoted(first)}; give each "
            "coded item one, or leave the column out"
        )
    return values


def positive_label(positive: Any, labels: Sequence[str], reference: Reference) -> str | None:
    """The positive class of two: as it is given, else the last in `class_order`."""
    names: list[str] = sorted(set(reference.targets))
    if positive is not None:
        name = code_name(positive)
        known = sorted({*names, *labels})
        if name not in known:
            raise TrainingError(
                f"positive: {quoted(name)} is not one of the labels {listed(known)}; give one of them",
                code="unknown_label",
            )
        return name
    if len(names) != 2:
        return None
    return class_order(names)[1]
