"""Analysers opened from a folder that they made, with their graphs in this process."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from PIL import Image

from models.analysers.spec import AnalyserSpec, Analysis, Arrays, run


class Opened:
    """An analyser, and a function that runs a batch of one of its graphs."""

    def __init__(self, code: type, spec: AnalyserSpec, folder: Path, *, made: bool = False) -> None:
        if not made:
            code.make(spec, folder)
        self.spec = spec
        self.analyser = code(spec, folder)
        one = ort.SessionOptions()
        one.intra_op_num_threads = 1
        self.sessions = {
            part: ort.InferenceSession(str(folder / f"{part}.onnx"), one, providers=["CPUExecutionProvider"])
            for part in spec.parts
        }

    def graph(self, part: str, inputs: Arrays) -> Sequence[np.ndarray]:
        session = self.sessions[part]
        names = [value.name for value in session.get_inputs()]
        return session.run(None, dict(zip(names, inputs, strict=True)))

    def run(self, image: Image.Image, **options: Any) -> Analysis:
        return run(self.analyser, image, self.analyser.choices(**options), self.graph)


def answered(opened: Opened, image: Image.Image, answer: Arrays, **options: Any) -> Analysis:
    """The analysis of a picture for whose only row the network gave `answer`."""
    steps = opened.analyser.steps(image, opened.analyser.choices(**options))
    next(steps)
    try:
        steps.send([answer])
    except StopIteration as end:
        return end.value
    raise AssertionError("more than one piece of work")
