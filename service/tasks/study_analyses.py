"""Clusters and duplicates of a study as jobs, which write columns of the study at their end."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
from pydantic import TypeAdapter

from models.errors import ItemError
from models.images.decoding import open_rgb
from models.images.further import is_first_of_many
from models.images.miniature import BYTES, miniature
from models.images.perceptual import perceptual_hash
from service.errors import NotFound, ServiceError
from service.jobs.kinds import Context
from service.settings import Settings
from service.stores.studies import Studies, Study
from service.stores.study_items import AT_ONCE, Cell, StudyItem, items_by, places_of
from service.stores.study_pictures import original
from service.stores.study_runs import column_names, write_run
from service.tasks import cluster as cluster_task
from service.tasks import duplicates as duplicates_task

CLUSTERS, DUPLICATES = "clusters", "duplicates"
NAMES = 3  # names of a cluster in the result of a job
LISTED = 1000  # clusters in the result of a job
FIRST = 0.6  # share of the progress until all pictures are looked at


def cluster_columns(prefix: str) -> list[str]:
    """Names of the columns of clusters."""
    return column_names(prefix, "cluster", ("silhouette", "x", "y", "name"))


def duplicate_columns(prefix: str) -> list[str]:
    """Names of the columns of duplicates."""
    return column_names(prefix, "duplicate", ("duplicate_kept" if prefix == "duplicate" else "kept",))


@contextmanager
def study_of(context: Context) -> Iterator[tuple[Study, Settings]]:
    """The study of a job. Raises NotFound where it was deleted meanwhile."""
    settings = Settings(home=context.home)
    studies = Studies(settings)
    try:
        study = studies.by_id(context.params["study"])
        if study is None:
            raise NotFound("study: it was deleted meanwhile; its result is not kept", code="unknown_study")
        yield study, settings
    finally:
        studies.close()


def clusters(context: Context) -> dict[str, Any]:
    """Cluster the items in the job's folder, and write the columns."""
    with study_of(context):
        pass  # before the long part
    result = cluster_task.job(context)
    answer = orjson.loads((context.results / cluster_task.ANSWER).read_bytes())
    with study_of(context) as (study, _):
        options = context.params["options"]
        names = cluster_columns(options["prefix"])
        named = {each["id"]: each["names"][0]["label"] for each in answer["clusters"] if each["names"]}
        xy = answer["coordinates"]
        unusable = {each["index"] for each in answer["unusable"]}
        columns: dict[str, Sequence[Cell]] = {
            names[0]: [None if label < 0 else str(label) for label in answer["labels"]],
            names[1]: answer["silhouettes_final"],
        }
        for axis in (0, 1) if xy is not None else ():
            columns[names[2 + axis]] = [None if i in unusable else point[axis] for i, point in enumerate(xy)]
        if named:
            columns[names[4]] = [
                None if label < 0 else f"{label} {named[label]}" if label in named else str(label)
                for label in answer["labels"]
            ]
        figures = {
            **result,
            "missing": context.params["missing"],
            "sizes": {str(each["id"]): each["size"] for each in answer["clusters"][:LISTED]},
            "names": {
                str(each["id"]): [name["label"] for name in each["names"][:NAMES]]
                for each in answer["clusters"][:LISTED]
                if each["names"]
            },
            **{name: answer[name] for name in ("method", "stability", "comparison", "ended", "projection")},
            "model": answer["model"],
            "remarks": answer["remarks"],
        }
        return _written(study, CLUSTERS, options, answer, columns, figures)


