"""What a classifier says of items, and of videos by frame, by shot and as a whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float, Task
from service.errors import ItemFailure
from service.pipelines.frames import Film

Choose = Callable[[Float], list[str]]  # probabilities (n, labels) → the label of each row


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is said of n rows.

    Attributes
    ----------
    chosen, probabilities : of a task with labels: (n,) and (n, labels).
    values, low, high : of a continuous one, (n,) each; infinite where the interval is not known.
    crossed : (n, labels) or (n, 1), where it was asked for.
    """

    chosen: Sequence[str] | None = None
    probabilities: Float | None = None
    values: Float | None = None
    low: Float | None = None
    high: Float | None = None
    crossed: Float | None = None


@dataclass(frozen=True, kw_only=True)
class OfFilm:
    """What is said of a video's frames, and of its shots where they were looked for."""

    film: Film
    frames: Told
    shots: Told | None


@dataclass(frozen=True, kw_only=True)
class Predictions(Told):
    """What a classifier says: a row for each item, a video's pooled over its frames. Rows of failed items mean nothing.

    Attributes
    ----------
    films : the videos, by index.
    receipt : None where the caller sent vectors.
    """

    task: Task
    labels: tuple[str, ...]
    n: int
    failures: Mapping[int, ItemFailure]
    truncated: tuple[int, ...]
    model: str
    receipt: Mapping[str, Any] | None
    films: Mapping[int, OfFilm] = field(default_factory=dict)


def of_film(film: Film, frames: Told, choose: Choose) -> OfFilm:
    """The frames' predictions, and those of the shots pooled from them."""
    shots = None if film.shots is None else _pooled(frames, film.over_shots, choose)
    return OfFilm(film=film, frames=frames, shots=shots)


def with_films(items: Told, films: Mapping[int, OfFilm], choose: Choose) -> Told:
    """The items' predictions, with those of each video pooled over its frames in its row."""
    if not films:
        return items
    whole = {i: _pooled(each.frames, each.film.over_video, choose) for i, each in films.items()}
    chosen = None if items.chosen is None else list(items.chosen)
    for i, told in whole.items():
        for name in ("probabilities", "values", "low", "high"):
            rows, row = getattr(items, name), getattr(told, name)
            if rows is not None and row is not None:
                rows[i] = row[0]
        if chosen is not None and told.chosen is not None:
            chosen[i] = told.chosen[0]
    return Told(
        chosen=chosen,
        probabilities=items.probabilities,
        values=items.values,
        low=items.low,
        high=items.high,
        crossed=items.crossed,
    )


def _pooled(frames: Told, over: Callable[[NDArray[Any]], Float], choose: Choose) -> Told:
    """Of a pooled value no interval is known: frames of one clip do not err independently."""
    if frames.probabilities is not None:
        probabilities = over(frames.probabilities)
        return Told(probabilities=probabilities, chosen=choose(np.nan_to_num(probabilities)))
    assert frames.values is not None
    values = over(frames.values[:, None])[:, 0]
    unknown = np.full(len(values), np.inf)
    return Told(values=values, low=-unknown, high=unknown)
