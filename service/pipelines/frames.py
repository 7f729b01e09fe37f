"""Videos of requests, and sampled frames with their results."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.images.perceptual import FLAT
from models.images.preprocess import Preprocess, resized_size
from models.vectors import l2
from models.video.decoding import DecodingReport
from models.video.info import VideoInfo
from models.video.pooling import PoolingMethod, pool
from models.video.shots import Shot
from service.schemas.video import Sampling

Float = NDArray[np.float32]
DARK = 32  # brightness below which a frame of a single colour is black


@dataclass(frozen=True, slots=True)
class VideoInput:
    """A video of a request, as bytes, base64 or a file, with the sampling of its frames."""

    source: bytes | str | Path
    sampling: Sampling


@dataclass(frozen=True, slots=True)
class SampledFrame:
    """One sampled frame.

    Attributes
    ----------
    timestamp : seconds from the start.
    dropped : number of near-duplicates that were dropped after it.
    thumbnail : a JPEG, if requested.
    times : number of sampling times at which it is on the screen: its weight in means.
    grey : its brightness, 0 to 255, if it is of a single colour; None for any other frame.
    """

    timestamp: float
    shot: int | None
    dropped: int
    thumbnail: bytes | None
    times: int = 1
    grey: int | None = None


@dataclass(frozen=True, kw_only=True)
class FrameResults:
    """Sampled frames of a video with their results.

    Attributes
    ----------
    rows : (n, k) float32, results of the frames: unit vectors, or a network's outputs; (n, 1) objects of analyses.
    shots : None unless shots were detected.
    """

    info: VideoInfo
    sampling: Sampling
    frames: tuple[SampledFrame, ...]
    shots: tuple[Shot, ...] | None
    report: DecodingReport
    rows: Float

    @property
    def counts(self) -> list[int]:
        """Number of sampled frames in each shot."""
        found = np.bincount([f.shot or 0 for f in self.frames], minlength=len(self.shots or ()))
        return [int(n) for n in found]

    @property
    def blank(self) -> int:
        """Number of frames of a single colour."""
        return sum(frame.grey is not None for frame in self.frames)

    @property
    def remarks(self) -> list[str]:
        """Limits of the result, as phrases about the video. Every answer, table and page shows these."""
        report, found = self.report, []
        if report.ended_early:
            found.append(
                "ends early: the file is shorter than its header says, so that the result is of a part only (last "
                f"sampled frame at {self.frames[-1].timestamp:.1f} s of {self.info.duration:.1f} s)"
            )
        if report.damaged_packets or report.corrupt_frames:
            parts = [
                f"{report.damaged_packets:,} parts of the file are incomplete or could not be decoded",
                f"{report.corrupt_frames:,} frames with errors were left out",
            ]
            counts = (report.damaged_packets, report.corrupt_frames)
            found.append(f"is damaged: {', and '.join(part for part, n in zip(parts, counts, strict=True) if n)}")
        if report.gap:
            found.append(
                f"has no pictures from {report.gap[0]:.1f} to {report.gap[1]:.1f} s, because of the damage: the frame "
                "before stands for this time"
            )
        if report.disordered:
            found.append(f"has {report.disordered:,} frames with repeated or decreasing timestamps, which are left out")
        if report.estimated:
            found.append(f"has {report.estimated:,} frames without a timestamp, for which it was estimated")
        if report.fell_back:
            found.append(f"has a single keyframe: a frame every {self.sampling.seconds or 1:g} s was taken instead")
        if self.blank:
            first = self.frames[0].grey
            which = "" if first is None else f", the first one{' (black)' if first < DARK else ''} among them"
            found.append(f"has {self.blank:,} of {len(self.frames):,} sampled frames of a single colour{which}")
        return found

    @property
    def _weights(self) -> list[int]:
        return [frame.times for frame in self.frames]

    def over_video(self, values: NDArray[Any], how: PoolingMethod | None = None) -> NDArray[np.float64]:
        """Pool values of frames (n, k) to (1, k)."""
        return pool(values, how or self.sampling.pooling, k=self.sampling.top_k, weights=self._weights).values

    def over_shots(self, values: NDArray[Any], how: PoolingMethod | None = None) -> NDArray[np.float64]:
        """Pool values of frames (n, k) to shots (s, k); NaN for a shot without a sampled frame."""
        pooled = np.full((len(self.shots or ()), values.shape[1]), np.nan)
        groups = [f.shot or 0 for f in self.frames]
        found = pool(values, how or self.sampling.pooling, groups, k=self.sampling.top_k, weights=self._weights)
        pooled[found.groups] = found.values
        return pooled

    def vector(self) -> Float:
        """Normalised mean of the frames' unit vectors, (1, d)."""
        return np.asarray(l2(self.over_video(self.rows, "mean")), np.float32)

    def vectors_of_shots(self) -> Float:
        """Normalised mean of the frames' unit vectors by shot, (s, d)."""
        with np.errstate(invalid="ignore"):
            return np.asarray(l2(self.over_shots(self.rows, "mean")), np.float32)


def single_colour(pixels: NDArray[np.uint8], size: tuple[int, int], preprocess: Preprocess | None) -> int | None:
    """Brightness of a frame of a single colour, 0 to 255; None for any other frame.

    Parameters
    ----------
    pixels : (size, size, 3) as the model takes it, with padding; without preprocessing, the whole frame.
    size : width and height of the video, upright.
    """
    if preprocess is not None and preprocess.resize == "letterbox":
        side = preprocess.size
        width, height = (min(side, round(each)) for each in resized_size(size, preprocess))
        left, top = (side - width) // 2, (side - height) // 2
        pixels = pixels[top : top + height, left : left + width]
    low, high = pixels.min(axis=(0, 1)), pixels.max(axis=(0, 1))
    return round(float(pixels.mean())) if (high - low < FLAT).all() else None
