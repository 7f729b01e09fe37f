"""`python -m models`: fetch, import, list, verify and fine-tune. Only `fetch` uses the network."""

import argparse
import sys
from pathlib import Path

from models.catalog import folder
from models.catalog.hub import HUB
from models.catalog.rows import CATALOG, lookup
from models.errors import ModelsError
from models.finetune import command as finetune
from models.sources import command as sources


def export(name: str, home: Path) -> None:
    """Make the folder of the catalogue's model `name`, unless it is there."""
    spec = lookup(name)

    def make(path: Path) -> None:
        try:
            from models.embedded import build  # imports torch: only where there is something to make
        except ModuleNotFoundError as exc:
            raise ModelsError(f"exporting needs {exc.name}: pip install 'daguerre-service[export]'") from exc
        build.make(path)

    made = folder.build(spec, home, make)
    measured = ", ".join(f"{key} {value:.7f}" for key, value in made.parity.items())
    print(f"{name}: {made.path} ({measured})")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    sources.add_fetch(commands.add_parser("fetch", help="download a model of the hub and make it ready to be served"))
    sources.add_import(commands.add_parser("import", help="make a folder of transformers ready to be served"))
    for command, purpose in (
        ("list", "the catalogue, and what is imported"),
        ("export", "make the embedded model's ONNX folder"),
        ("verify", "check a model's files against its manifest"),
    ):
        sub = commands.add_parser(command, help=purpose)
        if command == "export":
            sub.add_argument("name", choices=sorted(CATALOG))
        elif command == "verify":
            sub.add_argument("name", help="of the catalogue or imported, or a folder")
        sub.add_argument("--home", type=Path, default=sources.HOME, help="DAGUERRE_HOME")
    finetune.add_arguments(commands.add_parser("finetune", help="train a network on coded images"))
    given = parser.parse_args()
    try:
        if given.command == "list":
            show(given.home)
        elif given.command == "export":
            export(given.name, given.home)
        elif given.command == "finetune":
            finetune.run(given)
        elif given.command == "fetch":
            sources.run_fetch(given)
        elif given.command == "import":
            sources.run_import(given)
        else:
            verify(given.name, given.home)
    except ModelsError as exc:
        sys.exit(str(exc))


def show(home: Path) -> None:
    """A line for each model: of the catalogue, of the hub, imported."""
    here = folder.installed(home)
    specs = {name: folder.open_spec(paths[0]) for name, paths in here.items()}
    rows: dict[str, tuple[int, str, str]] = {
        spec.name: (spec.dimension, "+".join(spec.modalities), spec.licence) for spec in CATALOG.values()
    }
    for row in HUB.values():
        towers = [m for m, there in (("image", row.image), ("text", row.max_tokens)) if there]
        rows[row.name] = row.dimension, "+".join(towers), row.licence
    rows |= {name: (s.dimension, "+".join(s.modalities), s.licence) for name, s in specs.items() if name not in rows}
    for name, (dimension, modalities, licence) in rows.items():
        state = "here" if name in here else "built in" if name in CATALOG else "fetch"
        print(f"{name:38} {dimension:5}  {modalities:11} {state:9} {licence}")


def verify(name: str, home: Path) -> None:
    """Hash every file of a model. Raises ModelsError."""
    path = folder.model_path(CATALOG[name], home) if name in CATALOG else folder.locate(name, home).path
    print(f"{folder.open_folder(path).path}: whole")


if __name__ == "__main__":
    main()
