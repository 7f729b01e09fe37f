"""Texts of items that are read in their pictures, for classifiers that are trained and predict with them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.classifiers.store import Stored
from models.errors import quoted
from service.errors import Unprocessable
from service.inference.engine import AnalyserModel, Engine
from service.pipelines.analyses import analyse
from service.pipelines.items import Item, VectorInput
from service.pipelines.operation import Call
from service.schemas.analyses import AnalysesOptions
from service.schemas.classifiers import TrainRequest
from service.stores.classifiers import Classifiers

KEY = "text_from_image"  # of a manifest's made_with: the receipt of the analyser


def source_of(stored: Stored) -> Mapping[str, Any] | None:
    """The receipt of the analyser that read the texts of a classifier's training; None where texts were given."""
    made: Mapping[str, Any] | None = stored.manifest["made_with"].get(KEY)
    return made


def reader(engine: Engine, fingerprint: str | None, of: str) -> AnalyserModel:
    """The text analyser with this fingerprint, the default one for None; `of` names what needs it.

    Raises NotFound for none, Unprocessable for no such one.
    """
    default = engine.analyser("text", None)
    if fingerprint is None:
        return default
    readers = [each for each in engine.analysers if each.spec.kind == "text"]
    if (found := next((each for each in readers if each.receipt["fingerprint"] == fingerprint), None)) is None:
        names = ", ".join(f"{each.spec.name} ({each.receipt['fingerprint']})" for each in readers)
        raise Unprocessable(
            f"{of}: needs texts read by the analyser with fingerprint {quoted(fingerprint)}, and this server has "
            f"{names}; use a server with that analyser, or train again",
            code="fingerprint_mismatch",
            param="text_fingerprint",
        )
    return found


def check(engine: Engine, stored: Stored) -> None:
    """Raise Unprocessable, NotFound where this server lacks the analyser of a classifier's texts."""
    if (source := source_of(stored)) is not None:
        reader(engine, source["fingerprint"], stored.label)


async def with_texts(
    engine: Engine, classifiers: Classifiers, items: Sequence[Item], model: AnalyserModel
) -> Sequence[Item]:
    """The items with the text that is read in each picture; none where there is no text, or no picture can be decoded.

    Raises Unprocessable for items that have a text of their own, or are videos.
    """
    for i, item in enumerate(items):
        if item.image is None or item.text is not None:
            what = "is a video" if item.video is not None else "has a text" if item.text is not None else "has no image"
            raise Unprocessable(
                f"input[{i}]: {what}, and texts are read in images; send images alone", param=f"input[{i}]"
            )
    options = AnalysesOptions.model_validate({"analysers": {"text": {"model": model.spec.name}}, "on_error": "skip"})
    work = await analyse(Call(engine=engine, classifiers=classifiers, options=options, items=items))
    most = engine.settings.max_text_chars
    texts = {
        i: "\n".join(found.text for found in results["text"].findings if found.text)[:most].strip()
        for i, results in work.results.items()
    }
    return [replace(item, text=texts.get(i) or None) for i, item in enumerate(items)]


async def for_training(
    engine: Engine,
    classifiers: Classifiers,
    request: TrainRequest,
    items: Sequence[Item] | None,
    vectors: Sequence[VectorInput] | None,
) -> tuple[TrainRequest, Sequence[Item] | None, Mapping[str, Any] | None]:
    """The request and its items with texts read in their pictures if it asks for these, and the analyser's receipt."""
    if request.text is None:
        if request.text_fingerprint is not None:
            raise Unprocessable(
                'text_fingerprint: is for text "from-image"; send both, or neither', param="text_fingerprint"
            )
        return request, items, None
    if vectors is not None and request.text_fingerprint is None:
        raise Unprocessable(
            "text_fingerprint: is missing; beside vectors, send the fingerprint of the analyser that read the texts",
            param="text_fingerprint",
        )
    if vectors is not None and {each.modality for each in vectors} != {"image", "text"}:
        raise Unprocessable(
            'vectors: text "from-image" needs vectors of the images and of their texts; send both', param="vectors"
        )
    model = reader(engine, request.text_fingerprint, "text")
    if items is not None:
        items = await with_texts(engine, classifiers, items, model)
        if not any(item.text for item in items):
            raise Unprocessable("text: no text was read in any of the images; train on images alone", param="text")
    receipt = {name: value for name, value in model.receipt.items() if name != "made_with"}
    return request.model_copy(update={"partial": True}), items, receipt


async def for_prediction(
    engine: Engine,
    classifiers: Classifiers,
    stored: Stored,
    items: Sequence[Item] | None,
    vectors: Sequence[VectorInput] | None,
) -> Sequence[Item] | None:
    """The items with texts as in the classifier's training.

    Raises Unprocessable for an analyser that this server does not have, and for vectors without those of texts.
    """
    source = source_of(stored)
    if source is None:
        return items
    if vectors is not None and len(vectors) < 2:
        raise Unprocessable(
            f"vectors: {stored.label} reads the texts in images; send vectors of images and of the texts read in them, "
            "or images as input",
            param="vectors",
        )
    if items is None:
        return None
    return await with_texts(engine, classifiers, items, reader(engine, source["fingerprint"], stored.label))
