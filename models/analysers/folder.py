"""Folders of analysers: their graphs and other files, with a manifest, made once from the packages of the weights."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from models.analysers.spec import AnalyserSpec
from models.analysers.table import ANALYSERS, CODE
from models.catalog.folder import MANIFEST, Folder, build_at, checked_folder, write_manifest
from models.errors import ModelUnavailable, UnknownModel
from models.lifetime import run_module

AnalyserFolder = Folder[AnalyserSpec]
_adapter = TypeAdapter(AnalyserSpec)


def analyser_path(spec: AnalyserSpec, home: Path) -> Path:
    """Path of the folder of `spec`: each fingerprint has its own folder."""
    return home / "analysers" / f"{spec.name}-{spec.fingerprint()[:12]}"


def make(name: str, home: Path) -> AnalyserFolder:
    """Make the folder of the built-in analyser `name` in this process, unless it is there."""
    spec = _built_in(name)

    def fill(folder: Path) -> None:
        CODE[spec.kind].make(spec, folder)
        write_manifest(folder, spec, parity={}, made_with={})

    return build_at(analyser_path(spec, home), _adapter, fill)


def install(folder: Path, home: Path, *, replace: bool = False) -> AnalyserFolder:
    """Copy a finished folder, made of a folder of transformers, to its place in `home`.

    Raises
    ------
    ModelUnavailable : the name is that of a built-in analyser, or of another one that is not to be replaced.
    """
    spec = checked_folder(folder, _adapter).spec
    if spec.name in ANALYSERS:
        raise ModelUnavailable(f"name: {spec.name!r} is a built-in analyser; choose another with --name")
    final, earlier = analyser_path(spec, home), installed(home).get(spec.name)
    if earlier is not None and earlier != final and not replace:
        raise ModelUnavailable(
            f"name: {spec.name!r} is another analyser that was imported before; choose another with --name, or give "
            "--replace"
        )

    if earlier is not None and earlier == final and checked_folder(earlier, _adapter).spec != spec:
        if not replace:
            raise ModelUnavailable(
                f"name: {spec.name!r} was imported before with another description or threshold; give --replace"
            )
        shutil.rmtree(earlier)

    def fill(staging: Path) -> None:
        shutil.copytree(folder, staging, dirs_exist_ok=True)

    made = build_at(final, _adapter, fill)
    if earlier is not None and earlier != final:
        shutil.rmtree(earlier)
    return made


def locate(name: str, home: Path) -> AnalyserFolder:
    """Open the analyser `name`, built in or imported. A built-in one is made first, in a process of its own.

    Raises
    ------
    UnknownModel, ModelUnavailable : no such analyser, or its weights are not installed.
    """
    if name not in ANALYSERS:
        folders = installed(home)
        if name not in folders:
            raise UnknownModel(
                f"analyser: there is no {name!r}; choose one of: {', '.join([*ANALYSERS, *folders])}, or import one "
                "by: python -m models import FOLDER"
            )
        return checked_folder(folders[name], _adapter)
    spec = _built_in(name)
    try:
        return replace(checked_folder(analyser_path(spec, home), _adapter), spec=spec)
    except ModelUnavailable:
        pass
    if not spec.parts:
        return make(name, home)
    result = run_module("models", "analyser", name, "--home", str(home))
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no output"])[-1]
        raise ModelUnavailable(f"analyser {name!r} could not be made: {reason}")
    return replace(checked_folder(analyser_path(spec, home), _adapter), spec=spec)


def installed(home: Path) -> Mapping[str, Path]:
    """Folders of imported analysers in `home` by name; unreadable folders are left out."""
    folders: dict[str, Path] = {}
    for path in sorted((home / "analysers").glob(f"*/{MANIFEST}")):
        try:
            name = json.loads(path.read_text())["spec"]["name"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if not path.parent.name.startswith(".") and name not in ANALYSERS:
            folders[name] = path.parent
    return folders


def checked(name: str, home: Path) -> AnalyserFolder:
    """Open the analyser `name` and hash its files. Raises ModelUnavailable where one is missing or damaged."""
    path = analyser_path(ANALYSERS[name], home) if name in ANALYSERS else installed(home)[name]
    return checked_folder(path, _adapter)


def open_spec(path: Path) -> AnalyserSpec:
    """Row in a folder's manifest; the files are not checked."""
    spec: AnalyserSpec = _adapter.validate_python(json.loads((path / MANIFEST).read_text())["spec"])
    return spec


def _built_in(name: str) -> AnalyserSpec:
    if name not in ANALYSERS:
        raise UnknownModel(f"analyser: {name!r} is not built in; choose one of: {', '.join(ANALYSERS)}")
    return ANALYSERS[name]
