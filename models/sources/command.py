"""The commands `python -m models fetch` and `import`: their options and output."""

import argparse
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from models.analysers import words
from models.analysers.spec import Kind
from models.analysers.table import ANALYSERS
from models.catalog.hub import HUB
from models.catalog.rows import CATALOG
from models.catalog.spec import Precision
from models.errors import ModelsError, ModelUnavailable
from models.sources.fetch import fetch

HOME = Path(os.environ.get("DAGUERRE_HOME") or Path.home() / ".cache" / "daguerre")
_KINDS: Mapping[str, Kind] = {
    "ForImageClassification": "classes",
    "ForObjectDetection": "objects",
    "BlipForConditionalGeneration": "captions",
    "ForConditionalGeneration": "captions",
    "VisionEncoderDecoderModel": "text",
}
FACES = ("expression", "age")  # attributes of faces that a classifier may be imported for
ENCODERS = ("vit", "dinov2")  # types of classifiers that are imported as models, too
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")


def add_fetch(parser: argparse.ArgumentParser) -> None:
    """Add the options of `fetch`."""
    parser.add_argument("name", nargs="+", help=f"name of a model: {', '.join(HUB)}")
    _add_shared(parser)
    parser.set_defaults(run=run_fetch, licence=None)


def add_import(parser: argparse.ArgumentParser) -> None:
    """Add the options of `import`."""
    parser.add_argument(
        "folder",
        type=Path,
        help="folder written by save_pretrained of transformers, or with a recognition network of PaddleOCR in ONNX",
    )
    parser.add_argument("--name", help="name under which the model is served [default: name of the folder]")
    parser.add_argument(
        "--as",
        dest="made",
        choices=("model", "analyser", *FACES),
        help="model: it embeds pictures or texts. analyser: it names classes, finds objects, reads text or writes "
        "captions. expression, age: it guesses that of a face [default: model where it can be one, such as a ViT]",
    )
    parser.add_argument("--licence", help="licence of the weights, shown in the model's card")
    _add_shared(parser)
    parser.set_defaults(run=run_import)


def is_name(name: str) -> bool:
    """Whether a model or analyser may have this name."""
    return _NAME.fullmatch(name) is not None


