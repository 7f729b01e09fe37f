"""`daguerre comparisons`, `daguerre scale`."""

import json

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_table
from daguerre.corpus.comparisons import read_comparisons
from daguerre.storage.tables import read_table


@options.command("comparisons")
@click.argument("table", type=options.FILE)
@options.option(
    "--per-item", type=click.IntRange(2), default=10, show_default=True, help="Number of different pairs of each item."
)
@options.seed
@options.output_option("--coder", "coders", multiple=True, metavar="NAME", help="Add an empty column; can be repeated.")
@options.csv_out
@click.pass_obj
def comparisons(settings: Settings, table: str, per_item: int, seed: int, coders: tuple[str, ...], out: str) -> None:
    """Draw pairs of the items of TABLE (column id) to compare: which of the two has more of something?

    The .csv has the columns a, b and winner, or one for each --coder. Coders write a or b, the id of the winner, or
    tie. All items are connected by a chain of pairs. `daguerre scale` takes the table once it is filled in.
    """
    check_table(out, kinds=(".csv",))
    items = read_table(table)
    name = next((name for name in ("id", "item", "path") if items.has(name)), None)
    if name is None:
        raise click.UsageError(f"{table} needs a column id; it has {items.listed()}")
    ids = list(dict.fromkeys(items.ids(name)))
    with settings.client() as client:
        drawn = client.draw_comparisons(ids, per_item=per_item, seed=seed)
    drawn.save(out, coders)
    settings.notify(f"{out}: {len(drawn):,} pairs of {len(ids):,} items, {drawn.per_item:.1f} of each, seed {seed}")


@options.command("scale")
@click.argument("table", type=options.FILE)
@options.input_option("--coder", "coders", multiple=True, metavar="COLUMN", help="Column of winners; can be repeated.")
@options.option(
    "--ridge",
    type=click.FloatRange(0, 100),
    default=0.0,
    show_default=True,
    help="Penalty that draws scores towards 0, for items that have won or lost all their comparisons.",
)
@options.csv_out
@options.as_json
@click.pass_obj
def scale(settings: Settings, table: str, coders: tuple[str, ...], ridge: float, out: str, as_json: bool) -> None:
    """Make a continuous scale from the comparisons in TABLE, by the model of Bradley and Terry.

    TABLE has the columns a, b and winner, or a column of winners for each coder: a or b (left or right), the id of the
    winner, or tie, which is half a win of each. The .csv has id, score, se, low, high, comparisons and wins: a table
    for `daguerre train --target score`.
    """
    check_table(out, kinds=(".csv",))
    compared = read_comparisons(table, coders=coders)
    if len(compared.coders) > 1:
        settings.notify(f"coders: {', '.join(compared.coders)}, whose comparisons count as independent of each other")
    with settings.client() as client:
        result = client.scale(compared.a, compared.b, compared.winner, ridge=ridge)
    result.save(out)
    if as_json:
        click.echo(json.dumps({**result.answer, "remarks": result.remarks}))
    elif out != "-":
        for line in result.lines():
            click.echo(line)
    settings.notify(
        f"{out}: {len(result.items):,} items, {result.comparisons:,} comparisons ({result.ties:,} ties), reliability "
        f"{result.reliability:.3f}"
    )
    for remark in result.remarks:
        settings.notify(f"  {remark}")
