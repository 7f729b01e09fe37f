"""Output of commands: tables in files or on standard output, and summaries."""

import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import repeat
from pathlib import Path
from typing import Any, NoReturn

import click

from daguerre import Client
from daguerre.cli.chosen import chosen_items, only_chosen
from daguerre.cli.collection_items import StoredChoice
from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.cli.options import is_vector_file
from daguerre.corpus.video_tables import label_columns
from daguerre.errors import ItemError
from daguerre.inputs.crops import CroppedImages
from daguerre.results.base import Errors
from daguerre.results.embeddings import Embeddings, read_embeddings, read_npy, write_csv, write_npz
from daguerre.results.predictions import Predictions
from daguerre.results.zero_shot import ZeroShot
from daguerre.storage.csv import numbers, unformulated, write_table
from daguerre.storage.parquet import arrow
from daguerre.storage.whole import whole_file
from daguerre.types.common import MARKS, Decode

SHOWN = 5  # failures on stderr
OWN_COLUMNS = (
    "id",
    "label",
    "classifier",
    "fingerprint",
    "remark",
    "error",
)  # beside those of the labels
is_vectors = is_vector_file
TABLES = (".csv", ".tsv", ".xlsx")
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
    if os.path.isfile(out) and (read := _input_that_is(out)):
        raise click.UsageError(f"{option}: {out} is the file of {read}, which would be overwritten; name another file")
    return kind


def _input_that_is(out: str) -> str | None:
    """The argument or option of the running command that reads the file `out`; None where there is none."""
    context, items = click.get_current_context(silent=True), chosen_items()
    if items is not None and os.path.samefile(items.file, out):
        return "--ids"
    for parameter in context.command.params if context else ():
        if getattr(parameter, "section", None) != "Output":
            for value in _texts_in(context.params.get(parameter.name or "")):  # type: ignore[union-attr]
                if os.path.isfile(value) and os.path.samefile(value, out):
                    return max(parameter.opts, key=len) if isinstance(parameter, click.Option) else "the input"
    return None


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str | os.PathLike):
        yield os.fspath(value)
        if isinstance(value, str) and "=" in value:
            yield value.partition("=")[2]  # of NAME=FILE
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts_in(each)


def keep_earlier(out: str, n: int, errors: Sequence[ItemError]) -> None:
    """Raise ValueError where none of n items could be used and `out` exists, so that it is not overwritten."""
    if n and len(errors) == n and os.path.isfile(out):
        first = errors[0]
        raise ValueError(
            f"none of {n:,} items could be used; the first, {first.id}: {first.message}; {out} is kept as it was: give "
            "other items, or delete it"
        )


def check_table(out: str, as_json: bool = False, kinds: tuple[str, ...] = (".csv", ".parquet")) -> str:
    """The extension of a table, .csv for standard output. Raises UsageError."""
    if as_json and out == "-":
        raise click.UsageError("--json: standard output already has the table; name a file with --out")
    return ".csv" if out == "-" else check_out(out, kinds)


def check_page(page: str | None, out: str | None = None, tables: str | None = None) -> None:
    """Raise UsageError if a report cannot be written, or would be written over the table."""
    if page is None:
        if tables is not None:
            raise click.UsageError(f"--tables: got {tables}, the folder for the tables of a report; add --report FILE")
        return
    if out not in (None, "-") and os.path.abspath(str(out)) == os.path.abspath(page):
        raise click.UsageError(f"--report: {page} is the file of --out too; name another one, which ends in .html")
    check_out(page, (".html",), "--report")


def refuse_vectors(images: Any) -> None:
    """Raise UsageError for a file of vectors, or another table, among images."""
    images = images.images if isinstance(images, CroppedImages) else images
    for path in [images] if isinstance(images, str) else images or ():
        if is_vectors(path):
            raise click.UsageError(
                f"{path} is a file of vectors; give images here, or, where vectors are taken, it alone"
            )
        if isinstance(path, str) and Path(path).suffix.lower() in TABLES and not os.path.isdir(path):
            raise click.UsageError(f"{path} is a table; give images, or --texts {path} for the texts in it")


@only_chosen
def read_vectors(client: Client, path: str, *, model: str | None, decode: Decode | None) -> Embeddings:
    """Read vectors: a .parquet or .npz of `daguerre embed`, or a .npy, which needs the name of its model."""
    if Path(path).suffix.lower() == ".npy":
        if model is None:
            raise click.UsageError(f"{path}: a .npy does not state which model made it; name the model with --model")
        card = client.run(client.asynchronous.card(model))
        return read_npy(path, card.receipt(decode), card.dimension)
    made = read_embeddings(path)
    for option, value, known in (("--model", model, made.model), ("--decode", decode, made.receipt.decode)):
        if value is not None and known and value != known:
            raise click.UsageError(f"{option}: {value} is not that of the vectors, which is {known}; leave it out")
    return made


