"""`daguerre sample`, `daguerre pairs`, `daguerre agreement`, `daguerre compare`."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import click
import numpy as np

from daguerre.cli.group import Settings
from daguerre.cli.output import check_csv, write_table
from daguerre.cli.tables import Table, read_clusterings, read_clusters, read_table
from daguerre.results.annotation import PAIR_COLUMNS, Pairs

SEED = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same result.")
UNCLUSTERED = click.Choice(["singletons", "exclude"])
YES, NO = {"1", "yes", "y", "true", "same"}, {"0", "no", "n", "false", "different"}


@click.command("sample")
@click.argument("table", type=click.Path(exists=True, dir_okay=False))
@click.option("--size", type=click.IntRange(1), required=True, help="Items to draw.")
@click.option("--column", default="cluster", show_default=True, help="The column of the strata.")
@click.option("--simple", is_flag=True, help="Each item alike, whatever its stratum.")
@click.option(
    "--allocation",
    type=click.Choice(["proportional", "equal", "floor"]),
    default="proportional",
    show_default=True,
    help="As big strata are; as many of each; or proportional with at least --floor of each.",
)
@click.option("--floor", type=click.IntRange(0), default=0)
@SEED
@click.option("-o", "--out", default="-", help="A .csv; - is stdout.", show_default=True)
@click.pass_obj
def sample(
    settings: Settings,
    table: str,
    size: int,
    column: str,
    simple: bool,
    allocation: Any,
    floor: int,
    seed: int,
    out: str,
) -> None:
    """Draw items of TABLE (of `daguerre cluster`: id, cluster) to be coded: id, stratum, inclusion_prob.

    Items with an error are not drawn.
    """
    check_csv(out)
    found = read_clusters(table, column)
    ids, strata = list(found), list(found.values())
    given: dict[str, Any] = {"n": len(ids)} if simple else {"strata": strata, "allocation": allocation, "floor": floor}
    with settings.client() as client:
        drawn = client.sample(size, ids=ids, seed=seed, **given)
    probability = [""] * len(drawn) if drawn.inclusion_prob is None else drawn.inclusion_prob.tolist()
    rows = ([id, found[id], each] for id, each in zip(drawn.ids, probability, strict=True))
    write_table(["id", "stratum", "inclusion_prob"], rows, out)
    _say(settings, f"{out}: {len(drawn):,} of {drawn.n:,} items, seed {drawn.seed}", drawn.remarks)


@click.command("pairs")
@click.argument("tables", nargs=-1, required=True, metavar="[NAME=]CLUSTERS.csv…")
@click.option("--within", type=click.IntRange(0), required=True, help="Pairs that share a cluster.")
@click.option("--between", type=click.IntRange(0), required=True, help="Pairs that share none.")
@click.option("--disputed", type=click.IntRange(0), default=0, help="Pairs on which several tables differ.")
@click.option("--unclustered", type=UNCLUSTERED, default="singletons", show_default=True, help="How -1 counts.")
@click.option("--allocation", type=click.Choice(["proportional", "equal"]), default="proportional", show_default=True)
@SEED
@click.option("-o", "--out", default="-", help="A .csv; - is stdout.", show_default=True)
@click.pass_obj
def pairs(
    settings: Settings,
    tables: tuple[str, ...],
    within: int,
    between: int,
    disputed: int,
    unclustered: Any,
    allocation: Any,
    seed: int,
    out: str,
) -> None:
    """Draw pairs of items to be coded: do these two belong together? The column `same` is to be filled in, 1 or 0."""
    check_csv(out)
    ids, labels = read_clusterings(settings, tables)
    with settings.client() as client:
        drawn = client.draw_pairs(
            labels,
            within,
            between,
            disputed=disputed,
            unclustered=unclustered,
            allocation=allocation,
            seed=seed,
            ids=ids,
        )
    rows = (["" if cell is None else cell for cell in row] for row in drawn.rows())
    write_table(list(PAIR_COLUMNS), rows, out)
    counts = ", ".join(f"{each.drawn:,} {each.stratum}" for each in drawn.strata)
    _say(settings, f"{out}: {len(drawn):,} pairs ({counts}), seed {drawn.seed}", drawn.remarks)


@click.command("agreement")
@click.argument("table", type=click.Path(exists=True, dir_okay=False))
@click.option("--level", type=click.Choice(["nominal", "ordinal", "interval"]), default="nominal", show_default=True)
@click.option("--resamples", type=click.IntRange(1), help="Of items, for the intervals; 1000 otherwise.")
@SEED
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def agreement(settings: Settings, table: str, level: Any, resamples: int | None, seed: int, as_json: bool) -> None:
    """How far coders agree: a TABLE with columns coder, item, code, a row for each code. Empty codes are missing."""
    found = read_table(table)
    codes: list[Any] = [code or None for code in found.column("code")]
    if level != "nominal":
        try:
            codes = [None if code is None else float(code) for code in codes]
        except ValueError as exc:
            raise click.UsageError(f"--level {level}: {exc}; codes have to be numbers") from exc
    with settings.client() as client:
        made = client.agreement(
            found.column("coder"), found.column("item"), codes, level=level, resamples=resamples, seed=seed
        )
    figures = {"percent": made.percent, "kappa": made.kappa, "alpha": made.alpha}
    if as_json:
        said = {name: None if each is None else vars(each) for name, each in figures.items()}
        click.echo(json.dumps({"coders": made.coders, "items": made.items, "level": made.level, **said}))
        return
    click.echo(f"{len(made.coders)} coders, {made.items:,} items with two codes or more, {made.level}")
    for name, each in figures.items():
        if each is not None:
            click.echo(f"{name:8} {each}")


@click.command("compare")
@click.argument("coded", type=click.Path(exists=True, dir_okay=False))
@click.argument("tables", nargs=-1, required=True, metavar="[NAME=]CLUSTERS.csv…")
@click.option("--unclustered", type=UNCLUSTERED, default="singletons", show_default=True, help="As of `pairs`.")
@click.option("--held-out", type=click.FloatRange(0, 1, max_open=True), help="Share that scores the winner; 0.5.")
@click.option("--confidence", type=click.FloatRange(0.5, 1, min_open=True, max_open=True), help="0.95 otherwise.")
@click.option("--resamples", type=click.IntRange(1), help="Of pairs, for the intervals; 1000 otherwise.")
@SEED
@click.option("--json", "as_json", is_flag=True, help="All of the answer, as JSON.")
@click.pass_obj
def compare(
    settings: Settings,
    coded: str,
    tables: tuple[str, ...],
    unclustered: Any,
    held_out: float | None,
    confidence: float | None,
    resamples: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Judge clusterings by CODED pairs: the table of `daguerre pairs` with `same` filled in, 1 or 0.

    Of several coders it has a column each, or a row each with a column `coder`: the majority counts, ties are left out.
    """
    ids, labels = read_clusterings(settings, tables)
    place = {id: i for i, id in enumerate(ids)}
    table = read_table(coded)
    rows, codes = _coded(settings, table)
    drawn = _pairs(table, rows, place, unclustered)
    same = [_majority(each) for each in codes]
    if ties := sum(1 for each, votes in zip(same, codes, strict=True) if each is None and votes):
        settings.say(f"{ties:,} pairs are left out: as many coders say yes as no")
    with settings.client() as client:
        made = client.compare(
            drawn, same, labels, held_out=held_out, confidence=confidence, resamples=resamples, seed=seed
        )
    if made.left_out - ties:
        settings.say(f"{made.left_out - ties:,} pairs are left out: nobody has coded them")
    if as_json:
        click.echo(json.dumps({**made.answer, "left_out": made.left_out}))
        return
    for line in repr(made)[1:-1].splitlines():
        click.echo(line)
    for remark in made.remarks:
        settings.say(f"  {remark}")


