"""Frames and timestamps equal those of the distribution's ffmpeg; a seek changes nothing."""

import random
from fractions import Fraction

import numpy as np
import pytest

from models.video import decoding
from models.video.decoding import Decoder, DecodingReport
from models.video.opening import VideoLimits, open_video
from models.video.pixels import Converter
from models.video.sampling import _at
from tests.models import clips

LIMITS = VideoLimits()
VARIABLE = [
    0,
    1,
    2,
    5,
    9,
    10,
    11,
    30,
    31,
    32,
    33,
    40,
    41,
    42,
    43,
    44,
    45,
    46,
    70,
    71,
    72,
    73,
    74,
    75,
    76,
    77,
    78,
    79,
    80,
    90,
]
OPEN_GOP = "open-gop=1:keyint=12:min-keyint=12:scenecut=0"
MADE = {
    "mp4": {"options": {"g": "10", "bf": "3"}},
    "mp4 with a variable rate": {"pts": VARIABLE, "options": {"g": "10"}},
    "mp4 in fragments": {"muxer": {"movflags": "frag_keyframe+empty_moov"}, "options": {"g": "10"}},
    "mp4 with open GOPs": {"frames": 60, "options": {"bf": "3", "x264-params": OPEN_GOP}},
    "hevc with open GOPs": {
        "frames": 60,
        "codec": "libx265",
        "options": {"x265-params": f"{OPEN_GOP}:bframes=3:log-level=none"},
    },
    "mkv with a variable rate": {"container": "matroska", "pts": VARIABLE, "options": {"g": "10", "bf": "2"}},
    "mkv without a duration": {"container": "matroska", "muxer": {"live": "1"}, "options": {"g": "10", "bf": "2"}},
    "webm": {"container": "webm", "codec": "libvpx-vp9", "options": {"g": "10"}},
    "avi": {"container": "avi", "codec": "mpeg4", "options": {"b": "2000000"}},
    "mpegts": {"container": "mpegts", "options": {"g": "10", "bf": "2"}},
    "mpegts with MPEG-2": {"container": "mpegts", "codec": "mpeg2video", "options": {"bf": "2", "b": "2000000"}},
    "mpegps": {
        "container": "mpeg",
        "codec": "mpeg2video",
        "frames": 200,
        "size": (320, 240),
        "options": {"bf": "2", "b": "3000000"},
    },
    "flv": {"container": "flv", "options": {"g": "10", "bf": "2"}},
    "wmv": {"container": "asf", "codec": "wmv2", "options": {"b": "2000000"}},
    "avi with a variable rate": {"container": "avi", "codec": "mpeg4", "pts": VARIABLE, "options": {"b": "2000000"}},
    "mxf": {"container": "mxf", "codec": "mpeg2video", "size": (320, 240), "options": {"b": "2000000"}},
    "gif": {"container": "gif", "codec": "gif", "pix_fmt": "rgb8"},
    "prores": {"container": "mov", "codec": "prores_ks", "pix_fmt": "yuv422p10le"},
}


def decoded(source, report=None):
    with open_video(source, LIMITS) as clip:
        decoder = Decoder(clip, report or DecodingReport())
        pictures = Converter(clip)
        return [(d.pts, d.timestamp, np.asarray(pictures.image(d.frame))) for d in decoder], decoder.start


@pytest.mark.thorough
@clips.needs_ffmpeg
@pytest.mark.parametrize("name", clips.REAL)
def test_timestamps_of_real_clips_are_ffprobes(name):
    path = clips.fetch(name)
    expected, start, time_base = clips.best_efforts(path)
    with open_video(path, LIMITS) as clip:
        got = [(d.pts, d.timestamp) for d in Decoder(clip, DecodingReport())]
    assert got == [(pts, float((pts - start) * time_base)) for pts in expected]


