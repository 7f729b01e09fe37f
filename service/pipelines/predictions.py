"""Predictions for items, and for videos by frame, by shot and as a whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float, Task
from service.errors import ItemFailure
from service.pipelines.frames import FrameResults

Choose = Callable[[Float], list[str]]  # probabilities (n, labels) → the label of each row


@dataclass(frozen=True, kw_only=True)
class PredictionRows:
    """Predictions for n rows.

    Attributes
    ----------
    chosen, probabilities : (n,) and (n, labels), for a task with labels.
    values, low, high : (n,) each, for a continuous task; infinite bounds where the interval is unknown.
    crossed : (n, labels) or (n, 1), if requested.
    sets : (n,) the labels of each prediction set, if requested.
    """

    chosen: Sequence[str] | None = None
    probabilities: Float | None = None
    values: Float | None = None
    low: Float | None = None
    high: Float | None = None
    crossed: Float | None = None
    sets: Sequence[Sequence[str]] | None = None


@dataclass(frozen=True, kw_only=True)
class VideoPredictions:
    """Predictions for a video's frames, and for its shots if they were detected."""

    video: FrameResults
    frames: PredictionRows
    shots: PredictionRows | None


@dataclass(frozen=True, kw_only=True)
class Predictions(PredictionRows):
    """Predictions for items, pooled over frames for a video. Rows of failed items have no meaning.

    Attributes
    ----------
    videos : by index.
    receipt : None where the caller sent vectors.
    remarks : on prediction sets.
    """

    task: Task
    labels: tuple[str, ...]
    n: int
    failures: Mapping[int, ItemFailure]
    truncated: tuple[int, ...]
    unknown: tuple[int, ...]
    first_of_many: tuple[int, ...]
    model: str
    receipt: Mapping[str, Any] | None
    remarks: tuple[str, ...] = ()
    videos: Mapping[int, VideoPredictions] = field(default_factory=dict)


def video_predictions(video: FrameResults, frames: PredictionRows, choose: Choose) -> VideoPredictions:
    """The frames' predictions, and those of the shots pooled from them."""
    shots = None if video.shots is None else _pooled(frames, video.over_shots, choose)
    return VideoPredictions(video=video, frames=frames, shots=shots)


def with_videos(items: PredictionRows, videos: Mapping[int, VideoPredictions], choose: Choose) -> PredictionRows:
    """The items' predictions, with those of each video pooled over its frames in its row."""
    if not videos:
        return items
    whole = {i: _pooled(each.frames, each.video.over_video, choose) for i, each in videos.items()}
    chosen = None if items.chosen is None else list(items.chosen)
    for i, told in whole.items():
        for name in ("probabilities", "values", "low", "high"):
            rows, row = getattr(items, name), getattr(told, name)
            if rows is not None and row is not None:
                rows[i] = row[0]
        if chosen is not None and told.chosen is not None:
            chosen[i] = told.chosen[0]
    return PredictionRows(
        chosen=chosen,
        probabilities=items.probabilities,
        values=items.values,
        low=items.low,
        high=items.high,
        crossed=items.crossed,
    )


def _pooled(frames: PredictionRows, over: Callable[[NDArray[Any]], Float], choose: Choose) -> PredictionRows:
    """Pool predictions. Intervals are infinite: errors of frames of one video are not independent."""
    if frames.probabilities is not None:
        probabilities = over(frames.probabilities)
        return PredictionRows(probabilities=probabilities, chosen=choose(np.nan_to_num(probabilities)))
    assert frames.values is not None
    values = over(frames.values[:, None])[:, 0]
    unknown = np.full(len(values), np.inf)
    return PredictionRows(values=values, low=-unknown, high=unknown)
