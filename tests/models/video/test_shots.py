"""Cuts are PySceneDetect's, frame by frame; most are TransNet's; and colours are turned into HSV as they should be."""

import colorsys
import functools
import re
import subprocess

import numpy as np
import pytest

from models.errors import InvalidVideo
from models.video.cuts import Change, Rule
from models.video.opening import VideoLimits
from models.video.policies import Every, Shots
from models.video.sampling import find_shots, sample
from models.video.shots import Detector, Shot, content_value, hsv, shot_of, shots
from tests.models import clips

LIMITS = VideoLimits()
SECOND_CUTS = {17: 24, 50: 61, 186: 199, 1993: 2006, 4311: 4322, 4462: 4475}  # of the clip "cuts"
COLOURS = [(200, 30, 30), (20, 180, 40), (30, 40, 220), (230, 220, 40), (128, 128, 128)]


@functools.cache
def cuts(source, rate=25, **options):
    """Frame numbers that begin a shot, the first aside."""
    return tuple(round(shot.start * rate) for shot in find_shots(source, Detector(**options), limits=LIMITS))[1:]


def recall(found, wanted, tolerance=1):
    return sum(any(abs(a - b) <= tolerance for a in found) for b in wanted) / len(wanted)


@pytest.fixture(scope="module")
def made() -> bytes:
    return clips.cut_clip(COLOURS, 20, size=(96, 64))


@pytest.mark.parametrize(
    ("name", "expected"), [("cuts", clips.PYSCENEDETECT_CUTS), ("bikes", clips.BIKES_CUTS)], ids=["cuts", "bikes"]
)
def test_cuts_are_pyscenedetects(name, expected):
    every = cuts(clips.fetch(name), min_shot=0.0, flash=0.0)
    spaced = functools.reduce(lambda kept, cut: (*kept, cut) if cut - (kept or (0,))[-1] >= 15 else kept, every, ())
    assert spaced == expected  # its rule: a cut too soon after the last is left out


@pytest.mark.parametrize(("name", "replaced"), [("cuts", SECOND_CUTS), ("bikes", {})], ids=["cuts", "bikes"])
def test_of_two_cuts_in_a_shots_time_the_later_is_kept_and_all_others_are_pyscenedetects(name, replaced):
    theirs = clips.PYSCENEDETECT_CUTS if name == "cuts" else clips.BIKES_CUTS
    assert cuts(clips.fetch(name)) == tuple(replaced.get(cut, cut) for cut in theirs)


def test_most_cuts_are_transnets():
    found = cuts(clips.fetch("cuts"))
    assert recall(found, clips.TRANSNET_CUTS) == pytest.approx(102 / 107)
    assert recall(clips.TRANSNET_CUTS, found) == pytest.approx(102 / 124)


@pytest.mark.parametrize("method", ["adaptive", "content"])
def test_a_moving_camera_is_no_cut(method):
    assert cuts(clips.fetch("world"), rate=30, method=method) == ()