@clips.needs_ffmpeg
@pytest.mark.parametrize("name", MADE)
def test_timestamps_of_each_container_are_ffprobes(name, tmp_path):
    path = tmp_path / "clip"
    path.write_bytes(clips.make(**MADE[name]))
    expected, start, time_base = clips.best_efforts(path)
    report = DecodingReport()
    got, found_start = decoded(path, report)
    assert found_start == start
    assert [pts for pts, _, _ in got] == expected
    assert [time for _, time, _ in got] == [float((pts - start) * time_base) for pts in expected]
    assert report == DecodingReport(decoded=len(expected), last=got[-1][1])


@pytest.mark.parametrize("name", MADE)
def test_a_seek_changes_no_frame_and_no_timestamp(name, monkeypatch):
    """Wanted times are drawn at random, and a seek is made wherever one is possible."""
    monkeypatch.setattr(decoding, "_SAVED", 0)
    monkeypatch.setattr(decoding, "_GAP", 0.05)
    data = clips.make(**MADE[name])
    straight, start = decoded(data)
    pictures = {pts: picture for pts, _, picture in straight}
    seeks = 0
    for seed in range(8):
        wanted = sorted(random.Random(seed).sample([pts for pts, _, _ in straight], 4))
        report = DecodingReport()
        with open_video(data, LIMITS) as clip:
            converter, times = Converter(clip), ((pts - start) * clip.time_base for pts in wanted)
            got = [(d.pts, np.asarray(converter.image(d.frame))) for d in _at(Decoder(clip, report), times)]
        assert [pts for pts, _ in got] == wanted
        assert all(np.array_equal(picture, pictures[pts]) for pts, picture in got)
        seeks += report.seeks
    assert seeks > 0


def test_a_seek_is_made_only_where_it_saves_decoding():
    data = clips.make(frames=250, options={"g": "25"})
    for apart, seeks in ((0.2, 0), (5, 1)):
        report = DecodingReport()
        with open_video(data, LIMITS, threads=1) as clip:
            list(_at(Decoder(clip, report), iter([Fraction(0), Fraction(apart)])))
        assert report.seeks == seeks
        assert report.decoded < 30


def test_without_an_index_a_seek_in_vain_is_not_repeated_at_once(monkeypatch):
    monkeypatch.setattr(decoding, "_GAP", 0.2)
    data = clips.make(frames=250, container="mpegts", options={"g": "250", "sc_threshold": "0"})
    report = DecodingReport()
    with open_video(data, LIMITS) as clip:
        got = [d.timestamp for d in _at(Decoder(clip, report), (Fraction(k * 12, 25) for k in range(20)))]
    assert got == [k * 12 / 25 for k in range(20)]
    assert 0 < report.seeks <= 10


def frame(pts, dts):
    made = clips.av.VideoFrame(16, 16, "gray")
    made.pts, made.dts = pts, dts
    return made


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([(0, 0), (1, 1), (2, 2)], [0, 1, 2]),
        ([(None, 0), (None, 1), (None, 2)], [0, 1, 2]),  # only dts, as in old AVI
        ([(None, None), (None, None), (None, None)], [0, 1, 2]),  # nothing: counted on at the frame rate
        ([(-2, -2), (-1, -1), (0, 0)], [-2, -1, 0]),
        ([(5, 0), (5, 1), (5, 2), (5, 3)], [5, 1, 2, 3]),  # pts stand still, dts go on
        ([(0, 7), (1, 7), (2, 7)], [0, 1, 2]),
        ([(0, None), (3, None), (None, None)], [0, 3, 4]),
    ],
)
def test_the_better_of_pts_and_dts_is_taken(stamps, expected):
    data = clips.make(frames=2, container="matroska")
    with open_video(data, LIMITS) as clip:
        clock = decoding._Clock(clip)
        clock.step = 1
        assert [clock.time(frame(*stamp))[0] for stamp in stamps] == expected


def test_frames_at_a_time_that_was_are_counted_and_not_given():
    """Two recordings joined byte by byte: the second begins where the first began."""
    part = clips.make(container="mpegts", codec="mpeg2video", frames=25, options={"b": "2000000"})
    report = DecodingReport()
    got, _ = decoded(part + part, report)
    times = [time for _, time, _ in got]
    assert times == sorted(set(times))
    assert len(got) + report.disordered == report.decoded == 50
    assert report.disordered > 0
