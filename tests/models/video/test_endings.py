"""Files that are cut, in every container and under every policy; packets without data; streams that begin anywhere."""

import itertools
import re
import subprocess

import pytest

from models.errors import InvalidVideo
from models.video.decoding import DecodingReport
from models.video.info import probe
from models.video.opening import VideoLimits
from models.video.policies import Evenly, Every, Keyframes, Policy, Shots
from models.video.sampling import find_shots, sample
from models.video.shots import Detector
from tests.models import clips

LIMITS = VideoLimits()
OPTIONS = {"g": "25", "bf": "0"}
LONG = {  # 6 s each
    "mp4": {"muxer": {"moov_size": "4000"}, "options": OPTIONS},
    "mp4 in fragments": {"muxer": {"movflags": "frag_keyframe+empty_moov"}, "options": OPTIONS},
    "mkv": {"container": "matroska", "options": OPTIONS},
    "webm": {"container": "webm", "codec": "libvpx-vp9", "options": {"g": "25", "b": "300000", "deadline": "realtime"}},
    "avi": {"container": "avi", "codec": "mpeg4", "options": {"b": "800000", "g": "25"}},
    "flv": {"container": "flv", "options": OPTIONS},
    "wmv": {"container": "asf", "codec": "wmv2", "options": {"b": "800000", "g": "25"}},
    "mpegts": {"container": "mpegts", "options": OPTIONS},
    "gif": {"container": "gif", "codec": "gif", "pix_fmt": "rgb8"},
}
POLICIES = (Every(seconds=1), Evenly(n=1), Evenly(n=5), Keyframes(), Shots(take="first"), Shots())


def cut(data: bytes, share: float) -> bytes:
    size = int(share * len(data))
    return data[: size + (size % 188 == 0)]  # an MPEG-TS that ends with a packet cannot be told from a whole one


def ends_early(data: bytes, policy: Policy) -> bool:
    report = DecodingReport()
    try:
        assert list(sample(data, policy, limits=LIMITS, report=report))
    except InvalidVideo as exc:
        assert re.search(r"ends at \d\.\d s, before the first frame that is wanted", str(exc))  # noqa: PT017
    return report.ended_early


@pytest.mark.parametrize("name", LONG)
def test_a_cut_file_says_so_under_every_policy(name):
    data = clips.make(frames=150, size=(96, 64), **LONG[name])
    for policy in POLICIES:
        assert not ends_early(data, policy), policy
        for share in (0.6, 0.75):
            assert ends_early(cut(data, share), policy), (policy, share)


def test_frames_that_cannot_be_decoded_at_the_end_are_missing_from_it():
    """All packets are there, and the pictures end before."""
    data = bytearray(clips.make(frames=150, size=(96, 64), container="matroska", codec="mjpeg", pix_fmt="yuvj420p"))
    at = len(data) // 2
    while (at := data.find(b"\xff\xd8\xff", at)) >= 0:
        end = data.index(b"\xff\xd9", at)
        data[at:end] = bytes(end - at)
    report = DecodingReport()
    times = [frame.timestamp for frame in sample(bytes(data), Every(seconds=1), limits=LIMITS, report=report)]
    assert 2 <= len(times) <= 4
    assert report.ended_early
    assert report.damaged_packets > 50


