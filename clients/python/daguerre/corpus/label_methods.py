"""The fields of requests for codebook labels, and results of their answers."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from daguerre.corpus.codebooks import Codebook, read_codebook
from daguerre.corpus.multiverses import codes_of_items, corpus_fields, positive_of
from daguerre.corpus.validations import read_predictions
from daguerre.inputs.alignment import json_value
from daguerre.inputs.items import Images, image_sources
from daguerre.inputs.source import Unreadable
from daguerre.results.base import Errors
from daguerre.results.labels import CodebookLabels, merged_receipt
from daguerre.types.common import listed
from daguerre.types.labels import LabelsAnswer, total_usage

CHOICES = ("labeller", "model", "prompt_sha256", "category_order", "variable_order", "temperature", "seed")
LONGEST = 2000  # characters of a value of a choice


def label_fields(
    *,
    codebook: Codebook,
    labeller: str | None = None,
    template: str | None = None,
    examples: Images | None = None,
    example_texts: Mapping[str, str] | None = None,
    category_order: str = "fixed",
    variable_order: str = "fixed",
    seed: int = 0,
    temperature: float = 0.0,
    max_tokens: int = 1000,
) -> dict[str, Any]:
    """The fields of a request but for its items. Raises ValueError for a codebook or an example that cannot be read."""
    read = read_codebook(codebook)
    shown = _examples(read, examples, example_texts)
    return {
        "codebook": read,
        "labeller": labeller,
        "template": template,
        "examples": shown or None,
        "category_order": category_order,
        "variable_order": variable_order,
        "seed": seed,
        "temperature": temperature,
        "max_tokens": max_tokens,
    }


def _examples(
    codebook: Mapping[str, Any], images: Images | None, texts: Mapping[str, str] | None
) -> list[dict[str, Any]]:
    """The pictures and texts of the items that the codebook names as examples."""
    if images is None and texts is None:
        return []
    named: set[str] = set()
    for variable in codebook.get("variables") or ():
        for part in (variable, *(variable.get("categories") or ())):
            named |= set(part.get("examples") or ()) if isinstance(part, Mapping) else set()
    found: dict[str, dict[str, Any]] = {}
    if images is not None:
        sources = image_sources(images, settled=True)
        for source in sources:
            if source.id in named:
                try:
                    image = source.read().image
                except Unreadable as exc:
                    raise ValueError(f"examples: {source.id} {exc.message}") from exc
                found[source.id] = {"id": source.id, "image": base64.b64encode(image or b"").decode()}
    for id, text in (texts or {}).items():
        if id in named:
            found[str(id)] = {**found.get(str(id), {"id": str(id)}), "text": text}
    if not found:
        raise ValueError(
            f"examples: none of them is named in the codebook, which names {listed(sorted(named)) or 'none'}; add ids "
            "to `examples` of its categories"
        )
    return list(found.values())


def labels_of_answers(
    ids: list[str], files: list[str], errors: Errors, answers: Sequence[tuple[Sequence[int], LabelsAnswer]]
) -> CodebookLabels:
    """The result of the answers about items, by their places. Raises ValueError where there is none."""
    if not answers:
        raise ValueError(f"none of {len(ids):,} items could be sent: {errors!r}")
    entries: list[Any] = [{"index": i, "id": id} for i, id in enumerate(ids)]
    for places, answer in answers:
        for place, entry in zip(places, answer.entries, strict=True):
            same = entry.get("same_as")
            own = {"index": place, "id": ids[place]}
            entries[place] = {**entry, **own, **({} if same is None else {"same_as": places[same]})}
    every = [answer for _, answer in answers]
    return CodebookLabels(
        ids=ids,
        files=files,
        errors=errors,
        entries=entries,
        codebook=every[0].codebook,
        prompt=every[0].prompt,
        receipt=merged_receipt([answer.labelled_by for answer in every]),
        usage=total_usage([answer.usage for answer in every]),
        remarks=list(dict.fromkeys(remark for answer in every for remark in answer.remarks)),
    )


def multiverse_fields(
    labels: Mapping[str, Any],
    *,
    of: str,
    variable: str | None,
    codes: Any,
    coders: Sequence[str],
    adjudicator: str | None,
    corpus: Any,
    group: str | None,
    difference: tuple[str, Any, Any] | None,
) -> tuple[dict[str, Any], list[str]]:
    """The fields of a multiverse with a configuration for each result, and remarks. Raises ValueError."""
    if len(labels) < 2:
        raise ValueError(f"labels: got {len(labels)}, a comparison needs two results or more, by name")
    sets = {
        name: read_predictions({name: each.of(variable) if isinstance(each, CodebookLabels) else each})[0]
        for name, each in labels.items()
    }
    own = {name: each.ids if isinstance(each, CodebookLabels) else sets[name].ids for name, each in labels.items()}
    ids = next(iter(own.values()))
    if ids is None or any(each is None or set(each) != set(ids) for each in own.values()):
        raise ValueError("labels: the results are of different items; give those of the same items")
    files = next((each.files for each in labels.values() if isinstance(each, CodebookLabels)), list(ids))
    rows, remarks = codes_of_items(codes, corpus, ids, files, code="code", coders=list(coders), adjudicator=adjudicator)
    positive: str | None = of
    if rows is not None:
        positive, more = positive_of(of, rows, None)
        remarks += more
    configurations = []
    for name, each in sets.items():
        known = dict(zip(each.ids or (), each.value or (), strict=True))
        if of not in known.values() and not any(of in (s.value or ()) for s in sets.values()):
            raise ValueError(f"of: no result has the label {of!r}; name a category of the variable")
        values = [None if known.get(id) is None else int(str(known[id]) == of) for id in ids]
        configurations.append({"choices": _choices(name, labels), "values": values})
    return {
        "corpus": corpus_fields(
            corpus, ids, files, group=group, stratum=None, time=None, difference=difference, covariates=(), outcome=None
        ),
        "codes": rows,
        "positive": positive,
        "difference": None
        if difference is None
        else {"by": difference[0], "a": json_value(difference[1]), "b": json_value(difference[2])},
        "configurations": configurations,
    }, remarks


def _choices(name: str, labels: Mapping[str, Any]) -> list[dict[str, str]]:
    """The name of a result, and the parts of its receipt in which the results differ."""
    receipts = {key: each.receipt if isinstance(each, CodebookLabels) else {} for key, each in labels.items()}
    differing = [choice for choice in CHOICES if len({str(receipt.get(choice)) for receipt in receipts.values()}) > 1]
    rest = [{"name": choice, "value": str(receipts[name].get(choice, "other"))[:LONGEST]} for choice in differing]
    return [{"name": "labels", "value": str(name)[:LONGEST]}, *rest]
