"""Eighteen crops of one face: three sizes, three heights, each as it is and mirrored.

A network that guesses age or gender changes its answer with the crop. So a face is never cut out once: its answers on
eighteen crops that differ as little as those of two detectors do are given with their range.

The crop in the middle is that of dlib's face chips (padding 0.25), with which the networks of age and gender were
trained. The similarity transform with the least squared distances (Umeyama 1991, IEEE TPAMI 13:376) takes the five
points of a face to `PLACES`.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.analysers.faces import POINTS

SIZES = (0.85, 1.0, 1.15)  # side of a crop, as a share of that in the middle
HEIGHTS = (-0.06, 0.0, 0.06)  # how much lower a crop lies, in sides of the crop in the middle
CROPS = len(SIZES) * len(HEIGHTS) * 2
PLACES = ((0.314, 0.291), (0.692, 0.295), (0.475, 0.509), (0.340, 0.676), (0.662, 0.691))  # shares of its side
FINEST = 256  # pixels of the crop in the middle, above which the picture is made smaller first
FILL = (0, 0, 0)  # beyond the edges of the picture

Floats = NDArray[np.float64]


def axes(points: Floats) -> Floats:
    """The crop in the middle (2, 3): x, y in pixels of the picture = this @ (u, v, 1), u and v from 0 to 1.

    Parameters
    ----------
    points : (5, 2) x, y of `POINTS`, in pixels of the picture; right and left are the person's.
    """
    assert points.shape == (len(POINTS), 2)
    places = np.array(PLACES)
    from_, to = places - places.mean(0), points - points.mean(0)
    (a, b), (c, d) = from_.T @ to / (from_**2).sum()
    cosine, sine = a + d, b - c  # of a rotation, times the scale
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, points.mean(0) - turn @ places.mean(0)])


class Face:
    """The part of a picture around one face, from which crops are cut.

    Parameters
    ----------
    image : RGB and upright.
    points : (5, 2) x, y of `POINTS`, in pixels of the picture.
    """

    def __init__(self, image: Image.Image, points: Floats) -> None:
        self.axes = axes(points)
        reach = np.array([[u, v, 1.0] for u in (-0.1, 1.1) for v in (-0.2, 1.2)]) @ self.axes.T
        size = np.array(image.size)
        low = np.clip(np.floor(reach.min(0)), 0, size - 1).astype(int)
        high = np.clip(np.ceil(reach.max(0)), low + 1, size).astype(int)
        self.factor = max(1, int(self.side / FINEST))
        box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        self.part = image.crop(box) if self.factor == 1 else image.reduce(self.factor, box)
        self.corner = low

    @property
    def side(self) -> float:
        """Side of the crop in the middle, in pixels of the picture."""
        return float(np.hypot(*self.axes[:, 0]))

    def crops(self, side: int) -> NDArray[np.uint8]:
        """The crops (18, side, side, 3): by size, then height, then as it is and mirrored."""
        made = []
        for size in SIZES:
            for height in HEIGHTS:
                one = self._crop(size, height, side)
                made += [one, one[:, ::-1]]
        return np.stack(made)

    def _crop(self, size: float, height: float, side: int) -> NDArray[np.uint8]:
        """One crop. Where pixels of the picture are finer than its own, it is the mean of several samples a pixel."""
        finer = max(1, int(np.ceil(self.side * size / self.factor / side)))
        fine = side * finer
        centre = np.array([[size, 0, 0.5 - size / 2], [0, size, 0.5 - size / 2 + height], [0, 0, 1]])
        to_picture = np.vstack([self.axes, [0, 0, 1]]) @ centre @ np.diag([1 / fine, 1 / fine, 1])
        to_part = np.array([[1, 0, -self.corner[0]], [0, 1, -self.corner[1]], [0, 0, self.factor]]) / self.factor
        a, b, c, d, e, f = (to_part @ to_picture)[:2].ravel().tolist()
        cut = self.part.transform(
            (fine, fine),
            Image.Transform.AFFINE,
            (a, b, c, d, e, f),
            resample=Image.Resampling.BILINEAR,
            fillcolor=FILL,
        )
        return np.asarray(cut if finer == 1 else cut.reduce(finer))
