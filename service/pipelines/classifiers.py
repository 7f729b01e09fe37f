"""Trained classifiers: cards, reports, pages, graphs, estimates."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np

from models.classifiers import estimate as estimates
from models.classifiers.manifest import DamagedClassifier
from models.classifiers.network import GRAPH
from models.classifiers.report import Report, jsonable
from models.classifiers.store import NETWORK, REPORT, Stored
from models.classifiers.worst import worst
from models.errors import TrainingError
from models.pages.classifiers.page import page as page_of
from models.stopping import Check
from service.errors import Unprocessable
from service.inference.engine import Engine
from service.inference.matching import usable
from service.jobs import Job, Jobs
from service.pipelines.images import thumbnails
from service.pipelines.items import Item
from service.pipelines.jobs import wait_for_result as awaited_result
from service.schemas import classifiers as schema
from service.schemas.clusters import PageMode
from service.stores.classifiers import Classifiers, is_owner

ROUNDING = 1e-6  # of means of probabilities


async def wait_for_result(
    engine: Engine, classifiers: Classifiers, jobs: Jobs, begun: Job, *, owner: str | None
) -> schema.ClassifierAnswer:
    """Wait for the classifier of the job `begun`. Raises the job's error."""
    result = await awaited_result(jobs, begun, owner=owner)
    return await answer(engine, classifiers, result["classifier"], owner=owner)


async def cards(engine: Engine, classifiers: Classifiers, *, limit: int, cursor: str | None) -> schema.ClassifierList:
    """The newest version of each name after `cursor`, sorted by name, and those that cannot be read."""

    def work() -> schema.ClassifierList:
        names = [name for name in classifiers.store.names() if cursor is None or name > cursor]
        shown = names[:limit]
        data, damaged = [], []
        for name in shown:
            try:
                data.append(card(engine, classifiers, classifiers.open(name)))
            except TrainingError as exc:
                damaged.append(schema.DamagedClassifier(name=name, code=exc.code, message=exc.message))
        return schema.ClassifierList(data=data, damaged=damaged, next_cursor=shown[-1] if len(names) > limit else None)

    return await engine.in_thread(work)


def card(engine: Engine, classifiers: Classifiers, stored: Stored) -> schema.ClassifierCard:
    """The card of a classifier. Reads files; call it in a thread."""
    manifest = stored.manifest
    return schema.ClassifierCard(
        id=stored.label,
        name=stored.name,
        version=stored.version,
        kind=stored.kind,
        task=stored.task,
        labels=list(stored.labels),
        encoders=[schema.Encoder(**asdict(block)) for block in (stored.head.blocks if stored.head else ())],
        features=[feature.name for feature in stored.head.features] if stored.head else [],
        fingerprint=manifest.get("fingerprint"),
        threshold=manifest["threshold"],
        bounds=manifest["bounds"],
        partial=bool(stored.head and stored.head.partial),
        created=manifest["created"],
        owner=manifest["owner"],
        versions=classifiers.store.versions(stored.name),
        coded=manifest.get("coded"),
        usable=usable(engine, stored),
        made_with={**manifest["made_with"], "libraries": manifest["libraries"]},
    )


async def answer(engine: Engine, classifiers: Classifiers, label: str, *, owner: str | None) -> schema.ClassifierAnswer:
    """A classifier with its report, which names items only to the classifier's owner."""

    def work(check: Check) -> schema.ClassifierAnswer:
        stored = classifiers.open(label)
        report = _report(stored, owner)
        with _consistent(stored):
            wrong: list[dict[str, Any]] = jsonable([asdict(each) for each in worst(report)])
        fields = card(engine, classifiers, stored).model_dump()
        return schema.ClassifierAnswer(**fields, report=report.to_json(), worst=wrong)

    return await engine.compute(work)


def _report(stored: Stored, owner: str | None) -> Report:
    """The report as `owner` may read it. Raises DamagedClassifier, TrainingError."""
    report = Report.from_json(stored.report())
    return report if is_owner(stored, owner) else report.without_items()


@contextmanager
def _consistent(stored: Stored) -> Iterator[None]:
    """Raise DamagedClassifier where parts of the report contradict each other."""
    try:
        yield
    except (LookupError, ValueError, TypeError) as exc:
        raise DamagedClassifier(stored.folder, REPORT, "has parts that do not fit together") from exc


