"""The fingerprints of several servers, which must agree before results of them are put together."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daguerre.errors import FingerprintMismatchError
from daguerre.transport.base import Transport
from daguerre.transport.operations import ANALYSE, ANALYSERS, CAPTION, EMBED, MODELS, ZERO_SHOT, Operation
from daguerre.types.models import ModelCard

WAY_OUT = (
    "results of the two must not be mixed: give all servers the same DAGUERRE_MODELS, DAGUERRE_ANALYSERS and "
    "DAGUERRE_DECODE and the same version, name the model, or leave one server out"
)


@dataclass(frozen=True)
class Cards:
    """The models and analysers of a server.

    Attributes
    ----------
    models : its models, the default first.
    analysers : fingerprints by kind and name, the default of a kind as None.
    """

    models: tuple[ModelCard, ...]
    analysers: Mapping[tuple[str, str | None], str]


async def read_cards(server: Transport) -> Cards:
    """The models and analysers of a server."""
    models, analysers = await asyncio.gather(server.call(MODELS), server.call(ANALYSERS))
    names: dict[tuple[str, str | None], str] = {}
    for card in analysers:
        fingerprint = str(card.receipt["fingerprint"])
        names[card.kind, card.name] = fingerprint
        if card.default:
            names[card.kind, None] = fingerprint
    return Cards(tuple(models), names)


def require_same(servers: Mapping[str, Cards], operation: Operation[Any], fields: Mapping[str, Any]) -> None:
    """Raise FingerprintMismatchError where two servers would use different models for a request."""
    if len(servers) < 2:
        return
    if operation.path in (EMBED.path, ZERO_SHOT.path):
        name, decode = fields.get("model"), fields.get("decode")
        _require_equal({url: _model(cards, name, decode) for url, cards in servers.items()})
    elif operation.path in (ANALYSE.path, CAPTION.path):
        for kind, options in fields.get("analysers", {"captions": fields}).items():
            name = (options or {}).get("model")
            _require_equal(
                {url: (f"analyser {name or kind}", cards.analysers.get((kind, name))) for url, cards in servers.items()}
            )


def _model(cards: Cards, name: str | None, decode: Any) -> tuple[str, str | None]:
    """The name and the fingerprint of the model that a request would use."""
    for card in cards.models:
        if name in (None, card.id):
            return card.id, card.fingerprint_of(decode)
    return str(name), None


def _require_equal(found: Mapping[str, tuple[str, str | None]]) -> None:
    (first, (model, fingerprint)), *others = found.items()
    for url, (name, other) in others:
        if other != fingerprint:
            raise FingerprintMismatchError(
                f"servers differ: {first} has {_shown(model, fingerprint)}, {url} has {_shown(name, other)}; {WAY_OUT}",
                code="fingerprint_mismatch",
            )


def _shown(model: str, fingerprint: str | None) -> str:
    return f"no {model}" if fingerprint is None else f"{model} {fingerprint}"
