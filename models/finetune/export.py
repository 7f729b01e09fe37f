"""The trained network as an ONNX graph, compared with torch on real images."""

import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import ModelUnavailable
from models.finetune.network import Classifier
from models.sessions.onnx import OnnxSession
from models.sources.export import OPSET

TOLERANCE = 1e-3  # of a logit, or of the largest logit if that is above 1; a value has the unit of its target's spread


def export(network: Classifier, images: NDArray[np.uint8], path: Path, *, tolerance: float = TOLERANCE) -> float:
    """Write the graph `pixels` (n, size, size, 3) uint8 → `raw` (n, k) and compare it on `images`, of that shape.

    Returns
    -------
    float
        The largest difference of a logit, relative to the largest logit of torch or 1, whichever is more.

    Raises
    ------
    ModelUnavailable
        It is above the tolerance.
    """
    network = network.cpu().eval()
    pixels = torch.from_numpy(images)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the tracer's notes about shapes that are constant here
        torch.onnx.export(
            network,
            (pixels[:2],),
            str(path),
            input_names=["pixels"],
            output_names=["raw"],
            dynamic_axes={"pixels": {0: "n"}, "raw": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,  # as in models/sources/export.py
        )
        wanted = torch.cat([network(part) for part in torch.split(pixels, 8)]).numpy()
    session = OnnxSession(path)
    got = np.concatenate([session.run(images[i : i + 8]) for i in range(0, len(images), 8)])
    unit = float(network.spread)
    difference = float(np.abs(got - wanted).max() / max(unit, float(np.abs(wanted).max())))
    if not difference <= tolerance:  # a NaN is refused as well
        raise ModelUnavailable(
            f"{path.name}: its logits differ from torch's by {difference:.2g}, at most {tolerance:g} is let pass;"
            " report it with the starting point's name"
        )
    return difference
