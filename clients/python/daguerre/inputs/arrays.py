"""Arrays and tensors as images of 8 bits: the layouts and ranges of numbers that are read, and why others are not."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

CHANNELS = (1, 2, 3, 4)  # of an array (h, w, channels): grey, grey and alpha, RGB, RGBA
FIRST = (1, 3)  # of an array (channels, h, w)
FIRST_OF_TENSOR = (1, 3, 4)
SURE = 16  # floats that are no whole numbers are 0..255 if one is larger than this; a normalised image has none
_COLUMNS = ("pandas", "polars", "pyarrow")
LAYOUTS = "an image is (h, w), (h, w, 1), (h, w, 3), (h, w, 4), or (3, h, w)"


def as_array(given: Any) -> NDArray[Any] | None:
    """Numbers as an array of NumPy: an array, a tensor of torch, or another object that converts itself.

    None for everything else, columns of a table and arrays of paths among it.
    """
    if isinstance(given, np.ndarray):
        array: NDArray[Any] = given
    elif isinstance(given, np.generic) or _package(given) in _COLUMNS or not hasattr(given, "__array__"):
        return None
    elif is_torch(given):
        tensor = given.detach().cpu()
        array = (tensor.float() if "bfloat16" in str(tensor.dtype) else tensor).numpy()
    else:
        array = np.asarray(given)
    return array if array.dtype.kind in "biufc" and array.ndim else None


def is_torch(given: Any) -> bool:
    """Whether it is a tensor of torch, whose images have their channels first."""
    return _package(given) == "torch"


def split(array: NDArray[Any], *, one: bool, channels_first: bool) -> list[NDArray[Any]]:
    """The images of an array, each (h, w) or (h, w, channels).

    Parameters
    ----------
    one : whether it has to be one image, as the item of a list is.
    channels_first : the convention in which (3, h, w) is one image, and not three.

    Raises
    ------
    ValueError : the array is no image, or may be read in two ways.
    """
    shape = array.shape
    channels = FIRST_OF_TENSOR if channels_first else FIRST
    if array.ndim == 2:
        return [array]
    if array.ndim == 3:
        last, first = shape[2] in CHANNELS, shape[0] in channels
        if last and not (channels_first and first):
            return [array[..., 0] if shape[2] == 1 else array]
        if first and (one or channels_first or shape[0] == 1):
            return split(np.moveaxis(array, 0, -1), one=True, channels_first=False)
        if first:
            raise ValueError(
                f"an array {shape} may be one image with its channels first, or {shape[0]} grey images; give "
                "numpy.moveaxis(x, 0, -1), or list(x)"
            )
        if not one:
            return list(array)
    if array.ndim == 4 and one and len(array) > 1:
        raise ValueError(
            f"an array {shape} of {len(array)} images among the items of a list; give its images one by one"
        )
    if array.ndim == 4:
        last, first = shape[3] in CHANNELS, shape[1] in channels
        if last or first:
            at = (channels_first and first) or not last
            return [each for image in array for each in split(image, one=True, channels_first=at)]
    raise ValueError(f"an array {shape}; {LAYOUTS}")


def to_uint8(array: NDArray[Any]) -> NDArray[np.uint8]:
    """The numbers of one or more images as 0..255. Raises ValueError where their range is not clear."""
    if not array.size:
        raise ValueError(f"an array {array.shape} without a pixel; leave it out")
    if np.ma.is_masked(array):
        raise ValueError("an array with masked pixels; fill them, for example x.filled(0)")
    kind = f"an array of {array.dtype}"
    if array.dtype == np.uint8:
        return np.array(array)
    if array.dtype.kind == "b":
        return np.where(array, np.uint8(255), np.uint8(0))
    if array.dtype == np.uint16:
        raise ValueError(
            f"{kind}; images are uint8: (x / 257).round().astype('uint8') for numbers in 0..65535, x.astype('uint8') "
            "for those in 0..255"
        )
    if array.dtype.kind == "c":
        raise ValueError(f"{kind}; images are uint8, or real numbers in 0..1 or 0..255")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{kind} with NaN or infinite pixels; images are uint8, or floats in 0..1 or 0..255")
    low, high = array.min(), array.max()
    if low < 0 or high > 255:
        raise ValueError(f"{kind} with numbers from {low:g} to {high:g}; scale them to 0..255 and use .astype('uint8')")
    if array.dtype.kind != "f":
        if high == 1:
            raise ValueError(f"{kind} with only 0 and 1; give x.astype(bool) for a mask, x.astype('uint8') for pixels")
        return array.astype(np.uint8)
    if high <= 1:
        return np.rint(array * 255.0).astype(np.uint8)
    if high <= SURE and (np.rint(array) != array).any():
        raise ValueError(
            f"{kind} with numbers from {low:g} to {high:g}, which are neither 0..1 nor clearly 0..255; scale them to "
            "0..255 and use .astype('uint8')"
        )
    whole: NDArray[np.uint8] = np.rint(array).astype(np.uint8)
    return whole


def _package(given: Any) -> str:
    return type(given).__module__.partition(".")[0]
