"""`daguerre zero-shot`, `embed` and `predict` with --video. Each ends the command."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NoReturn, TypeVar

from daguerre import Client
from daguerre.cli.group import Settings
from daguerre.cli.options import VideoOptions
from daguerre.cli.output import SHOWN, UNCALIBRATED, finish
from daguerre.corpus.video_tables import label_columns, write_rows, write_vectors
from daguerre.corpus.videos import Frames, VideoParts, of_embeddings, of_predictions, of_scores, run_videos
from daguerre.handles.clip import Clip
from daguerre.results.base import Errors
from daguerre.results.predictions import origin_columns
from daguerre.results.video import ClipScores, VideoResult

R = TypeVar("R", bound=VideoResult)


def zero_shot_videos(
    settings: Settings,
    client: Client,
    videos: VideoOptions,
    query: Mapping[str, Any],
    out: str,
    kind: str,
    as_json: bool,
) -> NoReturn:
    receipt = client.run(client.asynchronous.card()).receipt(query["decode"])
    parts = _parts(out, {"zero-shot": dict(query), "fingerprint": receipt.fingerprint}, videos)
    labels = query["labels"]

    def ask(clip: Clip) -> ClipScores:
        nonlocal labels
        scores: ClipScores = clip.zero_shot(**query)
        labels = scores.labels
        return scores

    failed = _run(settings, client, videos, parts, ask, of_scores)
    if labels is None:  # all videos failed, or were there already
        named = re.sub(r"[\W_]+", "-", query["preset"].casefold()).strip("-")
        labels = next((preset.labels for preset in client.presets() if preset.name == named), [])
    names = label_columns(labels)
    count = write_rows(parts, videos.paths, failed, names, out, kind, labelled=True)
    settings.notify(UNCALIBRATED)
    _finish(settings, videos, parts, failed, count, f"{receipt.model} {receipt.fingerprint}", out, as_json)


def embed_videos(
    settings: Settings, client: Client, videos: VideoOptions, decode: Any, out: str, kind: str, as_json: bool
) -> NoReturn:
    card = client.run(client.asynchronous.card())
    receipt = card.receipt(decode)
    parts = _parts(out, {"embed": decode, "fingerprint": receipt.fingerprint}, videos)
    failed = _run(settings, client, videos, parts, lambda clip: clip.embed(decode=decode), of_embeddings)
    if kind == ".csv":
        names = [str(i) for i in range(card.dimension)]
        count = write_rows(parts, videos.paths, failed, names, out, kind, labelled=False, digits=".9g")
    else:
        count = write_vectors(parts, videos.paths, failed, receipt, card.dimension, out, kind)
    _finish(settings, videos, parts, failed, count, f"{receipt.model} {receipt.fingerprint}", out, as_json)


def predict_videos(
    settings: Settings, client: Client, videos: VideoOptions, name: str, out: str, kind: str, as_json: bool
) -> NoReturn:
    clf = client.classifier(name)
    parts = _parts(out, {"predict": clf.id}, videos)
    failed = _run(settings, client, videos, parts, lambda clip: clip.predict(clf), of_predictions)
    names = label_columns(clf.labels) or ["value", "low", "high"]
    print_of = next((each["fingerprint"] for each in clf.card["encoders"]), None)
    origin = origin_columns(clf.id, print_of)
    count = write_rows(parts, videos.paths, failed, names, out, kind, labelled=bool(clf.labels), constant=origin)
    _finish(settings, videos, parts, failed, count, clf.id, out, as_json)


def _parts(out: str, request: Mapping[str, Any], videos: VideoOptions) -> VideoParts:
    page = None if videos.timeline is None else str(videos.timeline.absolute())
    settings = {"sampling": dict(videos.sampling), "timeline": page, "pictures": videos.pictures}
    return VideoParts(out, {**request, **settings}, videos.ids)


def _run(
    settings: Settings,
    client: Client,
    videos: VideoOptions,
    parts: VideoParts,
    ask: Callable[[Clip], R],
    frames_of: Callable[[R], Frames],
) -> Errors:
    def open_and_ask(path: str, title: str) -> R:
        with client.video(path, name=parts.id(path), **videos.sampling) as clip:  # type: ignore[no-untyped-call]
            clip.asynchronous.title = title
            return ask(clip)

    if before := sum(parts.has(path) for path in videos.paths):
        settings.notify(f"{before:,} of {len(videos.paths):,} videos are there already, from an interrupted run")
    return run_videos(parts, videos.paths, open_and_ask, frames_of, timeline=videos.timeline, pictures=videos.pictures)


def _finish(
    settings: Settings,
    videos: VideoOptions,
    parts: VideoParts,
    failed: Errors,
    frames: int,
    by: str,
    out: str,
    as_json: bool,
) -> NoReturn:
    remarks = parts.remarks(videos.paths)
    parts.remove()
    many = len(videos.paths)
    summary = {"out": out, "videos": many, "frames": frames, "failed": len(failed), "by": by}
    summary["remarks"] = remarks
    summary["errors"] = [asdict(error) for error in failed]
    settings.notify(f"{out}: {frames:,} frames of {many - len(failed):,} videos, {by}")
    if remarks:
        settings.notify(remarked(remarks))
    if videos.timeline is not None:
        settings.notify(f"{videos.timeline}: a page for each video")
    finish(settings, failed, summary, as_json)


def remarked(remarks: Mapping[str, Sequence[str]]) -> str:
    """The number of videos with remarks, and those of the first ones."""
    lines = [f"{len(remarks):,} with remarks, which are also in the column remarks:"]
    lines += [f"  {path}: {'; '.join(each)}" for path, each in list(remarks.items())[:SHOWN]]
    return "\n".join([*lines, *(["  …"] if len(remarks) > SHOWN else [])])
