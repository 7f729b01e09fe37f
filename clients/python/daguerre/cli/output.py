"""Output of commands: tables in files or on stdout, and a summary."""

import csv
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.results.base import Errors
from daguerre.results.embeddings import Embeddings
from daguerre.results.predictions import Predictions
from daguerre.results.zero_shot import ZeroShot
from daguerre.storage.csv import opened

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
        with opened(out) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["id", *range(made.vectors.shape[1])])
            for i, (id, row) in enumerate(zip(made.ids, made.vectors, strict=True)):
                writer.writerow([id, *("" if i in failed else f"{x:.9g}" for x in row)])


def write_scores(made: ZeroShot, out: str, kind: str) -> None:
    """A row per item: id, label, a score for each label, error. As .csv or .parquet; "-" is stdout."""
    rows = ([best or "", *numbers(scores)] for best, scores in zip(made.best, made.scores, strict=True))
    _write(made, ["label", *_columns(made.labels)], rows, out, kind)


def write_predictions(made: Predictions, out: str, kind: str) -> None:
    """A row per item: id, then label and probabilities, or value, low, high; error. As .csv or .parquet."""
    if made.labels:
        rows = ([label, *numbers(p)] for label, p in zip(made.predicted, made.probabilities, strict=True))
        _write(made, ["label", *_columns(made.labels)], rows, out, kind)
    else:
        values = zip(made.values, made.low, made.high, strict=True)
        _write(made, ["value", "low", "high"], (numbers(row) for row in values), out, kind)


def _columns(labels: Sequence[str]) -> list[str]:
    return [f"label: {label}" if label in OURS else label for label in labels]


def numbers(row: Iterable[float]) -> list[str]:
    """As a .csv has them; what is not known is empty."""
    return ["" if x != x else f"{x:.6g}" for x in row]


def _write(made: ZeroShot | Predictions, names: list[str], rows: Iterable[Sequence[Any]], out: str, kind: str) -> None:
    columns = ["id", *names, "error"]
    if kind == ".parquet":
        table = made.to_pandas().reset_index(names="id", allow_duplicates=True)
        table.columns = columns
        table.to_parquet(out)
        return
    every = zip(made.ids, rows, made.codes, strict=True)
    write_table(columns, ([id, *([""] * len(names) if code else row), code or ""] for id, row, code in every), out)


def write_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], out: str) -> None:
    """Rows as .csv; "-" is stdout."""
    with opened(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


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


def check_csv(out: str) -> None:
    if out != "-":
        check_out(out, (".csv",))
