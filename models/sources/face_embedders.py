"""Import of networks that embed aligned faces: a file of ONNX, as an analyser of kind face_vectors."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from models.analysers import faces
from models.analysers.face_vectors import NOTICE, SPEC, FaceEmbedder
from models.analysers.folder import AnalyserFolder, install
from models.analysers.graphs import batched, inputs_of, loadable, with_pixels
from models.analysers.spec import AnalyserSpec, Arrays, Part
from models.catalog.folder import write_manifest
from models.catalog.spec import Source
from models.disk import sha256
from models.errors import ModelUnavailable, quoted
from models.sources.face_pairs import Pairs, Verification, verify

Layout = Literal["nchw", "nhwc"]
SIDES = (32, 512)  # pixels of the square that a network takes
DIMENSIONS = (16, 4096)
TRIED = 6  # squares of noise that a network is tried with
SAME = 1e-4  # largest difference of a unit vector alone and in a batch
CONSTANT = 0.99999  # cosine of the vectors of two unlike squares from which a network tells nothing apart


@dataclass(frozen=True, kw_only=True)
class FaceImport:
    """A file to import, and how its input is made of pixels.

    Attributes
    ----------
    size : pixels of the side of the aligned square.
    mean, std : one number, or one for each channel in the network's order, in units of 0..255.
    bgr : whether its channels are blue, green, red.
    layout : axes of its input; None where the file says it.
    threshold : cosine from which two faces count as one person's; None: the best on the pairs.
    pairs : labelled pairs of pictures; None: the network is not verified on faces.
    """

    file: Path
    name: str
    size: int
    mean: Sequence[float]
    std: Sequence[float]
    licence: str
    bgr: bool = False
    layout: Layout | None = None
    threshold: float | None = None
    pairs: Pairs | None = None
    replace: bool = False


@dataclass(frozen=True)
class ImportedFaces:
    """An imported analyser with the figures of its verification, None without pairs."""

    folder: AnalyserFolder
    verification: Verification | None


def import_faces(request: FaceImport, home: Path) -> ImportedFaces:
    """Import a network into `home`, and return its folder and figures.

    Raises
    ------
    ModelUnavailable : the file is no network of faces as it is described, its vectors depend on their batch or are not
        finite, or on the pairs the faces of one person are no nearer than those of several.
    """
    mean, std = _numbers(request.mean, "--mean"), _numbers(request.std, "--std")
    if min(std) <= 0:
        raise ModelUnavailable(f"--std: got {min(std):g}, and pixels are divided by it; give numbers above 0")
    if not SIDES[0] <= request.size <= SIDES[1]:
        raise ModelUnavailable(f"--size: got {request.size}, a network of faces takes {SIDES[0]} to {SIDES[1]} pixels")
    if request.threshold is not None and not -1 < request.threshold < 1:
        raise ModelUnavailable(f"--threshold: got {request.threshold:g}, a cosine between -1 and 1 is needed")
    network = _graph(request, mean, std)
    with tempfile.TemporaryDirectory() as staging:
        folder = Path(staging) / "made"
        folder.mkdir()
        onnx.save_model(network, str(folder / "embed.onnx"))
        dimension, gap = _tried(folder / "embed.onnx", request)
        faces.FaceDetector.make(faces.SPEC, folder)
        spec = _row(request, mean, std, dimension)
        measured = None
        if request.pairs is not None:
            measured = verify(FaceEmbedder(spec, folder), _runner(folder), request.pairs, request.threshold)
            settings = {**spec.settings, "threshold": measured.threshold}
            spec = AnalyserSpec(**{**vars(spec), "settings": settings, "description": f"{spec.description} {measured}"})
        parity = {"largest_difference_in_a_batch": gap}
        write_manifest(folder, spec, parity=parity, made_with={"onnx": onnx.__version__})
        return ImportedFaces(install(folder, home, replace=request.replace), measured)


def _numbers(given: Sequence[float], name: str) -> tuple[float, ...]:
    """Three numbers. Raises ModelUnavailable."""
    numbers = tuple(float(each) for each in given)
    if len(numbers) not in (1, 3) or not np.isfinite(numbers).all():
        raise ModelUnavailable(f"{name}: got {' '.join(map(str, given))}, give one number, or three for the channels")
    return numbers * 3 if len(numbers) == 1 else numbers


def _graph(request: FaceImport, mean: Sequence[float], std: Sequence[float]) -> onnx.ModelProto:
    """The network with uint8 pixels (n, size, size, 3) as its input. Raises ModelUnavailable."""
    name = request.file.name
    try:
        model = loadable(onnx.load(str(request.file)))
    except FileNotFoundError as exc:
        raise ModelUnavailable(f"{request.file} does not exist; check the path") from exc
    except Exception as exc:  # of protobuf, of onnx's checker, or of a file of weights that is missing
        reason = (str(exc).strip().splitlines() or [type(exc).__name__])[0]
        raise ModelUnavailable(f"{name} is no ONNX file that can be read: {reason}; export the network again") from exc
    inputs = inputs_of(model.graph)
    if len(inputs) != 1 or len(model.graph.output) != 1:
        raise ModelUnavailable(
            f"{name} has {len(inputs)} inputs and {len(model.graph.output)} outputs, and a network that embeds faces "
            "has one of each: the aligned face, and its vector; export that part of it"
        )
    tensor = inputs[0].type.tensor_type
    sizes = [dim.dim_value or None for dim in tensor.shape.dim]
    shown = " x ".join(str(size or "?") for size in sizes) or "no axes"
    if tensor.elem_type != onnx.TensorProto.FLOAT or len(sizes) != 4 or 3 not in (sizes[1], sizes[3]):
        raise ModelUnavailable(
            f"{name} takes {shown}, and a network that embeds faces takes float32 pictures with three channels, "
            "n x 3 x size x size or n x size x size x 3"
        )
    layout = "nchw" if sizes[1] == 3 else "nhwc"
    if request.layout not in (None, layout):
        raise ModelUnavailable(f"--layout: got {request.layout}, and {name} takes {shown}; leave it out")
    sides = sizes[2:] if layout == "nchw" else sizes[1:3]
    if any(side not in (None, request.size) for side in sides):
        raise ModelUnavailable(f"--size: got {request.size}, and {name} takes {shown}; give its own size")
    try:
        return with_pixels(batched(model), mean=mean, std=std, bgr=request.bgr)
    except Exception as exc:  # of onnx's checker
        reason = (str(exc).strip().splitlines() or [type(exc).__name__])[0]
        raise ModelUnavailable(f"{name} cannot be changed to take batches of pixels: {reason}") from exc


def _tried(path: Path, request: FaceImport) -> tuple[int, float]:
    """The dimension of the vectors, and the largest difference of one alone and in a batch. Raises ModelUnavailable."""
    name, side = request.file.name, request.size
    run = _runner(path.parent)
    noise = np.random.default_rng(0).integers(0, 256, (TRIED, side, side, 3), np.uint8)
    try:
        together = np.asarray(run("embed", (noise,))[0])
        alone = [np.asarray(run("embed", (square[None],))[0]) for square in noise]
    except Exception as exc:  # of ONNX Runtime, which has no class of its own for them
        reason = (str(exc).strip().splitlines() or [type(exc).__name__])[0]
        raise ModelUnavailable(
            f"{name} does not run on {TRIED} faces of {side} x {side} pixels at once: {reason}"
        ) from exc
    low, high = DIMENSIONS
    if together.ndim != 2 or len(together) != TRIED or not low <= together.shape[1] <= high:
        raise ModelUnavailable(
            f"{name} gives {' x '.join(map(str, together.shape))} for {TRIED} faces, and a network that embeds faces "
            f"gives a vector of {low} to {high:,} numbers for each"
        )
    together, rows = together.astype(np.float64), np.concatenate(alone).astype(np.float64)
    lengths = np.linalg.norm(together, axis=1)
    if not np.isfinite(together).all() or not (lengths > 0).all():
        raise ModelUnavailable(f"{name} gives vectors that are zero or not finite; check --mean, --std and the file")
    if (together >= 0).all() and np.allclose(together.sum(axis=1), 1, atol=1e-3):
        raise ModelUnavailable(
            f"{name} gives probabilities of {together.shape[1]:,} classes, and no vector; export the layer before them"
        )
    units = together / lengths[:, None]
    cosines = (units @ units.T)[np.triu_indices(TRIED, 1)]
    if cosines.min() > CONSTANT:
        raise ModelUnavailable(
            f"{name} gives nearly the same vector for unlike pictures (cosine {cosines.min():.6f}); check --mean and "
            "--std, which are in units of 0 to 255"
        )
    gap = float(np.abs(units - rows / np.linalg.norm(rows, axis=1, keepdims=True)).max())
    if not gap <= SAME:
        raise ModelUnavailable(
            f"{name}: the vector of a face alone and among others differs by {gap:.2g}; export the network with a "
            "symbolic batch axis"
        )
    return together.shape[1], gap


def _runner(folder: Path) -> "_Graphs":
    return _Graphs(folder)


class _Graphs:
    """Runs the graphs of a folder on the CPU; each is opened once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sessions: dict[str, Any] = {}

    def __call__(self, part: str, inputs: Arrays) -> Sequence[NDArray[Any]]:
        if part not in self._sessions:
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            self._sessions[part] = onnxruntime.InferenceSession(
                str(self._folder / f"{part}.onnx"), options, providers=["CPUExecutionProvider"]
            )
        session = self._sessions[part]
        names = [value.name for value in session.get_inputs()]
        answer: Sequence[NDArray[Any]] = session.run(None, dict(zip(names, inputs, strict=True)))
        return answer


