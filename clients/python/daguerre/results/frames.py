"""Frames of analysed videos: rows with their times, and the numbers of labels over time, by shot and by video."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from daguerre.results.base import import_pandas
from daguerre.types.common import Content, Double

if TYPE_CHECKING:
    import pandas as pd

Over = Literal["item", "time", "second", "shot", "video"]
FRAME = ("video", "time", "frame", "shot", "times")  # columns of a frame
LARGEST = 200_000  # seconds of a table, more than two days


def frames_of(entry: Content | None) -> Sequence[Content]:
    """The analysed frames of an entry; none for a picture."""
    return ((entry or {}).get("video") or {}).get("frames") or ()


def parts_of(entry: Content | None) -> Sequence[Content]:
    """The parts of an entry that have findings: the frames of a video, else the entry itself."""
    if entry is None:
        return ()
    return frames_of(entry) if entry.get("video") else (entry,)


def frame_id(id: str, frame: Content) -> str:
    """The id of a frame, such as "clip.mp4@12.480"."""
    return f"{id}@{frame['timestamp']:.3f}"


def frame_place(id: str, frame: Content) -> dict[str, Any]:
    """The video of a frame, its time in seconds, its number, shot, and number of sampling times on the screen."""
    return {
        "video": id,
        "time": frame["timestamp"],
        "frame": frame["index"],
        "shot": frame.get("shot"),
        "times": frame.get("times") or 1,
    }


def labels_in(part: Content | None, analyser: str) -> "Counter[str]":
    """The number of findings of each label in a picture, or in a frame."""
    result = ((part or {}).get("results") or {}).get(analyser) or {}
    return Counter(found["label"] for found in result.get("findings", ()) if found.get("label") is not None)


def always(analyser: str) -> set[str]:
    """Labels that are counted even where nothing has them."""
    return {"face"} if analyser.startswith("face") else set()


def most_at_once(frames: Sequence[Content], analyser: str) -> "Counter[str]":
    """The greatest number of each label in one frame."""
    most: Counter[str] = Counter()
    for frame in frames:
        most |= labels_in(frame, analyser)
    return most


def seconds_on_screen(video: Content) -> Double:
    """The seconds for which each sampled frame stands, (n,).

    A frame stands for the time until the next one; the frames of the policies `evenly` and `shots` are in the middle
    of their parts. Where shots are known, a frame stands for no time outside of its shot, and the first one for the
    time from the beginning of its shot.
    """
    frames, shots = video["frames"], video.get("shots")
    times = np.array([frame["timestamp"] for frame in frames], np.float64)
    if not len(times):
        return times
    end = max(float(video.get("duration") or 0.0), float(times[-1]))
    middle = (video.get("sampling") or {}).get("policy") in ("evenly", "shots")
    if not shots:
        return _lengths(times, 0.0 if middle else float(times[0]), end, middle=middle)
    lengths = np.zeros(len(times))
    own = np.array([frame.get("shot") or 0 for frame in frames])
    for shot in shots:
        places = np.flatnonzero(own == shot["index"])
        if len(places):
            last = min(shot["end"], end) if shot["index"] == shots[-1]["index"] else shot["end"]
            lengths[places] = _lengths(times[places], shot["start"], max(last, float(times[places[-1]])), middle=middle)
    return lengths


def _lengths(times: Double, start: float, end: float, *, middle: bool) -> Double:
    edges = (times[1:] + times[:-1]) / 2 if middle else times[1:]
    return np.diff(np.concatenate([[min(start, float(times[0]))], edges, [end]]))


def counts_over(ids: Sequence[str], entries: Sequence[Content | None], over: Over, analyser: str) -> "pd.DataFrame":
    """See Analyses.counts. Raises ValueError."""
    if over not in get_args(Over):
        raise ValueError(f"over: got {over!r:.60}, there are {', '.join(get_args(Over))}")
    videos = [(id, entry["video"]) for id, entry in zip(ids, entries, strict=True) if entry and entry.get("video")]
    if not videos:
        raise ValueError(f"over: got {over!r}, and none of the items is a video; leave it out for pictures")
    labels = sorted(
        {label for _, video in videos for label in most_at_once(video["frames"], analyser)} | always(analyser)
    )
    if over == "time":
        return _by_time(videos, labels, analyser)
    if over == "second":
        return _by_second(videos, labels, analyser)
    rows = [row for id, video in videos for row in _presence(id, video, labels, analyser, by_shot=over == "shot")]
    columns = [*(("video", "shot", "start", "end") if over == "shot" else ("video",)), *PRESENCE]
    table: pd.DataFrame = import_pandas().DataFrame(rows, columns=columns)
    return table


PRESENCE = ("sampled", "label", "frames", "seconds", "most", "first", "last")


def _by_time(videos: Sequence[tuple[str, Content]], labels: Sequence[str], analyser: str) -> "pd.DataFrame":
    pandas, index, rows = import_pandas(), [], []
    for id, video in videos:
        for frame in video["frames"]:
            found = labels_in(frame, analyser)
            index.append(frame_id(id, frame))
            rows.append({**frame_place(id, frame), **{_column(label): found[label] for label in labels}})
    table: pd.DataFrame = pandas.DataFrame(
        rows, columns=[*FRAME, *map(_column, labels)], index=pandas.Index(index, name="id")
    )
    return table.astype({"shot": "Int64", **{_column(label): "Int64" for label in labels}})


def _by_second(videos: Sequence[tuple[str, Content]], labels: Sequence[str], analyser: str) -> "pd.DataFrame":
    pandas, rows = import_pandas(), []
    for id, video in videos:
        by_second: dict[int, list[Counter[str]]] = {}
        for frame in video["frames"]:
            by_second.setdefault(int(frame["timestamp"]), []).append(labels_in(frame, analyser))
        last = max([*by_second, int(np.ceil(video.get("duration") or 0)) - 1])
        for second in range(min(last, LARGEST) + 1):
            some = by_second.get(second, [])
            means = {
                _column(label): float(np.mean([each[label] for each in some])) if some else None for label in labels
            }
            rows.append({"video": id, "second": second, "frames": len(some), **means})
    table: pd.DataFrame = pandas.DataFrame(rows, columns=["video", "second", "frames", *map(_column, labels)])
    return table.astype({_column(label): "float64" for label in labels})


def _presence(
    id: str, video: Content, labels: Sequence[str], analyser: str, *, by_shot: bool
) -> Iterator[dict[str, Any]]:
    """A row for each label of a video, or of each of its shots: where it is on the screen, and how often at once."""
    frames, seconds = video["frames"], seconds_on_screen(video)
    found = [labels_in(frame, analyser) for frame in frames]
    groups: list[tuple[Mapping[str, Any], list[int]]] = [({"video": id}, list(range(len(frames))))]
    if by_shot:
        if video.get("shots") is None:
            raise ValueError(
                f'over: got "shot", and the shots of {id!r} were not detected; analyse with find_shots=True'
            )
        groups = [
            (
                {"video": id, "shot": shot["index"], "start": shot["start"], "end": shot["end"]},
                [i for i, frame in enumerate(frames) if frame.get("shot") == shot["index"]],
            )
            for shot in video["shots"]
        ]
    for place, own in groups:
        for label in labels:
            there = [i for i in own if found[i][label]]
            yield {
                **place,
                "sampled": len(own),
                "label": label,
                "frames": len(there),
                "seconds": float(seconds[there].sum()) if own else None,
                "most": max((found[i][label] for i in own), default=None),
                "first": frames[there[0]]["timestamp"] if there else None,
                "last": frames[there[-1]]["timestamp"] if there else None,
            }


def _column(label: str) -> str:
    """The column of a label, named "label: …" where a column of the frame has that name."""
    return f"label: {label}" if label in (*FRAME, "second", "frames", "id") else label
