"""Opening of a container and its video stream, with all limits that can be checked before decoding.

| in the file | what becomes of it |
| --- | --- |
| several video streams | the one FFmpeg finds best; cover art and thumbnails are no video |
| sound, subtitles, data | never decoded |
| references to other files | never opened: no protocol is allowed, and whatever asks for a file is refused |
"""

import contextlib
import io
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from models.errors import InvalidVideo, UnsupportedVideo, VideoError, VideoTooLarge
from models.video.containers import HEAD, HEADERLESS, check_structure, sniff
from models.video.endings import has_index, is_cut
from models.video.library import DECODERS, load

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream


Source = bytes | Path
_IO_BYTES = 1 << 16
_SLACK = 1 << 16  # pixels that some decoders (MPEG-4) add around a small frame
_GENPTS = 1  # AVFMT_FLAG_GENPTS


@dataclass(frozen=True, kw_only=True)
class VideoLimits:
    max_bytes: int = 2 * 2**30
    max_pixels: int = 36_000_000  # of one frame; 8K UHD has 33 million. A decoder holds up to some 20 frames
    max_aspect_ratio: float = 100.0
    max_seconds: float = 4 * 3600.0
    max_frames: int = 20_000  # that one sampling yields
    max_decoded: int = 1_000_000  # frames decoded on the way to them: 4 hours have 864,000 at 60 a second
    max_samples: int = 10_000_000  # that an MP4's tables may announce, of all its tracks

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name}: got {value}, must be above 0")


@dataclass(frozen=True)
class OpenVideo:
    container: "InputContainer"
    stream: "VideoStream"
    demuxer: str
    limits: VideoLimits
    time_base: Fraction  # seconds a tick
    cut: bool  # whether the file is shorter than its container states

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a pixel over its height; 1 where the file does not say."""
        return Fraction(self.stream.sample_aspect_ratio or 1)

    @property
    def header_seconds(self) -> float | None:
        """Duration that the header gives, of the video stream or else of the file."""
        if self.stream.duration is not None and self.stream.duration > 0:
            return float(self.stream.duration * self.time_base)
        if self.container.duration is not None and self.container.duration > 0:
            return self.container.duration / 1_000_000
        return None


@contextlib.contextmanager
def open_video(source: Source, limits: VideoLimits, *, threads: int = 0) -> Iterator[OpenVideo]:
    """Open one clip for the length of a `with`.

    Parameters
    ----------
    source : the file's bytes, or the path of a regular file.
    threads : for the decoder; 0: one per core.

    Raises
    ------
    UnsupportedVideo, VideoTooLarge, InvalidVideo
        And nothing else, whatever the bytes. A path that cannot be opened raises its OSError.
    """
    av = load()
    with _binary(source) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if size > limits.max_bytes:
            raise VideoTooLarge(
                f"video has {size:,} bytes, the limit is {limits.max_bytes:,}: cut it into parts or compress it more"
            )
        demuxer = sniff(file.read(HEAD))
        check_structure(file, demuxer, max_samples=limits.max_samples)
        cut = is_cut(file, demuxer)
        indexed = demuxer != "mov" or has_index(file)
        file.seek(0)
        try:
            container = av.open(
                _Bytes(file),
                mode="r",
                format=demuxer,
                options=_options(demuxer, limits),
                metadata_errors="replace",
                buffer_size=_IO_BYTES,
                io_open=_refuse,
            )
        except Exception as exc:  # FFmpeg's errors are many, and PyAV adds some of Python's
            raise _corrupt(demuxer, cut, indexed) from exc
        with container:
            try:
                stream = _video_stream(container)
            except InvalidVideo as exc:
                if not indexed:
                    raise _corrupt(demuxer, cut, indexed) from exc
                raise
            if stream.time_base is None:
                raise _corrupt(demuxer, cut, indexed)
            result = OpenVideo(container, stream, demuxer, limits, stream.time_base, cut)
            _prepare(result, threads)
            yield result


def check_size(width: int, height: int, limits: VideoLimits) -> None:
    """Refuse a frame by its size in the stream, before or after it was decoded.

    Raises
    ------
    VideoTooLarge, InvalidVideo
    """
    if width * height > limits.max_pixels:
        raise VideoTooLarge(
            f"video is {width:,} x {height:,} = {width * height:,} pixels, the limit is {limits.max_pixels:,}:"
            " scale it down"
        )
    if width > 0 and height > 0 and (ratio := max(width, height) / min(width, height)) > limits.max_aspect_ratio:
        raise InvalidVideo(
            f"video is {width:,} x {height:,} pixels, {ratio:,.0f} times as long as wide, the limit is"
            f" {limits.max_aspect_ratio:g}: crop it"
        )


def check_seconds(seconds: float, limits: VideoLimits) -> None:
    """Raises VideoTooLarge for a clip longer than the limit."""
    if seconds > limits.max_seconds:
        raise VideoTooLarge(
            f"video is {seconds:,.0f} s long, the limit is {limits.max_seconds:,.0f} s: cut it into parts"
        )


@contextlib.contextmanager
def _binary(source: Source) -> Iterator[BinaryIO]:
    if isinstance(source, Path):
        if not stat.S_ISREG(source.stat().st_mode):
            raise InvalidVideo(f"{source.name} is not a regular file: give the path of a video file")
        with source.open("rb") as file:
            yield file
    else:
        yield io.BytesIO(source)


class _Bytes:
    """Read-only view of the file for FFmpeg, without a name, from which it would guess a format."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _refuse(url: str, flags: int, options: dict[str, str]) -> Any:
    raise UnsupportedVideo("video refers to another file, which is never opened: send one file that holds everything")


