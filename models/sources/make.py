"""Import of a folder of `transformers`: export, comparison with the original, and acceptance."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from models.catalog import folder
from models.catalog.folder import ModelFolder, source_path
from models.catalog.hub import HubModel
from models.catalog.spec import ModelSpec, Precision
from models.errors import ModelUnavailable
from models.sessions.exact import require_exact_products
from models.sessions.onnx import OnnxSession
from models.sources import describe, export, networks, oracle
from models.sources.cases import Case, image_case, text_case
from models.sources.int8 import to_int8
from models.sources.int8_search import search
from models.sources.precision import LIMITS, to_fp16

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
    min_cosine: float | None = None  # of int8, as asked for; products stay in fp32 until it is reached
    replace: bool = False


def import_model(request: ImportRequest, home: Path, log: Log = lambda text: None) -> ModelFolder:
    """Export a model into `home`, unless it exists, and return its folder.

    Raises
    ------
    ModelUnavailable
        The folder cannot be read or exported exactly; the graphs or the tokens differ from `transformers`; or another
        model has the name.
    """
    if request.min_cosine is not None:
        _check_min_cosine(request.min_cosine, request.precision)
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
    if request.min_cosine is not None:
        spec = replace(spec, kept_fp32=_kept(spec, source, loaded, request.min_cosine, log))
    _refuse_taken(spec, home, request.replace)
    model = folder.build(spec, home, lambda path: _fill(path, spec, source, loaded, request.min_cosine, log))
    for other in folder.installed(home).get(spec.name, ()):
        if other != model.path:
            shutil.rmtree(other)  # `replace` is set
    folder.link_source(request.source, source_path(spec.name, home))
    return model


def _kept(
    spec: ModelSpec, source: describe.SourceFolder, loaded: networks.Networks, least: float, log: Log
) -> tuple[str, ...]:
    """The products of both towers that stay in fp32, as `int8_search` finds them."""
    kept: list[str] = []
    with tempfile.TemporaryDirectory(prefix="daguerre-int8-") as folder:
        for case in _cases(spec, source, loaded, Path(folder), hard=True):
            found = search(case, least, log)
            log(
                f"{case.modality}s in int8: min cosine {found.cosine:.5f} with {len(found.kept)} products in fp32, "
                f"{100 * found.share:.1f} % of the weights{': ' if found.kept else ''}{', '.join(found.kept)}"
            )
            kept += [f"{case.modality}/{name}" for name in found.kept]
    return tuple(kept)


def _cases(
    spec: ModelSpec, source: describe.SourceFolder, loaded: networks.Networks, folder: Path, *, hard: bool
) -> Iterator[Case]:
    """The towers of a model; `folder` gets its tokenizer."""
    if spec.image:
        yield image_case(spec, source, loaded)
    if spec.text:
        tokenizer = folder / "tokenizer.json"
        tokenizer.write_text(source.tokens, encoding="utf-8")
        yield text_case(spec, source, loaded, tokenizer, hard=hard)


def _fill(
    path: Path,
    spec: ModelSpec,
    source: describe.SourceFolder,
    loaded: networks.Networks,
    least: float | None,
    log: Log,
) -> None:
    parity: dict[str, float] = {}
    for case in _cases(spec, source, loaded, path, hard=least is not None):
        log(f"exporting the {case.modality} tower")
        run = _session(case, path / f"{case.modality}.onnx", spec)
        vectors = case.vectors(run)
        if case.modality == "image":
            parity["pixel_max_difference"] = case.pixel_difference
            spec = replace(spec, unrelated_cosine=oracle.unrelated_cosine(vectors))
        parity |= _agreement(case.modality, spec, vectors, case.wanted, least)
    if spec.precision == "int8":
        log(f"{sum(file.stat().st_size for file in path.glob('*.onnx*')) / 1e6:.0f} MB of graphs")
    folder.write_manifest(path, spec, parity=parity, made_with=export.versions())


def _session(case: Case, path: Path, spec: ModelSpec) -> Callable[[NDArray[np.generic]], Float]:
    """Write the graph in its precision and return a function that runs it; torch runs bf16, without an ONNX graph."""
    if spec.precision == "bf16":
        from models.sessions.torch import TorchSession

        return TorchSession(case.graph, precision="bf16", device="cpu").run
    export.write(case.graph, case.sample, path)
    if spec.precision != "fp32":
        model = onnx.load(str(path))
        (path.parent / f"{path.name}.data").unlink(missing_ok=True)
        of_tower = [name.partition("/")[2] for name in spec.kept_fp32 if name.startswith(f"{case.modality}/")]
        export.save(to_fp16(model) if spec.precision == "fp16" else to_int8(model, of_tower), path)
    return OnnxSession(path).run


def _agreement(modality: str, spec: ModelSpec, ours: Float, theirs: Float, asked: float | None) -> Mapping[str, float]:
    """Cosines with the vectors of the original. Raises ModelUnavailable below the limits of the precision."""
    cosines = (ours * theirs).sum(1)
    mean, lowest = float(cosines.mean()), float(cosines.min())
    least_mean, least = LIMITS[spec.precision]
    least = max(least, asked or 0.0)
    if not (mean >= least_mean and lowest >= least):  # refuses NaN too
        raise ModelUnavailable(
            f"{spec.name}: {modality} vectors in {spec.precision} have min cosine {lowest:.6f} and mean {mean:.6f} "
            f"with the original's, {least} and {least_mean} are needed; "
            + ("use fp32" if spec.precision != "fp32" else "it cannot be exported exactly")
        )
    return {f"{modality}_min_cosine": lowest, f"{modality}_mean_cosine": mean}


def _check_min_cosine(asked: float, precision: Precision) -> None:
    lowest, highest = LIMITS["int8"][1], LIMITS["fp32"][1]
    if precision != "int8":
        raise ModelUnavailable(f"--min-cosine: is for --precision int8, not {precision}; leave it out")
    if not lowest <= asked <= highest:
        raise ModelUnavailable(
            f"--min-cosine: got {asked:g}, must be from {lowest}, which int8 needs in any case, to {highest}, which "
            "is fp32's"
        )


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
