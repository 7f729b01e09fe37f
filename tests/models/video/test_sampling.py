"""Which frames each policy takes, against the list of all; lazily, and flat in memory."""

import functools
import gc
import subprocess
import sys
import time
from bisect import bisect_right
from fractions import Fraction

import numpy as np
import pytest

from models.video.decoding import DecodingReport
from models.video.opening import VideoLimits
from models.video.policies import Evenly, Every, Keyframes, Shots
from models.video.sampling import find_shots, sample
from models.video.shots import Detector
from tests.models import clips
from tests.models.video.test_decoding import MADE

LIMITS = VideoLimits()


def shown(stamps, times, end):
    """By the definition: the last frame at or before each time before the end, or else the first; each once."""
    wanted = [max(bisect_right(stamps, time) - 1, 0) for time in times if time < end]
    return [stamps[i] for i in dict.fromkeys(wanted)]


@functools.cache
def exact(path):
    """Timestamps of all frames from the start, as fractions, and the end of the last; by ffprobe."""
    stamps, start, time_base = clips.best_efforts(path)
    (*_, last) = clips.ffprobe(path, "frame=pkt_duration,duration")["frames"]
    duration = int(last.get("pkt_duration") or last.get("duration") or Fraction(1, 25) / time_base)  # WMV has none
    return [(pts - start) * time_base for pts in stamps], (stamps[-1] - start + duration) * time_base


@clips.needs_ffmpeg
@pytest.mark.parametrize("name", ["bikes", "carphone", "avi", "world"])
@pytest.mark.parametrize("seconds", ["0.1", "0.7", "1", "3.3"])
def test_every_takes_what_is_on_the_screen_at_each_time(name, seconds):
    path = clips.fetch(name)
    stamps, end = exact(path)
    times = [k * Fraction(seconds) for k in range(1000)]
    expected = shown(stamps, times, end)
    frames = list(sample(path, Every(seconds=float(seconds)), limits=LIMITS))
    assert [frame.timestamp for frame in frames] == [float(time) for time in expected]
    assert [frame.index for frame in frames] == list(range(len(frames)))


@pytest.mark.thorough
@clips.needs_ffmpeg
@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("seconds", ["0.02", "0.12", "0.5"])
def test_every_holds_in_each_container_and_at_variable_rates(name, seconds, tmp_path):
    path = tmp_path / "clip"
    path.write_bytes(clips.make(**MADE[name]))
    stamps, end = exact(path)
    expected = shown(stamps, [k * Fraction(seconds) for k in range(1000)], end)
    frames = list(sample(path, Every(seconds=float(seconds)), limits=LIMITS))
    assert [frame.timestamp for frame in frames] == [float(time) for time in expected]


@clips.needs_ffmpeg
@pytest.mark.parametrize("name", ["bikes", "world"])
@pytest.mark.parametrize("n", [1, 4, 7, 50])
def test_evenly_takes_the_midpoints_of_equal_parts(name, n):
    path = clips.fetch(name)
    stamps, end = exact(path)
    times = [(i + Fraction(1, 2)) * end / n for i in range(n)]
    frames = list(sample(path, Evenly(n=n), limits=LIMITS))
    assert [frame.timestamp for frame in frames] == [float(time) for time in shown(stamps, times, end)]
    assert len(frames) == n


def test_evenly_gives_each_frame_once():
    frames = list(sample(clips.make(frames=4), Evenly(n=100), limits=LIMITS))
    assert [clips.which(frame.image) for frame in frames] == [0, 1, 2, 3]


def test_evenly_counts_the_packets_of_a_clip_without_a_duration():
    data = clips.make(container="matroska", muxer={"live": "1"}, frames=30)
    assert [clips.which(frame.image) for frame in sample(data, Evenly(n=3), limits=LIMITS)] == [5, 15, 25]


def test_what_a_frame_says_of_itself():
    path = clips.fetch("carphone")
    frame = list(sample(path, Every(seconds=1), limits=LIMITS))[1]
    assert frame.time_base == Fraction(1, 30000)
    assert (frame.pts, frame.timestamp) == (29029, 29029 / 30000)
    assert (frame.shot, frame.dropped) == (None, 0)
    assert (frame.image.dtype, frame.image.shape) == (np.uint8, (144, 193, 3))


