"""Sampling: the frames of a video that a policy selects, one at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.errors import InvalidVideo, VideoTooLarge
from models.images.perceptual import BITS, FLAT, perceptual_hash
from models.images.preprocess import Preprocess
from models.video.cuts import CutFinder
from models.video.decoding import DecodedFrame, Decoder, DecodingReport
from models.video.info import scanned_seconds
from models.video.opening import OpenVideo, Source, VideoLimits, open_video
from models.video.pixels import Converter, DecodeMode
from models.video.policies import Evenly, Every, Keyframes, Policy, Shots
from models.video.shots import Detector, Shot, shot_of, shots

Check = Callable[[], None]
MOST_TIMES = 2**31 - 1  # of one frame, however fine the grid


@dataclass(frozen=True)
class Frame:
    """One sampled frame.

    Attributes
    ----------
    index : 0, 1, 2, … in the order they are yielded.
    timestamp : seconds from the stream's start: (pts - start) · time_base, rounded once.
    pts : presentation timestamp in ticks of `time_base` seconds, as in the file.
    shot : index of its shot, where shots were looked for or given.
    image : (height, width, 3) uint8, RGB at the size it is shown at; with a target, (size, size, 3) as that wants it.
    dropped : frames after this one that were dropped as its near-duplicates.
    times : of the policy's times, those at which the frame is on the screen: its weight in means over the video.
    """

    index: int
    timestamp: float
    pts: int
    time_base: Fraction
    shot: int | None
    image: NDArray[np.uint8]
    dropped: int = 0
    times: int = 1


def sample(
    source: Source,
    policy: Policy,
    *,
    limits: VideoLimits,
    target: Preprocess | None = None,
    decode: DecodeMode = "exact",
    drop_within: int | None = None,
    known_shots: Sequence[Shot] | None = None,
    report: DecodingReport | None = None,
    check: Check | None = None,
    threads: int = 0,
) -> Iterator[Frame]:
    """Yield the frames that the policy wants, in order.

    Parameters
    ----------
    source : a video file's bytes, or its path.
    target : resize each frame as an image is resized for a model; None: full-size pictures.
    decode : "exact" or "scaled"; see `pixels.Converter`.
    drop_within : drop a frame whose perceptual hash differs from that of the last kept frame in at most so many bits.
    known_shots : result of `find_shots`: fills `shot` under all policies, and `Shots` need not detect them again.
    report : filled with statistics of decoding.
    check : called for each packet read; what it raises ends the sampling.
    threads : of the decoder; 0: one per core.

    Raises
    ------
    UnsupportedVideo, VideoTooLarge, InvalidVideo
        At the first `next`, or later where the file turns out so; whatever the bytes, nothing else but what `check`
        raises and a path's OSError.
    ValueError
        "scaled" without a target; `drop_within` outside 0 to 63.
    """
    if drop_within is not None and not 0 <= drop_within < BITS:
        raise ValueError(f"drop_within: got {drop_within}, must be from 0 to {BITS - 1} bits (4 is usual), or None")
    if decode == "scaled" and target is None:
        raise ValueError('decode: "scaled" needs a target to scale to (give target=, or use decode="exact")')
    run = _Run(source, limits, report if report is not None else DecodingReport(), check, threads)
    frames = _frames(run, policy, known_shots, target, decode)
    return frames if drop_within is None else _without_duplicates(frames, drop_within)


def find_shots(
    source: Source,
    detector: Detector,
    *,
    limits: VideoLimits,
    report: DecodingReport | None = None,
    check: Check | None = None,
    threads: int = 0,
) -> list[Shot]:
    """The clip's shots; a clip without a cut is one shot. Raises as `sample` does."""
    return _shots(_Run(source, limits, report if report is not None else DecodingReport(), check, threads), detector)


@dataclass(frozen=True)
class _Run:
    source: Source
    limits: VideoLimits
    report: DecodingReport
    check: Check | None
    threads: int

    def decoder(self, clip: OpenVideo, *, keyframes: bool = False) -> Decoder:
        return Decoder(clip, self.report, check=self.check, keyframes=keyframes)

    def seconds(self, clip: OpenVideo) -> float:
        """The clip's length: the header's, or else what the packets say, all of which are then read once."""
        return clip.header_seconds or scanned_seconds(self.source, self.limits, check=self.check)


