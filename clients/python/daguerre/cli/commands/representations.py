"""`daguerre representations`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from daguerre import Client
from daguerre.cli import options
from daguerre.cli.grids import combination, grid_option
from daguerre.cli.group import Settings
from daguerre.cli.output import check_page, check_table, read_vectors, write_frame
from daguerre.corpus.annotation import read_coded_pairs
from daguerre.corpus.coded import named_files
from daguerre.results.annotation import FIGURES
from daguerre.results.embeddings import Embeddings
from daguerre.results.representations import Representations
from daguerre.storage.csv import write_table
from daguerre.storage.dataset import is_dataset
from daguerre.types.jobs import Job

TABLES = (".parquet", ".npz")


@options.command("representations")
@click.argument("coded", type=options.FILE)
@click.argument("vectors", nargs=-1, required=True, metavar="[NAME=]VECTORS.parquet…")
@grid_option(
    'Clustering parameters and their values, of which all combinations are tried: "method=kmeans k=10,20,40"; can be '
    "repeated.",
    show_default="iterative-kmeans, kmeans, hdbscan",
)
@options.option("--cosines-only", is_flag=True, help="Compare the cosines of pairs alone, without a clustering.")
@options.unclustered
@options.held_out
@options.confidence
@options.resamples("pairs")
@options.seed
@options.table_out
@options.report
@options.tables
@options.json_summary
@click.pass_obj
def representations(
    settings: Settings,
    /,
    coded: str,
    vectors: tuple[str, ...],
    grid: tuple[str, ...],
    unclustered: Any,
    out: str,
    page: str | None,
    tables: str | None,
    as_json: bool,
    **parameters: Any,
) -> None:
    """Compare encoders, and clusterings of their VECTORS, by CODED pairs: the table of `daguerre pairs`, filled in.

    VECTORS are files of `daguerre embed`, .parquet or .npz, of the same items by several models. The table has a row
    per representation and combination of parameters, the best first.
    """
    check_page(page, out, tables)
    kind = check_table(out, as_json)
    tried = [combination(text) for text in grid] or None
    with settings.client() as client:
        made = _read(client, vectors)
        first = next(iter(made.values()))
        judged = read_coded_pairs(coded, first.ids, unclustered)
        if judged.coders:
            settings.notify(f"coders: {', '.join(judged.coders)}")
        if judged.ties:
            settings.notify(f"{judged.ties:,} pairs are left out: as many coders say yes as no")
        result = client.compare_representations(judged.pairs, judged.same, made, grid=tried, **parameters)
        assert not isinstance(result, Job)
    if uncoded := result.left_out - judged.ties:
        settings.notify(f"{uncoded:,} pairs are left out: nobody has coded them")
    _write(result, out, kind)
    if page is not None:
        result.report(page, tables=tables)
    for line in repr(result)[1:-1].splitlines():
        settings.notify(line)
    for remark in result.remarks:
        settings.notify(f"  {remark}")
    if page is not None:
        settings.notify(options.report_line(page, tables))
    if as_json:
        click.echo(json.dumps({**result.answer, "left_out": result.left_out, "out": out}))


def _read(client: Client, given: Sequence[str]) -> dict[str, Embeddings]:
    files = named_files(given, "representation")
    for path in files.values():
        if Path(path).suffix.lower() not in TABLES and not is_dataset(path):
            raise click.UsageError(
                f"{path}: vectors are a {' or '.join(TABLES)} of `daguerre embed`, which states their items and model"
            )
    return {name: read_vectors(client, path, model=None, decode=None) for name, path in files.items()}


def _write(result: Representations, out: str, kind: str) -> None:
    of = "configurations" if result.configurations else "representations"
    if kind == ".parquet":
        write_frame(result.to_pandas(of).reset_index(), out)  # type: ignore[arg-type]
        return
    ends = ("value", "low", "high")
    names: tuple[str, ...] = FIGURES
    if of == "representations":
        names = ("auc", "difference")
        head = ["name", "model", "dimension", "baseline"]
        rows: list[list[Any]] = [[r.name, r.model, r.dimension, int(r.baseline)] for r in result.representations]
    else:
        head = ["name", "representation", "clusters", "unclustered", "parameters"]
        rows = [
            [c.name, c.representation, c.clusters, c.unclustered, json.dumps(dict(c.parameters))]
            for c in result.configurations
        ]
    ranked: Sequence[Any] = result.configurations or result.representations
    for row, each in zip(rows, ranked, strict=True):
        for name in names:
            figure = getattr(each, name)
            row += ["" if (value := getattr(figure, end, None)) is None else f"{value:.6g}" for end in ends]
    head += [name if end == "value" else f"{name}_{end}" for name in names for end in ends]
    write_table(head, rows, out)
