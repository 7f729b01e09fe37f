"""`daguerre analyse`."""

from collections.abc import Sequence
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.analysis_tables import AnalysisTables, takes_tables
from daguerre.cli.group import Settings
from daguerre.cli.pages import PageOptions, takes_page
from daguerre.cli.picture_analyses import analyse_items


@options.command()
@click.argument("images", nargs=-1, required=True)
@options.ids
@options.crops
@options.takes_videos(timeline=False, alone=True)
@options.option("--text", "--ocr", "text", is_flag=True, help="Read text.")
@options.option("--objects", is_flag=True, help="Find objects, with boxes.")
@options.option("--faces", is_flag=True, help="Find faces, with boxes.")
@options.option("--classes", is_flag=True, help="Name the classes of the whole picture.")
@options.option("--captions", is_flag=True, help="Write a caption, with an imported analyser.")
@options.option("--visual", is_flag=True, help="Measure brightness, colours, sharpness and other features.")
@options.option("--sensitive", is_flag=True, help="Score sexual content.")
@options.option("--label", "labels", multiple=True, help="Class or words for --objects to look for; can be repeated.")
@options.option("--min-score", type=float, help="Lowest score of the objects, faces, lines and classes that are given.")
@options.option(
    "--label-score", "label_scores", multiple=True, help="LABEL=SCORE: lowest score of one label; can be repeated."
)
@options.option(
    "--overlap", type=float, help="Largest overlap (0 to 1) of two boxes of one label of --objects; one is left out."
)
@options.size_of_faces
@options.option("--top", type=int, show_default="5", help="Maximum number of --classes of a picture.")
@options.option("--prompt", help='Beginning of the --captions, such as "a photo of".')
@options.option("--max-tokens", type=int, show_default="20", help="Maximum number of tokens of --captions.")
@options.option("--hypernyms", is_flag=True, help="Wider terms in place of --classes, such as dog.")
@options.option(
    "--model", "models", multiple=True, help="KIND=NAME: an analyser of GET /v1/analysers; can be repeated."
)
@options.option("--retry-errors", is_flag=True, help="Retry pictures that failed in an earlier run (.parquet only).")
@takes_tables
@takes_page
@options.table_out
@options.json_summary
@click.pass_obj
def analyse(
    settings: Settings,
    images: tuple[str, ...],
    text: bool,
    objects: bool,
    faces: bool,
    classes: bool,
    captions: bool,
    visual: bool,
    sensitive: bool,
    labels: tuple[str, ...],
    min_score: float | None,
    label_scores: tuple[str, ...],
    overlap: float | None,
    size: str | None,
    top: int | None,
    prompt: str | None,
    max_tokens: int | None,
    hypernyms: bool,
    models: tuple[str, ...],
    retry_errors: bool,
    crops: str | None,
    videos: options.VideoOptions | None,
    more: AnalysisTables,
    report: PageOptions,
    out: str,
    as_json: bool,
) -> None:
    """Find out what is in images or videos (folders, files, globs): text, objects, faces, classes, captions, …

    The table has a row for each finding: id, its number, analyser, label, score, text, and its box in pixels of the
    whole upright image; of videos also video, time (seconds) and frame. --values FILE has a row for each image or
    frame: its numbers and remark. Videos are taken where nothing else is given, or with --video.

    A run into a .parquet file can be stopped at any moment and started again: it continues where it was. The rows of
    images or videos are in NAME.pictures.parquet then, those of frames in NAME.frames.parquet.
    """
    kinds: dict[str, dict[str, Any]] = {}
    if text:
        kinds["text"] = {"min_score": min_score}
    if objects:
        kinds["objects"] = {"min_score": min_score, "labels": list(labels) or None, "overlap": overlap}
        kinds["objects"]["min_scores"] = _label_scores(label_scores) or None
    if faces:
        kinds["faces"] = {"min_score": min_score, "size": size and int(size)}
    if classes or hypernyms:
        kinds["classes"] = {"min_score": min_score, "top": top, "level": "hypernyms" if hypernyms else None}
    if captions:
        kinds["captions"] = {"prompt": prompt, "max_tokens": max_tokens}
    if visual:
        kinds["visual"] = {}
    if sensitive:
        kinds["sensitive"] = {}
    _check(
        kinds,
        {
            "objects": {"--label": labels, "--label-score": label_scores, "--overlap": overlap},
            "faces": {"--size": size},
            "classes": {"--top": top},
            "captions": {"--prompt": prompt, "--max-tokens": max_tokens},
        },
    )
    for pair in models:
        kind, _, name = pair.partition("=")
        if not name or kind not in kinds:
            raise click.UsageError(
                f"--model: got {pair}; write KIND=NAME with a kind that is asked for: {', '.join(kinds)}"
            )
        kinds[kind]["model"] = name
    analyse_items(
        settings,
        images,
        kinds,
        crops=crops,
        videos=videos,
        more=more,
        report=report,
        retry_errors=retry_errors,
        out=out,
        as_json=as_json,
    )


def _label_scores(pairs: Sequence[str]) -> dict[str, float]:
    """Lowest scores by label. Raises UsageError."""
    scores: dict[str, float] = {}
    for pair in pairs:
        label, _, score = pair.rpartition("=")
        try:
            scores[label] = float(score)
        except ValueError:
            label = ""
        if not label:
            raise click.UsageError(f'--label-score: got {pair}; write LABEL=SCORE, such as "a flag=0.2"')
    return scores


def _check(kinds: dict[str, Any], of_kinds: dict[str, dict[str, Any]]) -> None:
    """Raise UsageError for options without the analyser that they are for."""
    if not kinds:
        raise click.UsageError(
            "name an analyser: --text, --objects, --faces, --classes, --captions, --visual or --sensitive"
        )
    for kind, given in of_kinds.items():
        for option, value in given.items():
            if value not in (None, ()) and kind not in kinds:
                raise click.UsageError(f"{option}: is for --{kind}; add --{kind}")
