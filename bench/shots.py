"""Shots of made-up videos whose cuts are known: flashes, dark frames, strobes, rapid cuts, pans, fades.

    python -m bench.shots            the table of docs/video.md (needs ffmpeg on the path)
    python -m bench.shots --speed    time per frame beside the rule before flashes were left out, interleaved

Pictures are coloured noise of several sizes, with grain; pans move over a larger picture. "Before" is the rule until
then, made of the same changes: a cut wherever the method's rule says so, if the last cut is at least `min_shot` ago. A
found cut is right within two frames of a true one; of a sequence of rapid cuts the first and the last have to be found.
ffmpeg's scene filter is the outside reference.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from bench.video import scene_filter
from models.video.cuts import Change, Rule
from models.video.decoding import Decoder, DecodingReport
from models.video.opening import VideoLimits, open_video
from models.video.sampling import find_shots
from models.video.shots import Detector, Small, content_value
from tests.models import clips

LIMITS = VideoLimits()
HEIGHT, WIDTH = 180, 320
Picture = NDArray[np.float32]  # (height, width, 3), 0 to 255
Video = tuple[Sequence[Picture], Sequence[int]]  # frames, and the frames that begin a shot


@cache
def scenery(seed: int, height: int = HEIGHT, width: int = WIDTH) -> Picture:
    """Coloured noise of several sizes around a colour of its own."""
    rng = np.random.default_rng(seed)
    picture = np.broadcast_to(rng.uniform(40, 200, 3), (height, width, 3)).astype(np.float32)
    for cell, strength in ((64, 40), (16, 25), (4, 12)):
        noise = rng.normal(0, strength, (height // cell + 2, width // cell + 2, 3))
        picture = picture + np.kron(noise, np.ones((cell, cell, 1)))[:height, :width]
    return np.clip(picture, 0, 255).astype(np.float32)


def still(seed: int, n: int) -> list[Picture]:
    return [scenery(seed)] * n


def pan(seed: int, n: int, step: int) -> list[Picture]:
    """A camera that moves `step` pixels of 320 from frame to frame."""
    wide = scenery(seed, HEIGHT, WIDTH + step * n)
    return [wide[:, step * i : step * i + WIDTH] for i in range(n)]


def lit(frames: Sequence[Picture], at: Sequence[int], strength: float = 0.8) -> list[Picture]:
    """The frames `at` are mixed with white; with a negative strength with black."""
    other, part = (255.0, strength) if strength > 0 else (0.0, -strength)
    return [(1 - part) * f + part * other if i in at else f for i, f in enumerate(frames)]


def joined(*shots: list[Picture]) -> Video:
    ends = np.cumsum([len(shot) for shot in shots])
    return [frame for shot in shots for frame in shot], ends[:-1].tolist()


def mixed(a: Picture, b: Picture, n: int) -> list[Picture]:
    return [a + (b - a) * (i + 1) / (n + 1) for i in range(n)]


def half(frames: list[Picture], at: Sequence[int]) -> list[Picture]:
    """Lower, then upper halves lit, as a flash falls on two frames of a rolling shutter."""
    made = [frame.copy() for frame in frames]
    for i in at:
        made[i][HEIGHT // 2 :] = made[i][HEIGHT // 2 :] * 0.2 + 204
        made[i + 1][: HEIGHT // 2] = made[i + 1][: HEIGHT // 2] * 0.2 + 204
    return made


def decaying(frames: list[Picture], at: int, n: int) -> list[Picture]:
    made = list(frames)
    for i in range(n):
        made[at + i] = lit([frames[at + i]], [0], 0.9 * (1 - i / n))[0]
    return made


def rapid(every: int, pieces: int, colours: Callable[[int], int]) -> Video:
    return joined(still(90, 50), *[still(colours(i), every) for i in range(pieces)], still(91, 50))


def one(frames: list[Picture]) -> Video:
    return frames, []


def kinds() -> Iterator[tuple[str, list[Video], int]]:
    """Name, videos, frames a second."""
    seeds = range(3)
    four = (40, 90, 150, 210)
    for n in (1, 2, 3):
        at = [k + j for k in four for j in range(n)]
        yield f"4 flashes of {n} frame{'s'[: n > 1]}, static", [one(lit(still(s, 250), at)) for s in seeds], 25
    yield "4 weak flashes (0.3)", [one(lit(still(s, 250), four, 0.3)) for s in seeds], 25
    yield "4 flashes on two halves", [one(half(still(s, 250), four)) for s in seeds], 25
    yield "flash with an afterglow of 8 frames", [one(decaying(still(s, 150), 60, 8)) for s in seeds], 25
    for step in (3, 12, 30):
        for n in (1, 3):
            at = [k + j for k in (30, 70, 100) for j in range(n)]
            name = f"3 flashes of {n}, pan of {step} pixels a frame"
            yield name, [one(lit(pan(s, 130, step), at)) for s in seeds], 25
    yield "volley: 8 flashes, 1 to 5 frames apart", [one(lit(still(s, 150), volley(s))) for s in seeds], 25
    yield "volley in a pan", [one(lit(pan(s, 150, 8), volley(s))) for s in seeds], 25
    yield "4 dark frames", [one(lit(still(s, 250), four, -0.9)) for s in seeds], 25
    yield "strobe, 12 a second, 2 s", [one(lit(still(s, 150), range(50, 100, 2))) for s in seeds], 25
    for where in (-2, -1, 0, 1, 2):
        videos = [joined(still(s, 60), still(s + 10, 60)) for s in seeds]
        yield f"flash {where:+d} frames from a cut", [(lit(f, [60 + where]), cuts) for f, cuts in videos], 25
    yield "flash over a cut (2 frames)", [(lit(f, [59, 60]), c) for f, c in videos], 25
    yield "black frame between two shots", [(lit(f, [60], -1.0), c) for f, c in videos], 25
    yield "flash at the first and last frame", [one(lit(still(s, 100), [0, 99])) for s in seeds], 25
    yield "flash at the last 3 frames", [one(lit(still(s, 100), [97, 98, 99])) for s in seeds], 25
    yield "insert of 0.32 s", [one(still(s, 60) + still(s + 10, 8) + still(s, 60)) for s in seeds], 25
    yield "cuts only", [joined(*[still(s + 10 * i, 30) for i in range(5)]) for s in seeds], 25
    yield "cuts in pans", [joined(*[pan(s + 10 * i, 30, 8) for i in range(5)]) for s in seeds], 25
    yield "cut 0.4 s before the end", [joined(still(s, 60), still(s + 10, 10)) for s in seeds], 25
    yield "cuts and flashes, 12 a second", [flashed(s, 20, (9, 29, 50)) for s in seeds], 12
    yield "cuts and flashes, 60 a second", [flashed(s, 90, (40, 41, 130, 131, 132)) for s in seeds], 60
    fade = [still(s, 60) + mixed(scenery(s), 0 * scenery(s), 25) + still(s, 40) for s in seeds]
    yield "fade to black in 1 s, back at once", [(frames, [85]) for frames in fade], 25


def volley(seed: int) -> list[int]:
    return (40 + np.cumsum(np.random.default_rng(seed).integers(2, 7, 8))).tolist()


def flashed(seed: int, n: int, at: Sequence[int]) -> Video:
    frames, cuts = joined(*[still(seed + 10 * i, n) for i in range(3)])
    return lit(frames, at), cuts


def sequences() -> Iterator[tuple[str, list[Video], int]]:
    """Cuts nearer to one another than a shot is long."""
    for every, pieces in ((5, 5), (3, 10), (10, 10), (7, 3)):
        videos = [rapid(every, pieces, lambda i, s=s: s + 10 * i) for s in range(3)]
        yield f"{pieces + 1} cuts every {every / 25:g} s", videos, 25
    yield (
        "two pictures by turns, 6 cuts every 0.2 s",
        [rapid(5, 5, lambda i, s=s: s + 10 * (i % 2)) for s in range(3)],
        25,
    )


def filmed() -> Iterator[tuple[str, list[Video], int]]:
    """Real clips with flashes of 1 to 3 frames at random."""
    for name, rate, cuts in (("bikes", 25, clips.BIKES_CUTS), ("bigbuckbunny", 25, ()), ("world", 30, ())):
        with av.open(str(clips.fetch(name))) as container:
            decoded = islice(container.decode(video=0), 300)
            frames = [each.reformat(WIDTH, HEIGHT, "rgb24").to_ndarray() for each in decoded]
        videos = []
        for seed in range(3):
            rng = np.random.default_rng(seed)
            begins = [k for k in rng.choice(len(frames) - 9, 8, replace=False) + 3 if all(abs(k - c) > 5 for c in cuts)]
            at = [k + j for k in begins for j in range(rng.integers(1, 4))]
            videos.append((lit(frames, at, 0.7), cuts))
        yield f"{name}, and up to 8 flashes", videos, rate


def encoded(frames: Sequence[Picture], rate: int, seed: int) -> bytes:
    """H.264 with grain."""
    grain = np.random.default_rng(seed).normal(0, 2, (7, HEIGHT, WIDTH, 1)).astype(np.float32)

    def picture(k: int, width: int, height: int) -> NDArray[np.uint8]:
        return np.clip(frames[k] + grain[k % 7], 0, 255).astype(np.uint8)

    options = {"preset": "veryfast"}
    return clips.make(frames=len(frames), size=(WIDTH, HEIGHT), rate=rate, picture=picture, options=options)


def before(source: bytes | Path, detector: Detector, time_base: Fraction | None = None) -> list[float]:
    """Cuts by the rule until then, in seconds."""
    with open_video(source, LIMITS) as clip:
        decoder, rule, small = Decoder(clip, DecodingReport()), Rule[None](detector), Small()
        least = Fraction(str(detector.min_shot)) / clip.time_base
        planes, last, cuts = None, None, []
        for decoded in decoder:
            now = small.hsv(decoded.frame)
            change, is_cut = rule.push(Change(decoded.pts, content_value(planes, now)))
            planes, last = now, decoded.pts if last is None else last
            if change is not None and is_cut and change.pts - last >= least:
                last = change.pts
                cuts.append(float((last - (decoder.start or 0)) * clip.time_base))
    return cuts


def after(source: bytes | Path, detector: Detector) -> list[float]:
    return [shot.start for shot in find_shots(source, detector, limits=LIMITS)][1:]


def right(found: Sequence[int], true: Sequence[int], near: int) -> int:
    """Number of true cuts that are found; each found one counts once."""
    left, hits = list(found), 0
    for cut in true:
        best = min(left, key=lambda f: abs(f - cut), default=None)
        if best is not None and abs(best - cut) <= near:
            left.remove(best)
            hits += 1
    return hits


def table(detector: Detector) -> None:
    print("| kind (3 videos each) | cuts | before: found, right, needed | now | ffmpeg scene > 0.3 |")
    print("| --- | --- | --- | --- | --- |")
    sums = np.zeros((4, 3), int)
    in_sequence = {name for name, _, _ in sequences()}
    for name, videos, rate in (*kinds(), *sequences(), *filmed()):
        row = np.zeros((4, 3), int)
        for seed, (frames, true) in enumerate(videos):
            needed = [true[0], true[-1]] if name in in_sequence else true
            data = encoded(frames, rate, seed)
            with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
                file.write(data)
                file.flush()
                theirs = [frame / rate for frame in scene_filter(Path(file.name), 0.3, rate)]
            row[0] += (len(true), 0, len(needed))
            for way, cuts in enumerate((before(data, detector), after(data, detector), theirs), 1):
                at = [round(cut * rate) for cut in cuts]
                row[way] += (len(at), right(at, true, 2), right(at, needed, 2))
        sums += row
        cells = [f"{a}, {b}, {c}" for a, b, c in row[1:].tolist()]
        needed_of = f" ({row[0, 2]} needed)" if row[0, 2] < row[0, 0] else ""
        print(f"| {name} | {row[0, 0]}{needed_of} | {' | '.join(cells)} |", flush=True)
    shares = [f"{b / max(a, 1):.2f}, {c / sums[0, 2]:.2f}" for a, b, c in sums[1:].tolist()]
    print(f"| **precision, recall of those needed** | {sums[0, 2]} | {' | '.join(shares)} |")


def real(detector: Detector) -> None:
    print("\n| clip | against | before: precision, recall | now |\n| --- | --- | --- | --- |")
    for name, rate, true in (("cuts", 25, clips.TRANSNET_CUTS), ("bikes", 25, clips.BIKES_CUTS), ("world", 30, ())):
        cells = []
        for way in (before, after):
            at = [round(cut * rate) for cut in way(clips.fetch(name), detector)]
            hits = right(at, true, 1)
            cells.append(f"{hits}/{len(at)}, {hits}/{len(true)}")
        print(f"| {name} | TransNet V2 | {' | '.join(cells)} |", flush=True)


def speed(rounds: int) -> None:
    print("| clip | CPU time before | now | before over now |\n| --- | --- | --- | --- |")
    for name in ("bikes", "bigbuckbunny", "world", "cuts"):
        path, seconds = clips.fetch(name), {before: [], after: []}
        for turn in range(rounds):
            for way in (before, after) if turn % 2 else (after, before):
                begin = time.process_time()
                way(path, Detector())
                seconds[way].append(time.process_time() - begin)
        ratio = statistics.median(a / b for a, b in zip(seconds[before], seconds[after], strict=True))
        medians = " | ".join(f"{statistics.median(each):.2f} s" for each in seconds.values())
        print(f"| {name} | {medians} | {ratio:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=("adaptive", "content"), default="adaptive")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--speed", action="store_true")
    arguments = parser.parse_args()
    if arguments.speed:
        speed(arguments.rounds)
    else:
        table(Detector(method=arguments.method))
        real(Detector(method=arguments.method))


if __name__ == "__main__":
    main()
