"""`daguerre sample`, `daguerre pairs`, `daguerre agreement`, `daguerre compare`."""

import json
from collections.abc import Sequence
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_table, is_vectors, read_vectors
from daguerre.corpus.annotation import (
    Clusterings,
    aligned_rows,
    read_clusterings,
    read_clusters,
    read_coded_pairs,
    read_scores,
)
from daguerre.inputs.votes import NONE
from daguerre.results.annotation import PAIR_COLUMNS
from daguerre.storage.csv import write_table
from daguerre.storage.tables import read_table

CLUSTER_TABLES = click.argument("tables", nargs=-1, required=True, metavar="[NAME=]CLUSTERS.csv…")


@options.command("sample")
@click.argument("table", type=options.FILE)
@options.input_option("--column", default="cluster", show_default=True, help="Column of the table with the strata.")
@options.option("--size", type=click.IntRange(1), required=True, help="Number of items to draw.")
@options.option("--simple", is_flag=True, help="Draw every item with the same probability, whatever its stratum.")
@options.option(
    "--allocation",
    type=click.Choice(["proportional", "equal", "floor"]),
    default="proportional",
    show_default=True,
    help="Items per stratum: proportional to its size, equally many, or proportional with at least --floor.",
)
@options.option(
    "--floor",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Smallest number of items per stratum under --allocation floor.",
)
@options.input_option("--scores", metavar="COLUMN", help="Draw the highest scores in this column, not strata.")
@options.option(
    "--diversity",
    type=click.FloatRange(0, 1),
    help="With --vectors, draw items that differ: from the highest --scores without copies (0) to all items (1).",
)
@options.input_option("--vectors", type=options.FILE, help="The .parquet or .npz of `daguerre embed`, for --diversity.")
@options.seed
@options.csv_out
@click.pass_obj
def sample(
    settings: Settings,
    table: str,
    size: int,
    column: str,
    simple: bool,
    allocation: Any,
    floor: int,
    scores: str | None,
    diversity: float | None,
    vectors: str | None,
    seed: int,
    out: str,
) -> None:
    """Draw a sample of items to code from TABLE (of `daguerre cluster`: id, cluster): id, stratum, inclusion_prob.

    With --scores, the table has a row per item and a column of scores (of `daguerre search`: id, cosine). Items with an
    error are not drawn.
    """
    check_table(out, kinds=(".csv",))
    if (diversity is None) != (vectors is None):
        raise click.UsageError("--diversity and --vectors need each other: items differ by their vectors")
    if vectors is not None and not (is_vectors(vectors) and not vectors.lower().endswith(".npy")):
        raise click.UsageError(f"--vectors: {vectors} has no ids; give the .parquet or .npz of `daguerre embed`")
    if simple and (scores is not None or diversity is not None):
        raise click.UsageError("--simple draws at random; leave it out, or --scores and --diversity")
    clusters = read_clusters(table, scores or column)
    ids, strata = list(clusters), list(clusters.values())
    design: dict[str, Any] = {"strata": strata, "allocation": allocation, "floor": floor}
    if simple:
        design = {"n": len(ids)}
    elif scores is not None or diversity is not None:
        design = {"scores": None if scores is None else read_scores(strata, scores)}
    with settings.client() as client:
        if vectors is not None:
            known = read_vectors(client, vectors, model=None, decode=None)
            design |= {"vectors": aligned_rows(known, ids, vectors), "diversity": diversity}
        drawn = client.sample(size, ids=ids, seed=seed, **design)
    probability = [""] * len(drawn) if drawn.inclusion_prob is None else drawn.inclusion_prob.tolist()
    rows = ([id, clusters[id], number] for id, number in zip(drawn.ids, probability, strict=True))
    write_table(["id", "score" if scores else "stratum", "inclusion_prob"], rows, out)
    _notify(settings, f"{out}: {len(drawn):,} of {drawn.n:,} items, seed {drawn.seed}", drawn.remarks)


@options.command("pairs")
@CLUSTER_TABLES
@options.option("--within", type=click.IntRange(0), required=True, help="Number of pairs that share a cluster.")
@options.option("--between", type=click.IntRange(0), required=True, help="Number of pairs that share no cluster.")
@options.option(
    "--disputed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Number of pairs on which the clusterings disagree.",
)
@options.unclustered
@options.option(
    "--allocation",
    type=click.Choice(["proportional", "equal"]),
    default="proportional",
    show_default=True,
    help="Pairs per cluster: proportional to its number of pairs, or equally many.",
)
@options.seed
@options.csv_out
@click.pass_obj
def pairs(
    settings: Settings, /, tables: tuple[str, ...], within: int, between: int, seed: int, out: str, **design: Any
) -> None:
    """Draw pairs of items to code: do the two belong together? Coders fill in the column `same` with 1 or 0."""
    check_table(out, kinds=(".csv",))
    clusterings = _read_clusterings(settings, tables)
    with settings.client() as client:
        drawn = client.draw_pairs(clusterings.labels, within, between, **design, seed=seed, ids=clusterings.ids)
    rows = (["" if cell is None else cell for cell in row] for row in drawn.rows())
    write_table(list(PAIR_COLUMNS), rows, out)
    counts = ", ".join(f"{stratum.drawn:,} {stratum.stratum}" for stratum in drawn.strata)
    _notify(settings, f"{out}: {len(drawn):,} pairs ({counts}), seed {drawn.seed}", drawn.remarks)


