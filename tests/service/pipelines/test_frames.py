"""Remarks about a video, and frames of a single colour."""

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from models.images.preprocess import Preprocess, resize
from models.video.decoding import DecodingReport
from models.video.info import VideoInfo
from service.pipelines.frames import FrameResults, SampledFrame, single_colour
from service.schemas.video import Sampling

INFO = VideoInfo(
    duration=8.0,
    duration_from="header",
    frames=200,
    average_rate=Fraction(25),
    real_rate=Fraction(25),
    variable_rate=False,
    width=160,
    height=90,
    pixel_aspect=Fraction(1),
    pixel_format="yuv420p",
    rotation=0,
    interlaced=False,
    codec="h264",
    container="MP4 or MOV",
    start=0.0,
)
FRAMES = tuple(SampledFrame(float(second), None, 0, None) for second in range(5))
RESULTS = FrameResults(
    info=INFO,
    sampling=Sampling(),
    frames=FRAMES,
    shots=None,
    report=DecodingReport(),
    rows=np.eye(5, dtype=np.float32),
)


@pytest.mark.parametrize(
    ("report", "says"),
    [
        ({"ended_early": True}, "ends early: .*last sampled frame at 4.0 s of 8.0 s"),
        ({"damaged_packets": 3, "corrupt_frames": 2}, "3 parts of the file are incomplete .*, and 2 frames"),
        ({"damaged_packets": 3}, "is damaged: 3 parts of the file are incomplete or could not be decoded$"),
        ({"corrupt_frames": 2}, "is damaged: 2 frames with errors were left out$"),
        ({"gap": (4.64, 10.0)}, "has no pictures from 4.6 to 10.0 s, because of the damage"),
        ({"disordered": 1}, "1 frames with repeated"),
        ({"estimated": 4}, "4 frames without a timestamp"),
        ({"fell_back": True}, "a frame every 1 s was taken instead"),
    ],
)
def test_each_limit_of_a_result_is_a_remark(report, says):
    (remark,) = replace(RESULTS, report=DecodingReport(**report)).remarks
    assert re.search(says, remark)


def test_an_ordinary_video_has_no_remarks():
    assert RESULTS.remarks == []


@pytest.mark.parametrize(
    ("grey", "which"), [(0, ", the first one (black) among them"), (200, ", the first one among them")]
)
def test_frames_of_a_single_colour_are_counted_and_the_first_is_named(grey, which):
    first = (replace(FRAMES[0], grey=grey), *FRAMES[1:])
    assert replace(RESULTS, frames=first).remarks == [f"has 1 of 5 sampled frames of a single colour{which}"]
    later = (*FRAMES[:4], replace(FRAMES[4], grey=grey))
    assert replace(RESULTS, frames=later).remarks == ["has 1 of 5 sampled frames of a single colour"]


@pytest.mark.parametrize("mode", ["letterbox", "shortest_edge", "squash"])
@pytest.mark.parametrize("size", [(160, 90), (90, 160), (64, 64), (1000, 11)])
def test_padding_is_no_picture(size, mode):
    preprocess = Preprocess(size=32, resize=mode, crop=mode == "shortest_edge")
    for grey in (0, 130, 255):
        flat = Image.new("RGB", size, (grey,) * 3)
        assert single_colour(resize(flat, preprocess), size, preprocess) == grey
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    assert single_colour(resize(Image.fromarray(noise), preprocess), size, preprocess) is None


def test_means_are_weighted_by_the_times_at_which_frames_are_shown():
    weighted = replace(RESULTS, frames=tuple(replace(frame, times=i + 1) for i, frame in enumerate(FRAMES)))
    assert weighted.over_video(RESULTS.rows, "mean")[0] == pytest.approx(np.arange(1, 6) / 15)
    assert weighted.over_video(RESULTS.rows, "max")[0] == pytest.approx(np.ones(5))