def test_bytes_and_a_path_give_the_same():
    path = clips.fetch("avi")
    a, b = (list(sample(source, Every(seconds=1), limits=LIMITS)) for source in (path, path.read_bytes()))
    assert [frame.timestamp for frame in a] == [frame.timestamp for frame in b]
    assert all(np.array_equal(x.image, y.image) for x, y in zip(a, b, strict=True))


def test_the_number_of_threads_changes_nothing():
    path = clips.fetch("bikes")
    for policy in (Every(seconds=0.5), Keyframes(), Shots()):
        a, b = (list(sample(path, policy, limits=LIMITS, threads=n)) for n in (1, 3))
        assert [frame.timestamp for frame in a] == [frame.timestamp for frame in b]
        assert all(np.array_equal(x.image, y.image) for x, y in zip(a, b, strict=True))


@clips.needs_ffmpeg
@pytest.mark.parametrize("name", ["bikes", "world", "avi", "cuts"])
def test_keyframes_are_ffprobes(name):
    path = clips.fetch(name)
    report = DecodingReport()
    frames = list(sample(path, Keyframes(), limits=LIMITS, report=report))
    listed = clips.ffprobe(path, "frame=best_effort_timestamp,key_frame")["frames"]
    assert [frame.pts for frame in frames] == [f["best_effort_timestamp"] for f in listed if f["key_frame"] == 1]
    assert report.decoded == len(frames)  # and nothing else was decoded
    assert not report.fell_back


def test_keyframes_apart():
    data = clips.make(container="avi", codec="mjpeg", pix_fmt="yuvj420p", frames=30)
    assert len(list(sample(data, Keyframes(), limits=LIMITS))) == 30
    got = [frame.timestamp for frame in sample(data, Keyframes(apart=0.4), limits=LIMITS)]
    assert got == [0.0, 0.4, 0.8]


def test_a_clip_of_one_keyframe_is_sampled_otherwise_and_says_so():
    report = DecodingReport()
    path = clips.fetch("bigbuckbunny")
    got = [f.timestamp for f in sample(path, Keyframes(otherwise=Every(seconds=2.0)), limits=LIMITS, report=report)]
    assert got == [0.0, 2.0, 4.0]
    assert report.fell_back


