"""Options that several commands share, and how their help is laid out: by section, in one order in every command."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from daguerre.inputs.frames import sampled
from daguerre.inputs.videos import video_paths
from daguerre.resources.videos import THUMBNAIL
from daguerre.storage.tables import read_texts

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
FRAME_CHOICES = ("every", "frames", "shots", "keyframes")
FILE = click.Path(exists=True, dir_okay=False)
FOLDER = click.Path(exists=True, file_okay=False)
NEW_FILE = click.Path(dir_okay=False)


class Option(click.Option):
    """An option in a section of the help. A text as `show_default` is the default of the server."""

    def __init__(self, *declarations: Any, section: str = "Options", **settings: Any) -> None:
        super().__init__(*declarations, **settings)
        self.section = section

    def get_help_extra(self, ctx: click.Context) -> Any:
        """The bracket after the help text, with every default in the same form: `[default: 10]`."""
        extra = super().get_help_extra(ctx)
        if isinstance(self.show_default, str):
            extra["default"] = self.show_default
        return extra


class Command(click.Command):
    """A command whose help lists the options by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section in ("Input", "Videos", "Options", "Model", "Output", "Help"):
            records = [
                record
                for parameter in self.get_params(ctx)
                if isinstance(parameter, click.Option) and getattr(parameter, "section", "Help") == section
                if (record := parameter.get_help_record(ctx))
            ]
            if records:
                with formatter.section(section):
                    formatter.write_dl(records)


command = partial(click.command, cls=Command)
option = partial(click.option, cls=Option)
input_option = partial(option, section="Input")
video_option = partial(option, section="Videos")
output_option = partial(option, section="Output")


def options(*decorators: Decorator) -> Callable[[F], F]:
    """Several options as one decorator; the help lists them in this order."""

    def decorated(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorated


model = options(
    option("--model", section="Model", show_default="the server's", help="Model name, as `daguerre models` lists it."),
    option(
        "--decode",
        section="Model",
        type=click.Choice(["exact", "scaled"]),
        show_default="the server's",
        help="How JPEGs are decoded: exactly, or faster at a reduced size.",
    ),
)
seed = option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of the random numbers; the same seed gives the same result.",
)
task = partial(option, "--task", type=click.Choice(["binary", "categorical", "continuous"]))
bounds = option(
    "--bounds", type=float, nargs=2, help="Lower and upper bound of a continuous target; predictions stay inside."
)
balanced = option("--balanced", is_flag=True, help="Give every class the same weight in training.")
unclustered = option(
    "--unclustered",
    type=click.Choice(["singletons", "exclude"]),
    default="singletons",
    show_default=True,
    help="Treat each item in no cluster (-1) as a cluster of its own, or exclude it.",
)
held_out = option(
    "--held-out",
    type=click.FloatRange(0, 1, max_open=True),
    show_default="0.5",
    help="Share of the pairs that score the winner, and do not choose it.",
)
confidence = option(
    "--confidence",
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    show_default="0.95",
    help="Confidence level of the intervals.",
)
missing = option(
    "--missing",
    multiple=True,
    metavar="TEXT",
    show_default="NA, N/A, NaN, NULL, None and the like",
    help="Text that is no code; can be repeated. An empty text: only empty cells are none.",
)
report = output_option("--report", "page", type=NEW_FILE, help="Write the report to this file, as an HTML page.")
as_json = output_option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
json_summary = output_option("--json", "as_json", is_flag=True, help="Print a summary as JSON on standard output.")
csv_out = output_option("-o", "--out", default="-", show_default=True, help="A .csv file; - is standard output.")
table_out = output_option(
    "-o", "--out", default="-", show_default=True, help="A .csv or .parquet file; - is standard output, as CSV."
)


def resamples(of: str) -> Decorator:
    """The number of bootstrap resamples of pairs or items."""
    return option(
        "--resamples",
        type=click.IntRange(1),
        show_default="1000",
        help=f"Number of bootstrap resamples of {of}, for the intervals.",
    )


