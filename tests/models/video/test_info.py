"""What a clip is said to be equals what ffprobe says."""

from fractions import Fraction

import pytest

from models.errors import InvalidVideo
from models.video.info import probe, scanned_seconds
from models.video.opening import VideoLimits
from tests.models import clips
from tests.models.video.test_decoding import VARIABLE

LIMITS = VideoLimits()


@clips.needs_ffmpeg
@pytest.mark.parametrize("name", clips.REAL)
def test_a_real_clip_is_what_ffprobe_says(name):
    path = clips.fetch(name)
    said = clips.ffprobe(
        path,
        "stream=codec_name,width,height,pix_fmt,avg_frame_rate,r_frame_rate,nb_frames,duration,start_time,"
        "sample_aspect_ratio",
    )["streams"][0]
    info = probe(path, limits=LIMITS)
    aspect = Fraction(said["sample_aspect_ratio"].replace(":", "/"))
    assert (info.codec, info.pixel_format, info.frames) == (said["codec_name"], said["pix_fmt"], int(said["nb_frames"]))
    assert (info.average_rate, info.real_rate) == (Fraction(said["avg_frame_rate"]), Fraction(said["r_frame_rate"]))
    assert info.duration == pytest.approx(float(said["duration"]), abs=1e-6)
    assert info.start == pytest.approx(float(said["start_time"]), abs=1e-6)
    assert (info.width, info.height) == (round(said["width"] * aspect), said["height"])
    assert (info.pixel_aspect, info.rotation, info.interlaced) == (aspect, 0, False)
    assert info.duration_from == "header"
    assert not info.variable_rate


@pytest.mark.parametrize("container", ["mp4", "matroska", "flv"])
def test_a_variable_rate_is_told(container):
    options = {"g": "10", "bf": "2"}
    assert probe(clips.make(container=container, pts=VARIABLE, options=options), limits=LIMITS).variable_rate
    assert not probe(clips.make(container=container, options=options), limits=LIMITS).variable_rate


def test_a_rate_that_milliseconds_cannot_hold_is_not_taken_for_variable():
    """Matroska rounds to milliseconds: frames of 30000/1001 a second lie 33 or 34 apart."""
    data = clips.make(container="matroska", rate=Fraction(30000, 1001), frames=60)
    assert not probe(data, limits=LIMITS).variable_rate


@pytest.mark.parametrize(
    ("container", "codec", "name", "said"),
    [
        ("mp4", "libx264", "h264", "MP4 or MOV"),
        ("mov", "prores_ks", "prores", "MP4 or MOV"),
        ("matroska", "ffv1", "ffv1", "WebM or MKV"),
        ("webm", "libvpx-vp9", "vp9", "WebM or MKV"),
        ("avi", "mjpeg", "mjpeg", "AVI"),
        ("mpegts", "libx264", "h264", "MPEG-TS"),
        ("mpeg", "mpeg2video", "mpeg2video", "MPEG-PS"),
        ("flv", "flv", "flv1", "FLV"),
        ("asf", "wmv2", "wmv2", "WMV"),
    ],
)
def test_container_and_codec_are_named(container, codec, name, said):
    pix_fmt = {"prores_ks": "yuv422p10le", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
    info = probe(clips.make(container=container, codec=codec, pix_fmt=pix_fmt), limits=LIMITS)
    assert (info.codec, info.container) == (name, said)
    assert (info.width, info.height) == (64, 48)


def test_a_duration_that_the_header_lacks_is_counted_from_the_packets():
    info = probe(clips.make(container="matroska", muxer={"live": "1"}, frames=30), limits=LIMITS)
    assert (info.duration, info.duration_from, info.frames) == (1.2, "packets", None)


@pytest.mark.parametrize("name", ["bikes", "carphone", "avi"])
def test_the_packets_say_what_the_header_says(name):
    path = clips.fetch(name)
    info = probe(path, limits=LIMITS)
    assert scanned_seconds(path, LIMITS) == pytest.approx(info.duration, abs=0.04)


def test_a_clip_of_which_nothing_can_be_decoded_is_refused():
    data = bytearray(clips.make(container="matroska", frames=5, codec="ffv1"))
    at = data.index(b"\x1f\x43\xb6\x75") + 12  # the first cluster
    data[at:] = bytes(len(data) - at)
    with pytest.raises(InvalidVideo, match="no frame that can be decoded"):
        probe(bytes(data), limits=LIMITS)
