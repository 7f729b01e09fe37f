"""Conversion of a decoded frame to RGB for display: upright, with square pixels, on white.

| in the frame | what becomes of it |
| --- | --- |
| YUV, grey, RGB of 8 to 16 bits | 8-bit RGB by swscale at its default flags, as `ffmpeg -pix_fmt rgb24` |
| colour matrix, range | as tagged; untagged or unknown: BT.601, limited, as in FFmpeg. HDR is not tone-mapped |
| rotated or mirrored by the display matrix | turned, where it is a multiple of 90 degrees |
| pixels that are not square | the width is stretched or shrunk, the height kept, by Pillow's bicubic filter |
| interlaced | the two fields stay woven into one frame |
| alpha | composited on white, as in images |
"""

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.errors import InvalidVideo
from models.images.preprocess import Preprocess, resize, resized_size
from models.video.library import load
from models.video.opening import OpenVideo, check_size

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


DecodeMode = Literal["exact", "scaled"]
Orientation = Image.Transpose | None
Pixels = NDArray[np.uint8]
_TOLERANCE = math.sin(math.radians(1))


class Swscale:
    """FFmpeg's scaler and converter; made anew inside where the frames change."""

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()

    def __call__(self, frame: "VideoFrame", width: int, height: int, pix_fmt: str, flags: str) -> "VideoFrame":
        """The frame at another size and pixel format.

        Raises
        ------
        InvalidVideo
            Its pixel format cannot be converted, whatever the tags of its colours.
        """
        try:
            return self._reformatter.reformat(frame, width, height, pix_fmt, interpolation=flags, threads=1)
        except load().error.FFmpegError:
            frame.colorspace = 2  # unspecified: the matrix may be senseless, or one that swscale lacks
            if frame.color_range not in (1, 2):
                frame.color_range = 0
        try:
            return self._reformatter.reformat(frame, width, height, pix_fmt, interpolation=flags, threads=1)
        except load().error.FFmpegError as exc:
            raise InvalidVideo(
                f"video has pixels of the format {frame.format.name}, which cannot be turned into RGB: re-encode it"
            ) from exc


class Converter:
    """Turns frames of one clip into pictures.

    Parameters
    ----------
    target : what a model wants; None for pictures at their full size.
    decode : "exact" converts the full frame and resizes it as an image would be. "scaled" lets swscale do both in one
        step, straight to the target's size: faster, and not the same pixels.
    """

    def __init__(self, clip: OpenVideo, target: Preprocess | None = None, decode: DecodeMode = "exact") -> None:
        if decode == "scaled" and target is None:
            raise ValueError('decode: "scaled" needs a target to scale to (give target=, or use decode="exact")')
        self._clip, self._target, self._scaled = clip, target, decode == "scaled"
        self._swscale = Swscale()
        self._angle: int | None = None
        self._turn: Orientation = None

    def image(self, frame: "VideoFrame") -> Pixels:
        """(height, width, 3) uint8: RGB of the size it is shown at; "scaled": of the size before a crop or padding.

        Where nothing is left to do after swscale it is a view of its memory, which lives as long as the array.
        """
        size = width, height = display_size(frame.width, frame.height, self._clip.pixel_aspect)
        check_size(*size, self._clip.limits)
        turn = self._turned(frame)
        if not self._scaled or self._target is None:
            rgb = self._rgb(frame, frame.width, frame.height)
            if width != frame.width:
                rgb = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC))
        elif swaps_sides(turn):
            height, width = resized_size((height, width), self._target)
            rgb = self._rgb(frame, width, height)
        else:
            rgb = self._rgb(frame, *resized_size(size, self._target))
        return rgb if turn is None else np.asarray(Image.fromarray(rgb).transpose(turn))

    def picture(self, frame: "VideoFrame") -> Pixels:
        """The frame as from `image`; with a target, resized for it to (size, size, 3) uint8."""
        if self._target is None:
            return self.image(frame)
        return resize(Image.fromarray(self.image(frame)), self._target)

    def _turned(self, frame: "VideoFrame") -> Orientation:
        # PyAV's `side_data` and its frame refer to each other: each frame that is asked for it lives until the garbage
        # collector runs, hundreds of frames later. The angle costs nothing, so the matrix is read where that changes.
        if self._angle is None or frame.rotation != self._angle:
            self._angle, self._turn = frame.rotation, orientation(frame)
        return self._turn

    def _rgb(self, frame: "VideoFrame", width: int, height: int) -> Pixels:
        alpha = not frame.format.has_palette and any(part.is_alpha for part in frame.format.components)
        rgb: Any = self._swscale(frame, width, height, "rgba" if alpha else "rgb24", "BICUBIC").to_ndarray()
        if not alpha:
            return np.asarray(rgb, np.uint8)
        image = Image.fromarray(rgb)
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=image)
        return np.asarray(white)


def display_size(width: int, height: int, pixel_aspect: Fraction) -> tuple[int, int]:
    """Size at which a frame is shown, before it is turned."""
    return max(1, round(width * pixel_aspect)), height


def swaps_sides(turn: Orientation) -> bool:
    """Whether width and height change places."""
    return turn in (
        Image.Transpose.ROTATE_90,
        Image.Transpose.ROTATE_270,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.TRANSVERSE,
    )


def orientation(frame: "VideoFrame") -> Orientation:
    """Transposition by the display matrix; None for no rotation, or an angle that is not a multiple of 90 degrees."""
    a, b, c, d = _matrix(frame)
    scale = max(abs(a), abs(b), abs(c), abs(d))
    if scale == 0:
        return None
    straight, crossed = max(abs(b), abs(c)) <= _TOLERANCE * scale, max(abs(a), abs(d)) <= _TOLERANCE * scale
    if straight:
        return _STRAIGHT[a > 0, d > 0]
    return _CROSSED[b > 0, c > 0] if crossed else None


def rotation(frame: "VideoFrame") -> int:
    """Degrees, 0 to 359, by which the display matrix turns the frame clockwise."""
    a, b, _, _ = _matrix(frame)
    return round(math.degrees(math.atan2(b, a))) % 360


def _matrix(frame: "VideoFrame") -> tuple[float, float, float, float]:
    """a, b, c, d of x' = ax + cy, y' = bx + dy, where y points down."""
    side: Any = frame.side_data.get("DISPLAYMATRIX")
    if side is None:
        return 1.0, 0.0, 0.0, 1.0
    a, b, _, c, d = np.frombuffer(side, np.int32)[:5].tolist()
    return a, b, c, d


_STRAIGHT: dict[tuple[bool, bool], Orientation] = {
    (True, True): None,
    (False, False): Image.Transpose.ROTATE_180,
    (False, True): Image.Transpose.FLIP_LEFT_RIGHT,
    (True, False): Image.Transpose.FLIP_TOP_BOTTOM,
}
_CROSSED: dict[tuple[bool, bool], Orientation] = {
    (True, False): Image.Transpose.ROTATE_270,  # Pillow turns against the clock
    (False, True): Image.Transpose.ROTATE_90,
    (True, True): Image.Transpose.TRANSPOSE,
    (False, False): Image.Transpose.TRANSVERSE,
}
