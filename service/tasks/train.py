"""Training as a job, from a task that the pipeline writes into a folder to a stored classifier.

<folder>/request.json    the request without its items, and the blocks
         image.npy       (n, d) float32 vectors, NaN for an item without a vector; text.npy likewise
         prompts.npz     the prompts of a calibrated zero-shot classifier, plain arrays
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import InstanceOf, TypeAdapter

from models.classifiers.codes import UNDECIDED, Codes, aggregate_codes
from models.classifiers.features import Feature, by_name, feature_values
from models.classifiers.head import Block
from models.classifiers.probe import STRENGTHS, Options
from models.classifiers.problem import Problem, make_problem
from models.classifiers.records import Dropped, Note, Prompts
from models.classifiers.store import Store
from models.classifiers.train import train
from models.classifiers.zero_shot import in_order
from models.codes import lost_zeros
from models.errors import TrainingError, quoted
from service.jobs.kinds import Context
from service.schemas.classifiers import TrainRequest
from service.stores.classifiers import require_owner

REQUEST, PROMPTS = "request.json", "prompts.npz"
_adapter: TypeAdapter["Task"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A training task.

    Attributes
    ----------
    request : without `input` and `vectors`, with codes and ids as models.codes names them, and a task.
    notes : remarks on the codes.
    unusable : code and message of each item that could not be embedded, by index.
    made_with : receipts of the encoders, by modality.
    prompts : of a calibrated zero-shot classifier.
    """

    request: TrainRequest
    blocks: tuple[Block, ...]
    n: int
    ids: tuple[str, ...]
    unusable: Mapping[int, tuple[str, str]]
    made_with: Mapping[str, Any]
    owner: str | None
    notes: tuple[Note, ...] = ()
    prompts: InstanceOf[Prompts] | None = None

    def write(self, folder: Path, vectors: Sequence[NDArray[np.floating]]) -> None:
        """Write the task into `folder`."""
        for block, rows in zip(self.blocks, vectors, strict=True):
            np.save(folder / f"{block.modality}.npy", rows.astype(np.float32, copy=False))
        if self.prompts is not None:
            _write_prompts(folder / PROMPTS, self.prompts)
        (folder / REQUEST).write_bytes(_adapter.dump_json(replace(self, prompts=None)))

    @classmethod
    def read(cls, folder: Path) -> tuple["Task", list[NDArray[np.float32]]]:
        """Read a task that `write` has written."""
        task = _adapter.validate_json((folder / REQUEST).read_bytes())
        if (folder / PROMPTS).exists():
            task = replace(task, prompts=_read_prompts(folder / PROMPTS))
        return task, [np.load(folder / f"{block.modality}.npy", allow_pickle=False) for block in task.blocks]


_adapter = TypeAdapter(Task)


def _write_prompts(path: Path, prompts: Prompts) -> None:
    np.savez(
        path,
        labels=np.array(prompts.labels),
        texts=np.array(prompts.texts),
        templates=np.array(prompts.templates),
        directions=prompts.directions,
        logit_scale=np.array(prompts.logit_scale),
        model=np.array(prompts.model),
    )


def _read_prompts(path: Path) -> Prompts:
    with np.load(path, allow_pickle=False) as file:
        return Prompts(
            labels=tuple(file["labels"].tolist()),
            texts=tuple(file["texts"].tolist()),
            templates=tuple(file["templates"].tolist()),
            directions=file["directions"],
            logit_scale=float(file["logit_scale"]),
            model=str(file["model"]),
        )


@dataclass(frozen=True, kw_only=True)
class ValidatedTask:
    """A task that has passed all checks."""

    problem: Problem
    held_out: Problem | None
    codes: Codes | None
    options: Options