async def estimate(
    engine: Engine, classifiers: Classifiers, label: str, request: schema.EstimateRequest
) -> schema.EstimateAnswer:
    """Corrected prevalence, or mean, of a corpus. Raises Unprocessable for moments of the wrong length."""

    def work(check: Check) -> schema.EstimateAnswer:
        assert request.corpus is not None
        stored = classifiers.open(label)
        if stored.head is None:
            raise Unprocessable(
                f"{stored.label} is a fine-tuned network, whose errors on the coded items are not known out of fold; "
                "train a classifier on embeddings for an estimate",
                code="no_folds",
                param="classifier",
            )
        columns = max(len(stored.labels), 1)
        for name in ("mean", "variance"):
            given = getattr(request.corpus, name)
            if len(given) != columns or not np.isfinite(given).all() or (name == "variance" and min(given) < 0):
                raise Unprocessable(
                    f"corpus.{name}: expected {columns} finite numbers, one for each label; take them of crossed "
                    "predictions",
                    param=f"corpus.{name}",
                )
        widest = request.corpus.n / (request.corpus.n - 1) / 4  # variance, where half of the probabilities are 0
        for name, most in (("mean", 1.0), ("variance", widest)) if stored.labels else ():
            for value in getattr(request.corpus, name):
                if not -ROUNDING <= value <= most + ROUNDING:
                    raise Unprocessable(
                        f"corpus.{name}: got {value:g}, and that of probabilities is from 0 to {most:g}; take it of "
                        "crossed predictions",
                        param=f"corpus.{name}",
                    )
        moments = [
            estimates.Moments(n=request.corpus.n, mean=mean, variance=variance)
            for mean, variance in zip(request.corpus.mean, request.corpus.variance, strict=True)
        ]
        with np.errstate(over="ignore", invalid="ignore"):
            report = Report.from_json(stored.report())
            found = estimates.corpus_estimates(report, moments, confidence=request.confidence)
        numbers = [number for each in found.values() for number in (each.value, each.low, each.high)]
        if not np.isfinite(numbers).all():
            raise Unprocessable(
                "corpus: mean and variance are so large that the estimate cannot be computed; take them of crossed "
                "predictions",
                param="corpus",
            )
        return schema.EstimateAnswer(
            classifier=stored.label,
            confidence=request.confidence,
            estimates={name: schema.Estimated(**asdict(each)) for name, each in _named(found).items()},
            remarks=estimates.remarks(report),
        )

    return await engine.compute(work)


def _named(found: Mapping[str, estimates.Estimate]) -> Mapping[str, estimates.Estimate]:
    """The estimates by name; that of a continuous task under "mean", and under "", as in versions before."""
    return {"mean": found[""], **found} if "" in found else found


async def onnx(engine: Engine, classifiers: Classifiers, label: str) -> tuple[str, bytes]:
    """Name with version, and the ONNX graph."""

    def work(check: Check) -> tuple[str, bytes]:
        stored = classifiers.open(label)
        if stored.head is None:
            return stored.label, (stored.folder / NETWORK / GRAPH).read_bytes()
        from models.classifiers.onnx_head import head_graph

        return stored.label, head_graph(stored.head)

    return await engine.compute(work)


async def page(
    engine: Engine,
    classifiers: Classifiers,
    label: str,
    items: Sequence[Item],
    *,
    mode: PageMode = "blurred",
    owner: str | None,
) -> str:
    """The report as one HTML file, with small versions of the images in `items`. Raises ItemsFailed."""
    pictures = {} if mode == "none" else await thumbnails(engine, items, mode=mode)

    def work(check: Check) -> str:
        stored = classifiers.open(label)
        report = _report(stored, owner)
        with _consistent(stored):
            return page_of(report, name=stored.label, facts=_facts(stored), thumbnails=pictures, mode=mode)

    return await engine.compute(work)


def _facts(stored: Stored) -> Mapping[str, str]:
    manifest = stored.manifest
    found = {"Task": stored.task, "Created": manifest["created"]}
    for block in stored.head.blocks if stored.head else ():
        made_with = manifest["made_with"].get(block.modality, {})
        revision = f", {made_with['revision']}" if made_with else ""
        found[f"Encoder of {block.modality}s"] = f"{block.model}{revision}, fingerprint {block.fingerprint}"
    if stored.head is None:
        start = manifest.get("start") or {}
        found["Network"] = f"fine-tuned from {start.get('name', '?')}, fingerprint {manifest['fingerprint']}"
    found["Libraries"] = ", ".join(f"{name} {version}" for name, version in manifest["libraries"].items())
    return found
