"""Search for the products that int8 costs most: they stay in fp32, until vectors are as near as was asked for.

Each product is quantised by itself, and the mean of 1 - cosine over the oracle's inputs is its error. Errors of single
products nearly add up, so that those with the largest error for each weight are kept first, and as few as are needed.
"""

import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from models.errors import ModelUnavailable
from models.sessions.onnx import OnnxSession
from models.sources import export
from models.sources.cases import Case, Float
from models.sources.int8 import products, to_int8

MOST = 0.5  # share of the weights in fp32 up to which int8 is worth it: it is then hardly 1.2 times as fast
Log = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """Products that stay in fp32, by their names, in the order in which they were chosen."""

    kept: tuple[str, ...]
    cosine: float  # least one
    share: float  # of the weights of products that stay in fp32


def search(case: Case, least: float, log: Log) -> Found:
    """Find the products of a tower that stay in fp32 so that each cosine with transformers is at least `least`.

    Raises
    ------
    ModelUnavailable : half of the weights would have to stay; the message has the best cosine.
    """
    with tempfile.TemporaryDirectory(prefix="daguerre-int8-") as folder:
        whole = Path(folder) / "whole.onnx"
        export.write(case.graph, case.sample, whole)
        model = onnx.load(str(whole))
        names = products(model)
        total = sum(names.values())

        def cosines(kept: Collection[str]) -> Float:
            path = Path(folder) / "part.onnx"
            copy = onnx.ModelProto()
            copy.CopyFrom(model)
            export.save(to_int8(copy, kept), path)
            found = case.cosines(OnnxSession(path).run)
            for file in Path(folder).glob("part.onnx*"):
                file.unlink()
            return found

        def result(kept: Collection[str]) -> Found:
            return Found(tuple(kept), float(cosines(kept).min()), sum(names[name] for name in kept) / max(1, total))

        best = result(())
        if best.cosine >= least:
            return best
        log(f"{case.modality}s in int8 have min cosine {best.cosine:.5f}: trying its {len(names)} products one by one")
        errors = {name: float(np.mean(1 - cosines(set(names) - {name}))) for name in names}
        order = sorted(names, key=lambda name: -errors[name] / names[name])
        count = 1
        while count <= len(order):
            found = result(order[:count])
            if found.share > MOST:
                break
            if found.cosine >= least:
                return found
            best = max(best, found, key=lambda each: each.cosine)
            count += max(1, count // 4)
    raise ModelUnavailable(
        f"--min-cosine {least:g}: {case.modality} vectors in int8 reach {best.cosine:.5f} with {len(best.kept)} of "
        f"{len(names)} products in fp32, and more than half of the weights would have to stay there; ask for less, or "
        "use fp32"
    )