def _frames(
    run: _Run, policy: Policy, known: Sequence[Shot] | None, target: Preprocess | None, decode: DecodeMode
) -> Iterator[Frame]:
    if isinstance(policy, Shots) and policy.take == "middle" and known is None:
        known = _shots(run, policy.detector)
    with open_video(run.source, run.limits, threads=run.threads) as clip:
        converter = Converter(clip, target, decode)
        chosen: Iterator[tuple[DecodedFrame, int | None]]
        if not isinstance(policy, Shots):
            chosen = ((decoded, None) for decoded in _chosen(run, clip, policy))
        elif known is None:
            chosen = _first_of_shots(run, clip, policy.detector)
        else:
            chosen = _of_shots(run, clip, policy, known)
        index = -1
        for index, (decoded, shot) in enumerate(chosen):
            if index >= run.limits.max_frames:
                raise _too_many(f"more than {run.limits.max_frames:,} frames", run.limits)
            if shot is None and known is not None:
                shot = int(shot_of([decoded.timestamp], known)[0])
            # not bound to a name here: that would keep each picture alive while the next one is made
            yield Frame(
                index,
                decoded.timestamp,
                decoded.pts,
                clip.time_base,
                shot,
                converter.picture(decoded.frame),
                times=decoded.times,
            )
        if index < 0:
            raise _nothing(run.report)


def _chosen(run: _Run, clip: OpenVideo, policy: Every | Evenly | Keyframes) -> Iterator[DecodedFrame]:
    if isinstance(policy, Keyframes):
        return _keyframes(run, clip, policy)
    if isinstance(policy, Every):
        return _on_grid(run.decoder(clip), _grid(clip, policy, run.limits))
    if policy.n > run.limits.max_frames:
        raise _too_many(f"{policy.n:,} frames", run.limits)
    part = Fraction(run.seconds(clip)) / policy.n
    return _on_grid(run.decoder(clip), Grid(part / 2, part, policy.n)) if part else _on_grid(run.decoder(clip), _ONCE)


class Grid(NamedTuple):
    """The times begin + i · step in seconds, for i from 0; n of them, or without end."""

    begin: Fraction
    step: Fraction
    n: int | None = None


_ONCE = Grid(Fraction(0), Fraction(1), 1)


def _grid(clip: OpenVideo, policy: Every, limits: VideoLimits) -> Grid:
    grid = Grid(Fraction(0), Fraction(str(policy.seconds)))  # 0.1 means a tenth, not the double nearest to it
    seconds = clip.header_seconds
    if seconds is not None:
        rate = float(clip.stream.average_rate or 0)
        if (wanted := min(seconds / policy.seconds, seconds * rate if rate else float("inf"))) > limits.max_frames:
            raise _too_many(f"some {wanted:,.0f} frames (every {policy.seconds:g} s of {seconds:,.0f} s)", limits)
    return grid


def _on_grid(decoder: Decoder, grid: Grid) -> Iterator[DecodedFrame]:
    """The frame on the screen at each time of the grid, each frame once, with the number of the times it is for.

    The work grows with the frames that are decoded, however fine the grid is.
    """
    shown, ahead, i = next(decoder, None), next(decoder, None), 0
    if shown is None:
        return
    while grid.n is None or i < grid.n:
        wanted = decoder.ticks(grid.begin + i * grid.step)
        if ahead is not None and ahead.pts <= wanted:
            decoder.approach(wanted)
        while ahead is not None and ahead.pts <= wanted:
            shown, ahead = ahead, next(decoder, None)
        end = decoder.end(shown) if ahead is None else ahead.pts
        if wanted >= end:
            return
        after = decoder.first_at(end, grid.begin, grid.step)
        if grid.n is not None:
            after = min(after, grid.n)
        yield shown._replace(times=min(after - i, MOST_TIMES))
        i = after
    decoder.look_for_end()


def _at(decoder: Decoder, times: Iterator[Fraction]) -> Iterator[DecodedFrame]:
    """The frame on the screen at each of the ascending times, each frame once; none for times after the last."""
    shown, ahead, given = next(decoder, None), next(decoder, None), False
    if shown is None:
        return
    for time in times:
        wanted = decoder.ticks(time)
        if ahead is not None and ahead.pts <= wanted:
            decoder.approach(wanted)
        while ahead is not None and ahead.pts <= wanted:
            shown, ahead, given = ahead, next(decoder, None), False
        if ahead is None and wanted >= decoder.end(shown):
            return
        if not given:
            yield shown
            given = True
    decoder.look_for_end()


