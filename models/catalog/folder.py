"""A model on disk: a folder with ONNX graphs, a tokenizer and a manifest that hashes each of them.

Folders are made once, under a lock, in a temporary place, and renamed into their own: whoever finds a folder finds
it whole.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from models.catalog.hub import HUB, base_name, with_current_texts
from models.catalog.rows import CATALOG, lookup
from models.catalog.spec import ModelSpec
from models.disk import sha256
from models.errors import ModelUnavailable

FORMAT = 1
MANIFEST = "model.json"
_spec_adapter = TypeAdapter(ModelSpec)


class NewerFormat(ModelUnavailable):
    """A folder that another version made."""


@dataclass(frozen=True)
class ModelFolder:
    """A folder whose files have been found to be those of its manifest."""

    path: Path
    spec: ModelSpec
    parity: Mapping[str, float]  # measured against torch when the folder was made
    made_with: Mapping[str, str]  # library versions, for the receipt


def write_manifest(folder: Path, spec: ModelSpec, *, parity: Mapping[str, float], made_with: Mapping[str, str]) -> None:
    """Hash what lies in `folder` and write the manifest beside it."""
    manifest = {
        "format": FORMAT,
        "fingerprint": spec.fingerprint(),
        "spec": _spec_adapter.dump_python(spec, mode="json"),
        "files": {path.name: sha256(path) for path in sorted(folder.iterdir())},
        "parity": dict(parity),
        "made_with": dict(made_with),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))


def open_folder(path: Path) -> ModelFolder:
    """Read the manifest and check every file against it.

    Raises
    ------
    ModelUnavailable : no manifest, a newer format, a file that is missing or differs, a fingerprint that does not fit.
    """
    try:
        manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text())
        if manifest["format"] != FORMAT:
            raise NewerFormat(
                f"model folder {path.name}: format {manifest['format']}, this version reads {FORMAT}; export it again"
            )
        spec = _spec_adapter.validate_python(manifest["spec"])
        files: dict[str, str] = manifest["files"]
        if strange := sorted({file.name for file in path.iterdir()} - {MANIFEST, *files}):
            raise ModelUnavailable(f"model folder {path.name}: {strange[0]} is not in its manifest; export it again")
        for name, digest in files.items():
            if not (path / name).is_file() or sha256(path / name) != digest:
                raise ModelUnavailable(f"model folder {path.name}: {name} is missing or damaged; export it again")
        if manifest["fingerprint"] != spec.fingerprint():
            raise ModelUnavailable(
                f"model folder {path.name}: its fingerprint is {manifest['fingerprint']}, this version computes "
                f"{spec.fingerprint()}; export it again"
            )
        return ModelFolder(path, spec, manifest["parity"], manifest["made_with"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError) as exc:
        raise ModelUnavailable(f"model folder {path.name}: no readable {MANIFEST}; export it again") from exc


def model_path(spec: ModelSpec, home: Path) -> Path:
    """Where the catalogue's model `spec` lies: a changed fingerprint is another folder."""
    return home / "models" / f"{spec.name}-{spec.fingerprint()[:12]}"


def build(spec: ModelSpec, home: Path, make: Callable[[Path], None]) -> ModelFolder:
    """Make the folder of `spec` unless it is there and whole; two processes that race make it once.

    `make` fills an empty folder, manifest included.
    """
    final = model_path(spec, home)
    final.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(final.with_suffix(".lock")):
        try:
            return open_folder(final)
        except NewerFormat:
            raise  # not ours to replace
        except ModelUnavailable:
            pass  # absent or damaged: make it anew
        for left in final.parent.glob(f".{final.name}-*"):  # by a process that was killed: the lock is ours
            shutil.rmtree(left, ignore_errors=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
        staging.chmod(final.parent.stat().st_mode)  # mkdtemp's is for its owner alone
        try:
            make(staging)
            made = open_folder(staging)
            for file in staging.iterdir():
                with file.open("rb+") as handle:
                    os.fsync(handle.fileno())
            shutil.rmtree(final, ignore_errors=True)
            staging.rename(final)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return ModelFolder(final, made.spec, made.parity, made.made_with)


def open_or_export(name: str, home: Path) -> ModelFolder:
    """The catalogue's model `name`, exported first if need be.

    The export runs in a process of its own, so that the one that serves never imports torch. What the fingerprint
    leaves out (templates, temperature, words) is the catalogue's, whenever the folder was made.
    """
    spec = lookup(name)
    try:
        return replace(open_folder(model_path(spec, home)), spec=spec)
    except ModelUnavailable:
        pass
    command = [sys.executable, "-m", "models", "export", name, "--home", str(home)]
    result = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no output"])[-1]
        raise ModelUnavailable(f"model {name!r} could not be exported: {reason}")
    return replace(open_folder(model_path(spec, home)), spec=spec)


def open_spec(path: Path) -> ModelSpec:
    """The row in a folder's manifest, its files unchecked."""
    spec: ModelSpec = _spec_adapter.validate_python(json.loads((path / MANIFEST).read_text())["spec"])
    return spec


def installed(home: Path) -> Mapping[str, Sequence[Path]]:
    """The folders in `home` by their models' names; unreadable ones are left out."""
    found: dict[str, list[Path]] = {}
    for path in sorted((home / "models").glob(f"*/{MANIFEST}")):
        if path.parent.name.startswith("."):
            continue  # being made
        try:
            found.setdefault(json.loads(path.read_text())["spec"]["name"], []).append(path.parent)
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def locate(entry: str, home: Path) -> ModelFolder:
    """A model by its name in the catalogue, by the name that it was imported under, or by its folder.

    Raises
    ------
    ModelUnavailable : there is none; says how to get it.
    """
    if entry in CATALOG:
        return open_or_export(entry, home)
    path = Path(entry).expanduser()
    if (path / MANIFEST).is_file():
        return open_folder(path)
    here = installed(home)
    if entry in here:
        if len(here[entry]) > 1:
            raise ModelUnavailable(
                f"model {entry!r} is there twice: {' and '.join(p.name for p in here[entry])}; delete one"
            )
        folder = open_folder(here[entry][0])
        return replace(folder, spec=with_current_texts(folder.spec))
    if base_name(entry) in HUB:
        row = base_name(entry)
        precision = entry.removeprefix(row).lstrip("-")
        option = f" --precision {precision}" if precision else ""
        raise ModelUnavailable(f"model {entry!r} is not here yet; get it by: python -m models fetch {row}{option}")
    if path.is_dir():
        raise ModelUnavailable(f"{entry} has no {MANIFEST}; make a model of it by: python -m models import {entry}")
    raise ModelUnavailable(
        f"model {entry!r} is neither in the catalogue ({', '.join([*CATALOG, *HUB])}), nor imported"
        f" ({', '.join(here) or 'none is'}), nor a folder with a {MANIFEST}"
    )


def source_path(name: str, home: Path) -> Path:
    """Where the files of the hub's model `name` lie, or a link to the folder that a model was imported from."""
    return home / "sources" / name
