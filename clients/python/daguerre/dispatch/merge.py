"""Answers to parts of a chunk, joined into the answer to all of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from daguerre.types.arrays import stack
from daguerre.types.common import A, Answer
from daguerre.types.embeddings import EmbedAnswer
from daguerre.types.images import ImagesAnswer
from daguerre.types.predictions import PredictAnswer
from daguerre.types.zero_shot import ZeroShotAnswer


def merged(answers: Sequence[A]) -> A:
    """Answers to parts of one chunk as the answer to all of it."""
    first = answers[0]
    if len(answers) == 1:
        return first
    starts = np.cumsum([0, *(_rows(answer) for answer in answers[:-1])]).tolist()
    placed = list(zip(starts, answers, strict=True))
    common: dict[str, Any] = {
        "failures": {start + i: failure for start, answer in placed for i, failure in answer.failures.items()},
        "truncated": [start + i for start, answer in placed for i in answer.truncated],
    }
    every: Sequence[Any] = answers
    if isinstance(first, EmbedAnswer):
        common["vectors"] = stack([answer.vectors for answer in every])
        common["tokens"] = sum(answer.tokens for answer in every)
    elif isinstance(first, ImagesAnswer):
        common["images"] = [image for answer in every for image in answer.images]
    elif isinstance(first, PredictAnswer):
        common["best"] = [label for answer in every for label in answer.best]
        for name in ("probabilities", "values", "crossed"):
            common[name] = np.concatenate([getattr(answer, name) for answer in every])
    elif isinstance(first, ZeroShotAnswer):
        common["best"] = [label for answer in every for label in answer.best]
        for name in ("scores", "cosines"):
            common[name] = np.concatenate([getattr(answer, name) for answer in every])
        if first.none_scores is not None:
            common["none_scores"] = np.concatenate([answer.none_scores for answer in every])
    return replace(first, **common)


def _rows(answer: Answer) -> int:
    if isinstance(answer, PredictAnswer):
        return len(answer.best)
    if isinstance(answer, ImagesAnswer):
        return len(answer.images)
    return len(answer.vectors if isinstance(answer, EmbedAnswer) else cast(ZeroShotAnswer, answer).scores)
