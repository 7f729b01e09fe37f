"""`daguerre cluster` and `daguerre duplicates`."""

from collections.abc import Iterator
from typing import Any, get_args

import click

from daguerre.cli import options
from daguerre.cli.collection_items import stored_choice
from daguerre.cli.grids import combination, grid_option
from daguerre.cli.group import Settings
from daguerre.cli.output import check_out, check_page, check_table, finish, given_items, is_vectors, write_frame
from daguerre.cli.pages import PageOptions, takes_page
from daguerre.corpus.annotation import read_known_labels
from daguerre.handles.clustering import Clusters
from daguerre.results.cluster_grid import ClusterGrid
from daguerre.results.duplicates import NOT_COMPARED, Duplicates
from daguerre.storage.csv import numbers, open_output, write_table
from daguerre.storage.tables import read_lines
from daguerre.types.common import PageMode
from daguerre.types.jobs import Job

COUNT = click.IntRange(1)
PARAMETERS: tuple[tuple[str, Any, str | None, str], ...] = (  # option, type, the server's default, help
    ("--method", ("iterative-kmeans", "kmeans", "hdbscan", "agglomerative"), "iterative-kmeans", "Clustering method."),
    ("--metric", ("cosine", "euclidean"), "cosine", "Distance for silhouettes and for agglomerative."),
    ("--normalize/--no-normalize", bool, "normalize", "Scale vectors to unit length first."),
    ("--k", COUNT, None, "Number of clusters for kmeans and agglomerative."),
    ("--threshold", float, "0.08, euclidean 0.04, with gaps 0", "Mean silhouette above which a cluster is cohesive."),
    (
        "--cohesion",
        ("cluster", "image"),
        "cluster",
        "Keep all items of a cohesive cluster, or those above --threshold.",
    ),
    ("--min-cluster-size", COUNT, "2, hdbscan 5", "Clusters smaller than this are dropped."),
    ("--patience", COUNT, "3", "Number of passes in a row without a cohesive cluster after which the method stops."),
    ("--stop-size", click.IntRange(0), "20", "The method stops when this many items or fewer are left."),
    ("--restarts", COUNT, "1, kmeans 10", "Number of k-means restarts."),
    (
        "--start",
        ("all", "sample"),
        "all up to 1 GiB of vectors",
        "Items on which k-means++ chooses its start, for kmeans and k_rule best and stop; a sample has 20,000.",
    ),
    ("--k-min", COUNT, "--step", "Smallest K of the search for the number of clusters."),
    ("--k-max", COUNT, "set by the sample", "Largest K of the search for the number of clusters."),
    ("--step", COUNT, "5", "Distance between two K of the search."),
    ("--fit", ("silhouette", "inertia"), "silhouette", "Score by which the search compares values of K."),
    ("--window", COUNT, "3", "Number of scores in the moving average of the search."),
    ("--min-improvement", float, "0, inertia 0.02", "Improvement of the moving average below which the search stops."),
    (
        "--k-rule",
        ("gaps", "best", "stop"),
        "gaps, kmeans best",
        "Clusters of a pass: separated by gaps, or of k-means with the best K; of the best K; of the K at which the "
        "search stops, as in the source.",
    ),
    ("--sample-size", COUNT, "1000", "Number of items that the search samples."),
    ("--min-samples", COUNT, "--min-cluster-size", "Number of neighbours that make a point a core point in hdbscan."),
    ("--linkage", ("average", "complete", "single", "ward"), "average", "Linkage for agglomerative."),
    ("--distance", float, None, "Distance at which agglomerative stops merging, in place of --k."),
    ("--projection", ("none", "pca", "umap"), "pca", "Projection of the 2-D map."),
    ("--resamples", click.IntRange(0), "3", "Number of reruns on 80 % of the items, at most 20,000, for stability."),
)
cluster_parameters = options.options(
    *(
        options.option(
            flag,
            type=click.Choice(kind) if isinstance(kind, tuple) else kind,
            default=None,
            show_default=default,
            help=text,
        )
        for flag, kind, default, text in PARAMETERS
    )
)