def takes_items(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command that sends items; it is called with `images`, `texts` and `ids`."""

    @wraps(function)
    def checked(*args: Any, source: tuple[str, ...], texts: str | None, column: str | None, **given: Any) -> Any:
        if bool(source) == bool(texts):
            raise click.UsageError("give images (folders, files, globs) or --texts FILE, and not both")
        ids, lines = read_texts(texts, column) if texts else (None, None)
        images = source[0] if len(source) == 1 else list(source) or None
        return function(*args, images=images, texts=lines, ids=ids, **given)

    return options(
        click.argument("source", nargs=-1),
        input_option(
            "--texts", type=FILE, help="File of texts: one per line, or a .csv, .tsv, .xlsx or .parquet table."
        ),
        input_option("--column", show_default="text", help="Column of the --texts table that holds the texts."),
        model,
    )(checked)


@dataclass(frozen=True)
class VideoOptions:
    """The videos of a command; `sampling` has the arguments of `Client.video`."""

    paths: list[str]
    sampling: Mapping[str, Any]
    timeline: Path | None


def takes_videos(*, timeline: bool) -> Decorator:
    """Add --video and its options; the command is called with `videos`, None without --video. Below `takes_items`."""
    pages = (
        video_option(
            "--timeline",
            type=click.Path(file_okay=False, path_type=Path),
            help="Write an HTML timeline of each video into this folder.",
        ),
        video_option(
            "--pooling",
            type=click.Choice(["mean", "max", "top_k"]),
            show_default="mean",
            help="How the timeline pools the scores of frames, by shot and by video.",
        ),
        video_option(
            "--top-k",
            type=click.IntRange(1),
            show_default="3",
            help="Number of highest scores that --pooling top_k averages.",
        ),
    )
    added = options(
        video_option("--video", is_flag=True, help="The files are videos; the table has a row per sampled frame."),
        video_option("--every", show_default="1s", help="Time between two sampled frames: 2s, 500ms, 1m."),
        video_option("--frames", type=click.IntRange(1), help="Number of frames per video, evenly spaced."),
        video_option("--shots", is_flag=True, help="Sample one frame per shot."),
        video_option(
            "--take",
            type=click.Choice(["middle", "first"]),
            show_default="middle",
            help="Frame that --shots takes of each shot.",
        ),
        video_option("--keyframes", is_flag=True, help="Sample the keyframes of the file, which is fastest."),
        video_option("--find-shots", is_flag=True, help="Detect shots, and give the shot of each frame."),
        video_option(
            "--drop-near",
            type=click.IntRange(0, 63),
            metavar="BITS",
            help="Drop frames whose perceptual hash differs from the previous frame's by at most BITS bits.",
        ),
        *(pages if timeline else ()),
    )

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def checked(*args: Any, **given: Any) -> Any:
            names = ("video", *FRAME_CHOICES, "take", "find_shots", "drop_near", "pooling", "top_k", "timeline")
            own = {name: given.pop(name, None) for name in names}
            if not own.pop("video"):
                if used := [f"--{name.replace('_', '-')}" for name in own if own[name] not in (None, False)]:
                    raise click.UsageError(f"{used[0]} needs --video")
                return function(*args, videos=None, **given)
            if given["texts"] is not None:
                raise click.UsageError("--video needs videos (folders, files, globs), not --texts")
            return function(*args, videos=_video_options(given["images"], own), **given)

        return added(checked)

    return decorated


def _video_options(given: str | list[str], own: Mapping[str, Any]) -> VideoOptions:
    if own["take"] and not own["shots"]:
        raise click.UsageError("--take needs --shots")
    chosen = {name: own[name] for name in FRAME_CHOICES if own[name] not in (None, False)}
    if len(chosen) > 1:
        raise click.UsageError(f"give only one of {' and '.join(f'--{name}' for name in chosen)}")
    if "shots" in chosen:
        chosen["shots"] = own["take"] or "middle"
    sampled(**chosen)  # raises for values that are not valid, before anything is sent
    sampling = {
        **chosen,
        "find_shots": bool(own["find_shots"]),
        "drop_within": own["drop_near"],
        "pooling": own["pooling"] or "mean",
        "top_k": own["top_k"] or 3,
        "thumbnail": THUMBNAIL if own["timeline"] else None,
    }
    return VideoOptions(video_paths(given), sampling, own["timeline"])