def _row(request: FaceImport, mean: Sequence[float], std: Sequence[float], dimension: int) -> AnalyserSpec:
    name = request.file.name
    if name == faces.FILE:
        raise ModelUnavailable(f"{quoted(name)} is the detector of faces; give the file of a network that embeds them")
    settings: Mapping[str, Any] = {
        **faces.SPEC.settings,
        "side": request.size,
        "dimension": dimension,
        "alignment": SPEC.settings["alignment"],
        "mean": tuple(mean),
        "std": tuple(std),
        "channels": "bgr" if request.bgr else "rgb",
        **({} if request.threshold is None else {"threshold": request.threshold}),
    }
    return AnalyserSpec(
        name=request.name,
        kind="face_vectors",
        description=f"A vector of {dimension} numbers for each face that YuNet finds, by the network {name}.",
        source=Source(
            kind="folder",
            locator=name,
            revision="as its files' sha256 say",
            weights={faces.FILE: faces.SPEC.source.weights[faces.FILE], name: sha256(request.file)},
        ),
        licence=f"{request.licence} ({name}); {faces.SPEC.licence}",
        parts={
            "detect": faces.SPEC.parts["detect"],
            "embed": Part(row_bytes=request.size**2 * 3, answer_bytes=dimension * 4),
        },
        labels=("face",),
        settings=settings,
        notice=NOTICE,
    )
