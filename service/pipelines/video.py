"""Videos as items: frames decoded in a separate thread, run in shared batches, and pooled."""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.errors import InvalidVideo, ItemError, VideoTooLarge
from models.images.decoding import RequestDecode
from models.images.preprocess import Preprocess, resize
from models.images.thumbnail import thumbnail
from models.video.decoding import DecodingReport
from models.video.info import probe
from models.video.opening import VideoLimits
from models.video.sampling import Frame, find_shots, sample
from models.video.shots import Shot
from service.errors import Overloaded
from service.inference.engine import Engine
from service.metrics import VIDEO_FRAMES
from service.pipelines.base64_text import decode as decode_base64
from service.pipelines.concurrency import gather_cancelling
from service.pipelines.frames import Float, FrameResults, SampledFrame, VideoInput, single_colour

Row = NDArray[np.uint8]
Run = Callable[[Sequence[Row]], Awaitable[Float]]  # pixels of a few frames, (size, size, 3) each → (frames, k)
CHUNK = 16  # frames passed between threads at once
AHEAD = 2  # chunks that run while the next one is decoded
PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds until a full queue is tried again
QUALITY = 75  # JPEG quality of thumbnails


@dataclass
class Budget:
    """Remaining number of frames that one request may sample."""

    left: int
    limit: int

    def take(self, frames: int) -> None:
        self.left -= frames
        if self.left < 0:
            raise VideoTooLarge(
                f"the videos of one request have more than {self.limit:,} frames to look at, which is the limit: "
                "sample farther apart, or send them one by one"
            )


@dataclass
class ProgressMonitor:
    """Progress of a job's videos. With a monitor, they wait while the queue is full instead of failing."""

    of: int  # number of videos
    report: Callable[[float], None]  # from 0 to 1; called in any thread
    decodings: "list[VideoDecoding]" = field(default_factory=list)

    def update(self) -> None:
        """Report the progress after a change."""
        self.report(sum(decoding.progress for decoding in self.decodings) / max(self.of, 1))


class _Stopped(Exception):
    """The video's request was cancelled."""


