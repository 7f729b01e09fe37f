"""The command `python -m models import-face`: its options and output."""

import argparse
from pathlib import Path

from models.analysers.table import ANALYSERS
from models.errors import ModelsError, ModelUnavailable
from models.sources.command import add_home, is_name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `import-face`."""
    parser.add_argument("file", type=Path, help="file of ONNX: an aligned face to its vector")
    parser.add_argument("--name", required=True, help="name under which the analyser is served")
    parser.add_argument("--size", type=int, required=True, help="pixels of the side of the aligned face, such as 112")
    parser.add_argument(
        "--mean", type=float, nargs="+", required=True, help="subtracted from pixels of 0 to 255: one number, or three"
    )
    parser.add_argument("--std", type=float, nargs="+", required=True, help="by which they are divided then")
    parser.add_argument("--bgr", action="store_true", help="the channels of the network are blue, green, red")
    parser.add_argument("--layout", choices=("nchw", "nhwc"), help="axes of its input [default: as the file says]")
    parser.add_argument("--licence", required=True, help="licence of the weights, shown in the analyser's card")
    parser.add_argument("--pairs", type=Path, help="CSV with columns a, b (pictures) and same (1 or 0)")
    parser.add_argument("--root", type=Path, help="folder of the pictures of --pairs [default: that of the CSV]")
    parser.add_argument("--threshold", type=float, help="cosine of one person [default: the best on --pairs]")
    parser.add_argument("--replace", action="store_true", help="replace another analyser of the same name")
    add_home(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Import a file. Raises ModelsError."""
    if not is_name(arguments.name):
        raise ModelUnavailable(f"--name: {arguments.name!r} must consist of a to z, 0 to 9, . and -")
    if arguments.root is not None and arguments.pairs is None:
        raise ModelUnavailable("--root: is the folder of the pictures of --pairs; give these too")
    try:
        from models.sources.face_embedders import FaceImport, import_faces  # imports onnx
        from models.sources.face_pairs import FEW, read_pairs
    except ModuleNotFoundError as exc:
        raise ModelsError(f"importing needs {exc.name}: pip install 'daguerre-service[export]'") from exc
    pairs = None
    if arguments.pairs is not None:
        pairs = read_pairs(arguments.pairs, arguments.root or arguments.pairs.parent)
    names = ("file", "name", "size", "mean", "std", "licence", "bgr", "layout", "threshold", "replace")
    made = import_faces(FaceImport(pairs=pairs, **{each: getattr(arguments, each) for each in names}), arguments.home)
    spec = made.folder.spec
    print(f"{spec.name}: analyser of face_vectors, {spec.settings['dimension']} numbers a face")
    for key, value in made.folder.parity.items():
        print(f"{spec.name}: {key.replace('_', ' ')} {value:.2g}")
    if (measured := made.verification) is None:
        print(f"{spec.name}: not verified on faces; give --pairs to measure its errors")
    else:
        print(f"{spec.name}: best threshold, {measured.best} (chosen on these pairs: it looks better than it is)")
        if measured.stated is not None:
            print(f"{spec.name}: stated threshold, {measured.stated}")
        if measured.without or measured.several:
            print(
                f"{spec.name}: {measured.without:,} pictures have no face, and their pairs are left out; "
                f"{measured.several:,} have several, of which the largest is taken"
            )
        if min(measured.best.same, measured.best.different) < FEW:
            print(f"{spec.name}: fewer than {FEW} pairs of one kind: these figures are rough")
    if "threshold" in spec.settings:
        print(f"{spec.name}: faces count as one person's from a cosine of {spec.settings['threshold']:g}")
    served = ",".join([*(name for name, row in ANALYSERS.items() if row.kind != spec.kind), spec.name])
    print(f"{spec.name}: {made.folder.path}")
    print(f"serve it: DAGUERRE_FACE_RECOGNITION=true DAGUERRE_ANALYSERS={served} scripts/serve")
