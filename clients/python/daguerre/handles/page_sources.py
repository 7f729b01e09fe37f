"""Results as the JSON answers that the server makes pages of: one function for each kind of result."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np

from daguerre.errors import ItemError
from daguerre.handles.pictures import SIDE
from daguerre.inputs.names import printable
from daguerre.results.agreement import Agreement
from daguerre.results.analyses import Analyses, results_of
from daguerre.results.annotation import Sample
from daguerre.results.coders import GroupDifferences
from daguerre.results.corrected import CorrectedEstimates
from daguerre.results.duplicates import Duplicates
from daguerre.results.estimates import CorpusEstimates
from daguerre.results.evaluations import Evaluation
from daguerre.results.face_comparison import Compared, FaceMatches, FaceVerification, Persons
from daguerre.results.multiverse import MultiverseEstimates
from daguerre.results.neighbours import Neighbours
from daguerre.results.validations import Validated
from daguerre.results.zero_shot import ZeroShot
from daguerre.types.common import Crop

MOST_ITEMS = 50_000  # items of zero-shot labels that are sent for a page
MOST_FINDINGS = 200_000  # of analyses, which have more to each item


@dataclass(frozen=True, kw_only=True)
class PageSource:
    """An answer, and where the pictures of its items are.

    Attributes
    ----------
    kind : of POST /v1/pages/{kind}.
    answer : as over HTTP.
    ids, files : of the items on this machine, (n,).
    names : ids of the same items in the answer, which are valid Unicode, (n,).
    texts : by name, texts that the page shows without being asked.
    remarks : sentences for the page.
    captions : by name, a line below an item; of an image that is searched for, its id.
    crops : by id on this machine, the part of its picture that the page shows.
    sized : whether the page states the size of each picture.
    side : pixels of the longer side of its pictures.
    """

    kind: str
    answer: Mapping[str, Any]
    ids: Sequence[str]
    files: Sequence[str]
    names: Sequence[str]
    texts: Mapping[str, str] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    captions: Mapping[str, str] = field(default_factory=dict)
    sized: bool = False
    crops: Mapping[str, Crop] = field(default_factory=dict)
    side: int = SIDE

    def fields(self, mode: str) -> dict[str, Any]:
        """Fields of the request for the page, without pictures."""
        given = {"kind": self.kind, "answer": self.answer, "pictures": mode}
        if self.remarks:
            given["remarks"] = list(self.remarks)
        if self.captions:
            given["captions"] = dict(self.captions)
        return given


@singledispatch
def page_source(result: Any) -> PageSource:
    """The answer of a result. Raises TypeError for a result that has no page."""
    raise TypeError(f"{type(result).__name__} has no page")


@page_source.register
def _duplicates(result: Duplicates) -> PageSource:
    names = [printable(id) for id in result.ids]
    answer = {
        "id": result.id,
        "kind": result.kind,
        "threshold": result.threshold,
        "linkage": result.linkage,
        "n": len(result),
        "ids": names,
        "groups": [
            {
                "representative": group.representative,
                "members": list(group.members),
                "similarity": [float(value) for value in group.similarity],
            }
            for group in result.groups
        ],
        "extra": len(result.extra),
        "unusable": [_unusable(each) for each in result.errors],
        "remarks": result.remarks,
        "model": result.model,
        "receipt": result.receipt,
        "threshold_origin": result.threshold_origin,
        "threshold_reason": result.threshold_reason,
        "related": [{"members": list(group.members), "contents": group.contents} for group in result.related],
        "compared": result.compared,
        "method": result.method,
        "recall": result.recall,
    }
    return PageSource(kind="duplicates", answer=answer, ids=result.ids, files=result.files, names=names, sized=True)


@page_source.register
def _zero_shot(result: ZeroShot) -> PageSource:
    places = np.arange(len(result))
    remarks = []
    if len(result) > MOST_ITEMS:
        places = np.sort(np.random.default_rng(0).choice(places, MOST_ITEMS, replace=False))
        remarks.append(f"This page is of {MOST_ITEMS:,} items, drawn at random from {len(result):,}.")
    names = [printable(id) for id in result.ids]
    failed = {error.index: error for error in result.errors}
    scores, cosines = result.scores.astype(np.float64).round(6), result.cosines.astype(np.float64).round(6)
    data: list[dict[str, Any]] = []
    for index, i in enumerate(places.tolist()):
        entry: dict[str, Any] = {"index": index, "id": names[i]}
        if i in failed:
            entry["error"] = {"code": failed[i].code, "message": failed[i].message}
        else:
            entry |= {"label": result.best[i], "scores": scores[i].tolist(), "cosines": cosines[i].tolist()}
            if result.none_scores is not None:
                entry["none_score"] = round(float(result.none_scores[i]), 6)
        data.append(entry)
    at = {i: index for index, i in enumerate(places.tolist())}
    marks = {name: [at[i] for i in getattr(result, name) if i in at] for name in _MARKS}
    answer = {
        "model": result.model,
        "labels": result.labels,
        "data": data,
        "templates": result.templates,
        "negatives": result.negatives,
        "logit_scale": result.logit_scale if np.isfinite(result.logit_scale) else 0.0,
        **{name: getattr(result, name) for name in ("preset", "prompts", "notice")},
        "calibrated": False,
        **marks,
        "receipt": asdict(result.receipt),
    }
    return PageSource(kind="zero-shot", answer=answer, ids=result.ids, files=result.files, names=names, remarks=remarks)


_MARKS = ("truncated", "unknown", "first_of_many")


@page_source.register
def _analyses(result: Analyses) -> PageSource:
    found = [sum(len(each["findings"]) for _, each in results_of(entry)) for entry in result.entries]
    places, remarks = np.arange(len(result)), []
    if len(result) > MOST_ITEMS or sum(found) > MOST_FINDINGS:
        order = np.random.default_rng(0).permutation(len(result))
        cut = int(np.searchsorted(np.cumsum(np.array(found)[order]), MOST_FINDINGS, side="right"))
        places = np.sort(order[: max(1, min(cut, MOST_ITEMS))])
        remarks.append(f"This page is of {len(places):,} pictures, drawn at random from {len(result):,}.")
    names = [printable(id) for id in result.ids]
    failed = {error.index: error for error in result.errors}
    data: list[dict[str, Any]] = []
    for index, i in enumerate(places.tolist()):
        entry = result.entries[i]
        if entry is None:
            error = failed[i]
            data.append({"index": index, "id": names[i], "error": {"code": error.code, "message": error.message}})
        else:
            data.append({**without_vectors(entry), "index": index, "id": names[i]})
    many = set(result.first_of_many)
    answer = {
        "data": data,
        "options": result.options,
        "first_of_many": [index for index, i in enumerate(places.tolist()) if i in many],
        "receipts": result.receipts,
    }
    return PageSource(
        kind="analyses", answer=answer, ids=result.ids, files=result.files, names=names, remarks=remarks, side=320
    )


def without_vectors(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry without the vectors of its faces, which no page shows."""
    made = dict(entry)
    if found := (entry.get("results") or {}).get("face_vectors"):
        bare = [{name: value for name, value in each.items() if name != "vector"} for each in found["findings"]]
        made["results"] = {**entry["results"], "face_vectors": {**found, "findings": bare}}
    if entry.get("video"):
        made["video"] = {**entry["video"], "frames": [without_vectors(each) for each in entry["video"]["frames"]]}
    return made


