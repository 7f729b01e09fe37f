"""Cards of the available models."""

from collections.abc import Sequence

from service.inference.engine import Engine, Model
from service.schemas.models import ModelCard


def cards(engine: Engine) -> Sequence[ModelCard]:
    """The available models, the default first."""
    return [_card(engine, model) for model in engine.models.values()]


def card(engine: Engine, name: str) -> ModelCard:
    """The card of the model `name`. Raises NotFound."""
    return _card(engine, engine.model(name))


def _card(engine: Engine, model: Model) -> ModelCard:
    spec = model.spec
    return ModelCard(
        id=spec.name,
        default=model is engine.model(None),
        description=spec.description,
        modalities=list(spec.modalities),
        dimension=spec.dimension,
        zero_shot=spec.zero_shot is not None,
        licence=spec.licence,
        source=f"{spec.source.kind}: {spec.source.locator}",
        revision=spec.source.revision,
        weights=dict(spec.source.weights),
        fingerprint=spec.fingerprint("exact"),
        fingerprint_scaled=spec.fingerprint("scaled") if spec.image else None,
        precision=spec.precision,
        provider=model.provider,
        decode=engine.settings.decode,
        max_tokens=spec.text.max_tokens if spec.text else None,
        templates=list(spec.zero_shot.templates) if spec.zero_shot else None,
        parity=dict(model.folder.parity),
        demonstration=spec.demonstration,
        notice=spec.notice,
        fingerprint_gpu=model.receipts["gpu"]["fingerprint"] if spec.image and "gpu" in model.receipts else None,
    )
