"""`python -m models finetune`: its options, and what it prints."""

import argparse
import sys
import time
from pathlib import Path
from typing import get_args

from models.catalog.folder import source_path
from models.classifiers.folders import read
from models.finetune.lazy import load
from models.finetune.options import Augmentation, Options, Precision, Task, Unfreeze
from models.sources.command import HOME

_EVERY = 0.5  # seconds between two lines of progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, help="a folder that holds train/CLASS/…, or a .csv with path and target")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")
    parser.add_argument("--work", type=Path, help="decoded images and checkpoints, kept if it stops; OUT.work")
    parser.add_argument("--start", default="embedded", help="embedded, an imported model, or the folder of one")
    parser.add_argument("--home", type=Path, default=HOME, help="DAGUERRE_HOME, where imported models lie")
    parser.add_argument("--task", choices=get_args(Task), default="categorical")
    parser.add_argument("--positive", help="binary: the class whose probability is given")
    parser.add_argument("--bounds", type=float, nargs=2, metavar=("LOW", "HIGH"), help="continuous: stay inside")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:N")
    parser.add_argument("--precision", choices=get_args(Precision), help="by default what the device is good at")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0: as many as it likes")
    parser.add_argument("--class-weight", choices=["balanced"], help="rare classes count as much as common ones")
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


def run(given: argparse.Namespace) -> None:
    """Fine-tune as `given` says. Raises ModelsError."""
    options = Options(
        augmentation=Augmentation(flip=given.flip, crop=given.crop, colour=given.colour),
        **{name: getattr(given, name) for name in _OPTIONS},
        bounds=tuple(given.bounds) if given.bounds else None,
    )
    collection = read(given.source, anywhere=True)  # whoever can run this can read those files
    imported = source_path(given.start, given.home)
    outcome = load()(
        collection,
        start=str(imported) if imported.is_dir() else given.start,
        options=options,
        work=given.work or given.out.with_name(f"{given.out.name}.work"),
        out=given.out,
        device=given.device,
        threads=given.threads,
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
    print(f"{given.out}: epoch {best.epoch} of stage {best.stage}, {outcome.seconds:.0f} s of training")


_OPTIONS = (
    *("task", "positive", "precision", "class_weight", "unfreeze"),
    *("last_blocks", "head_epochs", "epochs", "patience", "batch", "seed"),
    *("head_rate", "rate", "rate_decay", "weight_decay", "validation"),
)


class _Printer:
    """Progress, on a terminal's one line."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, progress: float, stage: str) -> None:
        now = time.monotonic()
        if sys.stderr.isatty() and (now - self._last >= _EVERY or progress == 1):
            self._last = now
            print(f"\r{progress:4.0%} {stage:10}", end="\n" if progress == 1 else "", file=sys.stderr, flush=True)
