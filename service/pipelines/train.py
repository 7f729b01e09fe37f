"""Training: items to vectors, checked at once, learnt from in the jobs' process."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.catalog import Modality
from models.classifiers.head import Block
from models.classifiers.store import checked
from service.classifiers import Classifiers
from service.engine import Engine
from service.errors import ItemFailure, ItemsFailed, Unprocessable, shown
from service.jobs import Job, Jobs
from service.pipelines.classify import GivenVectors, Post, check_count, count, embedded
from service.schema_classifiers import TrainRequest
from service.work import train as work

KIND = "train"
MODALITIES: tuple[Modality, ...] = ("image", "text")
LONGEST_NAME = 200  # of a model or fingerprint that a caller names


async def begin(
    engine: Engine,
    classifiers: Classifiers,
    jobs: Jobs,
    request: TrainRequest,
    *,
    posts: Sequence[Post] | None,
    vectors: Sequence[GivenVectors] | None,
    owner: str | None,
) -> Job:
    """Embed, check, and hand over to the worker.

    Raises
    ------
    TrainingError, AgreementError : what was given cannot be learnt from.
    ItemsFailed : under on_error "fail", naming every unusable item.
    Unprocessable, TooLarge, Overloaded, Forbidden.
    """
    await engine.in_thread(lambda: classifiers.check_owner(checked(request.name), owner))
    if (posts is None) == (vectors is None):
        raise Unprocessable("input: send either input or vectors", param="input")
    if posts is not None:
        task, rows = await _of_posts(engine, request, posts, owner)
    else:
        assert vectors is not None
        task, rows = _of_vectors(request, vectors, owner)
    await engine.in_thread(lambda: work.posed(task, rows, resamples=1))

    def fill(folder: Path) -> None:
        task.write(folder, rows)

    return await jobs.submit(KIND, {"name": request.name}, owner=owner, fill=fill)


async def _of_posts(
    engine: Engine, request: TrainRequest, posts: Sequence[Post], owner: str | None
) -> tuple[work.Task, Sequence[NDArray[np.floating]]]:
    check_count(engine, posts)
    model = engine.model(request.model)
    decode = request.decode or engine.settings.decode
    wanted = [modality for modality in MODALITIES if any(post.has(modality) for post in posts)]
    for modality in wanted:
        if modality not in model.spec.modalities:
            raise Unprocessable(
                f"model {model.spec.name!r} takes no {modality}s, only {' and '.join(model.spec.modalities)}s; choose "
                "another model",
                code="unsupported_modality",
                param="input",
            )
    fingerprint = model.receipts[decode]["fingerprint"]
    blocks = [
        Block(modality=m, model=model.spec.name, fingerprint=fingerprint, dimension=model.spec.dimension)
        for m in wanted
    ]
    made = await embedded(engine, posts, [(block, model, decode) for block in blocks], request.partial)
    if made.failures and request.on_error == "fail":
        raise ItemsFailed(list(made.failures.values()), of=len(posts))
    ids = request.ids or [post.id if post.id is not None else str(i) for i, post in enumerate(posts)]
    return _task(request, blocks, len(posts), ids, made.failures, made.receipts, owner), made.rows


def _of_vectors(
    request: TrainRequest, vectors: Sequence[GivenVectors], owner: str | None
) -> tuple[work.Task, Sequence[NDArray[np.floating]]]:
    given = sorted(vectors, key=lambda each: MODALITIES.index(each.modality))
    for name in ("model", "decode"):
        if getattr(request, name) is not None:
            raise Unprocessable(f"{name}: is for input; vectors name their own model", param=name)
    for each in given:
        for name, value in (("model", each.model), ("fingerprint", each.fingerprint)):
            if not 0 < len(value) <= LONGEST_NAME:
                raise Unprocessable(
                    f"vectors: {name} {shown(value)} is none; take it from their receipt", param="vectors"
                )
    n = count(each.rows for each in given)
    blocks = [
        Block(modality=e.modality, model=e.model, fingerprint=e.fingerprint, dimension=e.rows.shape[1]) for e in given
    ]
    ids = request.ids or [str(i) for i in range(n)]
    receipts = {each.modality: each.receipt for each in given if each.receipt}
    return _task(request, blocks, n, ids, {}, receipts, owner), [each.rows for each in given]


def _task(
    request: TrainRequest,
    blocks: Sequence[Block],
    n: int,
    ids: Sequence[str],
    failures: Mapping[int, ItemFailure],
    receipts: Mapping[Modality, Mapping[str, Any]],
    owner: str | None,
) -> work.Task:
    if len(ids) != n:
        raise Unprocessable(f"ids: {len(ids)} for {n} items; give one for each", code="lengths_differ", param="ids")
    return work.Task(
        request=request.model_copy(update={"input": None, "vectors": None}),
        blocks=tuple(blocks),
        n=n,
        ids=tuple(ids),
        unusable={i: (failure.code, failure.message) for i, failure in failures.items()},
        made_with={str(modality): receipt for modality, receipt in receipts.items()},
        owner=owner,
    )
