"""Pixels equal ffmpeg's bit by bit; frames are upright, with square pixels, on white."""

import numpy as np
import pytest
from PIL import Image

from models.images.preprocess import Preprocess, resize
from models.video.decoding import Decoder, DecodingReport
from models.video.info import probe
from models.video.opening import VideoLimits, open_video
from models.video.pixels import Converter
from models.video.policies import Evenly, Every
from models.video.sampling import sample
from tests.models import clips

LIMITS = VideoLimits()
CLIP = Preprocess(size=224, resize="shortest_edge", crop=True)


def pictures(source, stop=None, **options):
    with open_video(source, LIMITS) as clip:
        converter = Converter(clip, **options)
        found = []
        for item in Decoder(clip, DecodingReport()):
            found.append(np.asarray(converter.image(item.frame)))
            if len(found) == stop:
                break
        return np.stack(found)


def raw(size=(64, 48), pix_fmt="yuv420p", codec="rawvideo", container="matroska", **options):
    rng = np.random.default_rng(0)

    def noise(k, width, height):
        smooth = rng.integers(0, 256, (6, 8, 3), np.uint8)
        return np.asarray(Image.fromarray(smooth).resize((width, height), Image.Resampling.BICUBIC))

    return clips.make(frames=3, size=size, pix_fmt=pix_fmt, codec=codec, container=container, picture=noise, **options)


@clips.needs_ffmpeg
@pytest.mark.parametrize("name", ["bikes", "bigbuckbunny", "world", "avi", "cuts"])
def test_pixels_of_real_clips_are_ffmpegs_bit_by_bit(name):
    path = clips.fetch(name)
    ours = pictures(path, stop=60)
    assert np.array_equal(ours, clips.ffmpeg_rgb(path, (ours.shape[2], ours.shape[1]), stop=60))


@clips.needs_ffmpeg
@pytest.mark.parametrize(
    ("pix_fmt", "codec", "size"),
    [
        ("yuv420p", "ffv1", (64, 48)),
        ("yuv420p", "ffv1", (66, 50)),
        ("yuv444p", "ffv1", (65, 47)),
        ("yuv422p", "ffv1", (64, 48)),
        ("yuv410p", "ffv1", (64, 48)),
        ("yuv420p10le", "ffv1", (64, 48)),
        ("yuv444p10le", "ffv1", (66, 48)),
        ("yuv422p12le", "ffv1", (64, 48)),
        ("gray", "ffv1", (64, 48)),
        ("gray10le", "ffv1", (64, 48)),
        ("gray16le", "ffv1", (64, 48)),
        ("bgr0", "ffv1", (64, 48)),
        ("rgb48le", "ffv1", (64, 48)),
        ("yuvj420p", "mjpeg", (64, 48)),
    ],
)
def test_odd_pixel_formats_are_converted_as_by_ffmpeg(pix_fmt, codec, size, tmp_path):
    path = tmp_path / "clip.mkv"
    path.write_bytes(raw(size, pix_fmt, codec))
    assert np.array_equal(pictures(path), clips.ffmpeg_rgb(path, size))
    assert probe(path, limits=LIMITS).pixel_format == clips.ffprobe(path, "stream=pix_fmt")["streams"][0]["pix_fmt"]


@clips.needs_ffmpeg
@pytest.mark.parametrize(("codec", "options"), [("libx264", {}), ("libx265", {"x265-params": "log-level=none"})])
def test_colour_of_more_than_8_bits_lies_where_the_stream_says(codec, options, tmp_path):
    """H.264 and H.265 say that chroma is sited left; the ffmpeg command heeds it only when told to."""
    path = tmp_path / "clip.mkv"
    path.write_bytes(raw((64, 64), "yuv420p10le", codec, options=options))
    assert np.array_equal(pictures(path), clips.ffmpeg_rgb(path, (64, 64), "scale=flags=bicubic:in_h_chr_pos=0"))


@clips.needs_ffmpeg
@pytest.mark.parametrize("matrix", [1, 5])
@pytest.mark.parametrize("full", [1, 2])
def test_the_tagged_matrix_and_range_are_used(matrix, full, tmp_path):
    def tag(stream):
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, full

    path = tmp_path / "clip.mkv"
    path.write_bytes(raw(codec="ffv1", prepare=tag))
    assert np.array_equal(pictures(path), clips.ffmpeg_rgb(path, (64, 48)))


@pytest.mark.parametrize(("matrix", "full"), [(3, 0), (10, 1), (255, 0), (2, 3)])
def test_tags_that_swscale_does_not_know_count_as_none(matrix, full):
    """3 is reserved, 10 is BT.2020 with constant luminance, 255 nothing; a range of 3 is nothing either."""
    with open_video(raw(codec="ffv1"), LIMITS) as clip:
        converter, frame = Converter(clip), next(Decoder(clip, DecodingReport())).frame
        untagged = np.asarray(converter.image(frame))
        frame.colorspace, frame.color_range = matrix, full
        assert np.array_equal(converter.image(frame), untagged)


def test_the_tagged_matrix_matters():
    tagged = [
        pictures(raw(codec="ffv1", prepare=lambda s, m=m: setattr(s.codec_context, "colorspace", m))) for m in (1, 5)
    ]
    assert not np.array_equal(*tagged)


