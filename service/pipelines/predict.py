"""Predictions of a classifier: a head on the vectors of its encoders, or a fine-tuned network."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.classifiers.features import by_name, feature_values, lacking
from models.classifiers.head import Float, Head
from models.classifiers.store import Stored
from models.errors import quoted
from models.stopping import Check, unchecked
from service.errors import ItemFailure, Unprocessable
from service.inference.engine import Engine
from service.inference.matching import encoder
from service.pipelines import answers, picture_texts
from service.pipelines.frames import FrameResults
from service.pipelines.items import Item, VectorInput, check_count, raise_if_failed
from service.pipelines.operation import Answer, Call, Operation
from service.pipelines.predict_network import by_network
from service.pipelines.prediction_sets import Sets, requested
from service.pipelines.predictions import PredictionRows, Predictions, VideoPredictions, video_predictions, with_videos
from service.pipelines.vectors import count, embedded
from service.pipelines.video import ProgressMonitor
from service.schemas.classifiers import FeatureColumn, PredictRequest
from service.schemas.common import OnError
from service.stores.classifiers import Classifiers

INLINE = 64  # items up to which the computation is shorter than starting a thread


async def predict(
    engine: Engine,
    classifiers: Classifiers,
    stored: Stored,
    *,
    items: Sequence[Item] | None,
    vectors: Sequence[VectorInput] | None,
    on_error: OnError,
    crossed: bool = False,
    ids: Sequence[str | None] | None = None,
    features: Sequence[FeatureColumn] | None = None,
    sets: Sets | None = None,
    monitor: ProgressMonitor | None = None,
) -> Predictions:
    """Predict `items`, or items by their `vectors`, whose `ids` errors name; `monitor` receives the progress of videos.

    `features` are those that the classifier was trained with, in any order; `sets` those that are asked for.

    Raises
    ------
    ItemsFailed : under on_error "fail", naming every unusable item.
    Unprocessable : neither or both given, vectors of other encoders, an encoder that is not available.
    TooLarge, Overloaded : as `encode`.
    """
    if (items is None) == (vectors is None):
        raise Unprocessable("input: send either input or vectors", param="input")
    if items is not None:
        check_count(engine, items)
    if crossed and any(item.video is not None for item in items or ()):
        raise Unprocessable(
            "crossed: is for images and texts, which `estimate` counts; leave it out where there are videos",
            param="crossed",
        )
    _check_features(stored, items, features)
    if stored.head is None:
        if items is None or crossed:
            raise Unprocessable(
                f"{'vectors' if items is None else 'crossed'}: {stored.label} is a fine-tuned network, which sees "
                "images and has no folds; send them as input",
                param="vectors" if items is None else "crossed",
            )
        return await by_network(engine, classifiers, stored, items, on_error, monitor, sets)
    head = stored.head
    items = await picture_texts.for_prediction(engine, classifiers, stored, items, vectors)
    rows: Sequence[NDArray[np.floating] | None]
    if items is not None:
        encoders = [(block, *encoder(engine, block)) for block in head.blocks]
        made = await embedded(engine, items, encoders, head.partial, monitor)
        model, receipt = made.model, made.receipt
        rows = made.rows
        failures, truncated, unknown, first = made.failures, made.truncated, made.unknown, made.first_of_many
        n, videos = len(items), made.videos
    else:
        assert vectors is not None
        arranged, n = _arranged(head, vectors)
        rows = arranged
        failures = await engine.compute(lambda check: _lacking(head, arranged, n, ids))
        truncated, unknown, first = (), (), ()
        model, receipt, videos = head.blocks[0].model, None, {}
    numbers = await engine.compute(lambda check: _numbers(head, features, n)) if features else np.empty((n, 0))
    named = ids if items is None else [item.id for item in items]
    absent = lacking(numbers, [feature.name for feature in head.features])
    failures = {
        **{i: ItemFailure(i, None if named is None else named[i], "no_feature", why) for i, why in absent.items()},
        **failures,
    }
    raise_if_failed(failures, on_error, n)

    def work(check: Check = unchecked) -> tuple[PredictionRows, dict[int, VideoPredictions]]:
        x = head.inputs(rows, numbers, n)
        told = _applied(head, x, crossed)
        if sets is not None:
            told = sets.with_sets(told, head, x, check)
        of = {i: video_predictions(video, _of_frames(head, video), head.choose) for i, video in videos.items()}
        return with_videos(told, of, head.choose), of

    told, of = work() if n <= INLINE and not videos else await engine.compute(work)
    return Predictions(
        task=head.task,
        labels=head.labels,
        n=n,
        failures=failures,
        truncated=truncated,
        unknown=unknown,
        first_of_many=first,
        model=model,
        receipt=receipt,
        videos=of,
        remarks=() if sets is None else sets.remarks,
        **vars(told),
    )


def _applied(head: Head, x: NDArray[np.float32], crossed: bool) -> PredictionRows:
    means = head.crossed(x) if crossed else None
    if head.task == "continuous":
        values, low, high = head.values(x)
        return PredictionRows(values=values, low=low, high=high, crossed=means)
    probabilities = head.probabilities(x)
    return PredictionRows(probabilities=probabilities, chosen=head.choose(probabilities), crossed=means)


def _of_frames(head: Head, video: FrameResults) -> PredictionRows:
    """Predict frames; a text block of the head has no vectors."""
    rows = [video.rows if block.modality == "image" else None for block in head.blocks]
    return _applied(head, head.inputs(rows, np.empty((len(video.rows), 0)), len(video.rows)), False)


def _check_features(stored: Stored, items: Sequence[Item] | None, features: Sequence[FeatureColumn] | None) -> None:
    """Raise Unprocessable for other features than those of the training, and for features of videos."""
    wanted = [feature.name for feature in stored.head.features] if stored.head else []
    given = [column.name for column in features or ()]
    if sorted(given) != sorted(wanted):
        odd = next((name for name in given if name not in wanted), None)
        lack = next((name for name in wanted if name not in given), None)
        problem = (
            f"lacks {quoted(lack)}"
            if lack is not None
            else f"has {quoted(odd)}"
            if odd is not None
            else "has a name twice"
        )
        takes = f"takes {', '.join(map(quoted, wanted))}" if wanted else "takes none"
        raise Unprocessable(
            f"features: {problem}, and {stored.label} {takes}; send those of its training", param="features"
        )
    if wanted and any(item.video is not None for item in items or ()):
        raise Unprocessable(
            f"input: {stored.label} takes features, which are of an item and not of the frames of a video; send images",
            param="input",
        )


def _numbers(head: Head, features: Sequence[FeatureColumn], n: int) -> Float:
    """Values (n, m) in the order of the head's features. Raises TrainingError."""
    columns = by_name((column.name, column.values) for column in features)
    return feature_values({feature.name: columns[feature.name] for feature in head.features}, n)