def test_near_duplicates_are_dropped_and_counted():
    def picture(k, width, height):
        seed = 0 if k < 10 else 1 if k < 25 else 2
        coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
        noise = np.random.default_rng(k).integers(0, 6, (height, width, 3), np.uint8)
        return np.minimum(coarse.repeat(height // 6, 0).repeat(width // 8, 1).astype(int) + noise, 255).astype(np.uint8)

    data = clips.make(frames=30, picture=picture, size=(96, 72))
    every = Every(seconds=0.04)
    frames = list(sample(data, every, limits=LIMITS, drop_within=8))
    assert [(round(f.timestamp * 25), f.dropped, f.index) for f in frames] == [(0, 9, 0), (10, 14, 1), (25, 4, 2)]
    assert len(list(sample(data, every, limits=LIMITS))) == 30
    assert len(list(sample(data, every, limits=LIMITS, drop_within=8))) == 3


def test_flat_pictures_are_duplicates_only_of_equally_bright_ones():
    def picture(k, width, height):
        return np.full((height, width, 3), 0 if k < 10 else 255, np.uint8)

    frames = list(sample(clips.make(frames=20, picture=picture), Every(seconds=0.04), limits=LIMITS, drop_within=4))
    assert [(round(f.timestamp * 25), f.dropped) for f in frames] == [(0, 9), (10, 9)]


def test_duplicates_dropped_or_not_every_frame_is_accounted_for():
    path = clips.fetch("world")
    for within in (0, 4, 20):
        frames = list(sample(path, Every(seconds=0.5), limits=LIMITS, drop_within=within))
        assert sum(1 + frame.dropped for frame in frames) == 61
    with pytest.raises(ValueError, match="drop_within: got 64, must be from 0 to 63"):
        sample(path, Every(seconds=1), limits=LIMITS, drop_within=64)


def test_frames_come_one_by_one():
    report = DecodingReport()
    frames = sample(clips.fetch("cuts"), Every(seconds=0.04), limits=LIMITS, report=report)
    next(frames)
    assert report.decoded < 5
    frames.close()


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_senseless_policies_are_refused(seconds):
    with pytest.raises(ValueError, match="seconds: got"):
        Every(seconds=seconds)
    with pytest.raises(ValueError, match="n: got 0, must be at least 1"):
        Evenly(n=0)
    with pytest.raises(ValueError, match="apart: got -1"):
        Keyframes(apart=-1)


@pytest.mark.slow
@pytest.mark.parametrize("policy", [Every(seconds=0.04), Shots(take="first"), Shots(), Keyframes()], ids=repr)
def test_no_frame_waits_for_the_garbage_collector(policy):
    """With the collector off, what is in a cycle stays: frames of 1080p would be gigabytes."""
    gc.collect()
    gc.disable()
    try:
        most = 0
        for _ in sample(clips.fetch("bikes"), policy, limits=LIMITS, drop_within=0):
            most = max(most, sum(type(each).__name__ == "VideoFrame" for each in gc.get_objects()))
    finally:
        gc.enable()
    assert 0 < most < 25  # decoder threads, the detector's window, and the one on the screen


# not ru_maxrss: a child's begins at the peak of the process that started it
_MEASURE = """
import sys
from pathlib import Path
from models.video.opening import VideoLimits
from models.video.policies import Every, Keyframes, Shots
from models.video.sampling import find_shots, sample
from models.video.shots import Detector
for policy in (Every(seconds=0.5), Keyframes(apart=1.0), Shots(take="first"), Shots()):
    n = sum(1 for _ in sample(Path(sys.argv[1]), policy, limits=VideoLimits(), drop_within=4))
print(n, next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_flat_in_the_length_of_the_clip(tmp_path):
    peaks = []
    pictures = [clips.numbered(k, 160, 120) for k in range(36)]
    for frames in (500, 10_000):
        path = tmp_path / f"{frames}.mp4"
        path.write_bytes(
            clips.make(
                frames=frames,
                size=(160, 120),
                codec="mpeg4",
                options={"g": "50"},
                picture=lambda k, width, height: pictures[k % 36],
            )
        )
        said = subprocess.run(
            [sys.executable, "-c", _MEASURE, str(path)], capture_output=True, text=True, check=True, timeout=300
        )
        peaks.append(int(said.stdout.split()[1]) / 1024)
    assert peaks[1] - peaks[0] < 8, peaks  # MiB: all frames would be 570, an MP4's table of them is 1


@pytest.mark.parametrize("take", ["first", "middle"])
def test_shots_that_are_known_give_the_frames_that_looking_for_them_would(take):
    for clip in (
        clips.cut_clip([(200, 30, 30), (20, 160, 40), (30, 40, 200)], 25, size=(96, 64)),
        clips.fetch("bikes").read_bytes(),
    ):
        known = find_shots(clip, Detector(), limits=LIMITS)
        looked = list(sample(clip, Shots(take=take), limits=LIMITS))
        report = DecodingReport()
        told = list(sample(clip, Shots(take=take), limits=LIMITS, known_shots=known, report=report))
        assert report.decoded <= len(list(sample(clip, Every(seconds=0.001), limits=LIMITS))), "read once more, no more"
        assert len(looked) == len(known) > 2
        assert [(f.timestamp, f.shot) for f in told] == [(f.timestamp, f.shot) for f in looked]
        assert all(np.array_equal(a.image, b.image) for a, b in zip(told, looked, strict=True))


@pytest.mark.parametrize("name", ["bikes", "carphone"])
@pytest.mark.parametrize(
    "policy", [Every(seconds=1e-6), Every(seconds=5e-324), Evenly(n=20_000)], ids=["1e-6 s", "5e-324 s", "20,000"]
)
def test_more_times_than_frames_cost_no_more_than_the_frames(name, policy):
    report = DecodingReport()
    begun = time.process_time()
    stamps = [frame.timestamp for frame in sample(clips.fetch(name), policy, limits=LIMITS, report=report)]
    assert len(set(stamps)) == len(stamps) == report.decoded
    assert time.process_time() - begun < 30


def test_keyframes_at_least_a_moment_apart_are_all_keyframes():
    every = [frame.pts for frame in sample(clips.fetch("bikes"), Keyframes(), limits=LIMITS)]
    assert [frame.pts for frame in sample(clips.fetch("bikes"), Keyframes(apart=1e-300), limits=LIMITS)] == every
