"""`python -m models fetch`, `import`: their options, and what they print."""

import argparse
import re
from pathlib import Path
from typing import get_args

from models.catalog.hub import HUB
from models.catalog.rows import CATALOG
from models.catalog.spec import Precision
from models.errors import ModelsError, ModelUnavailable
from models.sources.fetch import fetch

HOME = Path.home() / ".cache" / "daguerre"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")


def add_fetch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="+", help=f"of: {', '.join(HUB)}")
    _shared(parser)


def add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="as save_pretrained of transformers writes it")
    parser.add_argument("--name", help="what it is called from now on; that of the folder")
    parser.add_argument("--licence", help="of the weights: it travels with the model's card")
    _shared(parser)


def _shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--precision", choices=get_args(Precision), default="fp32", help="other than fp32 is a suffix of the name"
    )
    parser.add_argument("--replace", action="store_true", help="of an older model of the same name")
    parser.add_argument("--home", type=Path, default=HOME, help="DAGUERRE_HOME")


def run_fetch(given: argparse.Namespace) -> None:
    """Download and import. Raises ModelsError."""
    for name in given.name:
        if name in CATALOG:
            raise ModelUnavailable(f"{name!r} is not on the hub; make it by: python -m models export {name}")
        source = fetch(name, given.home)
        _import(given, source, name, fetched=True)


def run_import(given: argparse.Namespace) -> None:
    """Import a folder. Raises ModelsError."""
    name = given.name or re.sub(r"[^a-z0-9.]+", "-", given.folder.resolve().name.lower()).strip("-.")
    if not _NAME.fullmatch(name):
        raise ModelUnavailable(f"name: {name!r} must be of a to z, 0 to 9, . and -; choose one with --name")
    if name in CATALOG:
        raise ModelUnavailable(f"name: {name!r} is the catalogue's own; choose another with --name")
    _import(given, given.folder, name)


def _import(given: argparse.Namespace, source: Path, name: str, *, fetched: bool = False) -> None:
    try:
        from models.sources.make import ImportRequest, import_model, with_served_name
    except ModuleNotFoundError as exc:
        raise ModelsError(f"importing needs {exc.name}: pip install 'daguerre-service[export]'") from exc
    wanted = with_served_name(
        ImportRequest(
            source=source,
            name=name,
            row=HUB.get(name),
            fetched=fetched,
            licence=getattr(given, "licence", None),
            precision=given.precision,
            replace=given.replace,
        )
    )
    made = import_model(wanted, given.home, lambda text: print(f"{wanted.name}: {text}", flush=True))
    for key, value in sorted(made.parity.items()):
        print(f"{wanted.name}: {key.replace('_', ' ')} {value:.7f}")
    print(f"{wanted.name}: {made.path}\nserve it: DAGUERRE_MODELS={wanted.name} scripts/serve")
