"""A model on disk: a folder with ONNX graphs, a tokenizer and a manifest that hashes each of them.

A folder is built once, under a lock, in a temporary folder that is then renamed: a folder that exists is complete.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from models.catalog.hub import HUB, base_name, with_current_texts
from models.catalog.rows import CATALOG, lookup
from models.catalog.spec import ModelSpec
from models.disk import sha256, sync_file
from models.errors import ModelUnavailable
from models.lifetime import run_module

FORMAT = 1
GRAPHS = 2  # of the graphs' arithmetic; means of tokens of version 1 depend on the batch in their last bits
MANIFEST = "model.json"
_spec_adapter = TypeAdapter(ModelSpec)


class Spec(Protocol):
    """A row of a catalogue: of models, or of analysers."""

    @property
    def name(self) -> str: ...

    def fingerprint(self) -> str: ...


S = TypeVar("S", bound=Spec)


class NewerFormat(ModelUnavailable):
    """A folder written by a newer version."""


@dataclass(frozen=True)
class Folder(Generic[S]):
    """A folder whose files match its manifest."""

    path: Path
    spec: S
    parity: Mapping[str, float]  # agreement with torch, measured when the folder was built
    made_with: Mapping[str, str]  # library versions, for the receipt
    graphs: int = GRAPHS  # version of its graphs


ModelFolder = Folder[ModelSpec]


def write_manifest(folder: Path, spec: Spec, *, parity: Mapping[str, float], made_with: Mapping[str, str]) -> None:
    """Hash the files in `folder` and write its manifest."""
    manifest = {
        "format": FORMAT,
        "graphs": GRAPHS,
        "fingerprint": spec.fingerprint(),
        "spec": TypeAdapter(type(spec)).dump_python(spec, mode="json"),
        "files": {path.name: sha256(path) for path in sorted(folder.iterdir())},
        "parity": dict(parity),
        "made_with": dict(made_with),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))


def open_folder(path: Path) -> ModelFolder:
    """Open the folder of a model. Raises ModelUnavailable as `checked_folder` does."""
    return checked_folder(path, _spec_adapter)


def checked_folder(path: Path, adapter: TypeAdapter[S]) -> Folder[S]:
    """Read the manifest of a row that `adapter` reads, and check every file against it.

    Raises
    ------
    ModelUnavailable : no manifest, a newer format, a missing, changed or additional file, or another fingerprint.
    """
    try:
        manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text())
        if manifest["format"] != FORMAT:
            raise NewerFormat(
                f"model folder {path.name}: format {manifest['format']}, this version reads {FORMAT}; export it again"
            )
        spec = adapter.validate_python(manifest["spec"])
        files: dict[str, str] = manifest["files"]
        if strange := sorted({file.name for file in path.iterdir()} - {MANIFEST, *files}):
            raise ModelUnavailable(f"model folder {path.name}: {strange[0]} is not in its manifest; export it again")
        for name, digest in files.items():
            if not (path / name).is_file() or sha256(path / name) != digest:
                raise ModelUnavailable(f"model folder {path.name}: {name} is missing or damaged; export it again")
        if manifest["fingerprint"] != spec.fingerprint():
            raise ModelUnavailable(
                f"model folder {path.name}: got fingerprint {manifest['fingerprint']}, this version computes "
                f"{spec.fingerprint()}; export it again"
            )
        return Folder(path, spec, manifest["parity"], manifest["made_with"], int(manifest.get("graphs", 1)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError) as exc:
        raise ModelUnavailable(f"model folder {path.name}: no readable {MANIFEST}; export it again") from exc


def model_path(spec: ModelSpec, home: Path) -> Path:
    """Path of the folder of the model `spec`: each fingerprint has its own folder."""
    return home / "models" / f"{spec.name}-{spec.fingerprint()[:12]}"


def build(spec: ModelSpec, home: Path, make: Callable[[Path], None]) -> ModelFolder:
    """Build the folder of a model unless it exists, valid and with graphs of this version, as `build_at` does."""
    return build_at(model_path(spec, home), _spec_adapter, make, graphs=GRAPHS)


def build_at(final: Path, adapter: TypeAdapter[S], make: Callable[[Path], None], graphs: int = 1) -> Folder[S]:
    """Build the folder `final` unless it exists and is valid; concurrent processes build it once.

    `make` fills an empty folder, manifest included. A folder with graphs of a version before `graphs` is replaced.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(final.with_suffix(".lock")):
        try:
            if (found := checked_folder(final, adapter)).graphs >= graphs:
                return found
        except NewerFormat:
            raise  # a newer version may still use it
        except ModelUnavailable:
            pass  # absent or damaged: build it
        for abandoned in final.parent.glob(f".{final.name}-*"):  # of killed processes: this one has the lock
            shutil.rmtree(abandoned, ignore_errors=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
        staging.chmod(final.parent.stat().st_mode)  # mkdtemp gives access to the owner only
        try:
            make(staging)
            built = checked_folder(staging, adapter)
            for file in staging.iterdir():
                sync_file(file)
            shutil.rmtree(final, ignore_errors=True)
            staging.rename(final)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return replace(built, path=final)


def open_or_export(name: str, home: Path) -> ModelFolder:
    """Open the built-in model `name`, exporting it first if necessary.

    The export runs in a process of its own, so that a serving process never imports torch. Properties that are not
    part of the fingerprint (templates, temperature, description) are the catalogue's, not the folder's.

    Raises
    ------
    UnknownModel, ModelUnavailable : no such model, or the export failed.
    """
    spec = lookup(name)
    there: ModelFolder | None = None
    with suppress(ModelUnavailable):
        there = replace(open_folder(model_path(spec, home)), spec=spec)
    if there and (there.graphs >= GRAPHS or find_spec("torch") is None):
        return there
    result = run_module("models", "export", name, "--home", str(home))
    if result.returncode and not there:
        reason = (result.stderr.strip().splitlines() or ["no output"])[-1]
        raise ModelUnavailable(f"model {name!r} could not be exported: {reason}")
    return there if result.returncode and there else replace(open_folder(model_path(spec, home)), spec=spec)


def open_spec(path: Path) -> ModelSpec:
    """Row in a folder's manifest; the files are not checked."""
    spec: ModelSpec = _spec_adapter.validate_python(json.loads((path / MANIFEST).read_text())["spec"])
    return spec


def installed(home: Path) -> Mapping[str, Sequence[Path]]:
    """Folders in `home` by the names of their models; unreadable folders are left out."""
    folders: dict[str, list[Path]] = {}
    for path in sorted((home / "models").glob(f"*/{MANIFEST}")):
        if path.parent.name.startswith("."):
            continue  # being built
        try:
            folders.setdefault(json.loads(path.read_text())["spec"]["name"], []).append(path.parent)
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return folders


def locate(entry: str, home: Path) -> ModelFolder:
    """Open a model by its name in the catalogue, its name when imported, or the path of its folder.

    Raises
    ------
    ModelUnavailable : no such model; the message names the command that installs it.
    """
    if entry in CATALOG:
        return open_or_export(entry, home)
    path = Path(entry).expanduser()
    if (path / MANIFEST).is_file():
        return open_folder(path)
    folders = installed(home)
    if entry in folders:
        if len(folders[entry]) > 1:
            raise ModelUnavailable(
                f"model {entry!r} has two folders: {' and '.join(p.name for p in folders[entry])}; delete one"
            )
        folder = open_folder(folders[entry][0])
        return replace(folder, spec=with_current_texts(folder.spec))
    if base_name(entry) in HUB:
        row = base_name(entry)
        precision = entry.removeprefix(row).lstrip("-")
        option = f" --precision {precision}" if precision else ""
        raise ModelUnavailable(f"model {entry!r} is not installed; get it by: python -m models fetch {row}{option}")
    if path.is_dir():
        raise ModelUnavailable(f"{entry} has no {MANIFEST}; import it by: python -m models import {entry}")
    raise ModelUnavailable(
        f"model {entry!r} is neither in the catalogue ({', '.join([*CATALOG, *HUB])}), nor imported"
        f" ({', '.join(folders) or 'none is'}), nor a folder with a {MANIFEST}"
    )


def source_path(name: str, home: Path) -> Path:
    """Path of the hub files of the model `name`, or of a link to the folder that it was imported from."""
    return home / "sources" / name


def link_source(source: Path, place: Path) -> None:
    """Link to the folder that a model was imported from: torch and fine-tuning read its weights there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.resolve() == source.resolve():
        return
    if place.is_symlink():
        place.unlink()
    if not place.exists():
        place.symlink_to(source.resolve(), target_is_directory=True)
