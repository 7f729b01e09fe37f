"""The command `python -m models finetune`: its options and its output."""

import argparse
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import get_args

from models.catalog.folder import source_path
from models.classifiers.folders import read_collection
from models.classifiers.head import Task
from models.finetune.lazy import load_finetune
from models.finetune.options import Augmentation, Options, Precision, Unfreeze
from models.sources.command import HOME

_EVERY = 0.5  # seconds between two lines of progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, help="folder that holds train/CLASS/…, or .csv file with path and target")
    parser.add_argument("--out", type=Path, required=True, help="folder for the result; must not exist")
    parser.add_argument("--work", type=Path, help="folder for decoded images and checkpoints [default: OUT.work]")
    parser.add_argument(
        "--start", default="embedded", help="starting point: embedded, an imported model, or a model folder"
    )
    parser.add_argument(
        "--home", type=Path, default=HOME, help="folder of imported models [default: DAGUERRE_HOME, here %(default)s]"
    )
    parser.add_argument("--task", choices=get_args(Task), default="categorical")
    parser.add_argument("--positive", help="positive class of a binary task")
    parser.add_argument("--bounds", type=float, nargs=2, metavar=("LOW", "HIGH"), help="range of a continuous target")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:N")
    parser.add_argument(
        "--precision", choices=get_args(Precision), help="floating-point precision [default: by device]"
    )
    parser.add_argument("--threads", type=int, default=0, help="number of threads of torch; 0: its default")
    parser.add_argument("--class-weight", choices=["balanced"], help="give all classes the same weight")
    parser.add_argument("--unfreeze", choices=get_args(Unfreeze), default=Options.unfreeze)
    parser.add_argument("--flip", action=argparse.BooleanOptionalAction, default=Augmentation.flip)
    for kind, names in (
        (int, ("last_blocks", "head_epochs", "epochs", "patience", "batch", "seed")),
        (float, ("head_rate", "rate", "rate_decay", "weight_decay", "validation")),
    ):
        for name in names:
            parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=getattr(Options, name))
    for name in ("crop", "colour"):
        parser.add_argument(f"--{name}", type=float, default=getattr(Augmentation, name))


def run(arguments: argparse.Namespace) -> None:
    """Fine-tune with these arguments. Raises ModelsError."""
    options = Options(
        augmentation=Augmentation(flip=arguments.flip, crop=arguments.crop, colour=arguments.colour),
        **{f.name: getattr(arguments, f.name) for f in fields(Options) if f.name not in ("augmentation", "bounds")},
        bounds=tuple(arguments.bounds) if arguments.bounds else None,
    )
    # the user of this command may read these files anyway
    collection = read_collection(arguments.source, anywhere=True)
    imported = source_path(arguments.start, arguments.home)
    outcome = load_finetune()(
        collection,
        start=str(imported) if imported.is_dir() else arguments.start,
        options=options,
        work=arguments.work or arguments.out.with_name(f"{arguments.out.name}.work"),
        out=arguments.out,
        device=arguments.device,
        threads=arguments.threads,
        report=_Printer(),
    )
    for dropped in outcome.dropped:
        print(f"left out: {dropped.name}: {dropped.reason}")
    for note in outcome.notes:
        print(f"note: {note.message}")
    kind = "R²" if options.task == "continuous" else "accuracy"
    for line in outcome.curve:
        print(
            f"{line.stage:5} {line.epoch:3}  loss {line.train_loss:.4f}  validation loss {line.validation_loss:.4f}"
            f"  {kind} {line.score:.3f}  {line.seconds:.1f} s"
        )
    best = outcome.curve[outcome.best]
    print(f"{arguments.out}: epoch {best.epoch} of stage {best.stage}, {outcome.seconds:.0f} s of training")


class _Printer:
    """Progress on one line of a terminal."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, progress: float, stage: str) -> None:
        now = time.monotonic()
        if sys.stderr.isatty() and (now - self._last >= _EVERY or progress == 1):
            self._last = now
            print(f"\r{progress:4.0%} {stage:10}", end="\n" if progress == 1 else "", file=sys.stderr, flush=True)
