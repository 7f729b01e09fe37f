"""Hostile and unusable files: refused with the reason, and nothing but the given bytes is ever read."""

import contextlib
import http.server
import io
import os
import struct
import sys
import threading

import numpy as np
import pytest

from models.errors import InvalidVideo, UnsupportedVideo, VideoError, VideoTooLarge
from models.video import library
from models.video.decoding import DecodingReport
from models.video.info import probe
from models.video.opening import VideoLimits, open_video
from models.video.policies import Evenly, Every, Keyframes
from models.video.sampling import sample
from tests.models import clips
from tests.models.clips import av

LIMITS = VideoLimits()


@pytest.fixture(scope="module")
def clip() -> bytes:
    return clips.make(options={"g": "10", "bf": "2"})


def frames(source, policy=Every(seconds=0.2), limits=LIMITS, report=None):  # noqa: B008
    return list(sample(source, policy, limits=limits, report=report))


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", InvalidVideo, "empty"),
        (b"\0" * 4096, UnsupportedVideo, "zeros"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", UnsupportedVideo, "HLS playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", UnsupportedVideo, "list of files"),
        (b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>', UnsupportedVideo, "DASH"),
        (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", UnsupportedVideo, "SDP"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 64, UnsupportedVideo, "JPEG"),
        (b"GIF89a" + b"\0" * 64, InvalidVideo, "GIF"),
        (b"ID3\x04" + b"\0" * 64, UnsupportedVideo, "MP3"),
        (b"RIFF\0\0\0\0WAVEfmt ", UnsupportedVideo, "WAV"),
        (b"\0\0\0\x1cftypavif" + b"\0" * 64, UnsupportedVideo, "AVIF"),
        (b"https://example.org/clip.mp4", UnsupportedVideo, "URL"),
        (b"just some words", UnsupportedVideo, "text"),
        (b"\xff", UnsupportedVideo, "unknown data"),
        (b"\0\0\0\x18ftypisom" + b"\0" * 12, InvalidVideo, "cannot be opened"),
        (b"\x1aE\xdf\xa3" + b"\xff" * 200, InvalidVideo, "WebM or MKV"),
        (b"RIFF\xff\xff\xff\xffAVI LIST" + b"\xff" * 200, InvalidVideo, "no video stream"),
        (b"G" + b"\xff" * 187 + b"G" + b"\xff" * 187 + b"G" + b"\xff" * 187, InvalidVideo, "no video stream|opened"),
    ],
)
def test_what_is_no_video_is_refused_by_name(data, error, says):
    with pytest.raises(error, match=says):
        probe(data, limits=LIMITS)
    with pytest.raises(error, match=says):
        frames(data)


def test_garbage_of_every_kind_raises_nothing_but_video_errors(clip):
    rng = np.random.default_rng(0)
    starts = [
        clip[:200],
        b"\x1aE\xdf\xa3",
        b"FLV\x01\x05",
        b"\0\0\x01\xba",
        b"OggS",
        b"RIFF\0\0\1\0AVI ",
        b"\0\0\0\1moov",
    ]
    for start in starts:
        for _ in range(3):
            with pytest.raises(VideoError):
                frames(start + rng.bytes(3000))


def test_a_clip_cut_short_gives_what_is_there_and_says_so():
    data = clips.make(frames=100, size=(320, 240), container="matroska", options={"g": "10"})
    report = DecodingReport()
    got = frames(data[: len(data) // 2], report=report)
    assert 0 < len(got) < 15
    assert report.ended_early
    whole = DecodingReport()
    assert len(frames(data, report=whole)) == 20
    assert not whole.ended_early


def test_a_clip_whose_index_is_cut_off_is_refused(clip):
    with pytest.raises(InvalidVideo, match=r"MP4.*send it again"):  # the index of an MP4 lies at its end
        frames(clip[: len(clip) // 2])


@pytest.mark.parametrize(
    "threads", ["1", "2", "3"]
)  # of the encoder: each makes other bytes, so that other ones are hit
def test_damage_in_the_middle_is_decoded_over_and_counted(threads):
    options = {"g": "10", "threads": threads}
    data = bytearray(clips.make(frames=100, size=(320, 240), container="mpegts", options=options))
    middle = len(data) // 2
    data[middle : middle + 188 * 4] = np.random.default_rng(1).bytes(188 * 4)
    report = DecodingReport()
    got = list(sample(bytes(data), Every(seconds=0.04), limits=LIMITS, report=report))
    assert report.damaged_packets > 0
    assert 70 < len(got) < 100
    assert got[-1].timestamp == pytest.approx(3.96)
    for frame in got:
        assert clips.which(frame.image) == round(frame.timestamp * 25) % 36  # what is given is whole


@pytest.mark.parametrize("threads", ["1", "2", "3"])
@pytest.mark.parametrize("lost", [0.2, 0.5])
def test_a_part_that_is_missing_is_told_with_its_time(threads, lost):
    data = clips.make(frames=300, size=(320, 240), container="mpegts", options={"g": "10", "threads": threads})
    begin, end = (int(len(data) * (0.5 + sign * lost / 2)) // 188 * 188 for sign in (-1, 1))
    report = DecodingReport()
    got = frames(data[:begin] + data[end:], Every(seconds=0.04), report=report)
    times = [frame.timestamp for frame in got]
    longest = max(range(len(times) - 1), key=lambda i: times[i + 1] - times[i])
    assert report.gap == pytest.approx((times[longest], times[longest + 1]))
    assert report.gap[1] - report.gap[0] == pytest.approx(12 * lost, rel=0.3)


def test_cover_art_is_no_video():
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        sound = output.add_stream("aac", rate=8000)
        art = output.add_stream("mjpeg", rate=1)
        art.width, art.height, art.pix_fmt = 64, 48, "yuvj420p"
        art.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(clips.numbered(3, 64, 48), format="rgb24").reformat(format="yuvj420p")
        picture.pts = 0
        output.mux(art.encode(picture))
        output.mux(art.encode(None))
        for k in range(8):
            block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            block.sample_rate, block.pts = 8000, k * 1024
            output.mux(sound.encode(block))
        output.mux(sound.encode(None))
    with pytest.raises(InvalidVideo, match="cover art is a still image"):
        probe(buffer.getvalue(), limits=LIMITS)


def test_too_many_pixels_are_refused_before_a_frame_is_decoded(monkeypatch):
    data = clips.make(size=(640, 480), frames=3)
    decoded = []
    monkeypatch.setattr("models.video.decoding.Decoder.__next__", lambda self: decoded.append(self))
    with pytest.raises(VideoTooLarge, match=r"640 x 480 = 307,200 pixels, the limit is 307,199"):
        frames(data, limits=VideoLimits(max_pixels=307_199))
    assert not decoded


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video", "mpeg4"])
@pytest.mark.parametrize("size", [(80, 64), (640, 480)])
def test_a_stream_that_grows_in_the_middle_is_refused_there(codec, size):
    """A little too large: when the frame is there. Much too large: the decoder does not even make it."""
    parts = [
        clips.make(size=each, container="mpegts", codec=codec, frames=25, pts=range(start, start + 25))
        for each, start in (((64, 48), 0), (size, 25))
    ]
    with pytest.raises(VideoTooLarge, match=r"80 x 64|640 x 480|changes to a size over the limit of 3,072 pixels"):
        frames(b"".join(parts), limits=VideoLimits(max_pixels=64 * 48))
    assert {frame.image.shape[1::-1] for frame in frames(b"".join(parts))} == {(64, 48), size}


@pytest.mark.parametrize(
    ("container", "codec"), [("mpegts", "libx264"), ("mpegts", "mpeg2video"), ("flv", "flv"), ("mpeg", "mpeg2video")]
)
def test_opening_decodes_nothing_where_the_header_does_not_know_the_size(container, codec, monkeypatch):
    data = clips.make(size=(640, 480), container=container, codec=codec)
    with open_video(data, LIMITS) as clip:
        assert clip.container.options["codec_whitelist"] == "none"
    with pytest.raises(VideoTooLarge):
        frames(data, limits=VideoLimits(max_pixels=640 * 480 - 1))


def test_a_strip_is_refused():
    with pytest.raises(InvalidVideo, match="100 times as long as wide, the limit is 50"):
        frames(clips.make(size=(1600, 16), frames=2), limits=VideoLimits(max_aspect_ratio=50))


def test_a_strip_by_the_shape_of_its_pixels_is_refused():
    data = clips.make(size=(1600, 16), frames=2, prepare=lambda s: setattr(s, "sample_aspect_ratio", 2))
    with pytest.raises(InvalidVideo, match="3,200 x 16 pixels, 200 times as long as wide, the limit is 150"):
        frames(data, limits=VideoLimits(max_aspect_ratio=150))


def test_a_long_clip_is_refused_by_its_header():
    data = clips.make(frames=2, pts=[0, 10 * 3600 * 25], container="matroska")
    with pytest.raises(VideoTooLarge, match=r"36,000 s long, the limit is 14,400 s: cut it"):
        frames(data)


def test_a_long_clip_without_a_duration_is_refused_where_it_grows_too_long():
    data = clips.make(frames=3, pts=[0, 25, 10 * 3600 * 25], container="matroska", muxer={"live": "1"})
    with pytest.raises(VideoTooLarge, match="a frame at 36,000 s"):
        frames(data)
    with pytest.raises(VideoTooLarge, match="36,000 s long"):
        frames(data, Evenly(n=2))


def test_more_frames_than_the_limit_are_refused(clip):
    few = VideoLimits(max_frames=5)
    with pytest.raises(VideoTooLarge, match=r"every 0\.04 s of 1 s\), the limit is 5: sample farther apart"):
        frames(clip, Every(seconds=0.04), few)
    with pytest.raises(VideoTooLarge, match="6 frames, the limit is 5"):
        frames(clip, Evenly(n=6), few)
    with pytest.raises(VideoTooLarge, match="more than 2 frames"):
        frames(clip, Keyframes(), VideoLimits(max_frames=2))
    with pytest.raises(VideoTooLarge, match="more than 20 frames"):
        frames(clip, limits=VideoLimits(max_decoded=20))
    live = clips.make(container="matroska", muxer={"live": "1"})
    with pytest.raises(VideoTooLarge, match="more than 5 frames"):
        frames(live, Every(seconds=0.04), few)


def test_more_bytes_than_the_limit_are_refused(clip, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip)
    for source in (clip, path):
        with pytest.raises(VideoTooLarge, match=f"{len(clip):,} bytes, the limit is 1,000"):
            frames(source, limits=VideoLimits(max_bytes=1000))


def test_tables_that_announce_too_much_are_refused_before_ffmpeg_builds_them(clip):
    at = clip.index(b"stsz")
    bomb = clip[: at + 8] + struct.pack(">II", 1, 2_000_000_000) + clip[at + 16 :]
    with pytest.raises(VideoTooLarge, match=r"announces 2,000,000,\d\d\d samples, the limit is 10,000,000"):
        frames(bomb)


def test_a_fragment_that_announces_too_much_is_refused():
    data = clips.make(muxer={"movflags": "frag_keyframe+empty_moov"})
    at = data.index(b"trun")
    bomb = data[: at + 8] + struct.pack(">I", 4_000_000_000) + data[at + 12 :]
    with pytest.raises(VideoTooLarge, match="announces 4,000,000,"):
        frames(bomb)


def test_plain_sound_may_have_a_sample_for_each_of_its_48000_a_second():
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mov") as output:
        video = output.add_stream("mpeg4", rate=1)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = output.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for k in range(3):
            picture = av.VideoFrame.from_ndarray(clips.numbered(k, 64, 48), format="rgb24").reformat(format="yuv420p")
            picture.pts = k
            output.mux(video.encode(picture))
            block = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.int16), format="s16", layout="mono")
            block.sample_rate, block.pts = 48_000, k * 48_000
            output.mux(sound.encode(block))
        output.mux(video.encode(None))
    assert len(frames(buffer.getvalue(), Every(seconds=1.0), VideoLimits(max_samples=1000))) == 3


@pytest.fixture
def web():
    """A server on the loopback that counts who asks."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args): ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_lists_of_files_open_neither_files_nor_urls(web, tmp_path, clip):
    url, asked = web
    bait = tmp_path / "bait.mp4"
    bait.write_bytes(clip)
    lists = [
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{url}/a.ts\n#EXT-X-ENDLIST\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{bait}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {bait}\n",
        f"ffconcat version 1.0\nfile {url}/a.mp4\n",
        f"v=0\nm=video 5004 RTP/AVP 96\nc=IN IP4 127.0.0.1\na=control:{url}\n",
    ]
    before = os.stat(bait).st_atime_ns
    for text in lists:
        for name in ("list.m3u8", "list.mp4", "img%03d.jpg", "list.ffconcat"):
            path = tmp_path / name
            path.write_text(text)
            for source in (path, text.encode()):
                with pytest.raises(UnsupportedVideo):
                    frames(source)
    assert not asked
    assert os.stat(bait).st_atime_ns == before


def test_a_playlist_behind_the_first_bytes_of_an_mp4_opens_nothing(web):
    """Were FFmpeg left to guess, it would find the playlist."""
    url, asked = web
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{url}/a.ts\n#EXT-X-ENDLIST\n".encode()
    with pytest.raises(InvalidVideo):
        frames(b"\0\0\0\x08free" + playlist)
    assert not asked


def referring(data: bytes, to: str) -> bytes:
    """The MOV with a data reference of kind `alis` (QuickTime File Format, "Data Reference Atoms") to another file."""
    name = to.encode()
    alias = b"\0" * 10 + b"\x01v" + b"\0" * 26 + b"\0" * 12 + b"\x01f" + b"\0" * 62 + b"\0" * 16
    alias += struct.pack(">hh", 1, 1) + b"\0" * 16 + struct.pack(">hH", 2, len(name)) + name + b"\0" * (len(name) % 2)
    alias += struct.pack(">hH", -1, 0)
    at = data.index(b"dref") + 12  # behind kind, version and count: the first entry
    old = struct.unpack(">I", data[at : at + 4])[0]
    entry = struct.pack(">I", 12 + len(alias)) + b"alis" + b"\0\0\0\0" + alias
    result = bytearray(data)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        size = data.index(kind) - 4
        result[size : size + 4] = struct.pack(">I", struct.unpack(">I", data[size : size + 4])[0] + len(entry) - old)
    return bytes(result[:at]) + entry + bytes(result[at + old :])


def test_an_mp4_that_refers_to_another_file_does_not_open_it(tmp_path, monkeypatch):
    data = clips.make(container="mov", frames=5)
    assert data.index(b"mdat") < data.index(b"moov")  # so that no offset changes
    refers = referring(data, str(tmp_path / "bait.mov"))
    asked = []

    def ask(url, flags, options):
        asked.append(url)
        raise UnsupportedVideo(url)

    lax = {"enable_drefs": "1", "use_absolute_path": "1"}
    with contextlib.suppress(UnsupportedVideo), av.open(io.BytesIO(refers), options=lax, io_open=ask) as container:
        list(container.demux(video=0))
    assert asked  # a reader that follows references would
    asked.clear()
    monkeypatch.setattr("models.video.opening._refuse", ask)
    with contextlib.suppress(VideoError):
        frames(refers)
    assert not asked


def test_whatever_asks_for_another_file_is_refused():
    from models.video.opening import _refuse

    with pytest.raises(UnsupportedVideo, match="refers to another file"):
        _refuse("/etc/passwd", 1, {})


def test_only_one_demuxer_no_protocol_and_known_decoders_are_within_reach(clip):
    with open_video(clip, LIMITS) as clip_:
        options = clip_.container.options
    assert options["protocol_whitelist"] == "none"
    assert options["format_whitelist"] == "mov,mp4,m4a,3gp,3g2,mj2"
    assert set(options["codec_whitelist"].split(",")) == library.DECODERS
    assert av.codec.Codec("h264", "r").name in library.DECODERS
    assert not {"ansi", "exr", "fits", "svg", "tiff"} & library.DECODERS


def test_a_codec_off_the_list_is_refused_by_name(monkeypatch, clip):
    monkeypatch.setattr("models.video.opening.DECODERS", library.DECODERS - {"h264"})
    with pytest.raises(UnsupportedVideo, match="compressed with h264, which is not read here: re-encode"):
        frames(clip)


def test_a_path_must_be_a_regular_file(tmp_path):
    with pytest.raises(InvalidVideo, match="not a regular file"):
        frames(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidVideo, match="pipe is not a regular file"):
        frames(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError):
        frames(tmp_path / "missing.mp4")


def test_a_message_never_holds_the_path(tmp_path):
    path = tmp_path / "secret-name.mp4"
    path.write_bytes(b"\0\0\0\x18ftypisom" + b"\0" * 500)
    with pytest.raises(InvalidVideo) as caught:
        frames(path)
    assert "secret-name" not in str(caught.value)


def test_without_pyav_the_error_says_what_to_install(monkeypatch):
    library.load.cache_clear()
    monkeypatch.setitem(sys.modules, "av", None)
    try:
        with pytest.raises(UnsupportedVideo, match=r"pip install 'daguerre-service\[video\]'"):
            probe(b"\0\0\0\x18ftypisom", limits=LIMITS)
    finally:
        library.load.cache_clear()


def test_a_check_ends_the_sampling_in_the_midst_of_decoding(clip):
    class Cancelled(Exception): ...

    calls = []

    def check():
        calls.append(1)
        if len(calls) == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(sample(clip, Evenly(n=1), limits=LIMITS, check=check))
    assert len(calls) == 5


@pytest.mark.parametrize("name", ["max_bytes", "max_pixels", "max_seconds", "max_frames"])
def test_a_limit_must_be_above_zero(name):
    with pytest.raises(ValueError, match=f"{name}: got 0, must be above 0"):
        VideoLimits(**{name: 0})


@pytest.mark.parametrize("packet", [5, 6, 12, 40])
def test_a_stream_whose_only_keyframe_is_cut_has_no_picture_and_is_not_too_large(packet: int):
    data = clips.make(size=(320, 240), container="mpegts", codec="libx264", frames=60, options={"g": "1000"})
    with pytest.raises(InvalidVideo, match="no frame that can be decoded"):
        probe(data[188 * packet :], limits=LIMITS)
