"""A folder of `transformers` into a folder that is served: exported, compared with the original, then accepted."""

import shutil
from collections.abc import Callable, Mapping, Sequence
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
    """What to import, and as what."""

    source: Path
    name: str
    row: HubModel | None = None  # what is expected to be in `source`
    fetched: bool = False  # from the hub, so that the row's commit is its revision
    licence: str | None = None
    precision: Precision = "fp32"
    replace: bool = False


def import_model(wanted: ImportRequest, home: Path, say: Log = lambda text: None) -> ModelFolder:
    """Export `wanted` into `home` and return its folder, unless it is there already.

    Raises
    ------
    ModelUnavailable
        The folder cannot be read or exported exactly; the graphs or the tokens differ from `transformers`; another
        model has the name already.
    """
    if wanted.precision == "int8":
        require_exact_products()
    found = describe.read_source(wanted.source)
    say(f"loading {wanted.source.name} ({found.model_type})")
    loaded = networks.load(found)
    spec = describe.spec_of(
        found,
        name=wanted.name,
        row=wanted.row,
        fetched=wanted.fetched,
        licence=wanted.licence,
        precision=wanted.precision,
        scale=loaded.scale,
        bias=loaded.bias,
    )
    _refuse_taken(spec, home, wanted.replace)
    made = folder.build(spec, home, lambda path: _fill(path, spec, found, loaded, say))
    for other in folder.installed(home).get(spec.name, ()):
        if other != made.path:
            shutil.rmtree(other)  # `replace` was asked for
    _link(wanted.source, source_path(spec.name, home))
    return made


def _fill(path: Path, spec: ModelSpec, found: describe.SourceFolder, loaded: networks.Networks, say: Log) -> None:
    parity: dict[str, float] = {}
    if spec.text:
        (path / "tokenizer.json").write_text(found.tokens, encoding="utf-8")
    if spec.image:
        parity |= _image(path, spec, found, loaded, say)
    if spec.text:
        parity |= _text(path, spec, found, loaded, say)
    folder.write_manifest(path, spec, parity=parity, made_with=export.versions())


def _image(
    path: Path, spec: ModelSpec, found: describe.SourceFolder, loaded: networks.Networks, say: Log
) -> Mapping[str, float]:
    assert spec.image is not None
    assert loaded.image is not None
    datas = oracle.pictures()
    theirs = oracle.pixel_values(found.folder, datas)  # (n, 3, size, size)
    wanted = oracle.image_vectors(found, loaded.model, theirs)
    processor = ImageProcessor(spec.image)
    rows = [processor.preprocess(data, limits=ImageLimits(), decode="exact") for data in datas]
    ours = (np.stack(rows).astype(np.float32) - np.array(spec.image.mean, np.float32)) / np.array(
        spec.image.std, np.float32
    )
    pixels = float(np.abs(ours.transpose(0, 3, 1, 2) - theirs).max())
    if pixels > 1e-4:
        raise ModelUnavailable(
            f"{spec.name}: its pixels differ by {pixels:.4f} from the processor's; its preprocessing is not done here"
        )
    say("exporting the image tower")
    networks.fix_positions(loaded, spec.image.preprocess.size)
    graph = export.ImageGraph(loaded.image, spec.image)
    stack = processor.collate(rows, spec.image.preprocess.size)
    session = _session(graph, stack[:2], path / "image.onnx", spec.precision)
    got = np.concatenate([session(stack[i : i + 4]) for i in range(0, len(stack), 4)])
    return {"pixel_max_difference": pixels, **_agreement("image", spec, processor.postprocess(got), wanted)}


def _text(
    path: Path, spec: ModelSpec, found: describe.SourceFolder, loaded: networks.Networks, say: Log
) -> Mapping[str, float]:
    assert spec.text is not None
    assert loaded.text is not None
    processor = TextProcessor(spec.text, path / "tokenizer.json")
    texts = [spec.text.prefix + text for text in oracle.TEXTS]
    theirs = oracle.token_ids(found, texts, spec.text.max_tokens)
    rows = [tokens.ids for tokens in processor.preprocess(oracle.TEXTS)]
    for text, ours, their in zip(oracle.TEXTS, rows, theirs, strict=True):
        if ours.tolist() != their:
            raise ModelUnavailable(f"{spec.name}: its tokens of {text[:40]!r} differ from those of transformers")
    wanted = oracle.text_vectors(found, loaded, texts, spec.text.max_tokens)
    say("exporting the text tower")
    session = _session(
        loaded.text, processor.collate(rows[:3], spec.text.buckets[-1]), path / "text.onnx", spec.precision
    )
    got = np.concatenate([session(processor.collate([row], processor.shape_bucket(row))) for row in rows])
    return _agreement("text", spec, processor.postprocess(got), wanted)


def _session(
    graph: torch.nn.Module, stack: NDArray[np.generic], path: Path, precision: Precision
) -> Callable[[NDArray[np.generic]], Float]:
    """Write the graph in its precision; what runs it. bf16 has no ONNX graph here: torch runs it."""
    if precision == "bf16":
        from models.sessions.torch import TorchSession

        return TorchSession(graph, precision=precision, device="cpu").run
    export.write(graph, stack, path)
    if precision != "fp32":
        model = onnx.load(str(path))
        (path.parent / f"{path.name}.data").unlink(missing_ok=True)
        export.save((to_fp16 if precision == "fp16" else to_int8)(model), path)
    return OnnxSession(path).run


def _agreement(modality: str, spec: ModelSpec, got: Float, wanted: Float) -> Mapping[str, float]:
    """Cosines with the original's vectors. Raises ModelUnavailable below the precision's limits."""
    cosines = (got * wanted).sum(1)
    mean, lowest = float(cosines.mean()), float(cosines.min())
    least_mean, least = LIMITS[spec.precision]
    if not (mean >= least_mean and lowest >= least):  # NaN is refused too
        raise ModelUnavailable(
            f"{spec.name}: {modality} vectors in {spec.precision} have cosine {lowest:.6f} at least and {mean:.6f} on "
            f"average with the original's, {least} and {least_mean} are needed; "
            + ("use fp32" if spec.precision != "fp32" else "it cannot be exported exactly")
        )
    return {f"{modality}_min_cosine": lowest, f"{modality}_mean_cosine": mean}


def _refuse_taken(spec: ModelSpec, home: Path, replace: bool) -> None:
    others = [path for path in folder.installed(home).get(spec.name, ()) if path != folder.model_path(spec, home)]
    if others and not replace:
        raise ModelUnavailable(
            f"name: {spec.name!r} is another model already ({others[0].name}); choose another with --name, or give "
            "--replace, after which vectors made with the old one can no longer be compared with new ones"
        )


def _link(source: Path, place: Path) -> None:
    """Remember where a model came from: torch and fine-tuning read its weights there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.resolve() == source.resolve():
        return
    if place.is_symlink():
        place.unlink()
    if not place.exists():
        place.symlink_to(source.resolve(), target_is_directory=True)


def names(wanted: Sequence[str], precision: Precision) -> list[str]:
    """Served names: a precision other than fp32 is a suffix."""
    return [name if precision == "fp32" else f"{name}-{precision}" for name in wanted]


def with_served_name(wanted: ImportRequest) -> ImportRequest:
    """`wanted` under its served name."""
    return replace(wanted, name=names([wanted.name], wanted.precision)[0])
