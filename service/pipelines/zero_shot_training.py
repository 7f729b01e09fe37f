"""The prompts of a classifier that calibrates zero-shot scores, checked and embedded."""

import numpy as np

from models.classifiers.records import Prompts
from models.errors import quoted
from service.errors import Unprocessable
from service.inference.engine import Engine, Model
from service.inference.matching import model_of
from service.pipelines.prompts import ZeroShotQuery, label_vectors, prepare_prompts
from service.pipelines.vectors import ItemVectors
from service.schemas.classifiers import TrainRequest
from service.schemas.zero_shot import ZeroShotOptions


def check(request: TrainRequest) -> None:
    """Raise Unprocessable for options that a calibrated zero-shot classifier does not have."""
    asked = request.zero_shot
    if asked is None:
        return
    for name, given in (("strengths", request.strengths is not None), ("calibrate", not request.calibrate)):
        if given:
            raise Unprocessable(
                f"{name}: is for a linear probe; calibrated zero-shot has a temperature and a bias for each class: "
                "leave it out",
                param=name,
            )
    if request.features:
        raise Unprocessable(
            "zero_shot: compares images, or texts, with prompts, and takes no features beside them; leave features out",
            param="zero_shot",
        )
    if request.task == "continuous":
        raise Unprocessable(
            "zero_shot: labels classes, and a continuous target has none; leave it out", param="zero_shot"
        )
    if request.text is not None:
        raise Unprocessable(
            "zero_shot: compares images, or texts, with prompts, and not both together; leave text out",
            param="zero_shot",
        )
    if asked.preset is None and asked.labels is None:
        raise Unprocessable(
            'zero_shot: has no labels; send the classes of the codes, such as ["cat", "cup"], or a preset',
            param="zero_shot.labels",
        )
    if asked.preset is not None and (asked.labels is not None or asked.prompts is not None):
        raise Unprocessable(
            f"zero_shot: the preset {quoted(asked.preset)} has its own labels and prompts; send them or a preset",
            param="zero_shot.preset",
        )
    if asked.prompts is not None and len(asked.prompts) != len(asked.labels or ()):
        raise Unprocessable(
            f"zero_shot.prompts: got {len(asked.prompts)} for {len(asked.labels or ())} labels; send one for each",
            param="zero_shot.prompts",
        )


async def embed_prompts(engine: Engine, request: TrainRequest, data: ItemVectors) -> Prompts | None:
    """The prompts of the classes, embedded by the model of the items; None for a linear probe.

    Raises
    ------
    Unprocessable : labels or templates as in zero-shot, items of two modalities, vectors of a model that is not
        running, a model without zero-shot.
    TooLarge, Overloaded.
    """
    asked = request.zero_shot
    if asked is None:
        return None
    if len(data.blocks) != 1:
        raise Unprocessable(
            "zero_shot: compares images, or texts, with prompts, and not both together; send items of one modality",
            param="zero_shot",
        )
    model = _model(engine, data)
    names = [str(label) for label in asked.labels or ()]
    query = ZeroShotQuery.of(
        ZeroShotOptions(labels=asked.prompts or names or None, preset=asked.preset, templates=asked.templates)
    )
    if query.multi_label:
        raise Unprocessable(
            f"zero_shot: in the preset {quoted(asked.preset or '')} several labels may hold for one item; train a "
            "classifier for each of them",
            param="zero_shot.preset",
        )
    checked = prepare_prompts(engine, model, query)
    vectors = await label_vectors(engine, model, checked.texts, checked.prompts, checked.templates)
    return Prompts(
        labels=tuple(names or checked.labels),
        texts=tuple(checked.prompts),
        templates=checked.templates,
        directions=checked.head.logit_scale * np.asarray(vectors, np.float64),
        logit_scale=checked.head.logit_scale,
        model=model.spec.name,
    )


def _model(engine: Engine, data: ItemVectors) -> Model:
    return model_of(engine, data.blocks[0].fingerprint, "zero_shot")[0]
