"""Finding the running model that vectors or a classifier belong to."""

from models.classifiers.head import Block
from models.classifiers.store import Stored
from models.images.decoding import DecodeMode
from service.errors import Unprocessable, quoted
from service.inference.engine import Engine, Model


def running(engine: Engine, fingerprint: str) -> tuple[Model, DecodeMode] | None:
    """The running model that vectors of this fingerprint are of, and how it decoded their images."""
    for model in engine.models.values():
        for decode, receipt in model.receipts.items():
            if receipt["fingerprint"] == fingerprint:
                return model, decode
    return None


def encoder(engine: Engine, block: Block) -> tuple[Model, DecodeMode]:
    """The running model whose vectors `block` takes. Raises Unprocessable where there is none."""
    found = running(engine, block.fingerprint)
    if found is not None:
        return found
    there = ", ".join(
        f"{name} ({model.receipts[engine.settings.decode]['fingerprint']})" for name, model in engine.models.items()
    )
    raise Unprocessable(
        f"this classifier was trained on vectors of {block.model} with fingerprint {block.fingerprint}, and this "
        f"server runs {there}: start it with that model, or train anew on vectors of one that runs",
        code="fingerprint_mismatch",
        param="classifier",
    )


def usable(engine: Engine, stored: Stored) -> bool:
    """Whether the encoders that it needs are running."""
    try:
        for block in stored.head.blocks if stored.head else ():
            encoder(engine, block)
    except Unprocessable:
        return False
    return True


def model_of(engine: Engine, fingerprint: str, param: str) -> tuple[Model, DecodeMode]:
    """The running model that vectors of this fingerprint are of, and how it decoded. Raises Unprocessable."""
    found = running(engine, fingerprint)
    if found is not None:
        return found
    raise Unprocessable(
        f"{param}: the vectors have fingerprint {quoted(fingerprint)}, which no model that runs here has; ask a server "
        "that runs theirs",
        code="fingerprint_mismatch",
        param=param,
    )