@clips.needs_ffmpeg
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize(("hflip", "vflip"), [(False, False), (True, False), (False, True)])
def test_the_display_matrix_is_applied_as_by_ffmpeg(degrees, hflip, vflip, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(
        raw(
            codec="libx264",
            container="mp4",
            prepare=lambda stream: stream.set_display_rotation(degrees, hflip=hflip, vflip=vflip),
        )
    )
    size = (48, 64) if degrees in (90, 270) else (64, 48)
    ours, info = pictures(path), probe(path, limits=LIMITS)
    assert np.array_equal(ours, clips.ffmpeg_rgb(path, size))
    assert (info.width, info.height) == size
    if not (hflip or vflip):
        assert info.rotation == -degrees % 360  # FFmpeg counts against the clock


def test_an_odd_angle_is_left_alone_and_told():
    data = raw(codec="libx264", container="mp4", prepare=lambda stream: stream.set_display_rotation(30))
    upright = raw(codec="libx264", container="mp4")
    assert np.array_equal(pictures(data), pictures(upright))
    assert probe(data, limits=LIMITS).rotation == 330


@clips.needs_ffmpeg
def test_pixels_that_are_not_square_are_made_so_by_stretching_the_width():
    path = clips.fetch("carphone")
    info = probe(path, limits=LIMITS)
    assert (info.width, info.height, info.pixel_aspect) == (193, 144, clips.Fraction(128, 117))
    ours = pictures(path, stop=5)
    stored = clips.ffmpeg_rgb(path, (176, 144), stop=5)
    wide = [np.asarray(Image.fromarray(each).resize((193, 144), Image.Resampling.BICUBIC)) for each in stored]
    assert np.array_equal(ours, np.stack(wide))


def test_transparency_is_composited_on_white():
    data = raw(pix_fmt="bgra", codec="ffv1")
    assert pictures(data).mean() < 250  # opaque

    def see_through(k, width, height):
        return np.zeros((height, width, 3), np.uint8)

    import io

    buffer = io.BytesIO()
    with clips.av.open(buffer, "w", format="matroska") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgra"
        pixels = np.zeros((48, 64, 4), np.uint8)
        pixels[:, 32:, 3] = 255  # black: left clear, right opaque
        frame = clips.av.VideoFrame.from_ndarray(pixels, format="bgra")
        frame.pts = 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    (picture,) = pictures(buffer.getvalue())
    assert (picture[:, :32] == 255).all()
    assert (picture[:, 32:] == 0).all()


def test_interlaced_frames_stay_woven_and_are_told():
    def flag(stream):
        stream.codec_context.flags |= clips.av.codec.context.Flags.interlaced_dct

    def fields(k, width, height):
        picture = np.zeros((height, width, 3), np.uint8)
        picture[1::2] = 255
        return picture

    data = clips.make(
        frames=3,
        codec="mpeg2video",
        container="mpegts",
        picture=fields,
        options={"flags": "+ildct+ilme", "b": "5000000"},
    )
    assert probe(data, limits=LIMITS).interlaced
    rows = pictures(data)[0].mean(axis=(1, 2))
    assert rows[1::2].mean() - rows[::2].mean() > 200
    assert not probe(clips.make(frames=3), limits=LIMITS).interlaced


@pytest.mark.parametrize(
    "target",
    [
        CLIP,
        Preprocess(size=64, resize="letterbox", resample="bilinear"),
        Preprocess(size=256, resize="squash"),
    ],
)
def test_exact_is_the_image_sides_resize_and_scaled_is_near_it(target):
    path = clips.fetch("bikes")
    full = list(sample(path, Evenly(n=6), limits=LIMITS))
    exact = list(sample(path, Evenly(n=6), limits=LIMITS, target=target))
    scaled = list(sample(path, Evenly(n=6), limits=LIMITS, target=target, decode="scaled"))
    assert len(exact) == len(scaled) == 6
    for a, b, c in zip(full, exact, scaled, strict=True):
        assert np.array_equal(resize(Image.fromarray(a.image), target), b.image)
        assert b.image.shape == c.image.shape == (target.size, target.size, 3)
        assert b.image.dtype == c.image.dtype == np.uint8
        assert np.abs(b.image.astype(int) - c.image).mean() < 4
        cosine = np.corrcoef(b.image.ravel(), c.image.ravel())[0, 1]
        assert cosine > 0.995
    assert any(not np.array_equal(b.image, c.image) for b, c in zip(exact, scaled, strict=True))


def test_scaled_is_turned_and_made_square_too():
    def prepare(stream):
        stream.set_display_rotation(90)
        stream.sample_aspect_ratio = 2

    data = raw((64, 48), codec="libx264", container="mp4", prepare=prepare)
    target = Preprocess(size=32, resize="letterbox")
    for decode in ("exact", "scaled"):
        (frame, *_) = sample(data, Every(seconds=1), limits=LIMITS, target=target, decode=decode)
        padding = (frame.image == 255).all(axis=(1, 2))  # rows
        columns = (frame.image == 255).all(axis=(0, 2))
        assert padding.sum() == 0
        assert columns.sum() == 20  # 64 · 2 x 48 turned is 48 x 128: 12 x 32 in the box


def test_an_image_outlives_its_frame_and_its_clip():
    """It may be a view of FFmpeg's memory: nothing may write there again."""
    path = clips.fetch("bikes")
    frames = sample(path, Every(seconds=0.04), limits=LIMITS)
    kept = next(frames).image
    before = kept.copy()
    for frame in frames:
        assert not np.shares_memory(frame.image, kept)
    del frames, frame
    assert np.array_equal(kept, before)


def test_scaled_needs_a_target():
    with pytest.raises(ValueError, match=r"needs a target .*decode=\"exact\""):
        sample(b"", Every(seconds=1), limits=LIMITS, decode="scaled")