def _keyframes(run: _Run, clip: OpenVideo, policy: Keyframes) -> Iterator[DecodedFrame]:
    decoder = run.decoder(clip, keyframes=True)
    first, second = next(decoder, None), next(decoder, None)
    if first is None or second is None:
        run.report.fell_back = True
        with open_video(run.source, run.limits, threads=run.threads) as again:
            yield from _on_grid(run.decoder(again), _grid(again, policy.otherwise, run.limits))
        return
    apart = Fraction(str(policy.apart)) / clip.time_base
    last: int | None = None
    for decoded in chain((first, second), decoder):
        if last is None or decoded.pts - last >= apart:
            last = decoded.pts
            yield decoded


def _first_of_shots(run: _Run, clip: OpenVideo, detector: Detector) -> Iterator[tuple[DecodedFrame, int]]:
    finder, decoder = CutFinder[DecodedFrame](detector, clip.time_base), run.decoder(clip)
    last, shot = None, 0
    for decoded in decoder:
        if last is None:
            yield decoded, 0
        for cut in finder.push(decoded.frame, decoded.pts, decoded):
            assert cut.item is not None
            shot += 1
            yield cut.item, shot
        last = decoded
    for cut in finder.finish(decoder.end(last)) if last is not None else ():
        assert cut.item is not None
        shot += 1
        yield cut.item, shot


def _of_shots(run: _Run, clip: OpenVideo, policy: Shots, known: Sequence[Shot]) -> Iterator[tuple[DecodedFrame, int]]:
    part = Fraction(1, 2) if policy.take == "middle" else Fraction(0)
    times = (Fraction(shot.start) + part * (Fraction(shot.end) - Fraction(shot.start)) for shot in known)
    for decoded in _at(run.decoder(clip), times):
        yield decoded, int(shot_of([decoded.timestamp], known)[0])


def _shots(run: _Run, detector: Detector) -> list[Shot]:
    with open_video(run.source, run.limits, threads=run.threads) as clip:
        finder, decoder = CutFinder[None](detector, clip.time_base), run.decoder(clip)
        cuts: list[int] = []
        last = None
        for decoded in decoder:
            cuts += [cut.pts for cut in finder.push(decoded.frame, decoded.pts)]  # and not their planes
            last = decoded
        if last is None:
            raise _nothing(run.report)
        start, end = decoder.start or 0, decoder.end(last)
        cuts += [cut.pts for cut in finder.finish(end)]
        return shots([float((cut - start) * clip.time_base) for cut in cuts], float((end - start) * clip.time_base))


def _without_duplicates(frames: Iterator[Frame], within: int) -> Iterator[Frame]:
    kept: Frame | None = None
    seen: tuple[int | None, float] = (None, 0.0)
    index = 0
    for frame in frames:
        picture = Image.fromarray(frame.image)
        look = (perceptual_hash(picture), _grey(picture))
        if kept is not None and _alike(look, seen, within):
            kept = replace(kept, dropped=kept.dropped + 1)
            continue
        if kept is not None:
            yield kept
        kept, seen = replace(frame, index=index), look
        index += 1
    if kept is not None:
        yield kept


def _alike(a: tuple[int | None, float], b: tuple[int | None, float], within: int) -> bool:
    """Two flat pictures, which have no hash, are alike if they are equally bright."""
    if a[0] is None or b[0] is None:
        return a[0] is None and b[0] is None and abs(a[1] - b[1]) < FLAT
    return (a[0] ^ b[0]).bit_count() <= within


def _grey(picture: Image.Image) -> float:
    return float(np.asarray(picture.convert("L").resize((1, 1), Image.Resampling.BOX))[0, 0])


def _too_many(what: str, limits: VideoLimits) -> VideoTooLarge:
    return VideoTooLarge(
        f"the policy wants {what}, the limit is {limits.max_frames:,}: sample farther apart, or cut the video up"
    )


def _nothing(report: DecodingReport) -> InvalidVideo:
    if report.last is not None:
        return InvalidVideo(
            f"video ends at {report.last:.1f} s, before the first frame that is wanted, and its header says that it is"
            " longer: send the whole file, or sample every second"
        )
    damage = f" ({report.damaged_packets:,} damaged packets)" if report.damaged_packets else ""
    return InvalidVideo(f"video has no frame that can be decoded{damage}: send it again or re-save it")
