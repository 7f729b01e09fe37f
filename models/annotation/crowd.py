"""Codes of a crowd reconciled: the majority, and the model of Dawid & Skene (1979), which knows each coder's errors."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.annotation.code_list import CodeList
from models.codes import in_order, read_codes, read_ids
from models.errors import AgreementError, listed
from models.stopping import Check, unchecked

Float = NDArray[np.float64]
Int = NDArray[np.intp]
MOST_CATEGORIES = 50
MOST_CELLS = 2_000_000  # coders times squared categories, and items times categories
STEPS = 2000  # of the iteration, and fewer for large tables: WORK cells in all
WORK = 400_000_000
TOLERANCE = 1e-8  # largest change of a probability at which the iteration ends
EQUAL = 1e-6  # probabilities that differ by less are a tie


@dataclass(frozen=True, kw_only=True)
class Coder:
    """A coder; `confusion` is the probability of each code (columns) for an item of each category (rows).

    `accuracy` is the probability that the code is the category, over the estimated shares of the categories that
    the coder met.
    """

    coder: str
    codes: int
    accuracy: float
    confusion: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Item:
    """An item; a label is None where several are tied, which `tied` and `majority_tied` list.

    `probabilities` are those of the categories, in their order.
    """

    item: str
    codes: int
    majority: str | None
    majority_tied: tuple[str, ...]
    label: str | None
    tied: tuple[str, ...]
    probability: float
    probabilities: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Reconciled codes.

    Attributes
    ----------
    shares : estimated share of each category; majority_shares : among the items with a majority.
    n_ties, n_tied : items without a majority, and without a label of the model.
    n_differ : items with both, which differ.
    """

    categories: tuple[str, ...]
    shares: tuple[float, ...]
    majority_shares: tuple[float, ...]
    coders: tuple[Coder, ...]
    items: tuple[Item, ...]
    n_ties: int
    n_tied: int
    n_differ: int
    steps: int
    converged: bool
    log_likelihood: float
    missing: int
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Fit:
    """Estimates: (items, k) probabilities, (k,) shares, (coders, k, k) confusions, true categories in rows."""

    posterior: Float
    shares: Float
    confusion: Float
    steps: int
    converged: bool
    log_likelihood: float