@page_source.register
def _neighbours(result: Neighbours) -> PageSource:
    queries = _free("query ", (printable(id) for row in result.ids for id in row), len(result))
    data = [
        {
            "index": i,
            "id": query,
            "neighbours": [
                {"index": int(index), "id": printable(id), "cosine": float(cosine)}
                for index, id, cosine in zip(indexes, ids, cosines, strict=True)
            ],
        }
        for i, (query, indexes, ids, cosines) in enumerate(
            zip(queries, result.indexes, result.ids, result.cosines, strict=True)
        )
    ]
    found = list(dict.fromkeys(id for row in result.ids for id in row))
    ids = [*found, *queries]
    return PageSource(
        kind="search",
        answer={"data": data, "model": result.model, "receipt": dict(result.receipt)},
        ids=ids,
        files=[*(result.files.get(id, id) for id in found), *result.query_files],
        names=[*map(printable, found), *queries],
        texts={query: text for query, text in zip(queries, result.texts, strict=True) if text is not None},
        captions={
            query: printable(id)
            for query, id, text in zip(queries, result.queries, result.texts, strict=True)
            if text is None
        },
    )


def _free(start: str, taken: Iterable[str], n: int) -> list[str]:
    """Names of n items, `start` with their numbers; more spaces follow it where another name begins so."""
    names = list(taken)
    while any(name.startswith(start) for name in names):
        start += " "
    return [f"{start}{i}" for i in range(n)]


@page_source.register
def _persons(result: Persons) -> PageSource:
    names = [printable(id) for id in result.ids]
    files = [result.files.get(id, id) for id in result.ids]
    return PageSource(
        kind="persons",
        answer=result.answer,
        ids=result.ids,
        files=files,
        names=names,
        remarks=_kept(result),
        crops=result.boxes,
    )