def _written(
    study: Study,
    operation: str,
    options: Mapping[str, Any],
    answer: Mapping[str, Any],
    columns: Mapping[str, Sequence[Cell]],
    figures: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the columns of an answer, and return the result of the job."""
    with study.database.reading() as db:
        places = places_of(db, answer["ids"], "ids")
    run, kinds = write_run(
        study,
        operation=operation,
        options=options,
        receipt=answer["receipt"],
        result=figures,
        places=places,
        columns=columns,
    )
    return {**figures, "study": study.name, "run": run, "columns": kinds}


def duplicates(context: Context) -> dict[str, Any]:
    """Find the duplicates among the items of the job's folder, and write the columns."""
    options = context.params["options"]
    path = context.folder / duplicates_task.TASK
    task = TypeAdapter(duplicates_task.Task).validate_json(path.read_bytes())
    later = context
    if task.request.kind != "semantic" or options["compare_pictures"]:
        with study_of(context) as (study, settings):
            task = _with_pictures(context, study, settings, task)
        path.write_bytes(TypeAdapter(duplicates_task.Task).dump_json(task))
        later = replace(context, report=_part(context.report))
    result = duplicates_task.job(later)
    answer = orjson.loads((context.results / duplicates_task.ANSWER).read_bytes())
    with study_of(context) as (study, _):
        names = duplicate_columns(options["prefix"])
        group: list[Cell] = [None] * answer["n"]
        unusable = {each["index"] for each in answer["unusable"]}
        kept: list[Cell] = [None if i in unusable else "yes" for i in range(answer["n"])]
        for number, each in enumerate(answer["groups"], 1):
            for i in each["members"]:
                group[i] = str(number)
                kept[i] = "yes" if i == each["representative"] else "no"
        figures = {
            **result,
            **{name: answer[name] for name in ("kind", "threshold", "threshold_reason", "linkage", "compared")},
            "unusable": len(unusable),
            "missing": context.params["missing"],
            "model": answer["model"],
            "remarks": answer["remarks"],
        }
        return _written(study, DUPLICATES, options, answer, dict(zip(names, (group, kept), strict=True)), figures)


def _part(report: Callable[[float, str], None]) -> Callable[[float, str], None]:
    return lambda progress, stage: report(FIRST + (1 - FIRST) * progress, stage)


@dataclass(frozen=True)
class _Look:
    """Hashes and size of a picture; `problem` is code and message of one that cannot be used."""

    sha256: str | None = None
    phash: int | None = None
    pixels: float = 0.0
    small: bytes | None = None
    many: bool = False
    problem: tuple[str, str] | None = None


def _with_pictures(
    context: Context, study: Study, settings: Settings, task: duplicates_task.Task
) -> duplicates_task.Task:
    """The task with hashes of all pictures, and their miniatures in the job's folder."""
    kind, n = task.request.kind, len(task.ids)
    unusable = dict(task.unusable)
    hashes: list[str | None] = []
    sizes: list[float] = []
    many = 0
    small = None
    if kind != "exact":
        small = np.lib.format.open_memmap(context.folder / duplicates_task.MINIATURES, "w+", np.uint8, (n, BYTES))
    with ThreadPoolExecutor(context.threads) as threads:
        for start in range(0, n, AT_ONCE):
            context.report(FIRST * start / n, f"reading pictures: {start:,} of {n:,}")
            items = items_by(study.database, "id", task.ids[start : start + AT_ONCE])
            for i, look in enumerate(threads.map(lambda item: _look(study, item, settings, kind), items), start):
                hashes.append(look.sha256 if kind == "exact" else None if look.phash is None else f"{look.phash:016x}")
                sizes.append(look.pixels)
                many += look.many
                if look.problem is not None and (kind != "semantic" or look.problem == duplicates_task.BLANK):
                    unusable[i] = look.problem
                if small is not None and look.small is not None:
                    small[i] = np.frombuffer(look.small, np.uint8)
    remarks = [f"{many:,} of {n:,} images hold several pictures (an animation, pages), of which the first was read."]
    request = task.request if kind == "exact" else task.request.model_copy(update={"preference": sizes})
    return replace(
        task,
        request=request,
        hashes=() if kind == "semantic" else tuple(hashes),
        unusable=dict(sorted(unusable.items())),
        remarks=(*task.remarks, *(remarks if many else ())),
    )


def _look(study: Study, item: StudyItem, settings: Settings, kind: str) -> _Look:
    try:
        data = original(study, item, settings)
        if kind == "exact":
            return _Look(sha256=hashlib.sha256(data).hexdigest())
        picture = open_rgb(data, limits=settings.image_limits)
    except (ItemError, ServiceError) as exc:
        return _Look(problem=(exc.code, str(exc)))
    phash, several = perceptual_hash(picture), is_first_of_many(data)
    return _Look(
        phash=phash,
        pixels=picture.width * picture.height - 0.5 * several,
        small=miniature(picture),
        many=several,
        problem=duplicates_task.BLANK if kind == "semantic" and phash is None else None,
    )