@dataclass
class VideoDecoding:
    """Decoding and inference of one video. `progress` goes from 0 to 1."""

    engine: Engine
    clip: VideoInput
    target: Preprocess | None  # None: frames at their full size
    decode: RequestDecode
    run: Run
    budget: Budget
    monitor: ProgressMonitor | None = None
    progress: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _passes: int = 1
    _pass: int = 0
    _duration: float = 0.0
    _size: tuple[int, int] = (1, 1)
    _report: DecodingReport = field(default_factory=DecodingReport)

    async def result(self) -> FrameResults:
        """Decode the video and run its frames.

        Raises
        ------
        UnsupportedVideo, VideoTooLarge, InvalidVideo, ItemError
        Overloaded, Unavailable
        """
        try:
            async with self.engine.viewing:
                made = await self._sample()
            self._further(1.0)
            return made
        except FileNotFoundError as exc:
            raise InvalidVideo("video was deleted before it was read: send it again") from exc
        finally:
            self._stop.set()  # the thread checks it at the next packet

    async def _sample(self) -> FrameResults:
        clip, settings = self.clip, self.engine.settings
        limits = replace(settings.video_limits, max_frames=max(1, self.budget.left))
        in_thread = self.engine.in_video_thread
        source = clip.source
        if isinstance(source, str):
            text = source
            source = await in_thread(lambda: decoded(text, limits))
        info = await in_thread(lambda: probe(source, limits=limits, check=self._check))
        self._duration, self._size = info.duration, (info.width, info.height)
        shots: list[Shot] | None = None
        if clip.sampling.looks_for_shots:
            self._passes = 2
            detector = clip.sampling.shot_detector()
            shots = await in_thread(
                lambda: find_shots(source, detector, limits=limits, check=self._check, report=self._report)
            )
            self._pass, self._report = 1, DecodingReport()
        scaled = self.decode == "scaled"
        frames = sample(
            source,
            clip.sampling.of_models(),
            limits=limits,
            target=self.target if scaled or clip.sampling.thumbnail is None else None,
            decode=self.decode,
            drop_within=clip.sampling.drop_within,
            known_shots=shots,
            report=self._report,
            check=self._check,
        )
        seen, rows = await self._look_at(frames)
        return FrameResults(
            info=info,
            sampling=clip.sampling,
            frames=tuple(seen),
            shots=None if shots is None else tuple(shots),
            report=self._report,
            rows=rows,
        )

    async def _look_at(self, frames: Iterator[Frame]) -> tuple[list[SampledFrame], Float]:
        """Decode frames while the previous ones run."""
        seen: list[SampledFrame] = []
        rows: list[Float] = []
        running: deque[asyncio.Task[Float]] = deque()
        try:
            while chunk := await self.engine.in_video_thread(lambda: self._chunk(frames)):
                self.budget.take(len(chunk))
                VIDEO_FRAMES.inc(len(chunk))
                seen += [each for each, _ in chunk]
                running.append(asyncio.create_task(self._run_frames([row for _, row in chunk], first=not rows)))
                if len(running) > AHEAD:
                    rows.append(await running.popleft())
            while running:
                rows.append(await running.popleft())
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        return seen, np.concatenate(rows)

    def _chunk(self, frames: Iterator[Frame]) -> list[tuple[SampledFrame, Row]]:
        return [self._prepare(frame) for frame in islice(frames, CHUNK)]

    def _prepare(self, frame: Frame) -> tuple[SampledFrame, Row]:
        side, image = self.clip.sampling.thumbnail, frame.image
        small = None
        if side is not None:
            picture = Image.fromarray(image)
            small = thumbnail(picture, side=side, quality=QUALITY)
            if self.decode == "exact" and self.target:  # scaled frames already have the model's size
                image = resize(picture, self.target)
        grey = single_colour(image, self._size, self.target)
        return SampledFrame(frame.timestamp, frame.shot, frame.dropped, small, frame.times, grey), image

    async def _run_frames(self, rows: Sequence[Row], *, first: bool) -> Float:
        """Run frames. A full queue fails a request at its first frames; later, and in a job, they wait."""
        pause = PAUSE
        while True:
            try:
                return await self.run(rows)
            except Overloaded:
                if first and self.monitor is None:
                    raise
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _check(self) -> None:
        """Stop if cancelled, else update the progress; called for each packet, in the decoding thread."""
        if self._stop.is_set():
            raise _Stopped
        last = self._report.last
        if last is not None and self._duration > 0:
            self._further((self._pass + min(last / self._duration, 1.0)) / self._passes)

    def _further(self, progress: float) -> None:
        self.progress = progress
        if self.monitor is not None:
            self.monitor.update()


async def view(
    engine: Engine,
    clips: Mapping[int, VideoInput],
    *,
    target: Preprocess | None,
    decode: RequestDecode,
    run: Run,
    monitor: ProgressMonitor | None = None,
) -> dict[int, FrameResults | ItemError]:
    """Decode and run the videos of one request: results or failures. Raises Overloaded."""
    limit = engine.settings.max_video_frames
    budget = Budget(limit, limit)
    found: dict[int, FrameResults | ItemError] = {}

    async def one(index: int) -> None:
        decoding = VideoDecoding(engine, clips[index], target, decode, run, budget, monitor)
        if monitor is not None:
            monitor.decodings.append(decoding)
        try:
            found[index] = await decoding.result()
        except ItemError as exc:
            found[index] = exc

    await gather_cancelling([one(index) for index in clips])
    return found


def decoded(text: str, limits: VideoLimits) -> bytes:
    """Decode a video sent as base64 or as a data URI. Raises VideoTooLarge, InvalidVideo."""
    if text[:5].lower() == "data:":
        text = text.partition(",")[2]
    if len(text) > limits.max_bytes * 4 // 3 + 4096:
        raise VideoTooLarge(
            f"video has about {len(text) * 3 // 4:,} bytes, the limit is {limits.max_bytes:,}: cut it into parts"
        )
    try:
        return decode_base64(text, blanks=True)
    except ValueError as exc:
        raise InvalidVideo(
            "video is not base64; send the base64 of the file's bytes, a part of a form, or a file of POST /v1/files"
        ) from exc
