"""Videos of requests, and sampled frames with their results."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.vectors import l2
from models.video.decoding import DecodingReport
from models.video.info import VideoInfo
from models.video.pooling import PoolingMethod, pool
from models.video.shots import Shot
from service.schemas.video import Sampling

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VideoInput:
    """A video of a request, as bytes, base64 or a file, with the sampling of its frames."""

    source: bytes | str | Path
    sampling: Sampling


@dataclass(frozen=True, slots=True)
class SampledFrame:
    """One sampled frame."""

    timestamp: float  # seconds
    shot: int | None
    dropped: int
    thumbnail: bytes | None


@dataclass(frozen=True, kw_only=True)
class FrameResults:
    """Sampled frames of a video with their results.

    Attributes
    ----------
    rows : (n, k) float32, results of the frames: unit vectors, or a network's outputs.
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

    def over_video(self, values: NDArray[Any], how: PoolingMethod | None = None) -> NDArray[np.float64]:
        """Pool values of frames (n, k) to (1, k)."""
        return pool(values, how or self.sampling.pooling, k=self.sampling.top_k).values

    def over_shots(self, values: NDArray[Any], how: PoolingMethod | None = None) -> NDArray[np.float64]:
        """Pool values of frames (n, k) to shots (s, k); NaN for a shot without a sampled frame."""
        pooled = np.full((len(self.shots or ()), values.shape[1]), np.nan)
        found = pool(values, how or self.sampling.pooling, [f.shot or 0 for f in self.frames], k=self.sampling.top_k)
        pooled[found.groups] = found.values
        return pooled

    def vector(self) -> Float:
        """Normalised mean of the frames' unit vectors, (1, d)."""
        return np.asarray(l2(self.over_video(self.rows, "mean")), np.float32)

    def vectors_of_shots(self) -> Float:
        """Normalised mean of the frames' unit vectors by shot, (s, d)."""
        with np.errstate(invalid="ignore"):
            return np.asarray(l2(self.over_shots(self.rows, "mean")), np.float32)