@options.command("agreement")
@click.argument("table", type=options.FILE)
@options.option(
    "--level",
    type=click.Choice(["nominal", "ordinal", "interval"]),
    default="nominal",
    show_default=True,
    help="Level of measurement of the codes.",
)
@options.missing
@options.resamples("items")
@options.seed
@options.as_json
@click.pass_obj
def agreement(
    settings: Settings,
    table: str,
    level: Any,
    missing: tuple[str, ...],
    resamples: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Measure the agreement of coders: a TABLE with columns coder, item and code, with a row for each code.

    Empty codes are missing, and so are NA and the like. 1 and 1.0 are one code.
    """
    codes_table = read_table(table)
    coders, items, codes = codes_table.column("coder"), codes_table.ids("item"), codes_table.codes("code")
    if level != "nominal":
        _check_numbers(level, [code for code in codes if code is not None and code not in missing])
    with settings.client() as client:
        result = client.agreement(
            coders, items, codes, level=level, missing=missing or None, resamples=resamples, seed=seed
        )
    figures = {"percent": result.percent, "kappa": result.kappa, "alpha": result.alpha}
    if as_json:
        values = {name: None if figure is None else vars(figure) for name, figure in figures.items()}
        click.echo(
            json.dumps(
                {
                    "coders": result.coders,
                    "items": result.items,
                    "level": result.level,
                    "missing": result.missing,
                    **values,
                }
            )
        )
        return
    click.echo(f"{len(result.coders)} coders, {result.items:,} items with two codes or more, {result.level}")
    if result.missing:
        click.echo(f"{result.missing:,} of {len(codes_table.rows):,} codes are missing")
    for name, figure in figures.items():
        if figure is not None:
            click.echo(f"{name:8} {figure}")
    for remark in result.remarks:
        settings.notify(f"  {remark}")


def _check_numbers(level: str, codes: Sequence[str]) -> None:
    """Raise UsageError for codes that are no numbers, nor words that the server may read as missing or as 0 and 1."""
    for code in codes:
        try:
            float(code)
        except ValueError as exc:
            if code.lower() not in NONE | {"true", "false"}:
                raise click.UsageError(f"--level {level}: {exc}; codes have to be numbers") from exc


@options.command("compare")
@click.argument("coded", type=options.FILE)
@CLUSTER_TABLES
@options.unclustered
@options.held_out
@options.confidence
@options.resamples("pairs")
@options.seed
@options.as_json
@click.pass_obj
def compare(
    settings: Settings, /, coded: str, tables: tuple[str, ...], unclustered: Any, as_json: bool, **parameters: Any
) -> None:
    """Compare clusterings by CODED pairs: the table of `daguerre pairs` with `same` filled in, 1 or 0.

    Several coders have a column each, or a row each with a column `coder`: the majority counts, ties are left out.
    """
    clusterings = _read_clusterings(settings, tables)
    judged = read_coded_pairs(coded, clusterings.ids, unclustered)
    if judged.coders:
        settings.notify(f"coders: {', '.join(judged.coders)}")
    if judged.ties:
        settings.notify(f"{judged.ties:,} pairs are left out: as many coders say yes as no")
    with settings.client() as client:
        result = client.compare(judged.pairs, judged.same, clusterings.labels, **parameters)
    if uncoded := result.left_out - judged.ties:
        settings.notify(f"{uncoded:,} pairs are left out: nobody has coded them")
    if as_json:
        click.echo(json.dumps({**result.answer, "left_out": result.left_out}))
        return
    for line in repr(result)[1:-1].splitlines():
        click.echo(line)
    for remark in result.remarks:
        settings.notify(f"  {remark}")


def _read_clusterings(settings: Settings, tables: Sequence[str]) -> Clusterings:
    clusterings = read_clusterings(tables)
    if clusterings.left_out:
        settings.notify(f"{clusterings.left_out:,} items are left out: they are not in all tables")
    return clusterings


def _notify(settings: Settings, text: str, remarks: Sequence[str]) -> None:
    settings.notify(text)
    for remark in remarks:
        settings.notify(f"  {remark}")
