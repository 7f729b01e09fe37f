"""Timeline page of a video, from the answer of a request with a video, without a model."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.errors import quoted
from models.pages.timeline import Shot, Timeline, page, shown_frames
from models.stopping import Check
from models.vectors import l2
from service.errors import Unprocessable
from service.inference.engine import Engine
from service.pipelines.images import small_stills
from service.schemas.clusters import PageMode
from service.schemas.timeline import AnswerWithVideo, Result, Video, VideoEntry

Rows = NDArray[np.float64]
UNCALIBRATED = "Scores are not calibrated on your data: validate them against human codes."
COSINES = ("cosine with the whole video", "cosine with the frame before")
UNCHANGED = "send the answer unchanged"
MOST = 10  # maximum videos listed in an error


async def timeline(
    engine: Engine,
    read: Callable[[Check], AnswerWithVideo],
    *,
    index: int | None,
    title: str | None,
    pictures: PageMode = "blurred",
) -> str:
    """Timeline page of the video at `index` of the answer; None if there is a single video.

    Parameters
    ----------
    read : gives the answer, in a thread.
    title : name of the video on the page; its id where None.
    pictures : form of the thumbnails: with blurred faces, blurred, as they are, or none.

    Raises
    ------
    Unprocessable : there is no such video, or it has no numbers to draw.
    Overloaded : faces cannot be looked for now.
    """

    def prepared(check: Check) -> tuple[Timeline, str]:
        answer = read(check)
        check()
        place = _index(answer, index)
        return _content(answer, place, title, pictures), f"data[{place}]"

    content, where = await engine.compute(prepared)
    if content.blurred:
        content = await _blurred(engine, content, where, pictures)
    return await engine.compute(lambda _: page(content))


def _content(answer: AnswerWithVideo, index: int, title: str | None, pictures: PageMode) -> Timeline:
    """The content of the page of the video at `index`. Raises Unprocessable."""
    entry, where = answer.data[index], f"data[{index}]"
    assert entry.video is not None
    video, frames = entry.video, entry.video.frames
    if not frames:
        raise Unprocessable(f"{where}.video.frames: is empty, and a timeline needs frames", param="data")
    block = video.model_dump(exclude={"frames", "shots"})
    if frames[0].embedding is not None:
        labels: Sequence[str] = COSINES
        rows, shots, pooled = _cosines(entry, video, where)
        block["sampling"]["pooling"] = "mean"  # vectors are always pooled by their mean
        note = "Cosines of the frames' embeddings."
    else:
        by_label = frames[0].scores is not None or frames[0].probabilities is not None
        labels = answer.labels if by_label else ["value"]
        rows = np.array([_row(frame, labels, f"{where}.video.frames[{i}]") for i, frame in enumerate(frames)])
        shots = np.array(
            [
                _row(shot, labels, f"{where}.video.shots[{i}]") if shot.frames else [np.nan] * len(labels)
                for i, shot in enumerate(video.shots or ())
            ]
        )
        pooled = np.array(_row(entry, labels, where))
        note = UNCALIBRATED if answer.classifier is None else f"By {answer.classifier}."
    return Timeline(
        name=title or entry.id or "Video",
        video=block,
        labels=labels,
        timestamps=np.array([frame.timestamp for frame in frames]),
        rows=rows,
        pooled=pooled,
        shots=_shots(video, shots),
        thumbnails=[None if pictures == "none" else frame.thumbnail for frame in frames],
        receipt=None if answer.receipt is None else answer.receipt.model_dump(),
        note=note,
        binary=answer.classifier is not None and len(labels) == 2,
        blurred=pictures in ("blurred", "blurred_whole"),
    )


async def _blurred(engine: Engine, content: Timeline, where: str, mode: PageMode) -> Timeline:
    """The timeline with blurred thumbnails, of those frames that are drawn. Raises Unprocessable, Overloaded."""
    stills = {i: content.thumbnails[i] or b"" for i in shown_frames(content)}
    small, errors = await small_stills(engine, stills, mode=mode)
    for i, exc in sorted(errors.items()):
        raise Unprocessable(f"{where}.video.frames[{i}].thumbnail: {exc.message}; {UNCHANGED}", param="data") from exc
    return replace(content, thumbnails=[small.get(i) for i in range(len(content.thumbnails))])


def _index(answer: AnswerWithVideo, index: int | None) -> int:
    """Position in `data` of the requested video."""
    videos = [i for i, entry in enumerate(answer.data) if entry.video is not None]
    if not videos:
        raise Unprocessable("data: has no video; send the answer of a request with a video", param="data")
    if index in videos:
        return videos[videos.index(index)]
    if index is None and len(videos) == 1:
        return videos[0]
    known = ", ".join(map(str, videos[:MOST])) + (", …" if len(videos) > MOST else "")
    given = (
        "is missing, and data has several videos" if index is None else f"got {index}, and data[{index}] is no video"
    )
    raise Unprocessable(f"index: {given}; choose one of {known}", param="index")


def _row(result: Result, labels: Sequence[str], where: str) -> Sequence[float]:
    """The numbers of a frame, a shot or a video, one per label."""
    if result.probabilities is not None:
        missing = [label for label in labels if label not in result.probabilities]
        if missing:
            raise Unprocessable(f"{where}.probabilities: lacks {quoted(missing[0])}; {UNCHANGED}", param="data")
        return [result.probabilities[label] for label in labels]
    row = result.scores if result.value is None else [result.value]
    if row is None:
        raise Unprocessable(
            f"{where}: has no scores, probabilities, value or embedding, of which the timeline is drawn; {UNCHANGED}",
            param="data",
        )
    if not labels:
        raise Unprocessable(f"labels: is empty, and {where} has scores; {UNCHANGED}", param="labels")
    if len(row) != len(labels):
        raise Unprocessable(f"{where}: has {len(row)} numbers for {len(labels)} labels; {UNCHANGED}", param="data")
    return row


def _cosines(entry: VideoEntry, video: Video, where: str) -> tuple[Rows, Rows, Rows]:
    """Cosines by frame (n, 2), by shot (s, 2), and for the whole video (2,)."""
    dimension = len(entry.embedding or ())
    for i, frame in enumerate(video.frames):
        if not dimension or frame.embedding is None or len(frame.embedding) != dimension:
            raise Unprocessable(
                f"{where}.video.frames[{i}].embedding: has {len(frame.embedding or ())} numbers, that of the video "
                f"{dimension}; {UNCHANGED}",
                param="data",
            )
    with np.errstate(invalid="ignore"):  # a vector of zeros has no direction
        vectors = l2(np.array([frame.embedding for frame in video.frames], np.float64))
        whole = vectors @ l2(np.array(entry.embedding, np.float64))
    before = np.concatenate([[np.nan], (vectors[1:] * vectors[:-1]).sum(axis=1)])
    rows = np.stack([whole, before], axis=1)
    places = np.array([-1 if frame.shot is None else frame.shot for frame in video.frames])
    times = np.array([max(frame.times, 1) for frame in video.frames])
    shots = [_mean(rows[places == shot.index], times[places == shot.index]) for shot in video.shots or ()]
    return rows, np.array(shots), _mean(rows, times)


def _mean(rows: Rows, times: NDArray[np.int64]) -> Rows:
    """Mean of the finite numbers of each column, weighted by `times` (n,); NaN if there are none."""
    finite = np.isfinite(rows) * times[:, None]
    with np.errstate(invalid="ignore"):
        return np.asarray((np.where(np.isfinite(rows), rows, 0) * finite).sum(axis=0) / finite.sum(axis=0))


def _shots(video: Video, pooled: Rows) -> list[Shot] | None:
    if video.shots is None:
        return None
    return [
        Shot(index=shot.index, start=shot.start, end=shot.end, frames=shot.frames, pooled=row)
        for shot, row in zip(video.shots, pooled, strict=True)
    ]
