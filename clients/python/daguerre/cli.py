"""The command line `daguerre`. Results go to files or stdout, everything for people to stderr."""

import csv
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Any, TextIO

import click

from daguerre import Client, __version__
from daguerre.errors import (
    APIError,
    ConnectError,
    DaguerreError,
    DaguerreWarning,
    FingerprintMismatchError,
    UnavailableError,
)
from daguerre.results import Embeddings, Errors, ZeroShot

SOME_FAILED, UNREACHABLE, REFUSED, MISMATCH, INTERRUPTED = 3, 4, 5, 6, 130
SHOWN = 5  # failures on stderr
EXIT = """\b
Exit codes:
  0    all is well
  1    a defect of this program
  2    wrong usage, or a file that is not there
  3    done, but some items could not be used
  4    the server cannot be reached, or is not ready
  5    the server refused
  6    vectors of two fingerprints would be mixed
  130  interrupted
"""


class _Group(click.Group):
    """Commands whose foreseeable failures are a line on stderr and an exit code."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except FingerprintMismatchError as exc:
            _stop(exc, MISMATCH)
        except (ConnectError, UnavailableError) as exc:
            _stop(exc, UNREACHABLE)
        except APIError as exc:
            _stop(exc, REFUSED)
        except (DaguerreError, OSError, ValueError, ModuleNotFoundError) as exc:
            _stop(exc, 2)
        except KeyboardInterrupt:
            click.echo("interrupted; what embed has written to a .parquet is kept, run it again to go on", err=True)
            sys.exit(INTERRUPTED)


def _stop(exc: Exception, code: int) -> None:
    click.echo(f"daguerre: {exc}", err=True)
    sys.exit(code)


@click.group(cls=_Group, epilog=EXIT, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--url", envvar="DAGUERRE_URL", help="http://, https://, grpc:// or grpcs://; this machine's by default.")
@click.option(
    "--api-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the API key; or set DAGUERRE_API_KEY.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress bar, and no summary.")
@click.pass_context
def main(context: click.Context, url: str | None, api_key_file: Path | None, quiet: bool) -> None:
    """Images as data: embeddings and labels from a Daguerre service."""
    warnings.simplefilter("ignore", DaguerreWarning)  # the summary says it
    context.obj = _Settings(url, api_key_file, quiet)


class _Settings:
    def __init__(self, url: str | None, api_key_file: Path | None, quiet: bool) -> None:
        self._url = url
        self._key_file = api_key_file
        self.quiet = quiet

    @contextmanager
    def client(self, **options: Any) -> Iterator[Client]:
        key = None
        if self._key_file is not None:
            lines = [line.partition("#")[0].strip() for line in self._key_file.read_text().splitlines()]
            key = next((line for line in lines if line), None)
            if key is None:
                raise ValueError(f"--api-key-file: {self._key_file} holds no key")
        with Client(self._url, api_key=key, progress=False if self.quiet else None, **options) as client:
            yield client

    def say(self, text: str) -> None:
        if not self.quiet:
            click.echo(text, err=True)


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that sends items."""
    for option in reversed(
        (
            click.argument("source", nargs=-1),
            click.option(
                "--texts", type=click.Path(exists=True, dir_okay=False), help="A file of texts, one a line, or .csv."
            ),
            click.option("--column", help="The column of --texts FILE.csv that has the texts."),
            click.option("--model", help="A name that `daguerre models` shows; the server's default otherwise."),
            click.option("--decode", type=click.Choice(["exact", "scaled"]), help="The server's setting otherwise."),
            click.option("--json", "as_json", is_flag=True, help="A summary on stdout, as JSON."),
        )
    ):
        command = option(command)

    @wraps(command)
    def checked(*args: Any, source: tuple[str, ...], texts: str | None, column: str | None, **options: Any) -> Any:
        if bool(source) == bool(texts):
            raise click.UsageError("give images (folders, files, globs), or --texts FILE")
        ids, given = _texts(texts, column) if texts else (None, None)
        return command(*args, images=_images(source) if source else None, texts=given, ids=ids, **options)

    return checked


