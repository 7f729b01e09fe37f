"""Decoding of packets to frames with exact timestamps; counts damage, and seeks where that saves decoding.

A timestamp is FFmpeg's best effort (the presentation timestamp; the decoding timestamp where that one is missing or
more often out of order) times the time base, minus the stream's start.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from models.errors import InvalidVideo, VideoTooLarge
from models.video.library import load
from models.video.opening import OpenVideo, check_size

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_MAX_ERRORS, _REFUSED = 1000, 8  # in reading packets, before the rest is given up; packets of a refused size in a row
_GAP = 10.0  # seconds to a wanted frame that are worth a seek where no index says what it saves
_BACK = (0, 1, 10)  # seconds by which the tries go back: a keyframe found by its dts may be shown after the wanted time
_ROUNDING = 1000  # parts of a tick, one of which a rounded time may miss
_EARLY = 1.0  # seconds that may be missing at the end: sound is often a little longer than the pictures
_TAIL = 10.0  # seconds at the end in which the last packets are looked for
_HOLE, _NEAR = 1.0, 64  # seconds without a frame that are told; frames since the damage, which a decoder may hold
_SAVED = 8  # frames that a seek must save: the decoder has to fill its pipeline again


@dataclass(kw_only=True)
class DecodingReport:
    """Statistics of decoding, filled while frames are read.

    Attributes
    ----------
    decoded : frames that the decoder gave.
    damaged_packets : packets that could not be read or decoded, or that the container marks as incomplete: a part of
        the stream is missing there, and frames may be missing with it.
    corrupt_frames : decoded with errors in the picture; never yielded.
    disordered : frames with the timestamp of an earlier one, or an earlier timestamp; never yielded.
    estimated : timestamps that were not in the file and were counted on from the frame before.
    seeks : jumps to a keyframe.
    last : timestamp of the last frame that was decoded, in seconds.
    gap : timestamps of the frames around the longest time, of more than a second, in which damage left none.
    ended_early : the file is shorter than its container states, its pictures end a second or more before its header
        says, or it was given up after too many errors.
    fell_back : `Keyframes` found only one keyframe and took the other policy.
    """

    decoded: int = 0
    damaged_packets: int = 0
    corrupt_frames: int = 0
    disordered: int = 0
    estimated: int = 0
    seeks: int = 0
    last: float | None = None
    gap: tuple[float, float] | None = None
    ended_early: bool = False
    fell_back: bool = False


class DecodedFrame(NamedTuple):
    frame: "VideoFrame"
    pts: int  # in ticks, as in the file
    timestamp: float  # seconds from the stream's start
    keyframe: bool
    times: int = 1  # sampling times at which it is on the screen


class Decoder:
    """Iterates over the frames of an open clip in the order of their timestamps.

    Parameters
    ----------
    check : called for each packet; what it raises (a deadline, a cancelled job) ends the iteration.
    keyframes : decode nothing but keyframes.
    """

    def __init__(
        self,
        clip: OpenVideo,
        report: DecodingReport,
        *,
        check: Callable[[], None] | None = None,
        keyframes: bool = False,
    ) -> None:
        self.clip, self.report = clip, report
        report.ended_early |= clip.cut
        self.start = clip.stream.start_time  # ticks; the first frame's where the header has none
        self._av, self._check, self._keyframes = load(), check, keyframes
        self._packets = self._demux()
        self._frames: deque[VideoFrame] = deque()
        self._clock = _Clock(clip)
        self._beginning: int | None = None  # the first frame's timestamp
        self._guessing = False  # timestamps are missing: after a seek others might be made up
        self._last_pts: int | None = None
        self._read_to: int | None = None  # timestamp of the last packet
        self._packets_end: int | None = None  # when the last packet's picture leaves the screen
        self._pictures_end: int | None = None  # the same of the last decoded frame
        self._unchanged_end: int | None = None  # the same of the last packet without data, which changes no picture
        self._sized = clip.stream.codec_context.width > 0  # whether a size of pictures was known
        self._refused = 0  # packets in a row whose size the decoder refused, as it does with max_pixels
        self._errors, self._gap, self._done = 0, _GAP, False
        self._damage = 0, 0  # pieces so far, and the number of the frame at which the last one was counted
        if keyframes:
            clip.stream.codec_context.skip_frame = "NONKEY"

    def __iter__(self) -> "Decoder":
        return self

    def __next__(self) -> DecodedFrame:
        """The next frame that is whole and later than the one before.

        Raises
        ------
        VideoTooLarge
            The frame has more pixels than the limit, or lies beyond the limit of seconds, or is one too many.
        """
        while True:
            try:
                frame = self._next_frame()
            except StopIteration:
                pictures = self._pictures_end
                if pictures is not None and self._unchanged_end is not None:
                    pictures = max(pictures, self._unchanged_end)
                self._note_the_end(self._packets_end if self._keyframes else pictures)
                raise
            self.report.decoded += 1
            if self.report.decoded > self.clip.limits.max_decoded:
                raise VideoTooLarge(
                    f"video has more than {self.clip.limits.max_decoded:,} frames, which is the limit:"
                    " cut it into parts or lower its frame rate"
                )
            check_size(frame.width, frame.height, self.clip.limits)
            pts, estimated = self._clock.time(frame)
            self.report.estimated += estimated
            if self.start is None:
                self.start = pts
            if self._beginning is None:
                self._beginning = pts
            self._guessing |= frame.pts is None
            if frame.is_corrupt:
                self.report.corrupt_frames += 1
                continue
            if self._last_pts is not None and pts <= self._last_pts:
                self.report.disordered += 1
                continue
            tick = self.clip.time_base
            timestamp = (pts - self.start) * tick.numerator / tick.denominator  # of whole numbers: rounded once
            if timestamp > self.clip.limits.max_seconds:
                raise VideoTooLarge(
                    f"video has a frame at {timestamp:,.0f} s, the limit is {self.clip.limits.max_seconds:,.0f} s:"
                    " cut it into parts"
                )
            self._note_gap(timestamp)
            self._last_pts, self.report.last = pts, timestamp
            self._pictures_end = pts + (frame.duration or self.step)
            return DecodedFrame(frame, pts, timestamp, frame.key_frame)

    def _note_gap(self, timestamp: float) -> None:
        """Note a time without frames since the last one, if there was damage shortly before."""
        report = self.report
        damage = report.damaged_packets + report.corrupt_frames + report.disordered
        if damage != self._damage[0]:
            self._damage = damage, report.decoded
        near = damage and report.decoded - self._damage[1] <= _NEAR and self._last_pts is not None
        longest = report.gap[1] - report.gap[0] if report.gap else _HOLE
        if near and report.last is not None and timestamp - report.last > longest:
            report.gap = (report.last, timestamp)

    @property
    def step(self) -> int:
        """Ticks from one frame to the next at the clip's frame rate."""
        return self._clock.step

    def ticks(self, seconds: Fraction) -> int:
        """The last tick at or before so many seconds after the start; a rounded time may miss it by 1/1000 tick."""
        tick = self.clip.time_base
        over, under = seconds.numerator * tick.denominator, seconds.denominator * tick.numerator
        return (self.start or 0) + (over * _ROUNDING + under) // (under * _ROUNDING)  # whole numbers: exact, and quick

    def first_at(self, pts: int, begin: Fraction, step: Fraction) -> int:
        """The first i of the times begin + i · step (seconds after the start) whose tick is at or after `pts`."""
        seconds = (Fraction(pts - (self.start or 0)) - Fraction(1, _ROUNDING)) * self.clip.time_base
        return max(0, -((begin - seconds) // step))

    def packet_times(self) -> Iterator[tuple[int | None, int | None, int]]:
        """pts, dts and duration (0: unknown) of the packets that are left, in ticks; nothing is decoded."""
        while (packet := self._next_packet(empty=True)) is not None:
            if self._check is not None:
                self._check()
            if not packet.is_discard:
                yield packet.pts, packet.dts, packet.duration or 0

    def end(self, shown: DecodedFrame) -> int:
        """When the last frame leaves the screen, in ticks: packets without data behind it keep it there."""
        return max(shown.pts + (shown.frame.duration or self.step), self._unchanged_end or shown.pts)

    def look_for_end(self) -> None:
        """Note whether the file ends early where sampling stopped before its end: packets are read, none is decoded."""
        expected = self.clip.header_seconds
        if self._done or expected is None:
            return
        end = self.ticks(Fraction(expected))
        if self._read_to is not None and float((end - self._read_to) * self.clip.time_base) > 2 * _TAIL:
            before = self._packets_end
            with contextlib.suppress(self._av.error.FFmpegError):
                self.clip.container.seek(end - int(_TAIL / self.clip.time_base), stream=self.clip.stream)
                self._packets = self._demux()
                if self._read_the_rest():
                    self._note_the_end(self._packets_end)
                    return
            self._packets_end = before  # nothing is there: read on from the beginning, since some indexes are wrong
            with contextlib.suppress(self._av.error.FFmpegError):
                self.clip.container.seek(self.start or 0, stream=self.clip.stream)
            self._packets = self._demux()
        self._read_the_rest()
        self._note_the_end(self._packets_end)

    def _read_the_rest(self) -> bool:
        """Read the packets that are left; whether there were any."""
        found = False
        for _ in self.packet_times():
            found = True
        return found

    def approach(self, pts: int) -> None:
        """Seek to the keyframe before `pts` if that saves decoding; decode on otherwise.

        The next frame is then at or before `pts`, as it would have been without a seek.
        """
        if self._done or self._guessing or self._read_to is None or not self._worth_it(pts):
            return
        before = self._last_pts
        for back in _BACK:
            first = self._seek(pts - int(back / self.clip.time_base))
            if first is not None and first <= pts:
                break
        else:
            first = self._seek(None)
            if first is None or (self._beginning is not None and first > self._beginning):
                raise InvalidVideo("video cannot be searched (its index is damaged): re-save it")
        if before is not None and first is not None and first <= before:
            self._gap *= 2  # keyframes lie farther apart than the gap
            self._skip(before)

    def _skip(self, pts: int) -> None:
        """Decode up to and including `pts` without counting: these frames were yielded before."""
        while True:
            try:
                frame = self._next_frame()
            except StopIteration:
                return
            time, _ = self._clock.time(frame)
            if time > pts:
                self._frames.appendleft(frame)
                self._clock.undo()
                return

    def _worth_it(self, pts: int) -> bool:
        assert self._read_to is not None
        entries = self.clip.stream.index_entries
        if self.clip.demuxer == "mov" and len(entries):
            at = entries.search_timestamp(pts, backward=True)
            here = entries.search_timestamp(self._read_to, backward=True, any_frame=True)
            return at >= 0 and at - here > _SAVED
        return float((pts - self._read_to) * self.clip.time_base) > self._gap

    def _seek(self, pts: int | None) -> int | None:
        """Go to the keyframe at or before `pts` (None: to the beginning); the first frame's time, if it is whole."""
        beginning = self.start or 0  # some formats find it from well before only, some refuse what lies before it
        targets = [pts] if pts is not None else [beginning - int(max(_BACK) / self.clip.time_base), beginning]
        for target in targets:
            with contextlib.suppress(self._av.error.FFmpegError):
                self.clip.container.seek(target, stream=self.clip.stream)
                break
        else:
            return None
        self.report.seeks += 1
        self._packets, self._done = self._demux(), False
        self._frames.clear()
        self._clock = _Clock(self.clip)
        self._last_pts = None
        try:
            frame = self._next_frame()
        except StopIteration:
            return None
        time, _ = self._clock.time(frame)
        self._frames.appendleft(frame)
        self._clock.undo()
        return None if frame.is_corrupt else time

    def _next_frame(self) -> "VideoFrame":
        while not self._frames:
            if self._done:
                raise StopIteration
            self._frames.extend(self._decode(self._next_packet()))
        return self._frames.popleft()

    def _decode(self, packet: "Packet[VideoStream] | None") -> "list[VideoFrame]":
        if self._check is not None:
            self._check()
        if packet is not None and packet.dts is not None:
            self._read_to = packet.dts
        context = self.clip.stream.codec_context
        incomplete = packet is not None and packet.is_corrupt
        self.report.damaged_packets += incomplete
        try:
            frames = context.decode(packet)
        except self._av.error.FFmpegError as exc:
            check_size(context.width, context.height, self.clip.limits)
            self._refused = self._refused + 1 if self._sized and context.width == 0 else 0
            if self._refused >= _REFUSED:
                raise VideoTooLarge(
                    f"video changes to a size over the limit of {self.clip.limits.max_pixels:,} pixels: scale it down"
                ) from exc
            self.report.damaged_packets += packet is not None and not incomplete
            return []
        if frames:
            self._sized, self._refused = True, 0
        return frames

    def _note_the_end(self, end: int | None) -> None:
        expected = self.clip.header_seconds
        if expected is not None and end is not None:
            seconds = float((end - (self.start or 0)) * self.clip.time_base)
            self.report.ended_early |= expected - seconds > _EARLY

    def _next_packet(self, *, empty: bool = False) -> "Packet[VideoStream] | None":
        """None at the end, which makes the decoder give what it still holds.

        Packets without data are unchanged pictures (Theora, AVI), and PyAV's mark of the end; a decoder would take each
        for the end, so that they are given only if wanted.
        """
        while self._errors < _MAX_ERRORS:
            try:
                packet = next(self._packets)
            except StopIteration:
                break
            except self._av.error.FFmpegError:
                self._errors += 1
                self.report.damaged_packets += 1
                self._packets = self._demux()
                continue
            time = packet.pts if packet.pts is not None else packet.dts
            if time is not None:
                end = time + (packet.duration or self.step)
                self._packets_end = max(self._packets_end or end, end)
                if not packet.size:
                    self._unchanged_end = max(self._unchanged_end or end, end)
            if packet.size or (empty and time is not None):
                return packet
            if self._check is not None:
                self._check()
        else:
            self.report.ended_early = True
        self._done = True
        return None

    def _demux(self) -> "Iterator[Packet[VideoStream]]":
        return self.clip.container.demux(self.clip.stream)


class _Clock:
    """FFmpeg's best-effort timestamps: whichever of pts and dts was out of order less often; pts if equally often."""

    def __init__(self, clip: OpenVideo) -> None:
        rate = clip.stream.guessed_rate or clip.stream.average_rate or Fraction(25)
        self.step = max(1, round(1 / (rate * clip.time_base)))
        self._state: tuple[int, int, int | None, int | None, int | None] = (0, 0, None, None, None)
        self._before: tuple[int, int, int | None, int | None, int | None] = self._state

    def time(self, frame: "VideoFrame") -> tuple[int, bool]:
        """Timestamp in ticks, and whether it had to be estimated."""
        self._before = self._state
        bad_pts, bad_dts, last_pts, last_dts, last = self._state
        pts, dts = frame.pts, frame.dts
        if dts is not None:
            bad_dts += last_dts is not None and dts <= last_dts
            last_dts = dts
        elif pts is not None:
            last_dts = pts
        if pts is not None:
            bad_pts += last_pts is not None and pts <= last_pts
            last_pts = pts
        elif dts is not None:
            last_pts = dts
        best = pts if pts is not None and (bad_pts <= bad_dts or dts is None) else dts
        estimated = best is None
        if best is None:
            best = 0 if last is None else last + (frame.duration or self.step)
        self._state = (bad_pts, bad_dts, last_pts, last_dts, best)
        return best, estimated

    def undo(self) -> None:
        """Forget the last frame: it will be asked for again."""
        self._state = self._before