@clips.needs_ffmpeg
def test_the_cuts_of_ffmpegs_scene_filter_are_among_them():
    path = clips.fetch("bikes")
    command = [
        "ffmpeg",
        "-v",
        "info",
        "-i",
        str(path),
        "-an",
        "-vf",
        "select='gt(scene,0.4)',showinfo",
        "-f",
        "null",
        "-",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr
    theirs = [round(float(time) * 25) for time in re.findall(r"pts_time:([\d.]+)", said)]
    assert len(theirs) == 4
    assert recall(cuts(path), theirs, 0) == 1


@pytest.mark.parametrize("method", ["adaptive", "content"])
def test_made_cuts_are_found_to_the_frame(made, method):
    assert cuts(made, method=method) == (20, 40, 60, 80)
    found = find_shots(made, Detector(method=method), limits=LIMITS)
    assert found == [Shot(i, i * 20 / 25, (i + 1) * 20 / 25) for i in range(5)]


def test_a_cut_too_soon_after_another_is_left_out(made):
    assert cuts(made, min_shot=0.8) == (20, 40, 60, 80)
    assert cuts(made, min_shot=0.81) == (40, 80)


def test_a_clip_without_a_cut_is_one_shot():
    assert find_shots(
        clips.make(frames=10, picture=lambda k, w, h: np.full((h, w, 3), 99, np.uint8)), Detector(), limits=LIMITS
    ) == [Shot(0, 0.0, 0.4)]


def test_a_clip_of_another_size_in_the_middle_has_no_cut_for_that():
    """Frames of two sizes are not compared."""
    small = hsv(*[np.zeros((4, 4), np.uint8)] * 3)
    large = hsv(*[np.full((8, 4), 255, np.uint8)] * 3)
    assert content_value(small, large) == content_value(None, large) == 0
    assert content_value(small, hsv(*[np.full((4, 4), 255, np.uint8)] * 3)) == 255 / 3


@pytest.mark.parametrize("take", ["first", "middle"])
def test_a_frame_of_each_shot(made, take):
    frames = list(sample(made, Shots(take=take), limits=LIMITS))
    assert [frame.shot for frame in frames] == [0, 1, 2, 3, 4]
    offset = 0 if take == "first" else 10
    assert [round(frame.timestamp * 25) for frame in frames] == [20 * i + offset for i in range(5)]
    for frame, colour in zip(frames, COLOURS, strict=True):
        median = np.median(np.asarray(frame.image).reshape(-1, 3), axis=0)
        assert np.abs(median - colour).max() < 12


def test_frames_of_other_policies_are_told_their_shot(made):
    found = find_shots(made, Detector(), limits=LIMITS)
    frames = list(sample(made, Every(seconds=0.2), limits=LIMITS, known_shots=found))
    assert [frame.shot for frame in frames] == [round(frame.timestamp * 25) // 20 for frame in frames]
    assert {frame.shot for frame in sample(made, Every(seconds=0.2), limits=LIMITS)} == {None}


def test_a_time_on_the_border_belongs_to_the_shot_that_begins():
    assert shot_of([-1.0, 0.0, 0.99, 1.0, 5.0], shots([1.0, 2.0], 3.0)).tolist() == [0, 0, 0, 1, 2]


def test_the_adaptive_rule_is_the_one_described():
    rng = np.random.default_rng(0)
    values = rng.gamma(1.0, 12.0, 400)
    options = Detector(min_shot=0.0, window=3, ratio=2.0, min_content=10.0)
    rule = Rule(options)
    decided = [rule.push(Change(k, float(value))) for k, value in enumerate(values)]
    found = [change.pts for change, is_cut in decided if is_cut]
    expected = [
        k for k in range(3, 397) if values[k] >= 10 and values[k] >= 2 * np.delete(values[k - 3 : k + 4], 3).mean()
    ]
    assert found == expected
    assert len(found) > 20


def test_hsv_is_that_of_colorsys_to_a_step():
    rgb = np.random.default_rng(0).integers(0, 256, (2000, 3), np.uint8)
    rgb[:50] = rgb[:50, :1]  # greys
    hue, saturation, value = (plane[0] for plane in hsv(*rgb.T[:, None]))
    for (r, g, b), h, s, v in zip(rgb.tolist(), hue.tolist(), saturation.tolist(), value.tolist(), strict=True):
        exact = colorsys.rgb_to_hsv(r / 255, g / 255, b / 255)
        assert abs(s - exact[1] * 255) <= 0.6
        assert v == max(r, g, b)
        assert min(abs(h - exact[0] * 180), 180 - abs(h - exact[0] * 180)) <= 0.6


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"method": "neural"}, "'neural', must be"),
        ({"window": 0}, "window: got 0"),
        ({"window": 11}, "must be from 1 to 10"),
        ({"threshold": 0}, "threshold: got 0"),
        ({"min_shot": -1}, "min_shot: got -1"),
        ({"flash": -0.1}, "flash: got -0.1"),
        ({"flash": 2}, "from 0 to 1 second"),
        ({"flash": float("nan")}, "flash: got nan"),
    ],
)
def test_senseless_options_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        Detector(**options)
    with pytest.raises(ValueError, match="take: got 'last'"):
        Shots(take="last")


def test_a_file_without_frames_has_no_shots():
    with pytest.raises(InvalidVideo):
        find_shots(clips.make(frames=5, container="matroska")[:700], Detector(), limits=LIMITS)
