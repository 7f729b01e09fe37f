"""`python -m models`: list, export, verify and fine-tune by hand. The service exports what it needs by itself."""

import argparse
import sys
from pathlib import Path

from models.catalog import CATALOG, lookup
from models.encoders import folder
from models.errors import ModelsError
from models.finetune import command as finetune


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
    commands.add_parser("list", help="the catalogue")
    for command, purpose in (
        ("export", "make the ONNX folder"),
        ("verify", "check its files against its manifest"),
    ):
        sub = commands.add_parser(command, help=purpose)
        sub.add_argument("name", choices=sorted(CATALOG))
        sub.add_argument("--home", type=Path, default=Path.home() / ".cache" / "daguerre", help="DAGUERRE_HOME")
    finetune.add_arguments(commands.add_parser("finetune", help="train a network on coded images"))
    given = parser.parse_args()
    try:
        if given.command == "list":
            for spec in CATALOG.values():
                print(f"{spec.name:20} {spec.dimension:5}  {'+'.join(spec.modalities):11} {spec.licence}")
        elif given.command == "export":
            export(given.name, given.home)
        elif given.command == "finetune":
            finetune.run(given)
        else:
            print(f"{folder.open_folder(folder.home_of(lookup(given.name), given.home)).path}: whole")
    except ModelsError as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()