def _kept(result: Compared) -> list[str]:
    """The sentence on the file of the vectors, if they came from one."""
    if result.source is None:
        return []
    return [f"The vectors of the faces are in the file {result.source}. Its owner has to delete it."]


@page_source.register
def _matches(result: FaceMatches) -> PageSource:
    found = list(dict.fromkeys(result.ids[face["index"]] for entry in result.answer["data"] for face in entry["faces"]))
    targets = _free("target ", map(printable, found), len(result))
    own = dict(zip(targets, result.targets, strict=True))
    return PageSource(
        kind="face-matches",
        answer=result.answer,
        ids=[*found, *targets],
        files=[*(result.files.get(id, id) for id in found), *(result.target_files.get(id, id) for id in own.values())],
        names=[*map(printable, found), *targets],
        remarks=_kept(result),
        crops={
            **{id: result.boxes[id] for id in found if id in result.boxes},
            **{name: result.target_boxes[id] for name, id in own.items() if id in result.target_boxes},
        },
    )


@page_source.register
def _verification(result: FaceVerification) -> PageSource:
    pairs = [*result.answer["highest_different"], *result.answer["lowest_same"]]
    names = list(dict.fromkeys(id for pair in pairs for id in (pair["a"], pair["b"])))
    own = {printable(id): id for id in result.ids}
    ids = [own.get(name, name) for name in names]
    files = [result.files.get(id, id) for id in ids]
    return PageSource(
        kind="face-verification",
        answer=result.answer,
        ids=ids,
        files=files,
        names=names,
        remarks=_kept(result),
        crops=result.boxes,
    )


@page_source.register
def _sample(result: Sample) -> PageSource:
    names = [printable(id) for id in result.ids]
    answer = {
        "design": result.design,
        "n": result.n,
        "indexes": result.indexes.tolist(),
        "ids": names,
        "inclusion_prob": None if result.inclusion_prob is None else result.inclusion_prob.tolist(),
        "strata": [asdict(stratum) for stratum in result.strata],
        "fit_for_inference": result.fit_for_inference,
        "remarks": result.remarks,
        "seed": result.seed,
        "candidates": result.candidates,
        "copies": result.copies,
        "smallest_distance": result.smallest_distance,
        "stratum": result.stratum if result.strata else None,
    }
    files = getattr(result, "files", None) or result.ids
    return PageSource(kind="sample", answer=answer, ids=result.ids, files=files, names=names)


@page_source.register
def _agreement(result: Agreement) -> PageSource:
    answer: Mapping[str, Any] = {**result.answer, "remarks": result.remarks}
    ids = [each["item"] for each in answer["differ"]]
    return PageSource(kind="agreement", answer=answer, ids=ids, files=ids, names=ids)


@page_source.register
def _coder_groups(result: GroupDifferences) -> PageSource:
    answer: Mapping[str, Any] = {**result.answer, "remarks": result.remarks}
    ids = list(dict.fromkeys(each["item"] for each in answer["items"]))
    return PageSource(kind="coder-groups", answer=answer, ids=ids, files=ids, names=ids)


@page_source.register
def _evaluation(result: Evaluation) -> PageSource:
    own = result.remarks[: len(result.remarks) - len(result.answer["remarks"])]
    ids = [] if result.texts is None else [each["id"] for each in result.texts.each if each["character_edits"]]
    return PageSource(kind="evaluation", answer=result.answer, ids=ids, files=ids, names=ids, remarks=own)


@page_source.register
def _validation(result: Validated) -> PageSource:
    own = result.remarks[: len(result.remarks) - len(result.answer["remarks"])]
    wrong = (error["id"] for each in result.answer["predictions"] for error in each["worst"])
    ids = list(dict.fromkeys(wrong))
    files = [result.files.get(id, id) for id in ids]
    return PageSource(kind="validation", answer=result.answer, ids=ids, files=files, names=ids, remarks=own)


@page_source.register
def _estimates(result: CorpusEstimates) -> PageSource:
    return PageSource(kind="estimate", answer=result.answer, ids=(), files=(), names=())


@page_source.register
def _corrected(result: CorrectedEstimates) -> PageSource:
    own = result.remarks[: len(result.remarks) - len(result.answer["remarks"])]
    return PageSource(kind="estimates", answer=result.answer, ids=(), files=(), names=(), remarks=own)


@page_source.register
def _multiverse(result: MultiverseEstimates) -> PageSource:
    own = result.remarks[: len(result.remarks) - len(result.answer["remarks"])]
    return PageSource(kind="multiverse", answer=result.answer, ids=(), files=(), names=(), remarks=own)


def _unusable(error: ItemError) -> dict[str, Any]:
    return {
        "index": error.index,
        "id": printable(error.id),
        "error": {"code": error.code, "message": error.message},
    }
