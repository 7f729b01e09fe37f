"""What commands leave: tables in files or on stdout, and a summary."""

import csv
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

import click

from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.predictions import Predictions
from daguerre.results import Embeddings, Errors, ZeroShot

SHOWN = 5  # failures on stderr
OURS = ("id", "label", "error")  # columns of scores, beside those of the labels


def check_out(out: str, kinds: tuple[str, ...]) -> str:
    """The kind of file that `out` is. Raises where it cannot be written: before an hour's work, not after it."""
    kind = Path(out).suffix.lower()
    if kind not in kinds:
        raise click.UsageError(f"--out: {out} ends in {kind or 'nothing'}; there are {', '.join(kinds)}")
    folder = Path(out).absolute().parent
    if not folder.is_dir():
        raise click.UsageError(f"--out: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK):
        raise click.UsageError(f"--out: {folder} cannot be written to")
    return kind


def write_embeddings(made: Embeddings, out: str, kind: str) -> None:
    """Vectors and ids as .parquet, .npz or .csv. An item without a vector has NaN, in a .csv nothing."""
    if kind == ".parquet":
        made.to_parquet(out)
    elif kind == ".npz":
        import numpy as np

        np.savez(out, ids=np.array(made.ids), vectors=made.vectors, receipt=json.dumps(asdict(made.receipt)))
    else:
        failed = {item.index for item in made.errors}
        with _opened(out) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["id", *range(made.vectors.shape[1])])
            for i, (id, row) in enumerate(zip(made.ids, made.vectors, strict=True)):
                writer.writerow([id, *("" if i in failed else f"{x:.9g}" for x in row)])


def write_scores(made: ZeroShot, out: str, kind: str) -> None:
    """A row per item: id, label, a score for each label, error. As .csv or .parquet; "-" is stdout."""
    columns = ["id", "label", *(f"label: {label}" if label in OURS else label for label in made.labels), "error"]
    if kind == ".parquet":
        table = made.to_pandas().reset_index(names="id", allow_duplicates=True)
        table.columns = columns
        table.to_parquet(out)
        return
    failed = {item.index: item for item in made.errors}
    with _opened(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for i, id in enumerate(made.ids):
            scores = [""] * len(made.labels) if i in failed else [f"{x:.6g}" for x in made.scores[i]]
            writer.writerow([id, made.best[i] or "", *scores, failed[i].code if i in failed else ""])


def write_predictions(made: Predictions, out: str, kind: str) -> None:
    """A row per item: id, then label and probabilities, or value, low, high; error. As .csv or .parquet."""
    ours = ["label", *(f"label: {each}" if each in OURS else each for each in made.labels)]
    columns = ["id", *(ours if made.labels else ["value", "low", "high"]), "error"]
    if kind == ".parquet":
        table = made.to_pandas().reset_index(names="id", allow_duplicates=True)
        table.columns = columns
        table.to_parquet(out)
        return
    failed = {item.index: item for item in made.errors}
    with _opened(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for i, id in enumerate(made.ids):
            if i in failed:
                writer.writerow([id, *[""] * (len(columns) - 2), failed[i].code])
            elif made.labels:
                writer.writerow([id, made.predicted[i], *(f"{x:.6g}" for x in made.probabilities[i]), ""])
            else:
                numbers = (made.values[i], made.low[i], made.high[i])
                writer.writerow([id, *("" if x != x else f"{x:.6g}" for x in numbers), ""])


@contextmanager
def _opened(out: str) -> Iterator[TextIO]:
    """A file of UTF-8, in which a file name of another encoding has its bytes as \\udce9 and the like."""
    if out == "-":
        assert hasattr(sys.stdout, "reconfigure")
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
        yield sys.stdout
        return
    with open(out, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        yield file


def finish(settings: Settings, made: Embeddings | ZeroShot, out: str, as_json: bool) -> None:
    """Say what was done, and end."""
    settings.say(f"{out}: {len(made):,} items, {made.model} {made.fingerprint}")
    if made.errors:
        settings.say(summary(made.errors))
    if as_json:
        said = {
            "out": out,
            "items": len(made),
            "failed": len(made.errors),
            "errors": [asdict(item) for item in made.errors],
            "receipt": asdict(made.receipt),
        }
        click.echo(json.dumps(said))
    sys.exit(SOME_FAILED if made.errors else 0)


def summary(errors: Errors) -> str:
    """How many failed, of what, and the first of them."""
    lines = [f"{len(errors):,} could not be used:"]
    lines += [f"  {count:,} {code}" for code, count in errors.by_code().items()]
    lines += [f"  {item.id}: {item.message}" for item in errors[:SHOWN]]
    return "\n".join([*lines, *(["  …"] if len(errors) > SHOWN else [])])
