"""Manage models: list, fetch, import, export, verify and fine-tune them. Only `fetch` uses the network."""

import argparse
import sys
from pathlib import Path

from models.analysers import folder as analysers
from models.analysers.table import ANALYSERS
from models.catalog import folder
from models.catalog.hub import HUB
from models.catalog.rows import CATALOG, COLOURS, lookup
from models.errors import ModelsError
from models.finetune import command as finetune
from models.sources import command as sources
from models.sources import face_command as face_import

_KINDS = {
    spec.kind: [each.name for each in ANALYSERS.values() if each.kind == spec.kind] for spec in ANALYSERS.values()
}


def main() -> None:
    """Run the command line. Exits with status 1 and the message of a ModelsError."""
    parser = argparse.ArgumentParser(prog="python -m models", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    sources.add_fetch(commands.add_parser("fetch", help="download a model from the hub and prepare it for serving"))
    sources.add_import(commands.add_parser("import", help="prepare a folder saved by transformers for serving"))
    face_import.add_arguments(commands.add_parser("import-face", help="import a network of faces, a file of ONNX"))
    commands.add_parser("list", help="list the models and analysers that are installed or available").set_defaults(
        run=show
    )
    export_parser = commands.add_parser("export", help="create the ONNX folder of a built-in model")
    export_parser.add_argument("name", choices=sorted(CATALOG), help="name in the catalogue")
    export_parser.set_defaults(run=export)
    analyser_parser = commands.add_parser("analyser", help="create the folders of built-in analysers")
    analyser_parser.add_argument(
        "name", nargs="+", choices=sorted({*ANALYSERS, *_KINDS}), help="name of an analyser, or a kind for all of it"
    )
    analyser_parser.set_defaults(run=make_analyser)
    verify_parser = commands.add_parser("verify", help="check a model's files against the hashes in its manifest")
    verify_parser.add_argument("name", help="name of a model or an analyser, or path of a model's folder")
    verify_parser.set_defaults(run=verify)
    for command in ("list", "export", "analyser", "verify"):
        sources.add_home(commands.choices[command])
    finetune_parser = commands.add_parser("finetune", help="train a network on coded images")
    finetune.add_arguments(finetune_parser)
    finetune_parser.set_defaults(run=finetune.run)
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except ModelsError as exc:
        sys.exit(str(exc))


def export(arguments: argparse.Namespace) -> None:
    """Create the folder of a model in the catalogue, unless it exists."""

    spec = lookup(arguments.name)

    def make(path: Path) -> None:
        try:
            if spec == COLOURS:
                from models.embedded import colours  # imports onnx, which an existing folder does not need
            else:
                from models.embedded import build  # imports torch
        except ModuleNotFoundError as exc:
            name = folder.model_path(spec, arguments.home).name
            raise ModelsError(
                f"exporting needs {exc.name}: pip install 'daguerre-service[export]', or copy the folder "
                f"{name} of DAGUERRE_HOME/models from a machine that has exported it"
            ) from exc
        if spec == COLOURS:
            colours.make(path)
        else:
            build.make(path, spec)

    model = folder.build(spec, arguments.home, make)
    parity = ", ".join(f"{key} {value:.7f}" for key, value in model.parity.items())
    print(f"{arguments.name}: {model.path} ({parity})")


def make_analyser(arguments: argparse.Namespace) -> None:
    """Create the folders of built-in analysers, unless they exist."""
    for name in dict.fromkeys(name for given in arguments.name for name in _KINDS.get(given, [given])):
        print(f"{name}: {analysers.make(name, arguments.home).path}", flush=True)


def show(arguments: argparse.Namespace) -> None:
    """Print a line for each model of the catalogue, of the hub, and imported, and one for each analyser."""
    installed = folder.installed(arguments.home)
    specs = {name: folder.open_spec(paths[0]) for name, paths in installed.items()}
    rows = {spec.name: (spec.dimension, spec.modalities, spec.licence) for spec in CATALOG.values()}
    for row in HUB.values():
        rows[row.name] = row.dimension, row.modalities, row.licence
    for name, spec in specs.items():
        rows.setdefault(name, (spec.dimension, spec.modalities, spec.licence))
    for name, (dimension, modalities, licence) in rows.items():
        state = "installed" if name in installed else "built in" if name in CATALOG else "fetch"
        print(f"{name:38} {dimension:5}  {'+'.join(modalities):15} {state:9} {licence}")
    imported = {name: analysers.open_spec(path) for name, path in analysers.installed(arguments.home).items()}
    for each in [*ANALYSERS.values(), *imported.values()]:
        there = not each.parts or analysers.analyser_path(each, arguments.home).is_dir()
        print(f"{each.name:38} {'–':>5}  {each.kind:15} {'installed' if there else 'built in':9} {each.licence}")


def verify(arguments: argparse.Namespace) -> None:
    """Hash every file of a model and compare. Raises ModelsError."""
    name, home = arguments.name, arguments.home
    if name in ANALYSERS or name in analysers.installed(home):
        print(f"{analysers.checked(name, home).path}: complete and unchanged")
        return
    path = folder.model_path(CATALOG[name], home) if name in CATALOG else folder.locate(name, home).path
    print(f"{folder.open_folder(path).path}: complete and unchanged")


if __name__ == "__main__":
    main()
