"""That everybody does the same work: each server's vectors beside those of transformers."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.peers.wire import ENCODINGS, vectors

LEAST = 0.999  # cosine of each vector with the true one
TIMEOUT = 300.0  # seconds: the first answer may wait for a compiler
Json = dict[str, Any]


class Differs(Exception):
    """A server's vectors are not those of the model."""


def verify(port: int, encoding: str, model: str, items: Sequence[bytes], true: Any, *, rounded: bool) -> Json:
    """Send all items, 32 in a request, and the first one alone; raises Differs, but not where the graph is `rounded`.

    Returns
    -------
    `cosine`: the smallest with the true vectors, (n, d). `centred`: the same after the mean of the true vectors was
    taken from both, which is stricter: with random weights all vectors are near each other. `alone`: the cosine of the
    first item's vector alone with that among others.
    """
    found = asyncio.run(_ask(port, encoding, model, [items[i : i + 32] for i in range(0, len(items), 32)]))
    alone = asyncio.run(_ask(port, encoding, model, [items[:1]]))
    if found.shape != true.shape:
        raise Differs(f"{encoding}: vectors of shape {found.shape}, the model gives {true.shape}")
    mean = true.mean(0)
    least = {
        "cosine": min(_least(found, true), _least(alone, true[:1])),
        "centred": min(_least(found - mean, true - mean), _least(alone - mean, true[:1] - mean)),
    }
    if min(least.values()) < LEAST and not rounded:
        raise Differs(f"{encoding}: least cosine with the true vectors {least}, must be {LEAST}")
    return {**least, "alone": _least(alone, found[:1])}


def _least(found: Any, true: Any) -> float:
    norms = np.linalg.norm(found, axis=1) * np.linalg.norm(true, axis=1)
    return float(((found * true).sum(1) / norms).min())


async def _ask(port: int, encoding: str, model: str, parts: Sequence[Sequence[bytes]]) -> Any:
    way = ENCODINGS[encoding]
    connection = await way.connect(port)
    found = []
    try:
        for part in parts:
            status, body = await asyncio.wait_for(connection.ask(way.make(model, part)), TIMEOUT)
            if status != 200:
                raise Differs(f"{encoding}: answered {status}")
            found.append(vectors(encoding, body))
    finally:
        await connection.close()
    return np.concatenate(found)
