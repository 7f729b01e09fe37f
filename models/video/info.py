"""Properties of a video from its header and its first frame."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from typing import Literal

from models.errors import InvalidVideo
from models.video.decoding import Decoder, DecodingReport
from models.video.opening import NAMES, OpenVideo, Source, VideoLimits, check_seconds, check_size, open_video
from models.video.pixels import display_size, orientation, rotation, swaps_sides

_LOOKED_AT = 500  # packets that tell whether the rate varies


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """Properties of one video, as displayed.

    Attributes
    ----------
    duration : seconds, of the video stream where the header has it, of the file otherwise.
    duration_from : "packets": the header had none, and all packets were read.
    frames : as the header counts them; None where it does not.
    average_rate : frames a second over the clip; None where FFmpeg cannot tell.
    real_rate : the lowest rate that has all the timestamps (of a variable rate, mostly much higher).
    variable_rate : whether frames lie at uneven distances, by the two rates and by the first 500 packets.
    width, height : in square pixels, upright.
    pixel_aspect : width of a stored pixel over its height.
    rotation : degrees, clockwise, by which the stored picture is turned for display, as the display matrix says it.
    interlaced : whether the first frame is.
    start : the stream's first timestamp in seconds, which every frame's `timestamp` is counted from.
    """

    duration: float
    duration_from: Literal["header", "packets"]
    frames: int | None
    average_rate: Fraction | None
    real_rate: Fraction | None
    variable_rate: bool
    width: int
    height: int
    pixel_aspect: Fraction
    pixel_format: str
    rotation: int
    interlaced: bool
    codec: str
    container: str
    start: float


def probe(source: Source, *, limits: VideoLimits, check: Callable[[], None] | None = None) -> VideoInfo:
    """Open a clip and decode its first frame.

    Raises
    ------
    UnsupportedVideo, VideoTooLarge, InvalidVideo
        As `sampling.sample`; also where not one frame can be decoded.
    """
    with open_video(source, limits) as clip:
        decoder = Decoder(clip, DecodingReport(), check=check)
        first = next(decoder, None)
        if first is None:
            raise InvalidVideo("video has no frame that can be decoded: send it again or re-save it")
        frame, stream = first.frame, clip.stream
        size = display_size(frame.width, frame.height, clip.pixel_aspect)
        check_size(*size, limits)
        width, height = reversed(size) if swaps_sides(orientation(frame)) else size
        header = clip.header_seconds
        return VideoInfo(
            duration=header if header is not None else scanned_seconds(source, limits, check=check),
            duration_from="packets" if header is None else "header",
            frames=stream.frames or None,
            average_rate=stream.average_rate,
            real_rate=stream.base_rate,
            variable_rate=_varies(source, limits),
            width=width,
            height=height,
            pixel_aspect=clip.pixel_aspect,
            pixel_format=frame.format.name,
            rotation=rotation(frame),
            interlaced=frame.interlaced_frame,
            codec=stream.codec_context.codec.canonical_name,
            container=NAMES[clip.demuxer],
            start=float((decoder.start or 0) * clip.time_base),
        )


def scanned_seconds(source: Source, limits: VideoLimits, *, check: Callable[[], None] | None = None) -> float:
    """Length by the timestamps of all packets, none of which is decoded: from the first shown to the end of the last.

    Raises
    ------
    VideoTooLarge
        It is longer than the limit.
    """
    with open_video(source, limits) as clip:
        decoder = Decoder(clip, DecodingReport(), check=check)
        start = end = clip.stream.start_time
        for pts, dts, duration in decoder.packet_times():
            time = pts if pts is not None else dts
            if time is None:
                continue
            start = time if start is None else start
            end = max(time + (duration or decoder.step), start if end is None else end)
        seconds = 0.0 if start is None or end is None else float((end - start) * clip.time_base)
        check_seconds(seconds, limits)
        return seconds


def _varies(source: Source, limits: VideoLimits) -> bool:
    with open_video(source, limits) as clip:
        packets = list(islice(Decoder(clip, DecodingReport()).packet_times(), _LOOKED_AT))
        shown = [pts for pts, _, _ in packets if pts is not None]
        times = shown if len(shown) == len(packets) else [dts for _, dts, _ in packets if dts is not None]
        return _rates_differ(clip) or _uneven(sorted(times))


def _rates_differ(clip: OpenVideo) -> bool:
    average, real = clip.stream.average_rate, clip.stream.base_rate
    return bool(average and real and abs(average / real - 1) > Fraction(1, 100) and abs(average * 2 / real - 1) > 0.01)


def _uneven(times: list[int]) -> bool:
    """Whether distances differ by more than the rounding to ticks, the first and last frames aside."""
    distances = [b - a for a, b in pairwise(times)][1:-1]
    if len(distances) < 2:
        return False
    usual = statistics.median(distances)
    return any(abs(distance - usual) > max(1.5, usual / 10) for distance in distances)
