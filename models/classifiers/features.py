"""Numbers of each item beside its vectors, as counts of objects or the year of a post, as inputs of a head.

A number is centred and divided by its standard deviation among the coded items, in float64, so that large numbers (a
time in seconds) keep their digits in float32. In each fit the columns are divided once more by their standard deviation
among that fit's training items, times the root of the number of features: together they vary as much as one unit vector
does at most, and the penalty treats them as one more block.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.codes import is_missing
from models.errors import TrainingError, quoted

Float = NDArray[np.float64]
MOST = 200  # features of a classifier
LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A feature of a head: its name, and its mean and standard deviation among the coded items."""

    name: str
    centre: float
    scale: float


def by_name(columns: Iterable[tuple[str, Sequence[Any]]]) -> dict[str, Sequence[Any]]:
    """The columns by name. Raises TrainingError for a name that occurs twice."""
    found: dict[str, Sequence[Any]] = {}
    for name, column in columns:
        if name in found:
            raise TrainingError(f"features: {quoted(name)} occurs twice; name each column once", code="bad_features")
        found[name] = column
    return found


def feature_values(columns: Mapping[str, Sequence[Any]], n: int) -> Float:
    """The columns as numbers (n, m), NaN where a value is missing. Raises TrainingError."""
    if len(columns) > MOST:
        raise TrainingError(f"features: got {len(columns)}; at most {MOST} are taken", code="bad_features")
    values = np.empty((n, len(columns)))
    for place, (name, column) in enumerate(columns.items()):
        if not 0 < len(name) <= LONGEST_NAME:
            raise TrainingError(
                f"features: a name has {len(name)} characters; give 1 to {LONGEST_NAME}", code="bad_features"
            )
        if len(column) != n:
            raise TrainingError(
                f"features: {quoted(name)} has {len(column)} values for {n} items; give one for each",
                code="lengths_differ",
            )
        values[:, place] = [_number(name, each) for each in column]
    return values


def _number(name: str, value: Any) -> float:
    if is_missing(value):
        return float("nan")
    try:
        number = float("inf") if isinstance(value, str) and "_" in value else float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("inf")
    if not np.isfinite(number):
        raise TrainingError(
            f"features: {quoted(name)} has the value {quoted(str(value))}; give finite numbers (decimal point), or "
            "leave a value out; a category becomes a column of 0 and 1 for each of its values",
            code="bad_features",
        )
    return number


def fit_features(names: Sequence[str], values: Float) -> tuple[Feature, ...]:
    """The features of coded items with `values` (n, m) without gaps. Raises TrainingError for a constant column."""
    features = []
    for place, name in enumerate(names):
        column = values[:, place]
        largest = float(np.abs(column).max())
        unit = largest or 1.0  # keeps squares of huge numbers finite
        scale = float((column / unit).std()) * unit
        if scale <= largest * 1e-12:
            raise TrainingError(
                f"features: {quoted(name)} is {column[0]:g} for every coded item, or nearly so, and does not tell them "
                "apart; leave it out",
                code="bad_features",
            )
        features.append(Feature(name=name, centre=float((column / unit).mean()) * unit, scale=scale))
    return tuple(features)


def standardised(values: Float, features: Sequence[Feature]) -> NDArray[np.float32]:
    """Columns (n, m) for a head, of `values` (n, m) in the order of its features; NaN stays NaN."""
    centre, scale = np.array([f.centre for f in features]), np.array([f.scale for f in features])
    with np.errstate(over="ignore"):
        columns = np.clip((values - centre) / scale, -1e30, 1e30)  # beyond it float32 would have no finite number
    return np.asarray(columns, np.float32)


def lacking(values: Float, names: Sequence[str]) -> dict[int, str]:
    """Index of each item that lacks a feature → the reason."""
    gaps = np.isnan(values)
    return {
        i: f"has no value of the feature {quoted(names[int(gaps[i].argmax())])}"
        for i in np.flatnonzero(gaps.any(axis=1)).tolist()
    }