def given_items(
    client: Client, images: Any, texts: Any, ids: Any, *, model: str | None, decode: Decode | None
) -> dict[str, Any]:
    """Arguments for a method that takes items or their embeddings: the images, texts or vectors of a command."""
    if isinstance(images, StoredChoice):
        for option, value in (("--model", model), ("--decode", decode)):
            if value is not None:
                raise click.UsageError(f"{option}: the collection has its own; leave it out")
        return {"embeddings": images.open(client)}
    if is_vectors(images):
        made = read_vectors(client, images, model=model, decode=decode)
        return {"embeddings": {made.modality or "image": made}}
    refuse_vectors(images)
    return {"images": images, "texts": texts, "ids": ids, "decode": decode}


def write_rows(rows: Sequence[Mapping[str, Any]], out: str, *, written: Sequence[str] = ()) -> None:
    """Write rows, which all have the same columns, as .csv or .parquet; "-" is standard output, as CSV.

    In CSV an apostrophe precedes a text of the columns `written`, which a model wrote, if it is a formula.
    """
    names = list(rows[0]) if rows else []
    if out != "-" and Path(out).suffix.lower() == ".parquet":
        pa = arrow()
        with whole_file(out) as path:
            pa.parquet.write_table(pa.table({name: [row[name] for row in rows] for name in names}), path)
        return
    cells = {name: unformulated if name in written else _as_is for name in names}
    write_table(names, ([_cell(cells[name](row[name])) for name in names] for row in rows), out)


def _as_is(value: Any) -> Any:
    return value


def _cell(value: Any) -> Any:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else value


def write_embeddings(embeddings: Embeddings, out: str, kind: str) -> None:
    """Write vectors and ids as .parquet, .npz or .csv."""
    keep_earlier(out, len(embeddings), embeddings.errors)
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
    """Write a row per item: id; label and probabilities, or value, low, high; origin, remark, error."""
    if predictions.labels:
        sets = predictions.set_columns
        more = zip(*sets.values(), strict=True) if sets else repeat(())
        paired = zip(predictions.predicted, predictions.probabilities, more, strict=False)  # `more` may have no end
        rows: Iterable[Sequence[Any]] = ([label, *numbers(row), *last] for label, row, last in paired)
        _write(
            predictions, ["label", *label_columns(predictions.labels, (*OWN_COLUMNS, *sets)), *sets], rows, out, kind
        )
    else:
        values = zip(predictions.values, predictions.low, predictions.high, strict=True)
        _write(predictions, ["value", "low", "high"], (numbers(row) for row in values), out, kind)


def _write(
    results: ZeroShot | Predictions, names: list[str], rows: Iterable[Sequence[Any]], out: str, kind: str
) -> None:
    origin = results.origin if isinstance(results, Predictions) else {}
    columns = ["id", *names, *origin, "remark", "error"]
    constant = [value or "" for value in origin.values()]
    keep_earlier(out, len(results), results.errors)
    if kind == ".parquet":
        table = results.to_pandas().reset_index(names="id", allow_duplicates=True)
        table.columns = columns
        write_frame(table, out)
        return
    items = zip(results.ids, rows, results.remarks, results.codes, strict=True)
    table_rows = (
        [id, *([""] * len(names) if code else row), *constant, remark or "", code or ""]
        for id, row, remark, code in items
    )
    write_table(columns, table_rows, out)


def write_frame(table: Any, out: str) -> None:
    """Write a table of pandas as .parquet, which appears whole."""
    with whole_file(out) as path:
        table.to_parquet(path)


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
        "servers": dict(results.servers),
        "cached": results.cached,
    }
    cached = f", {results.cached:,} from the server's cache" if results.cached else ""
    settings.notify(f"{out}: {len(results):,} items{cached}, {results.model} {results.fingerprint}")
    if isinstance(results, ZeroShot) and not results.calibrated:
        settings.notify(UNCALIBRATED)
    finish(settings, results.errors, summary, as_json)


def failures(errors: Errors) -> str:
    """The number of items that failed, by error code, and the first of them."""
    lines = [f"{len(errors):,} could not be used:"]
    lines += [f"  {count:,} {code}" for code, count in errors.by_code().items()]
    lines += [f"  {item.id}: {item.message}" for item in errors[:SHOWN]]
    return "\n".join([*lines, *(["  …"] if len(errors) > SHOWN else [])])


def columns_of(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Lines of a table whose columns are aligned, those of `right` at their ends; the last one is not padded."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    return [
        "  ".join(
            [
                *(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=False))),
                row[-1],
            ]
        ).rstrip()
        for row in rows
    ]


def local_time(time: str) -> str:
    """A time of ISO 8601 as the time of this machine, to the minute."""
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M") if time else "-"
