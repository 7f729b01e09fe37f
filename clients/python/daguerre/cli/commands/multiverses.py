"""`daguerre multiverse`."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_page, check_table, given_items, read_vectors, write_rows
from daguerre.storage.tables import read_lines


@options.command("multiverse")
@partial(options.takes_items, models=options.several_models)
@options.takes_stored
@options.input_option("--codes", help="Table with the codes of a sample. Left out: uncorrected estimates alone.")
@options.input_option("--corpus", help="Table with a row for each item, for the columns that are named below.")
@options.input_option("--code", default="code", show_default=True, help="Column of --corpus with the codes.")
@options.input_option("--group", help="Column of --corpus with the account, author or source of each item.")
@options.input_option("--stratum", help="Column of --corpus with the strata of the sample.")
@options.input_option("--time", help="Column of --corpus with numbers, such as years: the trend is estimated.")
@options.input_option(
    "--difference",
    nargs=3,
    metavar="COLUMN A B",
    help="Estimate the share of items with A in this column of --corpus minus that of items with B.",
)
@options.input_option(
    "--covariate", "covariates", multiple=True, help="Column of --corpus for a regression; can be repeated."
)
@options.option("--coefficient", help="Term of the regression on --covariate that is estimated.")
@options.option(
    "--label",
    "labels",
    multiple=True,
    metavar="LABEL=WORDING",
    help="Wording of a label, which stands for itself without one; can be repeated, for further wordings too.",
)
@options.option("--labels-file", type=options.FILE, help="File with LABEL=WORDING in each line.")
@options.option("--of", required=True, metavar="LABEL", help="Label whose share is estimated, as it is coded.")
@options.option(
    "--template",
    "templates",
    multiple=True,
    show_default="the model's own",
    help="Prompt template with one {} for the label; can be repeated.",
)
@options.option(
    "--threshold",
    "thresholds",
    multiple=True,
    show_default="best",
    help="Smallest score of an item that counts; best: its best label counts; score: the mean score. Can be repeated.",
)
@options.confidence
@options.output_option(
    "--vectors",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the vectors of each model in this folder, so that an interrupted run continues, and a further one need "
    "not embed again.",
)
@options.output_option(
    "-o", "--out", help="Write the estimates to this .csv or .parquet file, three rows for each configuration."
)
@options.report
@options.tables
@options.as_json
@click.pass_obj
def multiverse(
    settings: Settings,
    /,
    images: Any,
    texts: list[str] | None,
    ids: list[str] | None,
    models: tuple[str, ...],
    decode: Any,
    labels: tuple[str, ...],
    labels_file: str | None,
    of: str,
    templates: tuple[str, ...],
    thresholds: tuple[str, ...],
    confidence: float | None,
    vectors: Path | None,
    out: str | None,
    page: str | None,
    tables: str | None,
    as_json: bool,
    **columns: Any,
) -> None:
    """Estimate a share by every configuration of model, template, wording and threshold.

    SOURCE is the whole corpus, coded items included: folders, files, or a .parquet of `daguerre embed` for each model.

    Each item is embedded once for each model. All configurations are reported, by the predictions alone and, with
    --codes, corrected; one that is picked afterwards by its result has no valid interval.
    """
    check_page(page, out, tables)
    if out is not None:
        check_table(out)
    wordings = _wordings([*labels, *(read_lines(labels_file) if labels_file else ())])
    chosen: dict[str, Any] = {
        **{name: value for name, value in columns.items() if value not in (None, ())},
        **({} if confidence is None else {"confidence": confidence}),
        **({"templates": list(templates)} if templates else {}),
        **({"thresholds": list(thresholds)} if thresholds else {}),
    }
    with settings.client() as client:
        given = _given(client, images, texts, ids, list(models), decode, vectors)
        found = client.multiverse(labels=wordings, of=of, **given, **chosen)
        if page is not None:
            found.report(page, tables=tables)
    if out is not None:
        write_rows(found.rows(), out)
    if as_json:
        click.echo(json.dumps({**found.answer, "remarks": found.remarks}))
    else:
        for line in repr(found)[1:-1].splitlines():
            click.echo(line)
    if out is not None:
        settings.notify(f"{out}: the estimates of {len(found):,} configurations")
    if page is not None:
        settings.notify(options.report_line(page, tables))


def _wordings(given: list[str]) -> dict[str, list[str]]:
    """The wordings of each label, from LABEL=WORDING. Raises UsageError."""
    if not given:
        raise click.UsageError("give wordings with --label LABEL=WORDING or --labels-file")
    found: dict[str, list[str]] = {}
    for each in given:
        label, equals, wording = (part.strip() for part in each.partition("="))
        if not label or (equals and not wording):
            raise click.UsageError(f"--label: got {each!r}; write LABEL=WORDING, or a label that is its own wording")
        found.setdefault(label, []).append(wording or label)
    return found


def _given(
    client: Any,
    images: Any,
    texts: list[str] | None,
    ids: list[str] | None,
    models: list[str],
    decode: Any,
    vectors: Path | None,
) -> dict[str, Any]:
    """The items, or their vectors by each model."""
    paths = [images] if isinstance(images, str) else images
    if isinstance(paths, list) and all(isinstance(path, str) and options.is_vector_file(path) for path in paths):
        if models or vectors is not None:
            raise click.UsageError(
                "--model and --vectors are for images; vectors are those of their models: leave them out"
            )
        return {"embeddings": [read_vectors(client, path, model=None, decode=decode) for path in paths]}
    given = given_items(client, images, texts, ids, model=None, decode=decode)
    if vectors is None:
        return {**given, "models": models or None}
    if texts is not None:
        raise click.UsageError("--vectors: keeps vectors of images, and --texts was given; leave one of them out")
    vectors.mkdir(parents=True, exist_ok=True)
    names = models or [client.run(client.asynchronous.card()).id]
    files = [vectors / f"{name.replace('/', '_')}.parquet" for name in names]
    for name, file in zip(names, files, strict=True):
        client.embed_corpus(given["images"], file, model=name, decode=decode)
    return {"embeddings": files}