def add_home(parser: argparse.ArgumentParser) -> None:
    """Add the option `--home`."""
    parser.add_argument(
        "--home", type=Path, default=HOME, help="folder of the models [default: DAGUERRE_HOME, here %(default)s]"
    )


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--precision",
        choices=get_args(Precision),
        default="fp32",
        help="number format of the graph; another than fp32 is appended to the name [default: fp32]",
    )
    parser.add_argument(
        "--min-cosine",
        type=float,
        metavar="X",
        help="of int8: least cosine with the original's vectors, such as 0.995; the products that cost most stay "
        "in fp32 until it is reached [default: 0.97, which all in 8 bits mostly reach]",
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
    if not is_name(name):
        raise ModelUnavailable(f"name: {name!r} must consist of a to z, 0 to 9, . and -; choose one with --name")
    if name in CATALOG:
        raise ModelUnavailable(f"name: {name!r} is a model of the catalogue; choose another with --name")
    if arguments.made in FACES:
        _import_face_model(arguments, name)
        return
    kind, model_type = _analyser_kind(arguments.folder)
    if kind is None and _has_own_code(arguments.folder):
        raise ModelUnavailable(
            f"{arguments.folder.name} needs code of its own (auto_map in config.json), which is never run here; use a "
            "model that transformers has, docs/models.md and docs/vision-language.md list them"
        )
    chosen = arguments.made or ("analyser" if kind and model_type not in ENCODERS else "model")
    if chosen == "model":
        _import(arguments, arguments.folder, name)
        if kind:
            print(f"{name}: the folder is an analyser of {kind} too, which --as analyser imports")
    elif kind is None:
        raise ModelUnavailable(
            f"--as analyser: {arguments.folder.name} has no architecture that ends in {' or '.join(_KINDS)}; leave "
            "it out"
        )
    else:
        _import_analyser(arguments, name, kind, model_type)


def _analyser_kind(folder: Path) -> tuple[Kind | None, str | None]:
    """The kind of analyser that a folder is by the architecture in its config.json, None for others; its model_type."""
    if _is_reader(folder):
        return "text", None
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        names, model_type = config.get("architectures") or [], config.get("model_type")
    except (OSError, ValueError, AttributeError):
        return None, None  # importing it will say what is wrong
    kinds = (kind for name in names for end, kind in _KINDS.items() if str(name).endswith(end))
    return next(kinds, None), model_type


def _has_own_code(folder: Path) -> bool:
    """Whether a folder names code of its own for a network that transformers may not have."""
    try:
        return "auto_map" in json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def _is_reader(folder: Path) -> bool:
    """Whether a folder has a recognition network of PaddleOCR: an ONNX file, and no network of transformers."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return not (config.get("architectures") or config.get("model_type")) and any(folder.glob("*.onnx"))
    except FileNotFoundError:
        return any(folder.glob("*.onnx"))
    except (OSError, ValueError, AttributeError):
        return False


def _import_analyser(arguments: argparse.Namespace, name: str, kind: Kind, model_type: str | None) -> None:
    try:
        if kind == "classes":
            from models.sources.classifiers import import_classifier as make
        elif model_type in words.TYPES:
            from models.sources.word_detectors import import_word_detector as make
        elif kind == "text" and _is_reader(arguments.folder):
            from models.sources.text_readers import import_reader as make
        elif kind == "captions" and model_type != "blip":
            from models.sources.chat_models import import_chat_model as make
        elif kind in ("captions", "text"):
            from models.sources.writers import import_writer as make
        else:
            from models.sources.detectors import import_detector as make
    except ModuleNotFoundError as exc:
        extra = "chat" if kind == "captions" and model_type != "blip" else "export"
        raise ModelsError(f"importing needs {exc.name}: pip install 'daguerre-service[{extra}]'") from exc
    options: dict[str, Any] = {"licence": arguments.licence, "replace": arguments.replace}
    if kind == "captions" and model_type != "blip":
        options["precision"] = arguments.precision
        name = name if arguments.precision == "fp32" else f"{name}-{arguments.precision}"
    elif arguments.precision != "fp32":
        raise ModelUnavailable(f"--precision {arguments.precision}: an analyser has fp32 alone; leave it out")
    made = make(arguments.folder, arguments.home, name=name, **options)
    labels = f" with {len(made.spec.labels):,} labels" if made.spec.labels else ""
    if not labels and kind == "objects":
        labels = " with the labels of each request"
    print(f"{name}: analyser of {kind}{labels}")
    for key, value in sorted(made.parity.items()):
        print(f"{name}: {key.replace('_', ' ')} {value:.2g}")
    print(f"{name}: {made.path}\nserve it: DAGUERRE_ANALYSERS={','.join([*ANALYSERS, name])} scripts/serve")


def _import_face_model(arguments: argparse.Namespace, name: str) -> None:
    """Import a model of expressions or ages on crops of faces. Raises ModelsError."""
    try:
        from models.sources.face_models import import_face_model
    except ModuleNotFoundError as exc:
        raise ModelsError(f"importing needs {exc.name}: pip install 'daguerre-service[export]'") from exc
    if arguments.precision != "fp32":
        raise ModelUnavailable(f"--precision {arguments.precision}: an analyser has fp32 alone; leave it out")
    made = import_face_model(
        arguments.folder,
        arguments.home,
        attribute=arguments.made,
        name=name,
        licence=arguments.licence,
        replace=arguments.replace,
    )
    ages = made.spec.settings.get("ages")
    stands = f", for the ages {', '.join(f'{age:g}' for age in ages)}" if isinstance(ages, tuple | list) else ""
    print(f"{name}: analyser of face_attributes, {arguments.made}, with {len(made.spec.labels):,} labels{stands}")
    print(f"{name}: largest difference {made.parity['largest_difference']:.2g}")
    print(
        f"{name}: {made.path}\nserve it: DAGUERRE_FACE_ATTRIBUTES={arguments.made} "
        f"DAGUERRE_ANALYSERS={','.join([*ANALYSERS, name])} scripts/serve"
    )


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
            min_cosine=arguments.min_cosine,
            replace=arguments.replace,
        )
    )
    model = import_model(request, arguments.home, lambda text: print(f"{request.name}: {text}", flush=True))
    for key, value in sorted(model.parity.items()):
        print(f"{request.name}: {key.replace('_', ' ')} {value:.7f}")
    print(f"{request.name}: {model.path}\nserve it: DAGUERRE_MODELS={request.name} scripts/serve")
