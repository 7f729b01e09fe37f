"""JPEG files that a GPU decodes where the server's setting is decode "gpu", and the interface of its decoder.

The file alone decides, so that it has one vector under one fingerprint, whatever the server's load: all that is not
ordinary is decoded by Pillow, which also has the last word on damage.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from models.images import jpeg
from models.images.preprocess import Preprocess

MOST_PIXELS = 2**24  # of a file: 50 MB of the GPU's memory decoded, and 200 MB more while it is resized


class JpegDecoder(Protocol):
    """Decoder of JPEGs on a GPU; `made_with` has the versions of its libraries."""

    made_with: Mapping[str, str]

    def __call__(self, data: bytes, preprocess: Preprocess) -> NDArray[np.uint8] | None:
        """The model's pixels (size, size, 3) uint8; None for a file that it cannot read. Thread-safe.

        Raises
        ------
        ModelUnavailable : the GPU decodes nothing at present.
        """


def is_ordinary(data: bytes, image: Image.Image) -> bool:
    """Whether a JPEG, by its bytes and the header that Pillow read, is one picture in YCbCr, whole and not huge."""
    return (
        isinstance(image, JpegImagePlugin.JpegImageFile)
        and image.format == "JPEG"  # not of several pictures
        and image.width * image.height <= MOST_PIXELS
        and [component[0] for component in image.layer] == [1, 2, 3]  # neither grey nor the letters R, G, B
        and image.info.get("adobe_transform", 1) == 1
        and data.endswith(jpeg.END)
        and not jpeg.ends_in_zeros(data)
    )
