"""`daguerre cluster` and `daguerre duplicates`."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.cli.options import takes_items
from daguerre.cli.output import check_out, numbers, summary, write_table
from daguerre.cli.tables import VECTORS, read_table, read_vectors
from daguerre.handles.clustering import Clusters
from daguerre.results.duplicates import Duplicates
from daguerre.types.jobs import Job

KINDS = (".csv", ".parquet")
METHODS = ("iterative-kmeans", "kmeans", "hdbscan", "agglomerative")
OPTIONS: tuple[tuple[str, Any, str], ...] = (
    ("--method", click.Choice(METHODS), "iterative-kmeans otherwise."),
    ("--metric", click.Choice(["cosine", "euclidean"]), "Of silhouettes; cosine otherwise."),
    ("--normalize/--no-normalize", bool, "Vectors to unit length."),
    ("--threshold", float, "Mean silhouette that a cohesive cluster exceeds."),
    ("--step", click.IntRange(1), "Between the K's that are tried."),
    ("--sample-size", click.IntRange(1), "Items on which K is chosen."),
    ("--window", click.IntRange(1), "K's whose scores are averaged."),
    ("--stop-size", click.IntRange(0), "It ends when so many items are left."),
    ("--fit", click.Choice(["silhouette", "inertia"]), "What scores a K."),
    ("--min-improvement", float, "That the average must exceed."),
    ("--k-rule", click.Choice(["stop", "best"]), "The K where the search stops, or the best."),
    ("--k-min", click.IntRange(1), "The first K."),
    ("--k-max", click.IntRange(1), "The last K."),
    ("--restarts", click.IntRange(1), "Of each k-means."),
    ("--cohesion", click.Choice(["cluster", "image"]), "What the threshold is of."),
    ("--min-cluster-size", click.IntRange(1), "Smaller ones are none."),
    ("--patience", click.IntRange(1), "Passes without a cohesive cluster after which it ends."),
    ("--k", click.IntRange(1), "Clusters, of kmeans and agglomerative."),
    ("--min-samples", click.IntRange(1), "Of hdbscan."),
    ("--linkage", click.Choice(["average", "complete", "single", "ward"]), "Of agglomerative."),
    ("--distance", float, "Of agglomerative, in place of --k."),
    ("--projection", click.Choice(["none", "pca", "umap"]), "Of the map."),
    ("--resamples", click.IntRange(0), "Reruns on 80 % of the items, for stability."),
)


def _takes_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for flag, kind, said in reversed(OPTIONS):
        command = click.option(flag, type=kind, default=None, help=said)(command)
    return command


@click.command("cluster")
@takes_items
@_takes_options
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--known", nargs=2, metavar="TABLE COLUMN", help="Labels that are known; the table has id or path.")
@click.option("--vocabulary", type=click.Path(exists=True, dir_okay=False), help="Names for clusters, one a line.")
@click.option("--name", "names", multiple=True, help="A name for clusters; several times.")
@click.option("-o", "--out", default="-", help="A .csv or .parquet; - is stdout, as CSV.", show_default=True)
@click.option("--report", "page", type=click.Path(dir_okay=False), help="Write the report there, an HTML page.")
@click.option(
    "--pictures",
    type=click.Choice(["thumbnails", "blurred", "none"]),
    default="thumbnails",
    show_default=True,
    help="Of the report.",
)
@click.option(
    "--root", type=click.Path(exists=True, file_okay=False), help="Where the images of a .parquet or .npz lie."
)
@click.pass_obj
def cluster(
    settings: Settings,
    /,
    images: Any,
    texts: list[str] | None,
    ids: list[str] | None,
    model: str | None,
    decode: Any,
    as_json: bool,
    known: tuple[str, str] | None,
    vocabulary: str | None,
    names: tuple[str, ...],
    out: str,
    page: str | None,
    pictures: Any,
    root: str | None,
    **options: Any,
) -> None:
    """Group images (folders, files, globs), texts, or the vectors of a .parquet or .npz of `daguerre embed`.

    The table has a row per item: id, cluster (-1: in none), silhouette at extraction, silhouette_final within the whole
    result, pass that took it, error.
    """
    kind = _checked(out, as_json)
    if page is not None:
        check_out(page, (".html",))
    every = list(names)
    if vocabulary:
        every += [line.strip() for line in Path(vocabulary).read_text("utf-8-sig").splitlines() if line.strip()]
    chosen = {name: value for name, value in options.items() if value is not None}
    with settings.client(model=model) as client:
        given: dict[str, Any] = {"images": images, "texts": texts, "ids": ids, "decode": decode}
        if isinstance(images, str) and Path(images).suffix.lower() in VECTORS:
            given = {"embeddings": {"image": read_vectors(client, images, model=model, decode=decode)}}
        labels = _known(known) if known else None
        made = client.cluster(**given, **chosen, known=labels, vocabulary=every or None)
        assert isinstance(made, Clusters)
        _write_clusters(made, out, kind)
        if page is not None:
            made.report(page, images=root, pictures=pictures)
    settings.say(
        f"{out}: {len(made):,} items, {len(made.clusters):,} clusters, {made.unclustered:,} in none; {made.id}"
    )
    for remark in made.remarks:
        settings.say(f"  {remark}")
    if page is not None:
        settings.say(f"{page}: the report")
    if as_json:
        said = {
            "out": out,
            "clustering": made.id,
            "items": len(made),
            "clusters": len(made.clusters),
            "unclustered": made.unclustered,
            "failed": len(made.errors),
            "sizes": [each.size for each in made.clusters],
            "comparison": made.comparison,
            "stability": made.stability,
            "remarks": made.remarks,
            "params": made.params,
        }
        click.echo(json.dumps(said))
    _end(settings, made)


def _write_clusters(made: Clusters, out: str, kind: str) -> None:
    if kind == ".parquet":
        made.to_pandas().reset_index().to_parquet(out)
        return
    figures = zip(made.silhouettes, made.silhouettes_final, strict=True)
    rows = (
        [id, label, *numbers(both), taken or "", code or ""]
        for id, label, both, taken, code in zip(
            made.ids, made.labels.tolist(), figures, made.passes, made.codes, strict=True
        )
    )
    write_table(["id", "cluster", "silhouette", "silhouette_final", "pass", "error"], rows, out)


def _known(given: tuple[str, str]) -> dict[str, str | None]:
    table = read_table(given[0])
    key = next((name for name in ("id", "path") if name in table.names), None)
    if key is None:
        raise click.UsageError(f"--known: {given[0]} needs a column id or path; it has {', '.join(table.names)}")
    return {id: label or None for id, label in zip(table.column(key), table.column(given[1]), strict=True)}


@click.command("duplicates")
@takes_items
@click.option(
    "--kind",
    type=click.Choice(["near", "exact", "semantic"]),
    default="near",
    show_default=True,
    help="near: other sizes and formats. exact: the same bytes. semantic: embeddings.",
)
@click.option("--threshold", type=float, help="Of semantic: cosine from which two are duplicates; 0.95 otherwise.")
@click.option("--bits", type=click.IntRange(0, 31), help="Of near: bits of 64 that may differ; 8 otherwise.")
@click.option("--linkage", type=click.Choice(["single", "star"]), default="single", show_default=True)
@click.option(
    "--prefer", type=click.Choice(["size"]), help="Keep the image of most pixels; the most central otherwise."
)
@click.option("-o", "--out", default="-", help="A .csv or .parquet; - is stdout, as CSV.", show_default=True)
@click.option("--keep-list", type=click.Path(dir_okay=False), help="Write the ids to keep there, one a line.")
@click.pass_obj
def duplicates(
    settings: Settings,
    images: Any,
    texts: list[str] | None,
    ids: list[str] | None,
    model: str | None,
    decode: Any,
    as_json: bool,
    kind: Any,
    threshold: float | None,
    bits: int | None,
    linkage: Any,
    prefer: Any,
    out: str,
    keep_list: str | None,
) -> None:
    """Find duplicates among images (folders, files, globs), or with --kind semantic among texts or vectors too.

    The table has a row per item: id, group, the representative's id, the similarity to it, kept (1 or 0), error.
    """
    suffix = _checked(out, as_json)
    if keep_list is not None:
        check_out(keep_list, (".txt",))
    if kind != "semantic" and (model or decode or texts):
        raise click.UsageError(f"--model, --decode, --texts: are of --kind semantic, this is {kind}")
    with settings.client(model=model) as client:
        given: dict[str, Any] = {"images": images, "texts": texts, "ids": ids, "decode": decode}
        if kind == "semantic" and isinstance(images, str) and Path(images).suffix.lower() in VECTORS:
            given = {"embeddings": {"image": read_vectors(client, images, model=model, decode=decode)}}
        made = client.duplicates(**given, kind=kind, threshold=threshold, bits=bits, linkage=linkage, prefer=prefer)
    assert not isinstance(made, Job)
    kept = made.kept.tolist()
    if suffix == ".parquet":
        made.to_pandas().reset_index().to_parquet(out)
    else:
        write_table(["id", "group", "representative", "similarity", "kept", "error"], _rows(made, kept), out)
    if keep_list is not None:
        with open(keep_list, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(f"{id}\n" for id, fine in zip(made.ids, kept, strict=True) if fine)
    settings.say(f"{out}: {len(made):,} items, {len(made.groups):,} groups, {len(made.extra):,} items could go")
    if keep_list is not None:
        unknown = f", {len(made.errors):,} of them because they could not be compared" if made.errors else ""
        settings.say(f"{keep_list}: {sum(kept):,} items to keep{unknown}")
    if as_json:
        found = {"items": len(made), "groups": len(made.groups), "extra": len(made.extra), "failed": len(made.errors)}
        click.echo(json.dumps({"out": out, "duplicates": made.id, **found}))
    _end(settings, made)


def _rows(made: Duplicates, kept: list[bool]) -> Iterator[list[Any]]:
    for id, (group, representative, similarity), fine, code in zip(
        made.ids, made.rows(), kept, made.codes, strict=True
    ):
        number = "" if group is None else group
        near = "" if similarity is None else f"{similarity:.6g}"
        yield [id, number, representative or "", near, int(fine), code or ""]


def _checked(out: str, as_json: bool) -> str:
    if as_json and out == "-":
        raise click.UsageError("--json: stdout has the table already; name a file with --out")
    return ".csv" if out == "-" else check_out(out, KINDS)


def _end(settings: Settings, made: Clusters | Duplicates) -> None:
    if made.errors:
        settings.say(summary(made.errors))
    sys.exit(SOME_FAILED if made.errors else 0)
