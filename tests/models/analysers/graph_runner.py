"""The graphs of an analyser in this process, on one thread."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray

from models.analysers.spec import AnalyserSpec, Arrays


class GraphRunner:
    """`models.analysers.spec.RunGraph` by ONNX Runtime; `seconds` of CPU are added up over calls."""

    def __init__(self, folder: Path, spec: AnalyserSpec) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.sessions = {
            part: ort.InferenceSession(folder / f"{part}.onnx", options, providers=["CPUExecutionProvider"])
            for part in spec.parts
        }
        self.seconds = 0.0
        self.shapes: list[tuple[str, tuple[int, ...]]] = []  # of the first input of each call

    def __call__(self, part: str, inputs: Arrays) -> Sequence[NDArray[Any]]:
        session = self.sessions[part]
        feeds = dict(zip((value.name for value in session.get_inputs()), inputs, strict=True))
        self.shapes.append((part, inputs[0].shape))
        start = time.process_time()
        answers: Sequence[NDArray[Any]] = session.run(None, feeds)
        self.seconds += time.process_time() - start
        return answers
