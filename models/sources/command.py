"""The commands `python -m models fetch` and `import`: their options and output."""

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
    """Add the options of `fetch`."""
    parser.add_argument("name", nargs="+", help=f"name of a model: {', '.join(HUB)}")
    _add_shared(parser)
    parser.set_defaults(run=run_fetch, licence=None)


def add_import(parser: argparse.ArgumentParser) -> None:
    """Add the options of `import`."""
    parser.add_argument("folder", type=Path, help="folder written by save_pretrained of transformers")
    parser.add_argument("--name", help="name under which the model is served [default: name of the folder]")
    parser.add_argument("--licence", help="licence of the weights, shown in the model's card")
    _add_shared(parser)
    parser.set_defaults(run=run_import)


def add_home(parser: argparse.ArgumentParser) -> None:
    """Add the option `--home`."""
    parser.add_argument("--home", type=Path, default=HOME, help="folder of the models [default: %(default)s]")


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--precision",
        choices=get_args(Precision),
        default="fp32",
        help="number format of the graph; another than fp32 is appended to the name [default: fp32]",
    )
    parser.add_argument("--replace", action="store_true", help="replace another model of the same name")
    add_home(parser)


def run_fetch(arguments: argparse.Namespace) -> None:
    """Download and import. Raises ModelsError."""
    for name in arguments.name:
        if name in CATALOG:
            raise ModelUnavailable(f"{name!r} is not on the hub; create it by: python -m models export {name}")
        _import(arguments, fetch(name, arguments.home), name, fetched=True)


def run_import(arguments: argparse.Namespace) -> None:
    """Import a folder. Raises ModelsError."""
    name = arguments.name or re.sub(r"[^a-z0-9.]+", "-", arguments.folder.resolve().name.lower()).strip("-.")
    if not _NAME.fullmatch(name):
        raise ModelUnavailable(f"name: {name!r} must consist of a to z, 0 to 9, . and -; choose one with --name")
    if name in CATALOG:
        raise ModelUnavailable(f"name: {name!r} is a model of the catalogue; choose another with --name")
    _import(arguments, arguments.folder, name)


def _import(arguments: argparse.Namespace, source: Path, name: str, *, fetched: bool = False) -> None:
    try:
        from models.sources.make import ImportRequest, import_model, with_served_name
    except ModuleNotFoundError as exc:
        raise ModelsError(f"importing needs {exc.name}: pip install 'daguerre-service[export]'") from exc
    request = with_served_name(
        ImportRequest(
            source=source,
            name=name,
            row=HUB.get(name),
            fetched=fetched,
            licence=arguments.licence,
            precision=arguments.precision,
            replace=arguments.replace,
        )
    )
    model = import_model(request, arguments.home, lambda text: print(f"{request.name}: {text}", flush=True))
    for key, value in sorted(model.parity.items()):
        print(f"{request.name}: {key.replace('_', ' ')} {value:.7f}")
    print(f"{request.name}: {model.path}\nserve it: DAGUERRE_MODELS={request.name} scripts/serve")
