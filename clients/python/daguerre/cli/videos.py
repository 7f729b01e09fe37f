"""What commands do with --video: its options, the videos that there are, and one after the other."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from daguerre import Client
from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.cli.output import summary
from daguerre.corpus.videos import Frames, VideoParts
from daguerre.errors import ItemError, ItemFailedError, JobFailedError
from daguerre.handles.clip import Clip
from daguerre.inputs import files
from daguerre.inputs.alignment import relative_ids
from daguerre.inputs.frames import sampled
from daguerre.resources.videos import THUMBNAIL
from daguerre.results.base import Errors
from daguerre.results.video import ClipPredictions, ClipScores, VideoResult

EXTENSIONS = frozenset(
    [
        *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".vob", ".ts"),
        *(".mts", ".m2ts", ".flv", ".f4v", ".wmv", ".asf", ".ogv", ".ogg"),
    ]
)  # what counts as a video in a folder; a file that is named is sent whatever it is called
R = TypeVar("R", bound=VideoResult)
CHOICES = ("every", "frames", "shots", "keyframes")


@dataclass(frozen=True)
class VideoOptions:
    """The videos of a command, and how they are looked at: `options` are those of `Client.video`."""

    paths: list[str]
    options: Mapping[str, Any]
    timeline: Path | None


def takes_videos(*, timeline: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A command that also takes videos: is called with `looking`, None without --video. Below `takes_items`."""
    pages = (
        click.option(
            "--timeline", type=click.Path(file_okay=False, path_type=Path), help="Write a page for each video into it."
        ),
        click.option("--pooling", type=click.Choice(["mean", "max", "top_k"]), help="Of pages, by shot and video."),
        click.option("--top-k", type=click.IntRange(1), help="Of --pooling top_k; 3 otherwise."),
    )
    options = (
        click.option("--video", is_flag=True, help="The files are videos; a row for each frame that is looked at."),
        click.option("--every", help="A frame each so often: 2s, 500ms, 1m. Each second otherwise."),
        click.option("--frames", type=click.IntRange(1), help="So many frames of each video, evenly."),
        click.option("--shots", is_flag=True, help="One frame a shot."),
        click.option("--take", type=click.Choice(["middle", "first"]), help="Of --shots; the middle otherwise."),
        click.option("--keyframes", is_flag=True, help="Those that are compressed whole: fastest."),
        click.option("--find-shots", is_flag=True, help="Also say the shot of each frame."),
        click.option("--drop-near", type=click.IntRange(0, 63), metavar="BITS", help="Drop near-duplicates."),
        *(pages if timeline else ()),
    )

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def checked(*args: Any, **given: Any) -> Any:
            names = ("video", *CHOICES, "take", "find_shots", "drop_near", "pooling", "top_k", "timeline")
            own = {name: given.pop(name, None) for name in names}
            if not own.pop("video"):
                said = [f"--{name.replace('_', '-')}" for name, value in own.items() if value not in (None, False)]
                if said:
                    raise click.UsageError(f"{said[0]}: is of --video")
                return command(*args, looking=None, **given)
            if given["texts"] is not None:
                raise click.UsageError("--video: give videos (folders, files, globs), not --texts")
            return command(*args, looking=_looking(given["images"], own), **given)

        for option in reversed(options):
            checked = option(checked)
        return checked

    return decorated


def _looking(given: Any, own: Mapping[str, Any]) -> VideoOptions:
    if own["take"] and not own["shots"]:
        raise click.UsageError("--take: is of --shots")
    chosen = {name: own[name] for name in CHOICES if own[name] not in (None, False)}
    if len(chosen) > 1:
        raise click.UsageError(f"give one of {' and '.join(f'--{name}' for name in chosen)}")
    if "shots" in chosen:
        chosen["shots"] = own["take"] or "middle"
    sampled(**chosen)  # raises for what makes no sense, before anything is sent
    options = {
        **chosen,
        "find_shots": bool(own["find_shots"]),
        "drop_within": own["drop_near"],
        "pooling": own["pooling"] or "mean",
        "top_k": own["top_k"] or 3,
        "thumbnail": THUMBNAIL if own["timeline"] else None,
    }
    return VideoOptions(list(_found(given)), options, own["timeline"])


def _found(given: str | list[str]) -> list[str]:
    found: list[str] = []
    for path in [given] if isinstance(given, str) else given:
        if os.path.isdir(path):
            found += files.walk(path, EXTENSIONS)
        elif files.GLOB & set(path) and not os.path.exists(path):
            found += files.matching(path)
        elif os.path.exists(path) or not isinstance(given, str):
            found.append(path)
        else:
            raise FileNotFoundError(f"there is no {path!r}; give a folder, a file or a glob that is there")
    if not found:
        raise click.UsageError(f"no video was found in {given if isinstance(given, str) else ', '.join(given)}")
    return list(dict.fromkeys(found))


def look(
    settings: Settings,
    client: Client,
    looking: VideoOptions,
    parts: VideoParts,
    ask: Callable[[Clip], R],
    taken: Callable[[R], Frames],
) -> Errors:
    """Ask about each video whose part is not there yet. What is done is kept; what cannot be used goes on the list."""
    failed: list[ItemError] = []
    many = len(looking.paths)
    pages = relative_ids(looking.paths)
    before = sum(parts.has(path) for path in looking.paths)
    if before:
        settings.say(f"{before:,} of {many:,} videos are there already, of a run that was interrupted")
    for i, path in enumerate(looking.paths):
        if parts.has(path):
            continue
        try:
            with client.video(path, name=path, **looking.options) as clip:  # type: ignore[no-untyped-call]
                clip.asynchronous.title = f"{os.path.basename(path)} ({i + 1:,} of {many:,})"
                made = ask(clip)
        except ItemFailedError as exc:
            failed.append(ItemError(i, path, exc.code, exc.item.message))
        except JobFailedError as exc:
            failed.append(ItemError(i, path, exc.code, exc.message))
        except OSError as exc:
            why = f"cannot be read: {exc.strerror or exc}; check the path"
            failed.append(ItemError(i, path, "unreadable_file", why))
        else:
            if looking.timeline is not None and isinstance(made, ClipScores | ClipPredictions):
                page = looking.timeline / f"{pages[i]}.html"
                page.parent.mkdir(parents=True, exist_ok=True)
                made.timeline(page)
            parts.keep(path, taken(made))
    return Errors(failed)


def finish(
    settings: Settings, looking: VideoOptions, out: str, frames: int, failed: Errors, by: str
) -> Mapping[str, Any]:
    """Say what was done; the same for --json."""
    settings.say(f"{out}: {frames:,} frames of {len(looking.paths) - len(failed):,} videos, {by}")
    if looking.timeline is not None:
        settings.say(f"{looking.timeline}: a page for each video")
    if failed:
        settings.say(summary(failed))
    said = {"out": out, "videos": len(looking.paths), "frames": frames, "failed": len(failed), "by": by}
    return {**said, "errors": [asdict(each) for each in failed]}


def end(failed: Errors) -> None:
    sys.exit(SOME_FAILED if failed else 0)