def dawid_skene(item: Int, coder: Int, code: Int, items: int, coders: int, k: int, check: Check = unchecked) -> Fit:
    """Fit the model by the EM algorithm, started at the shares of each item's codes; no random numbers are drawn.

    Parameters
    ----------
    item, coder, code : (rows,) indices; a coder may have coded an item several times. Every item has a code.

    Source: Dawid & Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", Applied
    Statistics 1979, 28:20, equations 2.3 to 2.5.
    """
    posterior: Float = np.bincount(item * k + code, minlength=items * k).reshape(items, k).astype(np.float64)
    posterior = posterior / posterior.sum(axis=1, keepdims=True)
    shares: Float = np.zeros(k)
    confusion: Float = np.zeros((coders, k, k))
    likelihood = -np.inf
    converged, steps = False, 0
    cell = coder * k + code
    most = max(50, min(STEPS, WORK // (items * k + coders * k * k)))
    while not converged and steps < most:
        check()
        shares = posterior.mean(axis=0)
        counts: Float = np.stack([np.bincount(cell, posterior[item, c], coders * k) for c in range(k)], axis=1)
        confusion = counts.reshape(coders, k, k).transpose(0, 2, 1)  # (coders, true, code)
        total = confusion.sum(axis=2, keepdims=True)
        confusion = np.divide(confusion, total, out=np.zeros_like(confusion), where=total > 0)
        logs = np.log(np.maximum(confusion, 1e-300))
        joint = np.stack([np.bincount(item, logs[coder, c, code], items) for c in range(k)], axis=1)
        joint += np.log(np.maximum(shares, 1e-300))
        top = joint.max(axis=1, keepdims=True)
        new = np.exp(joint - top)
        sums = new.sum(axis=1, keepdims=True)
        new /= sums
        likelihood = float((top + np.log(sums)).sum())
        converged = bool(np.abs(new - posterior).max() < TOLERANCE)
        posterior = new
        steps += 1
    return Fit(posterior, shares, confusion, steps, converged, likelihood)


def reconcile(
    coder: Sequence[Hashable],
    item: Sequence[Hashable],
    code: Sequence[Any],
    *,
    missing: Sequence[str] | None = None,
    check: Check = unchecked,
) -> Crowd:
    """Reconcile the codes of several coders.

    Parameters
    ----------
    coder, item, code : (rows,) a long table, as for `agreement`; codes are names of categories.

    Raises
    ------
    AgreementError : columns of different lengths, two codes of one coder for one item, a single coder, fewer than two
        categories or more than MOST_CATEGORIES, more than MOST_CELLS.
    """
    if not len(coder) == len(item) == len(code):
        raise AgreementError(
            f"codes: got {len(coder)} coders, {len(item)} items and {len(code)} codes; each row of the table needs all "
            "three"
        )
    column = read_codes(code, missing)
    names, ids = read_ids(coder, "coder"), read_ids(item, "item")
    check()
    order = list(in_order({name: None for name in column.names if name is not None}))
    if not 2 <= len(order) <= MOST_CATEGORIES:
        raise AgreementError(
            f"codes: got {len(order):,} different codes; the model needs from 2 to {MOST_CATEGORIES} categories, names "
            "rather than quantities"
        )
    place = {name: float(i) for i, name in enumerate(order)}
    table = CodeList.of(names, ids, [float("nan") if name is None else place[name] for name in column.names])
    coded = np.bincount(table.item, minlength=table.items) > 0
    every = [id for id, there in zip(dict.fromkeys(ids), coded, strict=True) if there]
    table = table.only(coded)
    check()
    k = len(order)
    if len(table.coders) < 2:
        raise AgreementError(f"codes: got {len(table.coders)} coders; codes of two or more are reconciled")
    if max(len(table.coders) * k * k, table.items * k) > MOST_CELLS:
        raise AgreementError(
            f"codes: got {len(table.coders):,} coders, {table.items:,} items and {k} categories; coders times squared "
            f"categories, and items times categories, are at most {MOST_CELLS:,}: send fewer items, or merge categories"
        )
    codes = table.code.astype(np.intp)
    fit = dawid_skene(table.item, table.coder, codes, table.items, len(table.coders), k, check)
    votes = np.bincount(table.item * k + codes, minlength=table.items * k).reshape(-1, k)
    found = [_item(name, votes[i], fit.posterior[i], order) for i, name in enumerate(every)]
    check()
    majority = [each.majority for each in found if each.majority is not None]
    total = np.bincount(table.coder, minlength=len(table.coders))
    several = votes.sum(axis=1)
    n_ties, n_tied = sum(each.majority is None for each in found), sum(each.label is None for each in found)
    remarks = [
        *column.remarks("codes"),
        *_remarks(fit, table, several, total, order, n_ties, n_tied),
    ]
    return Crowd(
        categories=tuple(order),
        shares=tuple(fit.shares.tolist()),
        majority_shares=tuple(majority.count(name) / max(1, len(majority)) for name in order),
        coders=tuple(
            Coder(
                coder=name,
                codes=int(total[j]),
                accuracy=_accuracy(fit, j),
                confusion=tuple(tuple(row) for row in fit.confusion[j].tolist()),
            )
            for j, name in enumerate(table.coders)
        ),
        items=tuple(found),
        n_ties=n_ties,
        n_tied=n_tied,
        n_differ=sum(None not in (each.majority, each.label) and each.majority != each.label for each in found),
        steps=fit.steps,
        converged=fit.converged,
        log_likelihood=fit.log_likelihood,
        missing=column.missing,
        remarks=tuple(remarks),
    )


def _accuracy(fit: Fit, coder: int) -> float:
    """The probability that a coder's code is the category, over the shares of the categories that the coder met."""
    met = fit.confusion[coder].sum(axis=1) > 0
    whole = float(fit.shares[met].sum())
    return float(fit.shares[met] @ np.diagonal(fit.confusion[coder])[met]) / whole if whole > 0 else float("nan")


def _item(name: str, votes: Int, posterior: Float, order: Sequence[str]) -> Item:
    most = np.flatnonzero(votes == votes.max()).tolist()
    best = np.flatnonzero(posterior >= posterior.max() - EQUAL).tolist()
    return Item(
        item=name,
        codes=int(votes.sum()),
        majority=order[most[0]] if len(most) == 1 else None,
        majority_tied=tuple(order[c] for c in most) if len(most) > 1 else (),
        label=order[best[0]] if len(best) == 1 else None,
        tied=tuple(order[c] for c in best) if len(best) > 1 else (),
        probability=float(posterior.max()),
        probabilities=tuple(posterior.tolist()),
    )


def _remarks(
    fit: Fit, table: CodeList, several: Int, total: Int, order: Sequence[str], n_ties: int, n_tied: int
) -> list[str]:
    """Sentences on what limits the estimates."""
    n = table.items
    remarks = []
    if not fit.converged:
        remarks.append(f"the estimates still changed after {fit.steps:,} steps; the codes may not determine the model")
    if len(table.coders) < 3:
        remarks.append(
            "two coders cannot tell which of them errs: the model needs three codes of most items; read the majority, "
            "or have a third person code"
        )
    elif (few := int((several < 3).sum())) > n / 2:
        remarks.append(f"{few:,} of {n:,} items have fewer than three codes, from which errors are hardly known")
    rare = [who for who, many in zip(table.coders, total.tolist(), strict=True) if many < 10]
    if rare:
        remarks.append(f"{listed(rare)}: fewer than 10 codes; the confusion of such a coder is hardly known")
    if gone := [name for name, share in zip(order, fit.shares.tolist(), strict=True) if share < 0.5 / n]:
        remarks.append(f"{listed(gone)}: no item has this category as its most probable one by the model")
    if n_ties:
        remarks.append(f"{n_ties:,} of {n:,} items have no majority, since codes are tied: it is left open")
    if n_tied:
        remarks.append(f"{n_tied:,} of {n:,} items have equal probabilities of several categories: no label is given")
    return remarks
