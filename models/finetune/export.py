"""Export of the trained network as an ONNX graph, compared with torch on real images."""

import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import ModelUnavailable
from models.finetune.network import Classifier
from models.sessions.onnx import OnnxSession
from models.sources.export import OPSET

TOLERANCE = 1e-3  # largest difference of a logit, relative to the largest logit or 1 (values: in spreads of the target)


def export(network: Classifier, images: NDArray[np.uint8], path: Path, *, tolerance: float = TOLERANCE) -> float:
    """Write the graph `pixels` (n, size, size, 3) uint8 → `raw` (n, k), and compare it with torch on `images`.

    Returns
    -------
    The largest difference of a logit, relative to the largest logit of torch or 1, whichever is larger.

    Raises
    ------
    ModelUnavailable : the difference is above the tolerance.
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
        expected = torch.cat([network(part) for part in torch.split(pixels, 8)]).numpy()
    session = OnnxSession(path)
    actual = np.concatenate([session.run(images[i : i + 8]) for i in range(0, len(images), 8)])
    unit = float(network.spread)
    difference = float(np.abs(actual - expected).max() / max(unit, float(np.abs(expected).max())))
    if not difference <= tolerance:  # also for NaN
        raise ModelUnavailable(
            f"{path.name}: its logits differ from torch's by {difference:.2g}, the limit is {tolerance:g}; report this"
            " with the name of the starting point"
        )
    return difference
