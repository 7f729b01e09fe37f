"""Options that several commands share, and how their help is laid out: by section, in one order in every command."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from daguerre.cli.chosen import HELP, OPTION, chosen_items, keep_chosen
from daguerre.cli.collection_items import COLLECTION_HELP, WHERE_HELP, keep_collection, keep_where, stored_choice
from daguerre.cli.crops import read_crops
from daguerre.cli.paths import VECTOR_FILE as VECTOR_FILE
from daguerre.inputs.crops import with_crops
from daguerre.inputs.frames import sampled
from daguerre.inputs.videos import first_of_videos_alone, video_ids, video_paths
from daguerre.resources.videos import THUMBNAIL
from daguerre.storage.dataset import is_dataset
from daguerre.storage.tables import TABLES, read_texts
from daguerre.types.common import PageMode

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
FRAME_CHOICES = ("every", "frames", "shots", "keyframes")
FILE = click.Path(exists=True, dir_okay=False)
FOLDER = click.Path(exists=True, file_okay=False)
NEW_FILE = click.Path(dir_okay=False)
VECTORS = (".parquet", ".npz", ".npy")


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


decode = option(
    "--decode",
    section="Model",
    type=click.Choice(["exact", "scaled"]),
    show_default="the server's",
    help="How JPEGs are decoded: exactly, or faster at a reduced size.",
)
model = options(
    option("--model", section="Model", show_default="the server's", help="Model name, as `daguerre models` lists it."),
    decode,
)
several_models = options(
    option(
        "--model",
        "models",
        section="Model",
        multiple=True,
        show_default="the server's",
        help="Model name, as `daguerre models` lists it; can be repeated.",
    ),
    decode,
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
    type=click.FloatRange(0.5, 0.9999, min_open=True),
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
crops = input_option(
    "--crops",
    type=FILE,
    help="Table of rectangles to take in place of whole images: columns id or path, x, y, width, height and perhaps "
    "margin, in pixels of the upright picture; the table of `daguerre analyse` is one. Each row is an item with an id "
    "such as photo.jpg#3: with the number of its finding, or its place among the rows of the image.",
)
ids = input_option(OPTION, type=VECTOR_FILE, callback=keep_chosen, expose_value=False, help=HELP)
takes_stored = options(
    input_option("--collection", metavar="NAME", callback=keep_collection, expose_value=False, help=COLLECTION_HELP),
    input_option(
        "--where", multiple=True, metavar="CONDITION", callback=keep_where, expose_value=False, help=WHERE_HELP
    ),
)
report = output_option("--report", "page", type=NEW_FILE, help="Write the report to this file, as an HTML page.")
tables = output_option(
    "--tables",
    type=click.Path(file_okay=False),
    help="Write the tables of the report into this folder as CSV and LaTeX, and its figures as SVG; with --report.",
)
pictures = output_option(
    "--pictures",
    type=click.Choice(get_args(PageMode)),
    show_default="blurred",
    help="How images are shown; blurred: with blurred faces.",
)
size_of_faces = option(
    "--size",
    type=click.Choice(["640", "960", "1280"]),
    show_default="640",
    help="Pixels of the longer side at which faces are looked for: more finds smaller ones.",
)
as_json = output_option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
json_summary = output_option("--json", "as_json", is_flag=True, help="Print a summary as JSON on standard output.")
csv_out = output_option("-o", "--out", default="-", show_default=True, help="A .csv file; - is standard output.")
table_out = output_option(
    "-o", "--out", default="-", show_default=True, help="A .csv or .parquet file; - is standard output, as CSV."
)


def report_line(page: str, tables: str | None) -> str:
    """The line about a report that was written."""
    return f"{page}: the report" + ("" if tables is None else f"; {tables}: its tables and figures")


def resamples(of: str) -> Decorator:
    """The number of bootstrap resamples of pairs or items."""
    return option(
        "--resamples",
        type=click.IntRange(1),
        show_default="1000",
        help=f"Number of bootstrap resamples of {of}, for the intervals.",
    )


def takes_items(function: Callable[..., Any], models: Decorator = model) -> Callable[..., Any]:
    """Add the options of a command that sends items; it is called with `images`, `texts` and `ids`."""

    @wraps(function)
    def checked(
        *args: Any, source: tuple[str, ...], texts: str | None, column: str | None, crops: str | None, **given: Any
    ) -> Any:
        of_table = str(given.get("name")).lower().endswith(TABLES)  # estimate: items of a table
        if not source and not texts and (of_table or given.get("server_folder")):
            return function(*args, images=None, texts=None, ids=None, **given)
        if (stored := stored_choice()) is not None:
            if source or texts or crops or given.get("video"):
                raise click.UsageError(
                    "--collection takes the place of images, --texts, --crops and --video; leave them out"
                )
            return function(*args, images=stored, texts=None, ids=None, **given)
        if bool(source) == bool(texts):
            raise click.UsageError("give images (folders, files, globs) or --texts FILE, and not both")
        ids, lines = read_texts(texts, column) if texts else (None, None)
        if not given.get("video"):
            _refuse_videos(source, "video" in given)
        images: Any = source[0] if len(source) == 1 else list(source) or None
        if lines is not None and (wanted := chosen_items()):
            ids = ids or [str(i) for i in range(len(lines))]
            places = wanted.places(ids)
            ids, lines = [ids[i] for i in places], [lines[i] for i in places]
        elif (
            images is not None and (wanted := chosen_items()) and not given.get("video") and not is_vector_file(images)
        ):
            images = wanted.images(images)
        if crops is not None:
            if images is None or given.get("video") or is_vector_file(images):
                raise click.UsageError("--crops needs images")
            images = with_crops(images, read_crops(crops))
        return function(*args, images=images, texts=lines, ids=ids, **given)

    return options(
        click.argument("source", nargs=-1),
        input_option(
            "--texts", type=FILE, help="File of texts: one per line, or a .csv, .tsv, .xlsx or .parquet table."
        ),
        input_option("--column", show_default="text", help="Column of the --texts table that holds the texts."),
        ids,
        crops,
        models,
    )(checked)


def _refuse_videos(sources: tuple[str, ...], takes_videos: bool) -> None:
    """Raise UsageError for a video where images are taken."""
    for source in sources:
        if (video := first_of_videos_alone(source)) is not None:
            where = f"{video} is a video" if video == source else f"{source} has videos alone, the first is {video}"
            way = "this command takes images: embed the frames with `daguerre embed --video`, and give their .parquet"
            if click.get_current_context().info_name == "label":  # which takes no vectors
                way = "this command takes images: client.video(VIDEO).label(…) labels the frames in Python"
            raise click.UsageError(f"{where}; {'give --video for its frames' if takes_videos else way}")


def is_vector_file(given: Any) -> bool:
    """Whether the argument of a command is a file or a folder of vectors."""
    return isinstance(given, str) and (
        is_dataset(given) or (Path(given).suffix.lower() in VECTORS and not os.path.isdir(given))
    )


@dataclass(frozen=True)
class VideoOptions:
    """The videos of a command, with their ids by path; `sampling` has the arguments of `Client.video`."""

    paths: list[str]
    ids: Mapping[str, str]
    sampling: Mapping[str, Any]
    timeline: Path | None
    pictures: PageMode = "blurred"


def takes_videos(*, timeline: bool, alone: bool = False) -> Decorator:
    """Add --video and its options; the command is called with `videos`, None without --video. Below `takes_items`.

    `alone` : videos are also taken without --video, where nothing but videos is given.
    """
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

    pictures = video_option(
        "--pictures",
        type=click.Choice(get_args(PageMode)),
        show_default="blurred",
        help="How --timeline shows frames.",
    )

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        shared = any(each.name == "pictures" for each in getattr(function, "__click_params__", ()))  # with --report

        @wraps(function)
        def checked(*args: Any, **given: Any) -> Any:
            names = ("video", *FRAME_CHOICES, "take", "find_shots", "drop_near", "pooling", "top_k", "timeline")
            own = {name: given.pop(name, None) for name in names}
            if not shared:
                own["pictures"] = given.pop("pictures", None)
                if own["pictures"] and not own["timeline"]:
                    raise click.UsageError("--pictures needs --timeline")
            asked = own.pop("video")
            if not asked and not (alone and _are_videos(given["images"])):
                if alone:
                    _refuse_videos(given["images"], True)
                if used := [f"--{name.replace('_', '-')}" for name in own if own[name] not in (None, False)]:
                    raise click.UsageError(f"{used[0]} needs --video")
                return function(*args, videos=None, **given)
            if given.get("texts") is not None:
                raise click.UsageError("--video needs videos (folders, files, globs), not --texts")
            if shared:
                own["pictures"] = given["pictures"]
                if own["pictures"] and not own["timeline"] and given.get("page") is None:
                    raise click.UsageError("--pictures needs --timeline, or --report")
                if given.get("page") is None:
                    given["pictures"] = None
            images = given["images"]
            where = list(images) if isinstance(images, tuple) else images
            return function(*args, videos=_video_options(where, own), **given)

        return added(checked if shared or not timeline else pictures(checked))

    return decorated


def _are_videos(sources: Sequence[str]) -> bool:
    """Whether all files, folders and globs have videos and no image."""
    return all(first_of_videos_alone(source) is not None for source in sources)


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
    names = video_ids(given, video_paths(given))
    if wanted := chosen_items():
        paths = list(names)
        names = {paths[i]: names[paths[i]] for i in wanted.places(list(names.values()), paths)}
    return VideoOptions(list(names), names, sampling, own["timeline"], own["pictures"] or "blurred")