@options.command("cluster")
@options.takes_items
@options.takes_stored
@options.input_option(
    "--known", nargs=2, metavar="TABLE COLUMN", help="Known labels to compare with; the table has a column id or path."
)
@options.missing
@options.input_option(
    "--name-texts",
    nargs=2,
    metavar="TABLE COLUMN",
    help="Texts about the items, such as captions, from whose words clusters are named; the table has a column id or "
    "path.",
)
@options.input_option("--vocabulary", type=options.FILE, help="File of names that clusters may get, one per line.")
@options.input_option("--name", "names", multiple=True, help="Name that clusters may get; can be repeated.")
@options.input_option(
    "--server-folder",
    metavar="FOLDER",
    help="Folder of vectors on the server in place of items, below its DAGUERRE_DATA.",
)
@options.input_option("--root", type=options.FOLDER, help="Folder of the images of a .parquet or .npz, for the report.")
@cluster_parameters
@options.seed
@grid_option(
    'Cluster with all combinations of these values instead, such as "k_rule=gaps,best seed=0,1"; the table has a row '
    "per combination. Can be repeated."
)
@options.table_out
@options.report
@options.tables
@options.output_option(
    "--pictures",
    type=click.Choice(get_args(PageMode)),
    default="blurred",
    show_default=True,
    help="How the report shows images.",
)
@options.json_summary
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
    name_texts: tuple[str, str] | None,
    missing: tuple[str, ...],
    vocabulary: str | None,
    names: tuple[str, ...],
    out: str,
    page: str | None,
    tables: str | None,
    pictures: Any,
    root: str | None,
    server_folder: str | None,
    grid: tuple[str, ...],
    **parameters: Any,
) -> None:
    """Cluster images (folders, files, globs), texts, or the vectors of a .parquet or .npz of `daguerre embed`.

    The table has a row per item: id; cluster, -1 for none; silhouette in the pass that found the cluster;
    silhouette_final in the whole result; pass, the number of that pass; error; x and y of the map,
    unless --projection is none.
    """
    check_page(page, out, tables)
    kind = check_table(out, as_json)
    every = [*names, *(read_lines(vocabulary) if vocabulary else ())]
    chosen = {name: value for name, value in parameters.items() if value is not None}
    labels = read_known_labels(*known) if known else None
    about = read_known_labels(*name_texts) if name_texts else None
    if grid and (every or about):
        raise click.UsageError(
            "--grid: got names for clusters; a grid names none, so leave out --vocabulary, --name and --name-texts"
        )
    if every and about:
        raise click.UsageError("--name-texts: clusters are named by the vocabulary or by texts; give one of them")
    fixed = {name: value for name, value in chosen.items() if name not in ("projection", "resamples")}
    points = _grid(grid, {name: value for name, value in fixed.items() if name != "seed" or value})
    if server_folder is not None and (images is not None or texts is not None or grid or labels is not None):
        raise click.UsageError("--server-folder: takes no items, --known or --grid beside it; leave them out")
    if server_folder is not None and about is not None:
        raise click.UsageError("--name-texts: is for items with ids; leave it out with --server-folder")
    with settings.client(model=model) as client:
        given: Any = {"folder": server_folder}
        if server_folder is None:
            given = given_items(client, images, texts, ids, model=model, decode=decode)
        if grid:
            _run_grid(
                settings,
                client.cluster_grid(
                    **given, grid=points, known=labels, missing=missing or None, resamples=chosen.get("resamples")
                ),
                out,
                kind,
                page,
                tables,
                as_json,
            )
            return
        result = client.cluster(
            **given, **chosen, known=labels, missing=missing or None, vocabulary=every or None, name_texts=about
        )
        assert isinstance(result, Clusters)
        _write_clusters(result, out, kind)
        if page is not None:
            result.report(page, images=root, pictures=pictures, tables=tables)
    settings.notify(
        f"{out}: {len(result):,} items, {len(result.clusters):,} clusters, {result.unclustered:,} in none; {result.id}"
    )
    for remark in result.remarks:
        settings.notify(f"  {remark}")
    if page is not None:
        settings.notify(options.report_line(page, tables))
    summary = {
        "out": out,
        "clustering": result.id,
        "items": len(result),
        "clusters": len(result.clusters),
        "unclustered": result.unclustered,
        "failed": len(result.errors),
        "sizes": [cluster.size for cluster in result.clusters],
        "comparison": result.comparison,
        "stability": result.stability,
        "remarks": result.remarks,
        "params": result.params,
    }
    finish(settings, result.errors, summary, as_json)


