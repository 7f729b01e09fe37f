"""Predictions for tasks of Label Studio: scores of its choices without training, or predictions of a classifier."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from models.classifiers.store import Stored
from models.errors import listed
from service.errors import ItemFailure, ItemsFailed, TooLarge, Unprocessable
from service.inference.engine import Engine, Model
from service.pipelines.embeddings import embed
from service.pipelines.items import Item
from service.pipelines.label_config import Control, read_config
from service.pipelines.label_studio_tasks import Reserve, pictures_of
from service.pipelines.predict import predict
from service.pipelines.prompts import ZeroShotQuery
from service.pipelines.zero_shot import zero_shot
from service.schemas.label_studio import (
    LabelStudioFailure,
    LabelStudioPrediction,
    LabelStudioPredictions,
    LabelStudioTask,
)
from service.stores.classifiers import Classifiers

Row = tuple[Any, float | None]  # the value of a result, and its score, None for a number


@dataclass(frozen=True)
class Source:
    """The model behind an address of Label Studio: one that takes the choices as labels, or a classifier."""

    engine: Engine
    classifiers: Classifiers
    model: Model | None = None
    stored: Stored | None = None

    def controls(self, config: str) -> list[Control]:
        """The controls that it predicts. Raises Unprocessable, and TooLarge for more labels than a request may have."""
        found = read_config(config)
        if self.stored is None:
            found = [each for each in found if len(each.labels) > 1]
            found = [each for each in found if each.column == found[0].column]  # one picture of a task is read
            n, most = sum(len(each.labels) for each in found), self.engine.settings.max_labels
            if n > most:
                raise TooLarge(
                    f"label_config: has {n:,} labels in all, the limit is {most:,}; use several projects",
                    code="too_many_labels",
                    param="label_config",
                )
            problem = "has no Choices with two labels or more, which zero-shot needs; add a contrast"
        else:
            labels = self.stored.labels
            fit = [each for each in found if set(labels) <= set(each.labels) and bool(labels) == bool(each.choices)]
            found, names = fit[:1], listed(labels) if labels else "a number"
            problem = (
                f"has no control with what {self.stored.label} predicts, {names}; add it, or name these labels in "
                "predicted_values of its choices"
            )
        if not found:
            raise Unprocessable(f"label_config: {problem}", param="label_config")
        return found

    def version(self, controls: Sequence[Control]) -> str:
        """The name, the fingerprint and a hash of the choices: Label Studio asks anew when any of them changes."""
        asked = orjson.dumps([[each.name, each.multiple, dict(each.choices)] for each in controls])
        choices = hashlib.sha256(asked).hexdigest()[:8]
        if self.stored is not None:
            blocks = self.stored.head.blocks if self.stored.head else ()
            prints = [each.fingerprint for each in blocks] or [self.stored.manifest["fingerprint"]]
            return " ".join([self.stored.label, *prints, choices])
        assert self.model is not None
        receipt = self.model.receipts[self.engine.settings.decode]
        return f"{self.model.spec.name} {receipt['fingerprint']} {choices}"


async def predictions(
    source: Source, tasks: Sequence[LabelStudioTask], config: str, reserve: Reserve
) -> LabelStudioPredictions:
    """A prediction or a failure for each task.

    Raises Unprocessable, TooLarge, Overloaded, and ItemsFailed where all tasks fail.
    """
    controls = source.controls(config)
    version, most = source.version(controls), source.engine.settings.max_items
    done: list[LabelStudioPrediction | LabelStudioFailure] = []
    failed: list[ItemFailure] = []
    for start in range(0, len(tasks), most):
        part = tasks[start : start + most]
        items, refused = await asyncio.to_thread(pictures_of, source.engine.settings, part, controls[0].column, reserve)
        rows, failures = await _rows(source, items, controls) if items else ([], {})
        there = [i for i in range(len(part)) if i not in refused]
        by_task = {i: row for i, row in zip(there, rows, strict=True) if row is not None}
        refused |= {there[i]: replace(each, index=there[i]) for i, each in failures.items()}
        failed += [replace(each, index=start + i) for i, each in sorted(refused.items())]
        for i in range(len(part)):
            if i in by_task:
                results, score = by_task[i]
                done.append(LabelStudioPrediction(result=results, score=score, model_version=version))
            else:
                done.append(LabelStudioFailure(error=refused[i].message))
    if len(failed) == len(tasks):
        raise ItemsFailed(failed, of=len(tasks), what="tasks", way_out="mend them")
    return LabelStudioPredictions(results=done, model_version=version)


async def _rows(
    source: Source, items: Sequence[Item], controls: Sequence[Control]
) -> tuple[list[tuple[list[dict[str, Any]], float | None] | None], Mapping[int, ItemFailure]]:
    """Results and score of each item, None for one that failed, and the failures."""
    failures: Mapping[int, ItemFailure]
    by_control: list[Sequence[Row]] = []
    if source.stored is not None:
        made = await predict(
            source.engine, source.classifiers, source.stored, items=items, vectors=None, on_error="skip"
        )
        failures, control = made.failures, controls[0]
        if made.chosen is None or made.probabilities is None:
            assert made.values is not None
            by_control = [[(float(value), None) for value in made.values]]
        else:
            tops = made.probabilities[np.arange(made.n), [made.labels.index(each) for each in made.chosen]]
            by_control = [[([control.choice_of(label)], float(p)) for label, p in zip(made.chosen, tops, strict=True)]]
    else:
        assert source.model is not None
        decode = source.engine.settings.decode
        encoded = await embed(source.engine, source.model, items, decode=decode, on_error="skip")
        failures = encoded.failures
        for control in controls:
            query = ZeroShotQuery(labels=control.labels, multi_label=control.multiple)
            scored = await zero_shot(
                source.engine, source.model, (), query, decode=decode, on_error="skip", vectors=encoded
            )
            by_control.append([_chosen(control, row) for row in scored.scores])
    rows: list[tuple[list[dict[str, Any]], float | None] | None] = []
    for i, each in enumerate(zip(*by_control, strict=True)):
        results = [_result(control, *row) for control, row in zip(controls, each, strict=True)]
        sure = [score for _, score in each if score is not None]
        rows.append(None if i in failures else (results, min(sure, default=None)))
    return rows, failures


def _chosen(control: Control, scores: NDArray[np.float32]) -> Row:
    """The choices of one item by the scores of their labels, and the score of the least certain one."""
    by_choice, at = {}, 0
    for choice, labels in control.choices.items():
        if labels:
            part = scores[at : at + len(labels)]
            by_choice[choice] = float(part.max() if control.multiple else part.sum())
            at += len(labels)
    if control.multiple:
        sure = min(max(score, 1 - score) for score in by_choice.values())
        return [choice for choice, score in by_choice.items() if score >= 0.5], sure
    best = max(by_choice, key=by_choice.__getitem__)
    return [best], by_choice[best]


def _result(control: Control, value: Any, score: float | None) -> dict[str, Any]:
    kind = "choices" if control.choices else "number"
    about = {"from_name": control.name, "to_name": control.picture, "type": kind, "value": {kind: value}}
    return about if score is None else {**about, "score": score}