def _options(demuxer: str, limits: VideoLimits) -> dict[str, str]:
    # Opening decodes a few frames to learn about the streams. Where streams are known by then, their decoders get the
    # limit on pixels; where they are not, no decoder is opened so early.
    decoders = "none" if demuxer in HEADERLESS else ",".join(sorted(DECODERS))
    return {
        "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2" if demuxer == "mov" else _FULL_NAMES.get(demuxer, demuxer),
        "protocol_whitelist": "none",
        "codec_whitelist": decoders,
        "max_pixels": str(limits.max_pixels + _SLACK),
    }


_FULL_NAMES = {"matroska": "matroska,webm"}


def _video_stream(container: "InputContainer") -> "VideoStream":
    from av.stream import Disposition

    still = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    videos = [stream for stream in container.streams.video if not stream.disposition & still]
    if not videos:
        kinds = sorted({stream.type for stream in container.streams})
        art = " (its cover art is a still image)" if container.streams.video else ""
        raise InvalidVideo(
            f"video has no video stream{art}, only: {', '.join(kinds) or 'nothing'}: send a file with moving pictures"
        )
    best = container.streams.best("video")
    stream = next((stream for stream in videos if best is not None and stream.index == best.index), videos[0])
    context = stream.codec_context
    if context is None or context.codec.name not in DECODERS:
        name = "an unknown codec" if context is None else context.codec.name
        raise UnsupportedVideo(f"video is compressed with {name}, which is not read here: re-encode it as H.264")
    return stream


def _prepare(clip: OpenVideo, threads: int) -> None:
    from av.stream import Discard

    for stream in clip.container.streams:
        if stream.index != clip.stream.index:
            stream.discard = Discard.all  # not even read
    context = clip.stream.codec_context
    check_size(context.width, context.height, clip.limits)
    check_seconds(clip.header_seconds or 0.0, clip.limits)
    clip.container.flags &= ~_GENPTS  # PyAV's default: made-up timestamps would differ from what players show
    context.options = {"max_pixels": str(clip.limits.max_pixels + _SLACK)}
    context.thread_type = "AUTO"
    context.thread_count = threads


def _corrupt(demuxer: str, cut: bool, indexed: bool) -> VideoError:
    why = "(truncated, corrupt or of a rare variant)"
    if not indexed:
        why = "because its index is missing: the download was cut, or the recording was never finished"
    elif cut:
        why = "because it is cut: it ends before its header is complete"
    return InvalidVideo(f"video looks like {NAMES[demuxer]} but cannot be opened {why}: send it again or re-save it")


NAMES = {
    "mov": "MP4 or MOV",
    "matroska": "WebM or MKV",
    "avi": "AVI",
    "mpegts": "MPEG-TS",
    "mpeg": "MPEG-PS",
    "flv": "FLV",
    "asf": "WMV",
    "ogg": "Ogg",
    "mxf": "MXF",
    "dv": "DV",
    "gif": "GIF",
}