def _images(source: Sequence[str]) -> Any:
    return source[0] if len(source) == 1 else list(source)


def _texts(path: str, column: str | None) -> tuple[list[str] | None, list[str]]:
    """Texts of a file, and their ids where it is a table with a column "id"."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        if not path.lower().endswith((".csv", ".tsv")):
            if column:
                raise click.UsageError("--column: only a .csv or .tsv has columns")
            return None, [line for line in file.read().split("\n") if line.strip()]
        rows = csv.DictReader(file, delimiter="\t" if path.lower().endswith(".tsv") else ",")
        names = list(rows.fieldnames or ())
        wanted = column or ("text" if "text" in names else None)
        if wanted is None or wanted not in names:
            raise click.UsageError(f"--column: {wanted or 'none given'}; {path} has {', '.join(names)}")
        found = list(rows)
    return [row["id"] for row in found] if "id" in names and wanted != "id" else None, [row[wanted] for row in found]


@main.command()
@_shared
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(dir_okay=False),
    help="A .parquet (goes on where it was), .npz or .csv.",
)
@click.option("--retry-errors", is_flag=True, help="Try items again that failed in an earlier run (.parquet).")
@click.pass_obj
def embed(
    settings: _Settings,
    images: Any,
    texts: list[str] | None,
    ids: list[str] | None,
    model: str | None,
    decode: Any,
    as_json: bool,
    out: str,
    retry_errors: bool,
) -> None:
    """Embed images (folders, files, globs) or texts.

    Images into a .parquet are a corpus: stopped at any moment and started again, it goes on where it was.
    """
    kind = Path(out).suffix.lower()
    if kind not in (".parquet", ".npz", ".csv"):
        raise click.UsageError(f"--out: {out} ends in {kind or 'nothing'}; there are .parquet, .npz and .csv")
    if retry_errors and (kind != ".parquet" or images is None):
        raise click.UsageError("--retry-errors: only images in a .parquet are tried again")
    with settings.client(model=model) as client:
        if kind == ".parquet" and images is not None:
            done = client.embed_corpus(images, out, decode=decode, retry_errors=retry_errors)
            settings.say(str(done))
            if as_json:
                click.echo(json.dumps(asdict(done)))
            if done.failed:
                settings.say(f"what failed, and why, is in {out}, columns error_code and error_message")
            sys.exit(SOME_FAILED if done.failed else 0)
        made = client.embed(images=images, texts=texts, ids=ids, decode=decode)
    _write_embeddings(made, out, kind)
    _finish(settings, made, out, as_json)


def _write_embeddings(made: Embeddings, out: str, kind: str) -> None:
    if kind == ".parquet":
        made.to_parquet(out)
    elif kind == ".npz":
        import numpy as np

        np.savez(out, ids=np.array(made.ids), vectors=made.vectors, receipt=json.dumps(asdict(made.receipt)))
    else:
        with open(out, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", *range(made.vectors.shape[1])])
            writer.writerows([id, *(f"{x:.9g}" for x in row)] for id, row in zip(made.ids, made.vectors, strict=True))


@main.command("zero-shot")
@_shared
@click.option("--label", "labels", multiple=True, help="A label of yours; several times.")
@click.option("--labels-file", type=click.Path(exists=True, dir_okay=False), help="A label a line.")
@click.option("--template", "templates", multiple=True, help="A prompt template with one {}; several times.")
@click.option("--multi-label", is_flag=True, help="Score each label by itself.")
@click.option("--negative", "negatives", multiple=True, help="What labels are contrasted with under --multi-label.")
@click.option("--none-of-these", help="A text that competes with the labels; where it wins, there is no label.")
@click.option("--min-cosine", type=float, help="Below it, there is no label.")
@click.option("-o", "--out", default="-", help="A .csv or .parquet; - is stdout, as CSV.", show_default=True)
@click.pass_obj
def zero_shot(
    settings: _Settings,
    images: Any,
    texts: list[str] | None,
    ids: list[str] | None,
    model: str | None,
    decode: Any,
    as_json: bool,
    labels: tuple[str, ...],
    labels_file: str | None,
    templates: tuple[str, ...],
    multi_label: bool,
    negatives: tuple[str, ...],
    none_of_these: str | None,
    min_cosine: float | None,
    out: str,
) -> None:
    """Score images or texts for labels that you make up."""
    kind = Path(out).suffix.lower()
    if out != "-" and kind not in (".csv", ".parquet"):
        raise click.UsageError(f"--out: {out} ends in {kind or 'nothing'}; there are .csv, .parquet, and - for stdout")
    if as_json and out == "-":
        raise click.UsageError("--json: stdout has the table already; name a file with --out")
    every = list(labels)
    if labels_file:
        every += [line.strip() for line in Path(labels_file).read_text("utf-8").splitlines() if line.strip()]
    if not every:
        raise click.UsageError("give labels: --label, or --labels-file")
    with settings.client(model=model) as client:
        made = client.zero_shot(
            images=images,
            texts=texts,
            ids=ids,
            decode=decode,
            labels=every,
            templates=list(templates) or None,
            multi_label=multi_label,
            negatives=list(negatives) or None,
            none_of_these=none_of_these,
            none_min_cosine=min_cosine,
        )
    if out == "-":
        _write_scores(made, sys.stdout)
    elif kind == ".csv":
        with open(out, "w", encoding="utf-8", newline="") as file:
            _write_scores(made, file)
    else:
        made.to_pandas().reset_index().to_parquet(out)
    _finish(settings, made, out, as_json)


def _write_scores(made: ZeroShot, file: TextIO) -> None:
    failed = {item.index: item for item in made.errors}
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["id", "label", *made.labels, "error"])
    for i, id in enumerate(made.ids):
        scores = [""] * len(made.labels) if i in failed else [f"{x:.6g}" for x in made.scores[i]]
        writer.writerow([id, made.best[i] or "", *scores, failed[i].code if i in failed else ""])


@main.command()
@click.option("--json", "as_json", is_flag=True, help="The whole cards, as JSON.")
@click.pass_obj
def models(settings: _Settings, as_json: bool) -> None:
    """The models that the server has."""
    with settings.client(retry_for=0) as client:
        cards = client.models()
    if as_json:
        click.echo(json.dumps([asdict(card) for card in cards]))
        return
    for card in cards:
        takes = "+".join(card.modalities) + (", zero-shot" if card.zero_shot else "")
        first = " (default)" if card.default else ""
        click.echo(f"{card.id}{first}: {takes}; {card.dimension} numbers; {card.licence}; {card.fingerprint}")
        if card.notice:
            click.echo(f"    {card.notice}")


@main.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def ping(settings: _Settings, as_json: bool) -> None:
    """Whether the server is there and ready."""
    with settings.client(retry_for=0, timeout=10) as client:
        found = client.ping()
    if as_json:
        click.echo(json.dumps(asdict(found)))
    else:
        state = "ready" if found.ready else "loading its models"
        click.echo(f"daguerre {found.version}, {state}, {1000 * found.seconds:.0f} ms")
    sys.exit(0 if found.ready else UNREACHABLE)


def _finish(settings: _Settings, made: Embeddings | ZeroShot, out: str, as_json: bool) -> None:
    """Say what was done, and end."""
    settings.say(f"{out}: {len(made):,} items, {made.model} {made.fingerprint}")
    if made.errors:
        settings.say(_summary(made.errors))
    if as_json:
        summary = {
            "out": out,
            "items": len(made),
            "failed": len(made.errors),
            "errors": [asdict(item) for item in made.errors],
            "receipt": asdict(made.receipt),
        }
        click.echo(json.dumps(summary))
    sys.exit(SOME_FAILED if made.errors else 0)


def _summary(errors: Errors) -> str:
    lines = [f"{len(errors):,} could not be used:"]
    lines += [f"  {count:,} {code}" for code, count in errors.by_code().items()]
    lines += [f"  {item.id}: {item.message}" for item in errors[:SHOWN]]
    return "\n".join([*lines, *(["  …"] if len(errors) > SHOWN else [])])
