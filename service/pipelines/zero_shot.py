"""Zero-shot scores of items for the labels of a request; for videos by frame, by shot and as a whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.images.decoding import DecodeMode
from models.stopping import Check, unchecked
from models.zero_shot import best_labels, scores
from service.inference.engine import Engine, Model
from service.pipelines import answers
from service.pipelines.encode import Encoded, encode
from service.pipelines.frames import FrameResults
from service.pipelines.items import Item
from service.pipelines.operation import Answer, Call, Operation
from service.pipelines.prompts import Float, ZeroShotQuery, label_vectors, prepare_prompts
from service.pipelines.video import ProgressMonitor
from service.schemas.common import OnError
from service.schemas.zero_shot import ZeroShotOptions


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of n rows: items, frames or shots."""

    best: list[str | None]  # None: no label fits, or the item failed
    scores: Float  # (n, labels)
    cosines: Float  # (n, labels)
    none_scores: Float | None  # (n,)


@dataclass(frozen=True)
class VideoScores:
    """Scores of a video's frames, and of its shots if they were detected."""

    video: FrameResults
    frames: Scores
    shots: Scores | None


@dataclass(frozen=True, kw_only=True)
class ZeroShotResult(Scores):
    """Scores of items, pooled over frames for a video; rows of failed items are NaN."""

    encoded: Encoded
    videos: Mapping[int, VideoScores]  # by index
    templates: tuple[str, ...]
    negatives: tuple[str, ...] | None
    logit_scale: float


async def zero_shot(
    engine: Engine,
    model: Model,
    items: Sequence[Item],
    question: ZeroShotQuery,
    *,
    decode: DecodeMode,
    on_error: OnError,
    monitor: ProgressMonitor | None = None,
) -> ZeroShotResult:
    """Label `items`; `monitor` receives the progress of videos.

    Raises the errors of `encode`, and Unprocessable for invalid labels or templates.
    """
    prompts = prepare_prompts(engine, model, question)
    head, labels, negatives, extra = prompts.head, prompts.labels, prompts.negatives, prompts.extra
    vectors = await label_vectors(engine, model, prompts.texts, [*labels, *extra], prompts.templates)
    encoded = await encode(
        engine, model, items, operation="zero_shot", decode=decode, on_error=on_error, monitor=monitor
    )

    def of(rows: Float) -> Scores:
        """Score unit vectors (n, d)."""
        cosines = rows @ vectors.T  # (n, labels + negatives + none)
        k = len(labels)
        none_cosines = cosines[:, -1:] if question.none_text else None
        with np.errstate(invalid="ignore"):  # rows of failed items are NaN and stay NaN
            made, none_scores = scores(
                head,
                cosines[:, :k],
                cosines[:, k : k + len(negatives)],
                none_cosines,
                multi_label=question.multi_label,
            )
        best = best_labels(labels, cosines[:, :k], none_cosines, min_cosine=question.none_min_cosine)
        return Scores(best=best, scores=made, cosines=cosines[:, :k], none_scores=none_scores)

    def result(check: Check) -> ZeroShotResult:
        videos = {}
        for i, video in encoded.videos.items():
            check()
            videos[i] = _video_scores(video, of(video.rows), labels, question)
        return ZeroShotResult(
            **vars(_with_videos(of(encoded.vectors), encoded.failures, videos, labels, question)),
            encoded=encoded,
            videos=videos,
            templates=prompts.templates,
            negatives=negatives or None,
            logit_scale=head.logit_scale,
        )

    return await engine.compute(result) if encoded.videos else result(unchecked)


def _video_scores(video: FrameResults, frames: Scores, labels: Sequence[str], question: ZeroShotQuery) -> VideoScores:
    shots = None if video.shots is None else _pooled(frames, video.over_shots, labels, question)
    return VideoScores(video, frames, shots)


def _with_videos(
    items: Scores,
    failures: Mapping[int, object],
    videos: Mapping[int, VideoScores],
    labels: Sequence[str],
    question: ZeroShotQuery,
) -> Scores:
    """Scores of all items, pooled over frames for a video; no label where an item failed."""
    best = [None if i in failures else label for i, label in enumerate(items.best)]
    for i, each in videos.items():
        whole = _pooled(each.frames, each.video.over_video, labels, question)
        best[i], items.scores[i], items.cosines[i] = whole.best[0], whole.scores[0], whole.cosines[0]
        if items.none_scores is not None and whole.none_scores is not None:
            items.none_scores[i] = whole.none_scores[0]
    return replace(items, best=best)


def _pooled(
    frames: Scores,
    over: Callable[[Float], NDArray[np.float64]],
    labels: Sequence[str],
    question: ZeroShotQuery,
) -> Scores:
    """Pool by `over`. The label has the highest pooled score, unless "none of these" exceeds it."""
    scores, cosines = over(frames.scores).astype(np.float32), over(frames.cosines).astype(np.float32)
    none = None if frames.none_scores is None else over(frames.none_scores[:, None])[:, 0].astype(np.float32)
    top = np.nan_to_num(scores).argmax(axis=1)
    rows = np.arange(len(top))
    fits = np.ones(len(top), bool)
    if none is not None:
        fits &= scores[rows, top] >= none
    if question.none_min_cosine is not None:
        fits &= cosines[rows, top] >= question.none_min_cosine
    best = [labels[t] if fit else None for t, fit in zip(top, fits, strict=True)]
    return Scores(best=best, scores=scores, cosines=cosines, none_scores=none)


def to_json(call: Call[ZeroShotOptions], model: Model, decode: DecodeMode, result: ZeroShotResult) -> Answer:
    """The answer of /v1/zero-shot."""
    videos = {
        i: answers.video_block(each.video, _rows(each.frames), None if each.shots is None else _rows(each.shots))
        for i, each in result.videos.items()
    }
    return {
        "labels": call.options.labels,
        "data": answers.entries(call.ids, result.encoded.failures, _rows(result), videos),
        "model": model.spec.name,
        "templates": result.templates,
        "negatives": result.negatives,
        "logit_scale": result.logit_scale,
        "calibrated": False,
        "truncated": result.encoded.truncated,
        "unknown": result.encoded.unknown,
        "first_of_many": result.encoded.first_of_many,
        "receipt": model.receipts[decode],
    }


def _rows(rows: Scores) -> list[Answer]:
    """Label and scores of each row."""
    scored: list[Answer] = [
        {"label": best, "scores": scores, "cosines": cosines}
        for best, scores, cosines in zip(rows.best, rows.scores, rows.cosines, strict=True)
    ]
    if rows.none_scores is not None:
        for row, none_score in zip(scored, rows.none_scores, strict=True):
            row["none_score"] = none_score
    return scored


def _check(call: Call[ZeroShotOptions]) -> None:
    prepare_prompts(call.engine, call.engine.model(call.options.model), ZeroShotQuery.of(call.options))


async def _run(call: Call[ZeroShotOptions]) -> Answer:
    engine, options = call.engine, call.options
    model, decode = engine.model(options.model), options.decode or engine.settings.decode
    result = await zero_shot(
        engine,
        model,
        call.items or (),
        ZeroShotQuery.of(options),
        decode=decode,
        on_error=options.on_error,
        monitor=call.monitor,
    )
    return to_json(call, model, decode, result)


OPERATION = Operation(name="zero_shot", options=ZeroShotOptions, check=_check, run=_run)
