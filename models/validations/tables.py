"""Codes and predictions as they are sent, and as they are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers.codes import Codes
from models.classifiers.head import Task
from models.intervals import Float


@dataclass(frozen=True, kw_only=True)
class CodeTable:
    """A long table of codes, a row per item, or per item and coder; columns of the design repeat for each item.

    Attributes
    ----------
    item, code : (rows,)
    coder, inclusion_prob, weight, group, stratum : (rows,) or None.
    by : (rows,) the group by which errors are told apart, or None; an item may have none.
    adjudicator : the coder whose code decides where others differ; None: there is none.
    """

    item: Sequence[Any]
    code: Sequence[Any]
    coder: Sequence[Any] | None = None
    inclusion_prob: Sequence[float] | None = None
    weight: Sequence[float] | None = None
    group: Sequence[Any] | None = None
    stratum: Sequence[Any] | None = None
    by: Sequence[Any] | None = None
    adjudicator: str | None = None


@dataclass(frozen=True, kw_only=True)
class Labeller:
    """Predictions to be validated.

    Attributes
    ----------
    item : (m,) ids.
    value : (m,) a label, a number, or for two classes the score of the positive one; None where only scores exist.
    scores : by label, (m,) scores.
    trained_on : ids of the items that the classifier which made the predictions was trained on, and its name.
    certain : whether it is known that this classifier made them.
    not_sent : number of further predicted items, which nobody coded.
    out_of_fold : whether each prediction was made by a model that was trained without its item.
    repeats : the predictions of further repeats of the cross-validation, of the same items: figures and differences are
        means over all repeats; curves and agreement are those of the first.
    """

    name: str
    item: Sequence[Any]
    value: Sequence[Any] | None = None
    scores: Mapping[str, Sequence[float]] | None = None
    trained_on: tuple[str, frozenset[str]] | None = None
    certain: bool = True
    not_sent: int = 0
    out_of_fold: bool = False
    repeats: tuple["Labeller", ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The target of each coded item, with the columns of the design.

    Attributes
    ----------
    coder, item, code : (codes,) the single codes, without missing ones.
    items, targets : (n,) items that have a target, and the names of their codes, or numbers.
    weights : (n,) positive; groups : (n,) indices or None.
    by : (n,) names of groups by which errors are told apart, None for an item without; None: there are none.
    """

    task: Task
    coder: tuple[str, ...]
    item: tuple[str, ...]
    code: tuple[Any, ...]
    items: tuple[str, ...]
    targets: tuple[Any, ...]
    weights: Float
    weighted: bool
    groups: NDArray[np.intp] | None
    strata: int | None
    codes: Codes
    n_items: int
    remarks: tuple[str, ...]
    by: tuple[str | None, ...] | None = None

    @property
    def coders(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.coder))


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """The predictions of one labeller for the items that have a target too.

    Attributes
    ----------
    rows : (m,) places among the reference's items.
    chosen : (m,) names of the predicted labels, or numbers.
    scores : by label, (m,); None where there are none.
    all_coded : the prediction of each coded item, also of those without a target.
    uncoded : number of predicted items that nobody coded.
    repeats : as in `Labeller`.
    """

    labeller: Labeller
    rows: NDArray[np.intp]
    chosen: list[Any]
    scores: dict[str, Float] | None
    all_coded: dict[str, Any]
    uncoded: int
    remarks: tuple[str, ...]
    repeats: tuple["Predicted", ...] = ()


def without(reference: Reference, rows: NDArray[np.intp]) -> Reference:
    """The reference on some of its items."""
    return replace(
        reference,
        items=tuple(reference.items[i] for i in rows.tolist()),
        targets=tuple(reference.targets[i] for i in rows.tolist()),
        weights=reference.weights[rows] / reference.weights[rows].mean(),
        groups=None if reference.groups is None else reference.groups[rows],
        by=None if reference.by is None else tuple(reference.by[i] for i in rows.tolist()),
    )
