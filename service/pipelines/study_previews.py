"""Zero-shot scores of a few items of a study under several variants, of which nothing is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.errors import ItemError
from service.errors import ServiceError, Unprocessable
from service.inference.engine import Engine, Model
from service.pipelines.items import Item, VectorInput
from service.pipelines.prompts import ZeroShotQuery, prepare_prompts
from service.pipelines.study_analyses import options_of
from service.pipelines.zero_shot import ZeroShotResult, encoded_vectors, zero_shot
from service.schemas import study_analyses as schema
from service.stores.studies import Study
from service.stores.study_items import StudyItem
from service.stores.study_pictures import original
from service.stores.study_rows import rows_of, some_items
from service.stores.study_vectors import VectorSet, list_sets


@dataclass(frozen=True)
class _Few:
    """A few items, and the pictures of those that were read, by place; None: one that cannot be read."""

    study: Study
    items: Sequence[StudyItem]
    pictures: dict[int, bytes | None] = field(default_factory=dict)


async def preview(engine: Engine, study: Study, request: schema.ZeroShotPreviewRequest) -> schema.ZeroShotPreview:
    """Score a few items under several variants, by vectors of the study where there are any, or by their pictures.

    Raises NotFound, Unprocessable, TooLarge.
    """
    few = _Few(study, await engine.in_thread(lambda: some_items(study, request.keys, request.size, request.seed)))
    if not few.items:
        raise Unprocessable("keys: the study has no items yet; add pictures", code="no_items", param="keys")
    sets = {each.model: each for each in await engine.in_thread(lambda: list_sets(study))}
    variants = [await _variant(engine, few, sets, each) for each in request.variants]
    lacking = sum(any(each.data[i] is None for each in variants) for i in range(len(few.items)))
    remark = f"{lacking:,} of {len(few.items):,} items have no vector and no picture that can be used"
    return schema.ZeroShotPreview(
        items=[schema.PreviewItem(key=item.key, id=item.id) for item in few.items],
        variants=variants,
        remarks=[remark] if lacking else [],
    )


async def _variant(
    engine: Engine, few: _Few, sets: Mapping[str, VectorSet], variant: schema.StudyVariant
) -> schema.VariantScores:
    name = variant.model
    if name is None and len(sets) == 1 and next(iter(sets)) in engine.models:
        name = next(iter(sets))
    model = engine.model(name)
    options = options_of(variant, model.spec.name)
    question = ZeroShotQuery.of(options)
    prompts = prepare_prompts(engine, model, question)
    data: dict[int, schema.PreviewScores | None] = {}
    there = sets.get(model.spec.name)
    if there is not None and _is_of(there, model):
        rows = await engine.in_thread(lambda: rows_of(few.study, there, [item.place for item in few.items]))
        if rows:
            given = VectorInput(
                modality=there.modality,
                model=there.model,
                fingerprint=there.fingerprint,
                rows=np.stack(list(rows.values())),
                receipt=there.receipt,
            )
            ids = [str(place) for place in rows]
            _, decode, encoded = await encoded_vectors(engine, options, len(question.labels), [given], ids)
            result = await zero_shot(engine, model, (), question, decode=decode, on_error="skip", vectors=encoded)
            data |= dict(zip(rows, _scores(result), strict=True))
    others = [item for item in few.items if item.place not in data]
    items = await engine.in_thread(lambda: _pictures(engine, few, others))
    if items:
        decode = engine.settings.decode
        result = await zero_shot(engine, model, list(items.values()), question, decode=decode, on_error="skip")
        data |= dict(zip(items, _scores(result), strict=True))
    return schema.VariantScores(
        labels=prompts.labels,
        model=model.spec.name,
        templates=list(prompts.templates),
        logit_scale=prompts.head.logit_scale,
        data=[data.get(item.place) for item in few.items],
    )


def _is_of(vectors: VectorSet, model: Model) -> bool:
    """Whether a running model has made the vectors."""
    return any(receipt["fingerprint"] == vectors.fingerprint for receipt in model.receipts.values())


def _pictures(engine: Engine, few: _Few, items: Sequence[StudyItem]) -> dict[int, Item]:
    """The pictures of items by place, without those that cannot be read."""
    for item in items:
        if item.place not in few.pictures:
            try:
                few.pictures[item.place] = original(few.study, item, engine.settings)
            except (ServiceError, ItemError):
                few.pictures[item.place] = None
    found = ((item, few.pictures[item.place]) for item in items)
    return {item.place: Item(image=picture, id=item.id) for item, picture in found if picture is not None}


def _scores(result: ZeroShotResult) -> list[schema.PreviewScores | None]:
    none = result.none_scores
    return [
        None
        if i in result.encoded.failures
        else schema.PreviewScores(
            label=label,
            scores=result.scores[i].tolist(),
            cosines=result.cosines[i].tolist(),
            none_score=None if none is None else float(none[i]),
        )
        for i, label in enumerate(result.best)
    ]