def _grid(texts: tuple[str, ...], fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """Combinations of the option --grid; other parameters of the command hold for all of them."""
    points = [{**fixed, **combination(text)} for text in texts]
    return [{"method": "kmeans", **each} if "k" in each and "method" not in each else each for each in points]


def _run_grid(
    settings: Settings, result: Any, out: str, kind: str, page: str | None, tables: str | None, as_json: bool
) -> None:
    """Write the table and the report of a grid."""
    assert isinstance(result, ClusterGrid)
    if kind == ".parquet":
        result.to_pandas().reset_index().to_parquet(out)
    else:
        rows = result.columns()
        cells = [[row.name, *map(_cell, columns.values())] for row, columns in zip(result, rows, strict=True)]
        write_table(["name", *rows[0]], cells, out)
    if page is not None:
        result.report(page, tables=tables)
    for line in repr(result)[1:-1].splitlines():
        settings.notify(line)
    for remark in result.remarks:
        settings.notify(f"  {remark}")
    if page is not None:
        settings.notify(options.report_line(page, tables))
    finish(settings, result.errors, {**result.answer, "out": out}, as_json)


def _cell(value: Any) -> Any:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else value


def _write_clusters(result: Clusters, out: str, kind: str) -> None:
    if kind == ".parquet":
        write_frame(result.to_pandas().reset_index(), out)
        return
    figures = zip(result.silhouettes, result.silhouettes_final, strict=True)
    items = zip(result.ids, result.labels.tolist(), figures, result.passes, result.codes, strict=True)
    rows = ([id, label, *numbers(both), number or "", code or ""] for id, label, both, number, code in items)
    header = ["id", "cluster", "silhouette", "silhouette_final", "pass", "error"]
    if (places := result.coordinates) is not None:
        rows = ([*row, *numbers(place)] for row, place in zip(rows, places, strict=True))
        header += ["x", "y"]
    write_table(header, rows, out)


@options.command("duplicates")
@options.takes_items
@options.takes_stored
@options.option(
    "--kind",
    type=click.Choice(["near", "exact", "semantic"]),
    show_default="near, semantic for texts and vectors",
    help="near: other sizes and formats of an image. exact: the same bytes. semantic: similar embeddings.",
)
@options.option(
    "--threshold", type=float, show_default="learned from the corpus", help="Smallest cosine of semantic duplicates."
)
@options.option(
    "--bits",
    type=click.IntRange(0, 31),
    show_default="8",
    help="Largest number of bits, of 64, in which near duplicates differ.",
)
@options.option(
    "--linkage",
    type=click.Choice(["single", "star"]),
    default="single",
    show_default=True,
    help="single: groups are chains of duplicates. star: every member is a duplicate of the representative.",
)
@options.option(
    "--method",
    type=click.Choice(["auto", "exact", "approximate"]),
    default="auto",
    show_default=True,
    help="Search for pairs of semantic. exact: all pairs. approximate: by an index, which can miss some; needs faiss "
    "on the server. auto: exact up to 200,000 items, and above without faiss.",
)
@options.option(
    "--prefer",
    type=click.Choice(["size", "central"]),
    show_default="size for near, else central",
    help="Image of each group that is kept: that with the most pixels, or the most central one.",
)
@options.table_out
@options.output_option(
    "--keep-list", type=options.NEW_FILE, help="Write the ids to keep to this .txt file, one per line."
)
@options.json_summary
@takes_page
@click.pass_obj
def duplicates(
    settings: Settings,
    /,
    images: Any,
    texts: list[str] | None,
    ids: list[str] | None,
    model: str | None,
    decode: Any,
    as_json: bool,
    kind: Any,
    out: str,
    keep_list: str | None,
    report: PageOptions,
    **parameters: Any,
) -> None:
    """Find duplicates among images (folders, files, globs), texts, or the vectors of a .parquet or .npz.

    The table has a row per item: id, group, the representative's id, the similarity to it, kept (1 or 0), error;
    related, the number of a group of pictures of one layout with different content.
    """
    report.check(out)
    suffix = check_table(out, as_json)
    if keep_list is not None:
        check_out(keep_list, (".txt",), "--keep-list")
    if kind is None and (texts is not None or is_vectors(images) or stored_choice() is not None):
        kind = "semantic"
        settings.notify("--kind semantic: texts and vectors have no perceptual hashes or bytes to compare")
    if kind not in (None, "semantic") and is_vectors(images):
        raise click.UsageError(
            f"--kind {kind} compares files of images, and {images} has vectors; give --kind semantic"
        )
    kind = kind or "near"
    if kind != "semantic" and (model or decode or texts):
        raise click.UsageError(f"--model, --decode and --texts need --kind semantic; this is {kind}")
    with settings.client(model=model) as client:
        given = given_items(client, images, texts, ids, model=model, decode=decode)
        result = client.duplicates(**given, **parameters, kind=kind)
        assert not isinstance(result, Job)
        kept = result.kept.tolist()
        if suffix == ".parquet":
            write_frame(result.to_pandas().reset_index(), out)
        else:
            columns = ["id", "group", "representative", "similarity", "kept", "error", "related"]
            write_table(columns, _rows(result, kept), out)
        if keep_list is not None:
            with open_output(keep_list) as file:
                file.writelines(f"{id}\n" for id in result.kept_ids)
        report.write(settings, result, texts)
    counts = {"items": len(result), "groups": len(result.groups), "extra": len(result.extra)}
    settings.notify("{}: {items:,} items, {groups:,} groups, {extra:,} duplicates to drop".format(out, **counts))
    if result.threshold_reason is not None and result.threshold is not None:
        settings.notify(f"  threshold {result.threshold:.6g}: {result.threshold_reason}")
    if result.related:
        members = sum(len(group.members) for group in result.related)
        settings.notify(f"  {members:,} items in {len(result.related):,} groups of one layout, with different content")
    for remark in result.remarks:
        settings.notify(f"  {remark}")
    if keep_list is not None:
        blank = sum(each.code in NOT_COMPARED for each in result.errors)
        unread = len(result.errors) - blank
        unknown = f", {blank:,} of them because they could not be compared" if blank else ""
        unknown += f"; {unread:,} that cannot be read are left out" if unread else ""
        settings.notify(f"{keep_list}: {len(result.kept_ids):,} items to keep{unknown}")
    summary = {
        "out": out,
        "duplicates": result.id,
        **counts,
        "failed": len(result.errors),
        "related": [list(group.ids) for group in result.related],
        "threshold": result.threshold,
        "threshold_origin": result.threshold_origin,
        "threshold_reason": result.threshold_reason,
        "method": result.method,
        "recall": result.recall,
        "remarks": result.remarks,
    }
    finish(settings, result.errors, summary, as_json)


def _rows(result: Duplicates, kept: list[bool]) -> Iterator[list[Any]]:
    for id, (group, representative, similarity), keep, code, related in zip(
        result.ids, result.rows(), kept, result.codes, result.related_numbers(), strict=True
    ):
        number = "" if group is None else group
        near = "" if similarity is None else f"{similarity:.6g}"
        yield [id, number, representative or "", near, int(keep), code or "", "" if related is None else related]