def _arranged(head: Head, vectors: Sequence[VectorInput]) -> tuple[list[NDArray[np.floating] | None], int]:
    """Vectors in the order of the head's blocks, None for a missing block."""
    given = {each.modality: each for each in vectors}
    taken = " and ".join(block.modality for block in head.blocks)
    if extra := sorted(set(given) - {block.modality for block in head.blocks}):
        raise Unprocessable(
            f"vectors: has {extra[0]} vectors, this classifier takes {taken}; leave them out", param="vectors"
        )
    rows: list[NDArray[np.floating] | None] = []
    for block in head.blocks:
        each = given.get(block.modality)
        if each is not None and each.fingerprint != block.fingerprint:
            raise Unprocessable(
                f"vectors: {block.modality} vectors have fingerprint {each.fingerprint[:64]}, this classifier takes "
                f"{block.fingerprint} ({block.model}); embed with that model",
                code="fingerprint_mismatch",
                param="vectors",
            )
        if each is None and not head.partial:
            raise Unprocessable(
                f"vectors: has no {block.modality} vectors; this classifier takes {taken}", param="vectors"
            )
        rows.append(None if each is None else each.rows)
    return rows, count(each for each in rows if each is not None)


def _lacking(
    head: Head, rows: Sequence[NDArray[np.floating] | None], n: int, ids: Sequence[str | None] | None
) -> dict[int, ItemFailure]:
    """Failures of items that lack a required vector (a row of NaN)."""
    there = np.stack([np.zeros(n, bool) if each is None else ~np.isnan(each).all(axis=1) for each in rows])
    bad = ~(there.any(axis=0) if head.partial else there.all(axis=0))
    taken = " and ".join(block.modality for block in head.blocks)
    return {
        i: ItemFailure(
            i, None if ids is None else ids[i], "no_vector", f"has no vector; send {taken} vectors of every item"
        )
        for i in np.flatnonzero(bad).tolist()
    }