def validate_task(task: Task, vectors: Sequence[NDArray[np.floating]], *, resamples: int) -> ValidatedTask:
    """Check everything that may be invalid. Raises TrainingError, AgreementError.

    `resamples` is the number of bootstrap resamples for the intervals of the coders' agreement.
    """
    request, n = task.request, task.n
    assert request.task is not None
    kind = request.task
    options = Options(
        strengths=tuple(request.strengths or STRENGTHS),
        folds=request.folds,
        inner_folds=request.inner_folds,
        balanced=request.balanced,
        calibrate=request.calibrate,
        seed=request.seed,
        repeats=request.repeats,
    )
    targets, codes = _targets(request, task.ids, resamples)
    known = {item.name for item in codes.dropped} if codes else set()
    per_item: dict[str, Sequence[Any] | None] = {
        "targets": targets,
        "groups": request.groups,
        "sample_weight": request.sample_weight,
        "inclusion_prob": request.inclusion_prob,
        "split": request.split,
        "strata": request.strata,
    }
    features = by_name((column.name, column.values) for column in request.features or ())
    feature_values(features, n)
    for name, values in per_item.items():
        if values is not None and len(values) != n:
            raise TrainingError(f"{name}: {len(values)} values for {n} items; give one for each", code="lengths_differ")
    test = np.array([part == "test" for part in request.split or ["train"] * n], bool)
    if n and test.all():
        raise TrainingError(
            f"split: all {n:,} items are test, and a classifier is trained on items that are train; mark some as "
            "train, or leave the split out",
            code="no_items",
        )

    undecided = {item.name for item in codes.dropped if item.code == UNDECIDED} if codes else set()
    shares = None if codes is None or codes.shares is None else dict(zip(codes.items, codes.shares, strict=True))

    def part(
        which: NDArray[np.intp], labels: Sequence[Any] | None, folds: int | None, fitted: tuple[Feature, ...] = ()
    ) -> Problem:
        def select(values: Sequence[Any] | None) -> list[Any] | None:
            return None if values is None else [values[i] for i in which]

        problem = make_problem(
            [rows[which] for rows in vectors],
            select(targets) or [],
            task=kind,
            blocks=task.blocks,
            ids=select(task.ids),
            groups=select(request.groups),
            sample_weight=select(request.sample_weight),
            inclusion_prob=select(request.inclusion_prob),
            labels=labels,
            bounds=request.bounds,
            partial=request.partial,
            folds=folds,
            shares=None if shares is None else [shares.get(task.ids[i], ()) for i in which],
            undecided=[k for k, i in enumerate(which) if task.ids[i] in undecided],
            rare=request.rare,
            features={name: [values[i] for i in which] for name, values in features.items()},
            fitted=fitted,
        )
        reasons = {task.ids[i]: reason for i, reason in task.unusable.items()}
        dropped = tuple(
            Dropped(name=item.name, code=reasons[item.name][0], reason=reasons[item.name][1])
            if item.name in reasons
            else item
            for item in problem.dropped
            if item.name not in known
        )
        return replace(problem, dropped=dropped)

    problem = part(np.flatnonzero(~test), request.labels, options.folds)
    held_out = None
    if test.any():
        held_out = part(np.flatnonzero(test), problem.labels or None, None, problem.features)
    parts = [problem] if held_out is None else [problem, held_out]
    notes = (*task.notes, *(codes.notes() if codes else ()), *_design_notes(request, parts, codes))
    problem = replace(problem, notes=(*notes, *problem.notes))
    if request.rare is not None and len(problem.labels) == 2:  # of more classes, from which the task was inferred
        problem = replace(problem, task="binary")
        held_out = None if held_out is None else replace(held_out, task="binary")
    if task.prompts is not None:
        problem = replace(problem, prompts=in_order(task.prompts, problem.labels))
        if absent := [name for name in task.prompts.labels if name not in problem.labels]:
            note = Note(
                "empty_class",
                f"no coded item is {', '.join(map(quoted, absent[:10]))}: such a label is never predicted, and its "
                "prompt is not used",
            )
            problem = replace(problem, notes=(*problem.notes, note))
    return ValidatedTask(problem=problem, held_out=held_out, codes=codes, options=options)


