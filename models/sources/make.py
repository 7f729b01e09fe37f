"""Import of a folder of `transformers`: export, comparison with the original, and acceptance."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from models.catalog import folder
from models.catalog.folder import ModelFolder, source_path
from models.catalog.hub import HubModel
from models.catalog.spec import ModelSpec, Precision
from models.encoders.processors import ImageProcessor, TextProcessor
from models.errors import ModelUnavailable
from models.images.decoding import ImageLimits
from models.sessions.exact import require_exact_products
from models.sessions.onnx import OnnxSession
from models.sources import describe, export, networks, oracle
from models.sources.precision import LIMITS, to_fp16, to_int8

Float = NDArray[np.float32]
Log = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """A folder to import, and the name and format of the model."""

    source: Path
    name: str
    row: HubModel | None = None  # expected content of `source`
    fetched: bool = False  # from the hub: the row's commit is its revision
    licence: str | None = None
    precision: Precision = "fp32"
    replace: bool = False


def import_model(request: ImportRequest, home: Path, log: Log = lambda text: None) -> ModelFolder:
    """Export a model into `home`, unless it exists, and return its folder.

    Raises
    ------
    ModelUnavailable
        The folder cannot be read or exported exactly; the graphs or the tokens differ from `transformers`; or another
        model has the name.
    """
    if request.precision == "int8":
        require_exact_products()
    source = describe.read_source(request.source)
    log(f"loading {request.source.name} ({source.model_type})")
    loaded = networks.load(source)
    spec = describe.spec_of(
        source,
        name=request.name,
        row=request.row,
        fetched=request.fetched,
        licence=request.licence,
        precision=request.precision,
        scale=loaded.scale,
        bias=loaded.bias,
    )
    _refuse_taken(spec, home, request.replace)
    model = folder.build(spec, home, lambda path: _fill(path, spec, source, loaded, log))
    for other in folder.installed(home).get(spec.name, ()):
        if other != model.path:
            shutil.rmtree(other)  # `replace` is set
    folder.link_source(request.source, source_path(spec.name, home))
    return model


def _fill(path: Path, spec: ModelSpec, source: describe.SourceFolder, loaded: networks.Networks, log: Log) -> None:
    parity: dict[str, float] = {}
    if spec.text:
        (path / "tokenizer.json").write_text(source.tokens, encoding="utf-8")
    if spec.image:
        measured = _image(path, spec, source, loaded, log)
        parity |= {name: value for name, value in measured.items() if name != "unrelated_cosine"}
        spec = replace(spec, unrelated_cosine=measured["unrelated_cosine"])
    if spec.text:
        parity |= _text(path, spec, source, loaded, log)
    folder.write_manifest(path, spec, parity=parity, made_with=export.versions())


def _image(
    path: Path, spec: ModelSpec, source: describe.SourceFolder, loaded: networks.Networks, log: Log
) -> Mapping[str, float]:
    assert spec.image is not None
    assert loaded.image is not None
    pictures = oracle.pictures()
    theirs = oracle.pixel_values(source.folder, pictures)  # (n, 3, size, size)
    wanted = oracle.image_vectors(source, loaded.model, theirs)
    processor = ImageProcessor(spec.image)
    rows = [processor.preprocess(data, limits=ImageLimits(), decode="exact") for data in pictures]
    ours = (np.stack(rows).astype(np.float32) - np.array(spec.image.mean, np.float32)) / np.array(
        spec.image.std, np.float32
    )
    pixels = float(np.abs(ours.transpose(0, 3, 1, 2) - theirs).max())
    if pixels > 1e-4:
        raise ModelUnavailable(
            f"{spec.name}: its pixels differ by {pixels:.4f} from those of transformers; use another model"
        )
    log("exporting the image tower")
    networks.fix_positions(loaded, spec.image.preprocess.size)
    graph = export.ImageGraph(loaded.image, spec.image)
    stack = processor.collate(rows, spec.image.preprocess.size)
    session = _session(graph, stack[:2], path / "image.onnx", spec.precision)
    vectors = np.concatenate([session(stack[i : i + 4]) for i in range(0, len(stack), 4)])
    unit = processor.postprocess(vectors)
    return {
        "pixel_max_difference": pixels,
        "unrelated_cosine": oracle.unrelated_cosine(unit),
        **_agreement("image", spec, unit, wanted),
    }


def _text(
    path: Path, spec: ModelSpec, source: describe.SourceFolder, loaded: networks.Networks, log: Log
) -> Mapping[str, float]:
    assert spec.text is not None
    assert loaded.text is not None
    processor = TextProcessor(spec.text, path / "tokenizer.json")
    texts = [spec.text.prefix + text for text in oracle.TEXTS]
    theirs = oracle.token_ids(source, texts, spec.text.max_tokens)
    rows = [tokens.ids for tokens in processor.preprocess(oracle.TEXTS)]
    for text, ours, their in zip(oracle.TEXTS, rows, theirs, strict=True):
        if ours.tolist() != their:
            raise ModelUnavailable(f"{spec.name}: its tokens of {text[:40]!r} differ from those of transformers")
    wanted = oracle.text_vectors(source, loaded, texts, spec.text.max_tokens)
    log("exporting the text tower")
    session = _session(
        loaded.text, processor.collate(rows[:3], spec.text.buckets[-1]), path / "text.onnx", spec.precision
    )
    vectors = np.concatenate([session(processor.collate([row], processor.shape_bucket(row))) for row in rows])
    return _agreement("text", spec, processor.postprocess(vectors), wanted)


def _session(
    graph: torch.nn.Module, stack: NDArray[np.generic], path: Path, precision: Precision
) -> Callable[[NDArray[np.generic]], Float]:
    """Write the graph in its precision and return a function that runs it; torch runs bf16, without an ONNX graph."""
    if precision == "bf16":
        from models.sessions.torch import TorchSession

        return TorchSession(graph, precision=precision, device="cpu").run
    export.write(graph, stack, path)
    if precision != "fp32":
        model = onnx.load(str(path))
        (path.parent / f"{path.name}.data").unlink(missing_ok=True)
        export.save((to_fp16 if precision == "fp16" else to_int8)(model), path)
    return OnnxSession(path).run


def _agreement(modality: str, spec: ModelSpec, ours: Float, theirs: Float) -> Mapping[str, float]:
    """Cosines with the vectors of the original. Raises ModelUnavailable below the limits of the precision."""
    cosines = (ours * theirs).sum(1)
    mean, lowest = float(cosines.mean()), float(cosines.min())
    least_mean, least = LIMITS[spec.precision]
    if not (mean >= least_mean and lowest >= least):  # refuses NaN too
        raise ModelUnavailable(
            f"{spec.name}: {modality} vectors in {spec.precision} have min cosine {lowest:.6f} and mean {mean:.6f} "
            f"with the original's, {least} and {least_mean} are needed; "
            + ("use fp32" if spec.precision != "fp32" else "it cannot be exported exactly")
        )
    return {f"{modality}_min_cosine": lowest, f"{modality}_mean_cosine": mean}


def _refuse_taken(spec: ModelSpec, home: Path, replace: bool) -> None:
    others = [path for path in folder.installed(home).get(spec.name, ()) if path != folder.model_path(spec, home)]
    if others and not replace:
        raise ModelUnavailable(
            f"name: {spec.name!r} is the name of another model ({others[0].name}); choose another with --name, or give "
            "--replace, after which vectors of the old model cannot be compared with new ones"
        )


def with_served_name(request: ImportRequest) -> ImportRequest:
    """Copy of `request` with the served name: a precision other than fp32 is a suffix."""
    return request if request.precision == "fp32" else replace(request, name=f"{request.name}-{request.precision}")