def test_an_mp4_without_its_index_says_that_the_download_was_cut():
    data = clips.make(frames=100, size=(96, 64))  # its index is at the end
    index = data.index(b"moov")
    for end in (len(data) // 2, index + 20, index + 300):
        with pytest.raises(InvalidVideo, match="its index is missing: the download was cut"):
            probe(data[:end], limits=LIMITS)


def test_packets_without_data_leave_the_picture_on_the_screen():
    """AVI has them for gaps; the frames of a slide show are 1 s apart, and the last one is held for 2 s."""
    seconds = [0, 1, 2, 3]
    data = clips.make(container="avi", codec="mpeg4", frames=5, pts=[25 * k for k in (*seconds, 5)])
    every = list(sample(data, Every(seconds=1), limits=LIMITS))
    assert [frame.timestamp for frame in every] == [0, 1, 2, 3, 5]
    assert [clips.which(frame.image) for frame in every] == [0, 1, 2, 3, 4]
    report = DecodingReport()
    evenly = [frame.timestamp for frame in sample(data, Evenly(n=5), limits=LIMITS, report=report)]
    assert evenly == [0, 1, 2, 3]
    assert (report.damaged_packets, report.ended_early) == (0, False)
    assert probe(data, limits=LIMITS).duration == pytest.approx(5.04)


@clips.needs_ffmpeg
def test_theora_with_unchanged_pictures_is_read_to_its_end(tmp_path):
    path = tmp_path / "still.ogv"
    colours = ";".join(f"color={name}:s=64x48:r=25:d=1[{name}]" for name in ("red", "lime", "blue", "white"))
    graph = f"{colours};[red][lime][blue][white]concat=n=4"
    command = ["ffmpeg", "-v", "error", "-filter_complex", graph, "-c:v", "libtheora", str(path)]
    subprocess.run(command, check=True, timeout=60)
    assert [frame.timestamp for frame in sample(path, Every(seconds=1), limits=LIMITS)] == [0, 1, 2, 3]
    for policy in (Evenly(n=4), Shots(take="first"), Shots()):
        report = DecodingReport()
        frames = list(sample(path, policy, limits=LIMITS, report=report))
        assert len(frames) == 4
        assert [int(frame.image[24, 32].argmax()) for frame in frames][:3] == [0, 1, 2]
        assert not report.ended_early
    assert find_shots(path, Detector(), limits=LIMITS)[-1].end == pytest.approx(4, abs=0.05)


@pytest.mark.parametrize("packet", [188, 192])
def test_an_mpeg_ts_may_begin_inside_a_packet(packet):
    muxer = {"mpegts_m2ts_mode": "1"} if packet == 192 else {}
    data = clips.make(frames=100, size=(96, 64), container="mpegts", muxer=muxer, options=OPTIONS)
    for start in (1, 4, 47, 100, packet - 1, packet + 50):
        frames = list(sample(data[start:], Every(seconds=1), limits=LIMITS))
        assert len(frames) >= 3, start


def test_letters_in_a_row_are_no_mpeg_ts():
    with pytest.raises(Exception, match="text"):
        probe(b"G" * 2000, limits=LIMITS)


@clips.needs_ffmpeg
@pytest.mark.parametrize(
    ("size", "pixels", "rate"), [("720x576", "yuv420p", "25"), ("720x480", "yuv411p", "30000/1001")]
)
def test_dv_is_read(size, pixels, rate, tmp_path):
    path = tmp_path / "clip.dv"
    source = f"testsrc2=s={size}:r={rate}:d=2"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", pixels, "-c:v", "dvvideo", str(path)]
    subprocess.run(command, check=True, timeout=60)
    info = probe(path, limits=LIMITS)
    assert (info.container, info.codec, info.duration) == ("DV", "dvvideo", pytest.approx(2, abs=0.05))
    assert len(list(sample(path, Every(seconds=0.9), limits=LIMITS))) == 3
    assert ends_early(path.read_bytes()[:-1000], Every(seconds=1))


@clips.needs_ffmpeg
@pytest.mark.parametrize("seconds", [0.4, 1.0])
def test_every_shows_the_pictures_of_ffmpegs_fps_filter(seconds, tmp_path):
    """At a variable rate: the filter repeats a picture that is held, and `times` counts how often."""
    stamps = [0, 5, 10, 60, 61, 62, 90, 140]
    path = tmp_path / "held.mkv"
    path.write_bytes(clips.make(frames=8, pts=stamps, container="matroska"))
    frames = list(sample(path, Every(seconds=seconds), limits=LIMITS))
    ours = list(itertools.chain(*([clips.which(frame.image)] * frame.times for frame in frames)))
    theirs = clips.ffmpeg_rgb(path, (64, 48), f"fps=fps=1/{seconds}:round=up:start_time=0")
    assert ours == [clips.which(picture) for picture in theirs][: len(ours)]
    assert len(theirs) - len(ours) in (0, 1)  # the filter may add one at the very end