def to_json(call: Call[PredictRequest], stored: Stored, predicted: Predictions) -> Answer:
    """The answer of /v1/classifiers/{name}/predict."""
    videos = {
        i: answers.video_block(
            each.video,
            _entries(predicted, each.frames),
            None if each.shots is None else _entries(predicted, each.shots),
        )
        for i, each in predicted.videos.items()
    }
    return {
        "classifier": stored.label,
        "task": predicted.task,
        "labels": predicted.labels,
        "data": answers.entries(
            call.ids(predicted.n), predicted.failures, _entries(predicted, predicted), videos, call.items
        ),
        "model": predicted.model,
        "truncated": predicted.truncated,
        "unknown": predicted.unknown,
        "first_of_many": predicted.first_of_many,
        "coverage": call.options.coverage,
        "each_class": call.options.each_class,
        "remarks": predicted.remarks,
        "receipt": predicted.receipt,
    }


def _entries(predicted: Predictions, rows: PredictionRows) -> list[Answer]:
    """A prediction for each row."""
    entries: list[Answer] = []
    if rows.probabilities is not None and rows.chosen is not None:
        for label, row in zip(rows.chosen, rows.probabilities.tolist(), strict=True):
            entries.append({"label": label, "probabilities": dict(zip(predicted.labels, row, strict=True))})
    elif rows.values is not None and rows.low is not None and rows.high is not None:
        for value, low, high in zip(rows.values, rows.low, rows.high, strict=True):
            entries.append({"value": float(value), "interval": [answers.finite(low), answers.finite(high)]})
    if rows.crossed is not None:
        for entry, crossed in zip(entries, rows.crossed.tolist(), strict=True):
            entry["crossed"] = crossed
    if rows.sets is not None:
        for entry, labels in zip(entries, rows.sets, strict=True):
            entry["set"] = labels
    return entries


def _check(call: Call[PredictRequest]) -> None:
    assert call.stored is not None
    for block in call.stored.head.blocks if call.stored.head else ():
        encoder(call.engine, block)
    picture_texts.check(call.engine, call.stored)


async def _run(call: Call[PredictRequest]) -> Answer:
    assert call.stored is not None
    ids = call.ids(len(call.vectors[0].rows)) if call.vectors else None
    sets = await requested(call.engine, call.classifiers, call.stored, call.options, call.items)
    predicted = await predict(
        call.engine,
        call.classifiers,
        call.stored,
        items=call.items,
        vectors=call.vectors,
        on_error=call.options.on_error,
        crossed=call.options.crossed,
        ids=ids,
        features=call.options.features,
        sets=sets,
        monitor=call.monitor,
    )
    return to_json(call, call.stored, predicted)


OPERATION = Operation(name="predict", options=PredictRequest, check=_check, run=_run)