def _design_notes(request: TrainRequest, parts: Sequence[Problem], codes: Codes | None) -> Iterator[Note]:
    """Notes on a sample whose codes do not represent the corpus."""
    weighted = request.inclusion_prob is not None or request.sample_weight is not None
    if request.design == "purposive":
        yield Note(
            "purposive",
            "the coded items are a purposive sample, selected and not drawn at random: figures and estimates describe "
            "these items, not the corpus; for the corpus, code a random sample",
        )
    elif not weighted and (request.design == "stratified" or request.strata is not None):
        yield Note(
            "no_probabilities",
            "the coded items were drawn from strata and came without inclusion probabilities: unless every stratum was "
            "drawn in proportion to its size, figures and estimates do not describe the corpus; give inclusion_prob, "
            "as the sample has it",
        )
    drawn = weighted or request.design is not None or request.strata is not None
    dropped = [*(item for part in parts for item in part.dropped), *(codes.dropped if codes else ())]
    if drawn and (missing := sum(item.code == "no_target" for item in dropped)):
        n = sum(part.n_items for part in parts) + len(dropped)
        yield Note(
            "uncoded",
            f"{missing:,} of {n:,} items of the sample have no code yet: figures and "
            "estimates describe the corpus only if these items are like the others; code them too",
        )


def _targets(request: TrainRequest, ids: Sequence[str], resamples: int) -> tuple[Sequence[Any], Codes | None]:
    """The target of each item, and the codes from which it was aggregated, if there are several coders."""
    if request.codes is None:
        assert request.targets is not None
        return request.targets, None
    table = request.codes
    if len(set(ids)) < len(ids):
        times = Counter(ids)
        twice = next(id for id in ids if times[id] > 1)
        raise TrainingError(
            f"ids: {quoted(twice)} occurs twice, but codes refer to items by id; make the ids unique", code="ids"
        )
    if table.rule != "both" and (table.rule == "mean") != (request.task == "continuous"):
        raise TrainingError(
            f"codes: rule {table.rule!r} with a {request.task} task; a continuous task needs mean or both, others "
            "majority, unanimous, adjudicated or both",
            code="bad_rule",
        )
    unknown = sorted(set(table.item) - set(ids))
    if unknown:
        zeros = lost_zeros([*ids, *map(str, unknown)])
        raise TrainingError(
            f"codes: {len(unknown)} items are not among the ids, the first is {quoted(unknown[0])}; send the id "
            "of each item" + (f"; {zeros}" if zeros else ""),
            code="unknown_item",
        )
    codes = aggregate_codes(
        table.coder,
        table.item,
        table.code,
        rule=table.rule,
        adjudicator=None if table.adjudicator is None else str(table.adjudicator),
        missing=(),
        level=table.level,
        resamples=resamples,
        seed=request.seed,
    )
    if not codes.items and codes.n_undecided:
        raise TrainingError(codes.nobody_decides(", or use rule both"), code="no_items")
    by_id = dict(zip(codes.items, codes.targets, strict=True))
    return [by_id.get(id) for id in ids], codes


def job(context: Context) -> dict[str, Any]:
    """Train a classifier and store it. A repeated job stores the same version again."""
    task, vectors = Task.read(context.folder)
    whole = validate_task(task, vectors, resamples=task.request.resamples)
    head, report = train(
        whole.problem,
        whole.options,
        held_out=whole.held_out,
        codes=whole.codes,
        resamples=task.request.resamples,
        progress=lambda done, stage: context.report(0.98 * done, stage),
    )
    if task.request.strata is not None:
        report = replace(report, strata=len(set(task.request.strata)))
    context.report(0.99, "saving")
    store = Store(context.home / "classifiers")
    require_owner(store, task.request.name, task.owner)  # who may have begun to use the name in the meantime
    stored = store.save(
        task.request.name,
        head,
        report.to_json(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        owner=task.owner,
        token=context.id,
        made_with=task.made_with,
    )
    return {"classifier": stored.label}
