"""The running model that matches vectors or a classifier."""

from models.classifiers.head import Block
from models.classifiers.store import Stored
from models.errors import quoted
from models.images.decoding import DecodeMode
from service.errors import Unprocessable
from service.inference.engine import Engine, Model


def running(engine: Engine, fingerprint: str) -> tuple[Model, DecodeMode] | None:
    """The running model with this fingerprint, and the decode mode that the fingerprint implies."""
    for model in engine.models.values():
        for decode, receipt in model.receipts.items():
            if receipt["fingerprint"] == fingerprint:
                return model, decode
    return None


def encoder(engine: Engine, block: Block) -> tuple[Model, DecodeMode]:
    """The running model whose vectors `block` needs. Raises Unprocessable if there is none."""
    match = running(engine, block.fingerprint)
    if match is not None:
        return match
    models = ", ".join(
        f"{name} ({model.receipts[engine.settings.decode]['fingerprint']})" for name, model in engine.models.items()
    )
    raise Unprocessable(
        f"this classifier was trained on vectors of {block.model} with fingerprint {block.fingerprint}, and this "
        f"server runs {models}; start the server with that model, or train again on vectors of one that it runs",
        code="fingerprint_mismatch",
        param="classifier",
    )


def usable(engine: Engine, stored: Stored) -> bool:
    """Whether the encoders of a stored classifier are running."""
    try:
        for block in stored.head.blocks if stored.head else ():
            encoder(engine, block)
    except Unprocessable:
        return False
    return True


def model_of(engine: Engine, fingerprint: str, param: str) -> tuple[Model, DecodeMode]:
    """The running model that made vectors of this fingerprint, and its decode mode. Raises Unprocessable."""
    match = running(engine, fingerprint)
    if match is not None:
        return match
    raise Unprocessable(
        f"{param}: the vectors have fingerprint {quoted(fingerprint)}, which no running model has; use a server that "
        "runs their model",
        code="fingerprint_mismatch",
        param=param,
    )
