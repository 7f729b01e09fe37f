"""Zero-shot scores of items for the labels of a request; for videos by frame, by shot and as a whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import quoted
from models.images.decoding import DecodeMode
from models.stopping import Check, unchecked
from models.zero_shot import best_labels, scores
from service.errors import ItemFailure, TooLarge, Unprocessable
from service.inference.engine import Engine, Model
from service.inference.matching import model_of
from service.pipelines import answers
from service.pipelines.encode import Encoded, encode, with_cached
from service.pipelines.frames import FrameResults
from service.pipelines.items import Item, VectorInput, raise_if_failed
from service.pipelines.operation import Answer, Call, Operation
from service.pipelines.prompts import Float, ZeroShotQuery, label_vectors, prepare_prompts
from service.pipelines.vectors import count
from service.pipelines.video import ProgressMonitor
from service.schemas.common import OnError
from service.schemas.zero_shot import ZeroShotOptions

MOST = 5_000_000  # scores of one answer
ROWS = 4096  # vectors whose cosines are computed at once


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
    vectors: Encoded | None = None,
    monitor: ProgressMonitor | None = None,
) -> ZeroShotResult:
    """Label `items`, or the items of `vectors`; `monitor` receives the progress of videos.

    Raises the errors of `encode`, and Unprocessable for invalid labels or templates.
    """
    prompts = prepare_prompts(engine, model, question)
    head, labels, negatives, extra = prompts.head, prompts.labels, prompts.negatives, prompts.extra
    of_labels = await label_vectors(engine, model, prompts.texts, [*prompts.prompts, *extra], prompts.templates)
    encoded = vectors or await encode(
        engine, model, items, operation="zero_shot", decode=decode, on_error=on_error, monitor=monitor
    )

    def of(rows: NDArray[np.floating], check: Check = unchecked) -> Scores:
        """Score vectors (n, d)."""
        cosines = _cosines(rows, of_labels, check)  # (n, labels + negatives + none)
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
            **vars(_with_videos(of(encoded.vectors, check), encoded.failures, videos, labels, question)),
            encoded=encoded,
            videos=videos,
            templates=prompts.templates,
            negatives=negatives or None,
            logit_scale=head.logit_scale,
        )

    return await engine.compute(result) if encoded.videos or vectors is not None else result(unchecked)


def _cosines(rows: NDArray[np.floating], of_labels: Float, check: Check) -> Float:
    """Cosines of vectors (n, d), perhaps memory-mapped, with those of labels, (n, k); NaN for a row of NaN.

    Computed in float64 and rounded once, so that those of a row are the same whatever rows are beside it.
    """
    exact = of_labels.astype(np.float64).T
    cosines = np.empty((len(rows), len(of_labels)), np.float32)
    for start in range(0, len(rows), ROWS):
        check()
        part = np.asarray(rows[start : start + ROWS], np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", part, part))
        with np.errstate(invalid="ignore", divide="ignore"):  # of failed items
            cosines[start : start + len(part)] = (part @ exact) / lengths[:, None]
    return cosines


async def encoded_vectors(
    engine: Engine, options: ZeroShotOptions, labels: int, vectors: Sequence[VectorInput], ids: Sequence[str | None]
) -> tuple[Model, DecodeMode, Encoded]:
    """The running model that made the vectors of a request, its decode mode, and the vectors as if encoded here.

    Raises
    ------
    Unprocessable : two modalities, a fingerprint, a model or a dimension that no running model has, vectors that are
        not finite or have no direction.
    ItemsFailed : under on_error "fail", naming every item without a vector.
    TooLarge : more than MOST scores.
    """
    if len(vectors) != 1:
        raise Unprocessable(
            "vectors: has vectors of images and of texts; an item of zero-shot is one of them: send one block",
            param="vectors",
        )
    given = vectors[0]
    if options.decode is not None:
        raise Unprocessable("decode: is for input; vectors have been decoded already; leave it out", param="decode")
    model, decode = model_of(engine, given.fingerprint, "vectors")
    if options.model is not None and engine.model(options.model) is not model:
        raise Unprocessable(
            f"model: {quoted(options.model)} is not that of the vectors, {model.spec.name!r}; leave it out",
            code="fingerprint_mismatch",
            param="model",
        )
    if given.modality not in model.spec.modalities:
        raise Unprocessable(
            f"vectors: are of {given.modality}s, and model {model.spec.name!r} takes "
            f"{' and '.join(model.spec.modalities)}s; send vectors that it made",
            code="unsupported_modality",
            param="vectors",
        )
    n, d = count([given.rows]), model.spec.dimension
    if given.rows.shape[1] != d:
        raise Unprocessable(
            f"vectors: have {given.rows.shape[1]} numbers each, and labels of {model.spec.name!r} {d}; embed without "
            "`dimensions`",
            param="vectors",
        )
    if n * labels > MOST:
        raise TooLarge(
            f"vectors: {n:,} items times {labels} labels are more than {MOST:,} scores; send several requests",
            code="too_many_scores",
            param="vectors",
        )
    failures = await engine.compute(lambda check: _without_vector(given.rows, ids, check))
    raise_if_failed(failures, options.on_error, n)
    rows: NDArray[Any] = given.rows
    return model, decode, Encoded(rows, failures, tokens=0, truncated=(), unknown=(), first_of_many=())


def _without_vector(rows: NDArray[np.floating], ids: Sequence[str | None], check: Check) -> dict[int, ItemFailure]:
    """The items whose rows are NaN. Raises Unprocessable for other rows that have no direction."""
    failures: dict[int, ItemFailure] = {}
    for start in range(0, len(rows), ROWS):
        check()
        part = np.asarray(rows[start : start + ROWS])
        absent = np.isnan(part).all(axis=1)
        for wrong, problem in (
            (~np.isfinite(part).all(axis=1) & ~absent, "numbers that are not finite; send NaN alone for no vector"),
            (~part.any(axis=1), "zeros alone, which have no direction; send NaN for no vector"),
        ):
            if wrong.any():
                raise Unprocessable(f"vectors: row {start + int(wrong.argmax())} has {problem}", param="vectors")
        for i in (start + np.flatnonzero(absent)).tolist():
            failures[i] = ItemFailure(i, ids[i], "no_vector", "has no vector; leave the item out, or send it as input")
    return failures


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


def to_json(
    call: Call[ZeroShotOptions], question: ZeroShotQuery, model: Model, decode: DecodeMode, result: ZeroShotResult
) -> Answer:
    """The answer of /v1/zero-shot."""
    videos = {
        i: answers.video_block(each.video, _rows(each.frames), None if each.shots is None else _rows(each.shots))
        for i, each in result.videos.items()
    }
    preset = question.preset
    return {
        "labels": question.labels,
        "data": answers.entries(call.ids(len(result.best)), result.encoded.failures, _rows(result), videos, call.items),
        "model": model.spec.name,
        "templates": result.templates,
        "negatives": result.negatives,
        "logit_scale": result.logit_scale,
        "preset": preset and preset.name,
        "prompts": preset and preset.prompts,
        "notice": preset and preset.validate,
        "calibrated": False,
        "truncated": result.encoded.truncated,
        "unknown": result.encoded.unknown,
        "first_of_many": result.encoded.first_of_many,
        "receipt": with_cached(model.receipts[decode], result.encoded.cached),
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
    if (call.items is None) == (call.vectors is None):
        raise Unprocessable("input: send either input or vectors", param="input")
    question, encoded = ZeroShotQuery.of(options), None
    if call.vectors is not None:
        ids = call.ids(len(call.vectors[0].rows))
        model, decode, encoded = await encoded_vectors(engine, options, len(question.labels), call.vectors, ids)
    else:
        model, decode = engine.model(options.model), options.decode or engine.settings.decode
    result = await zero_shot(
        engine,
        model,
        call.items or (),
        question,
        decode=decode,
        on_error=options.on_error,
        vectors=encoded,
        monitor=call.monitor,
    )
    return to_json(call, question, model, decode, result)


OPERATION = Operation(name="zero_shot", options=ZeroShotOptions, check=_check, run=_run)