def _coded(settings: Settings, table: Table) -> tuple[list[int], list[list[bool]]]:
    """The first row of each pair, and what coders have said of it."""
    names = [name for name in table.names if name not in (*PAIR_COLUMNS, "coder", "error")]
    if "coder" in table.names or ("same" in table.names and (any(table.column("same")) or not names)):
        names = ["same"]
    elif not names:
        raise click.UsageError(f"{table.path}: needs a column `same`, or a column for each coder, with 1 and 0")
    else:
        settings.say(f"coders: {', '.join(names)}")
    columns = [table.column(name) for name in names]
    first: dict[tuple[str, str], int] = {}
    votes: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for i, pair in enumerate(zip(table.column("a_id"), table.column("b_id"), strict=True)):
        if pair in first and "coder" not in table.names:
            raise click.UsageError(f"{table.path}: the pair {pair[0]}, {pair[1]} is there twice; name a column coder")
        first.setdefault(pair, i)
        cells = zip(names, (column[i] for column in columns), strict=True)
        votes[pair] += [_yes(table, i, name, cell) for name, cell in cells if cell]
    return list(first.values()), [votes[pair] for pair in first]


def _yes(table: Table, i: int, name: str, cell: str) -> bool:
    if cell.lower() not in YES | NO:
        raise click.UsageError(f"{table.path}: row {i + 2}, column {name}: {cell!r}; write 1 for the same, 0 for not")
    return cell.lower() in YES


def _majority(votes: Sequence[bool]) -> bool | None:
    counts = Counter(votes)
    return None if counts[True] == counts[False] else counts[True] > counts[False]


def _pairs(table: Table, rows: Sequence[int], place: dict[str, int], unclustered: Any) -> Pairs:
    ends = []
    for column in ("a_id", "b_id"):
        ids = table.column(column)
        if missing := [ids[i] for i in rows if ids[i] not in place]:
            raise click.UsageError(
                f"{table.path}: {missing[0]!r} is in no table of clusters, or not in all; give those it was drawn from"
            )
        ends.append([ids[i] for i in rows])
    try:
        probability = [float(table.column("inclusion_prob")[i]) for i in rows]
    except ValueError as exc:
        raise click.UsageError(f"{table.path}: column inclusion_prob: {exc}; leave it as it was drawn") from exc
    a, b = (np.array([place[id] for id in each], np.int64) for each in ends)
    return Pairs(
        a=a,
        b=b,
        a_ids=ends[0],
        b_ids=ends[1],
        stratum=[table.column("stratum")[i] for i in rows],
        cluster=[None] * len(rows),
        inclusion_prob=np.array(probability, np.float64),
        n=len(place),
        strata=(),
        remarks=[],
        seed=0,
        unclustered=unclustered,
    )


def _say(settings: Settings, text: str, remarks: Sequence[str]) -> None:
    settings.say(text)
    for remark in remarks:
        settings.say(f"  {remark}")
