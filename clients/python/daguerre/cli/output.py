"""Output of commands: tables in files or on standard output, and summaries."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import click

from daguerre import Client
from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.corpus.video_tables import label_columns
from daguerre.results.base import Errors
from daguerre.results.embeddings import Embeddings, read_npy, read_npz, write_csv, write_npz
from daguerre.results.predictions import Predictions
from daguerre.results.zero_shot import ZeroShot
from daguerre.storage.csv import numbers, write_table
from daguerre.types.common import MARKS, Decode

SHOWN = 5  # failures on stderr
OWN_COLUMNS = ("id", "label", "remark", "error")  # columns of scores, beside those of the labels
VECTORS = (".parquet", ".npz", ".npy")
UNCALIBRATED = "scores are not calibrated on your data: validate them against human codes"


def check_out(out: str, kinds: tuple[str, ...], option: str = "--out") -> str:
    """The extension of a file to be written. Raises UsageError where it cannot be: before the work, not after it."""
    kind = Path(out).suffix.lower()
    if kind not in kinds:
        raise click.UsageError(f"{option}: {out} ends in {kind or 'no extension'}; use {', '.join(kinds)}")
    folder = Path(out).absolute().parent
    if not folder.is_dir():
        raise click.UsageError(f"{option}: there is no folder {folder}; create it first")
    if not os.access(folder, os.W_OK):
        raise click.UsageError(f"{option}: the folder {folder} is not writable; choose another one")
    return kind


def check_table(out: str, as_json: bool = False, kinds: tuple[str, ...] = (".csv", ".parquet")) -> str:
    """The extension of a table, .csv for standard output. Raises UsageError."""
    if as_json and out == "-":
        raise click.UsageError("--json: standard output already has the table; name a file with --out")
    return ".csv" if out == "-" else check_out(out, kinds)


def check_page(page: str | None, out: str | None = None) -> None:
    """Raise UsageError if a report cannot be written, or would be written over the table."""
    if page is None:
        return
    if out not in (None, "-") and os.path.abspath(str(out)) == os.path.abspath(page):
        raise click.UsageError(f"--report: {page} is the file of --out too; name another one, which ends in .html")
    check_out(page, (".html",), "--report")


def is_vectors(images: Any) -> bool:
    """Whether the argument of a command is a file of vectors."""
    return isinstance(images, str) and Path(images).suffix.lower() in VECTORS


def read_vectors(client: Client, path: str, *, model: str | None, decode: Decode | None) -> Embeddings:
    """Read vectors: a .parquet or .npz of `daguerre embed`, or a .npy, which needs the name of its model."""
    kind = Path(path).suffix.lower()
    if kind == ".parquet":
        return Embeddings.read_parquet(path)
    if kind == ".npz":
        return read_npz(path)
    if model is None:
        raise click.UsageError(f"{path}: a .npy does not state which model made it; name the model with --model")
    card = client.run(client.asynchronous.card(model))
    return read_npy(path, card.receipt(decode), card.dimension)


def given_items(
    client: Client, images: Any, texts: Any, ids: Any, *, model: str | None, decode: Decode | None, vectors: bool = True
) -> dict[str, Any]:
    """Arguments for a method that takes items or their embeddings."""
    if vectors and is_vectors(images):
        return {"embeddings": {"image": read_vectors(client, images, model=model, decode=decode)}}
    return {"images": images, "texts": texts, "ids": ids, "decode": decode}


def write_embeddings(embeddings: Embeddings, out: str, kind: str) -> None:
    """Write vectors and ids as .parquet, .npz or .csv."""
    if kind == ".parquet":
        embeddings.to_parquet(out)
    elif kind == ".npz":
        write_npz(out, embeddings)
    else:
        write_csv(out, embeddings)


def write_scores(scores: ZeroShot, out: str, kind: str) -> None:
    """Write a row per item: id, label, a score for each label, remark, error."""
    rows = ([best or "", *numbers(row)] for best, row in zip(scores.best, scores.scores, strict=True))
    _write(scores, ["label", *label_columns(scores.labels, OWN_COLUMNS)], rows, out, kind)


def write_predictions(predictions: Predictions, out: str, kind: str) -> None:
    """Write a row per item: id, then label and probabilities, or value, low and high; remark, error."""
    if predictions.labels:
        paired = zip(predictions.predicted, predictions.probabilities, strict=True)
        rows: Iterable[Sequence[Any]] = ([label, *numbers(row)] for label, row in paired)
        _write(predictions, ["label", *label_columns(predictions.labels, OWN_COLUMNS)], rows, out, kind)
    else:
        values = zip(predictions.values, predictions.low, predictions.high, strict=True)
        _write(predictions, ["value", "low", "high"], (numbers(row) for row in values), out, kind)


def _write(
    results: ZeroShot | Predictions, names: list[str], rows: Iterable[Sequence[Any]], out: str, kind: str
) -> None:
    columns = ["id", *names, "remark", "error"]
    if kind == ".parquet":
        table = results.to_pandas().reset_index(names="id", allow_duplicates=True)
        table.columns = columns
        table.to_parquet(out)
        return
    items = zip(results.ids, rows, results.remarks, results.codes, strict=True)
    table_rows = (
        [id, *([""] * len(names) if code else row), remark or "", code or ""] for id, row, remark, code in items
    )
    write_table(columns, table_rows, out)


def finish(settings: Settings, errors: Errors, summary: Mapping[str, Any], as_json: bool) -> NoReturn:
    """End a command: list the items that could not be used, and print the summary if it is asked for."""
    if errors:
        settings.notify(failures(errors))
    if as_json:
        click.echo(json.dumps(summary))
    sys.exit(SOME_FAILED if errors else 0)


def finish_items(settings: Settings, results: Embeddings | ZeroShot, out: str, as_json: bool) -> NoReturn:
    """Print what was done with items, and end the command."""
    summary = {
        "out": out,
        "items": len(results),
        "failed": len(results.errors),
        **{name: len(getattr(results, name)) for name in MARKS},
        "errors": [asdict(item) for item in results.errors],
        "receipt": asdict(results.receipt),
    }
    settings.notify(f"{out}: {len(results):,} items, {results.model} {results.fingerprint}")
    if isinstance(results, ZeroShot) and not results.calibrated:
        settings.notify(UNCALIBRATED)
    finish(settings, results.errors, summary, as_json)


def failures(errors: Errors) -> str:
    """The number of items that failed, by error code, and the first of them."""
    lines = [f"{len(errors):,} could not be used:"]
    lines += [f"  {count:,} {code}" for code, count in errors.by_code().items()]
    lines += [f"  {item.id}: {item.message}" for item in errors[:SHOWN]]
    return "\n".join([*lines, *(["  …"] if len(errors) > SHOWN else [])])
