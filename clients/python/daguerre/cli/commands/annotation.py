"""`daguerre sample`, `daguerre pairs`, `daguerre agreement`, `daguerre compare`."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.chosen import chosen_items
from daguerre.cli.group import Settings
from daguerre.cli.output import check_out, check_table, is_vectors, read_vectors
from daguerre.cli.pages import PageOptions, takes_page
from daguerre.cli.sample_options import sample_precision
from daguerre.corpus.annotation import (
    Clusterings,
    aligned_rows,
    check_coders,
    read_clusterings,
    read_clusters,
    read_coded_pairs,
    read_places,
    read_scores,
)
from daguerre.corpus.coded import read_coders
from daguerre.inputs.votes import NONE
from daguerre.results.agreement import Agreement
from daguerre.results.annotation import PAIR_COLUMNS
from daguerre.storage.csv import write_table
from daguerre.types.common import listed

SHOWN = 20  # coders whose codes are printed
CLUSTER_TABLES = click.argument("tables", nargs=-1, required=True, metavar="[NAME=]CLUSTERS.csv…")


@options.command("sample")
@click.argument("table", type=options.FILE)
@options.input_option("--column", default="cluster", show_default=True, help="Column of the table with the strata.")
@options.ids
@options.option("--size", type=click.IntRange(1), help="Number of items to draw; or give --for-width.")
@sample_precision
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
@options.input_option(
    "--vectors", type=options.VECTOR_FILE, help="The .parquet or .npz of `daguerre embed`, for --diversity."
)
@options.seed
@options.output_option("--coder", "coders", multiple=True, metavar="NAME", help="Add an empty column; can be repeated.")
@options.csv_out
@takes_page
@click.pass_obj
def sample(
    settings: Settings,
    table: str,
    size: int | None,
    precision: dict[str, Any],
    column: str,
    simple: bool,
    allocation: Any,
    floor: int,
    scores: str | None,
    diversity: float | None,
    vectors: str | None,
    seed: int,
    coders: tuple[str, ...],
    out: str,
    report: PageOptions,
) -> None:
    """Draw a sample of items to code from TABLE (of `daguerre cluster`: id, cluster).

    The sample has the columns id, path (of images), stratum or score, inclusion_prob, group if the table has one, and
    an empty one for each --coder. The paths of images are below --root. `daguerre agreement` and `daguerre train` take
    the sample once it is filled in.

    With --scores, the table has a row per item and a column of scores (of `daguerre search`: id, cosine). Items with an
    error are not drawn.
    """
    report.check(out, root_elsewhere=True)
    check_table(out, kinds=(".csv",))
    if (diversity is None) != (vectors is None):
        raise click.UsageError("--diversity and --vectors need each other: items differ by their vectors")
    if vectors is not None and not (is_vectors(vectors) and not vectors.lower().endswith(".npy")):
        raise click.UsageError(f"--vectors: {vectors} has no ids; give the .parquet or .npz of `daguerre embed`")
    if simple and (scores is not None or diversity is not None):
        raise click.UsageError("--simple draws at random; leave it out, or --scores and --diversity")
    check_coders(coders)
    clusters = read_clusters(table, scores or column)
    if wanted := chosen_items():
        every = list(clusters)
        clusters = {every[i]: clusters[every[i]] for i in wanted.rows(every)}
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
        drawn = client.sample(size, ids=ids, seed=seed, **design, **precision)
        places = read_places(table, ids, report.root)
        drawn = replace(
            drawn,
            stratum=None if simple or scores is not None or diversity is not None else drawn.stratum,
            files=None if places.files is None else [places.files[id] for id in drawn.ids],
            group=None if places.groups is None else [places.groups[id] for id in drawn.ids],
        )
        drawn.save(out, coders, scores=None if scores is None else [clusters[id] for id in drawn.ids])
        report.write(settings, drawn)
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
@click.argument("files", nargs=-1, required=True, metavar="TABLE | [NAME=]CODES…")
@options.input_option("--coder", "coders", multiple=True, metavar="COLUMN", help="Column of a coder; can be repeated.")
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
@options.output_option(
    "--differ", type=options.NEW_FILE, help="Write the items on which coders differ to this .csv, to be adjudicated."
)
@options.as_json
@takes_page
@click.pass_obj
def agreement(
    settings: Settings,
    files: tuple[str, ...],
    coders: tuple[str, ...],
    level: Any,
    missing: tuple[str, ...],
    resamples: int | None,
    seed: int,
    differ: str | None,
    as_json: bool,
    report: PageOptions,
) -> None:
    """Measure the agreement of coders.

    A TABLE is long, with columns coder, item (or id) and code and a row for each code; or wide, with a column id and a
    column for each coder, as `daguerre sample --coder` makes it. Or give a table for each coder, with columns id and
    code, named by its file or as NAME=CODES.

    Empty codes are missing, and so are NA and the like. 1 and 1.0 are one code. With --level ordinal or interval,
    weighted kappa and Gwet's AC2 are given too, and with interval the ICC.
    """
    report.check(differ)
    if differ is not None:
        check_out(differ, (".csv",), "--differ")
    coded = read_coders(list(files), coders=coders)
    if level != "nominal":
        _check_numbers(level, [code for code in coded.code if code is not None and code not in missing])
    with settings.client() as client:
        result = client.agreement(coded, level=level, missing=missing or None, resamples=resamples, seed=seed)
        paths = None if coded.paths is None else dict(zip(coded.ids, coded.paths, strict=True))
        texts = {id: text for id, text in zip(coded.ids, coded.texts or (), strict=False) if text}
        report.write(settings, result, texts or None, paths)
    if differ is not None:
        result.save_differ(differ)
    if as_json:
        click.echo(json.dumps({**result.answer, "remarks": result.remarks}))
    else:
        _print_agreement(result, len(coded.code))
        for remark in result.remarks:
            settings.notify(f"  {remark}")
    if differ is not None:
        settings.notify(f"{differ}: {len(result.differ):,} items on which coders differ")


def _print_agreement(result: Agreement, rows: int) -> None:
    click.echo(f"{len(result.coders)} coders, {result.items:,} items with two codes or more, {result.level}")
    click.echo(f"coders: {listed(result.coders, 10)}")
    if result.missing:
        click.echo(f"{result.missing:,} of {rows:,} codes are missing")
    width = max(8, *map(len, result.coefficients))
    for name, figure in result.coefficients.items():
        undefined = f", undefined in {figure.undefined:,} resamples" if figure.undefined else ""
        click.echo(f"{name:{width}} {figure}{undefined}")
    click.echo(f"coders differ on {result.n_differ:,} items")
    shown = list(result.codes_by_coder.items())[:SHOWN]
    for coder, many in shown:
        counts = ", ".join(f"{category} {n:,}" for category, n in result.by_coder[coder].items())
        click.echo(f"  {coder}: {many:,} codes" + (f" ({counts})" if counts else ""))
    if left := len(result.codes_by_coder) - len(shown):
        click.echo(f"  and {left:,} more coders: see --json or --report")
    for each in result.categories:
        click.echo(f"  {each.category}: agreement {each.agreement}; {each.codes:,} codes")
    for pair in result.pairs if len(result.coders) > 2 else ():
        figures = ", ".join(
            f"{name.replace('_', ' ')} {value}"
            for name in ("percent", "kappa", "kappa_linear", "kappa_quadratic", "ac1")
            if (value := getattr(pair, name)) is not None
        )
        click.echo(f"  {pair.a} and {pair.b}: {pair.items:,} items, {figures}")


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
