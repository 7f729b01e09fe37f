"""JPEG files decoded and resized on a GPU: by nvJPEG, which torchvision has, and by torch.

nvJPEG has another inverse transform and another way from 4:2:0 to full colour than libjpeg-turbo: pixels differ by some
levels, and vectors have a fingerprint of their own. torch resizes as Pillow does, but for roundings.
"""

import io
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from models.errors import ModelUnavailable
from models.images.preprocess import Preprocess, resized_size
from models.sessions.gpu import out_of_memory

logger = logging.getLogger("daguerre.torch")
MOST = 64  # files of one call
Decode = Callable[[Sequence[Tensor]], Sequence[Tensor]]  # files, uint8 (n,) each → (3, height, width) uint8 each
_CORNER = 4  # pixels; models/images/jpeg.py
_ALLOCATION_FAILED = ": 5"  # how errors of torchvision end, with nvJPEG's status


class _Waiting(NamedTuple):
    data: bytes
    preprocess: Preprocess
    answer: "Future[NDArray[np.uint8] | None]"


def open_decoder(device: str) -> "GpuJpegs":
    """The decoder on `device`, which has decoded one file.

    Raises
    ------
    ModelUnavailable : torchvision is not installed, is made for another torch, or has no nvJPEG that works.
    """
    try:
        import torchvision
        from torchvision.io import ImageReadMode, decode_jpeg
    except Exception as exc:  # also RuntimeError, of another torch
        raise ModelUnavailable(
            f"decode: gpu needs torchvision for torch {torch.__version__} ({exc}); install it, or set "
            "DAGUERRE_DECODE=exact"
        ) from exc

    def decode(files: Sequence[Tensor]) -> Sequence[Tensor]:
        decoded: Sequence[Tensor] = decode_jpeg(list(files), mode=ImageReadMode.RGB, device=device)
        return decoded

    try:
        return GpuJpegs(decode, {"torchvision": torchvision.__version__})
    except Exception as exc:  # torchvision without nvJPEG
        raise ModelUnavailable(
            f"decode: gpu cannot be used on {device} ({_first_line(exc)}); set DAGUERRE_DECODE=exact"
        ) from exc


class GpuJpegs:
    """Decodes the files that wait in all threads of a process, up to 64 in one call. Thread-safe.

    Parameters
    ----------
    decode : the decoder of a batch, which raises RuntimeError where it cannot read one of the files.
    made_with : versions of its libraries.
    """

    def __init__(self, decode: Decode, made_with: Mapping[str, str]) -> None:
        self.made_with = made_with
        self._decode = decode
        self._sound = _sound_file()
        decode([_tensor(self._sound)])
        self._queue: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="gpu-jpeg", daemon=True).start()

    def __call__(self, data: bytes, preprocess: Preprocess) -> NDArray[np.uint8] | None:
        """The model's pixels (size, size, 3) uint8; None for a file that cannot be read, or looks cut.

        Raises
        ------
        ModelUnavailable : its memory is full, or it decodes no file any more.
        """
        waiting = _Waiting(data, preprocess, Future())
        self._queue.put(waiting)
        return waiting.answer.result()

    def _serve(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < MOST and not self._queue.empty():
                batch.append(self._queue.get())
            self._answer(batch)

    def _answer(self, batch: Sequence[_Waiting]) -> None:
        try:
            images = self._decode([_tensor(each.data) for each in batch])
            rows = [resized(image, each.preprocess) for image, each in zip(images, batch, strict=True)]
            cut = torch.stack([_looks_cut(image) for image in images]).tolist()
            answers = [None if grey else row.cpu().numpy() for row, grey in zip(rows, cut, strict=True)]
        except Exception as exc:  # of one file, or of the GPU
            if len(batch) == 1:
                self._failed(batch[0], exc)
            else:
                for each in batch:
                    self._answer([each])
            return
        for each, answer in zip(batch, answers, strict=True):
            each.answer.set_result(answer)

    def _failed(self, waiting: _Waiting, exc: Exception) -> None:
        """Pillow has to read a file only if the file is at fault: otherwise its vector would depend on the load."""
        if out_of_memory(exc) or _first_line(exc).endswith(_ALLOCATION_FAILED):
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            reason = "has too little memory for an image; send fewer at once, serve fewer models"
        else:
            try:
                self._decode([_tensor(self._sound)])
            except Exception:
                reason = "decodes no image any more; restart the server"
            else:
                waiting.answer.set_result(None)
                return
        logger.error("decode: the GPU %s: %s", reason.partition(";")[0], _first_line(exc))
        waiting.answer.set_exception(ModelUnavailable(f"decode: the GPU {reason}, or set DAGUERRE_DECODE=exact"))


def resized(image: Tensor, preprocess: Preprocess) -> Tensor:
    """The model's pixels (size, size, 3) uint8 of an image (3, h, w) uint8, resized with antialias, as Pillow does.

    Raises
    ------
    ValueError : torch lacks the filter.
    """
    height, width = image.shape[1:]
    to_width, to_height = resized_size((width, height), preprocess)
    if preprocess.resample == "lanczos":
        raise ValueError("resample: torch has no lanczos; use bicubic or bilinear")
    scaled = image[None].float()
    for size in ((height, to_width), (to_height, to_width)):  # Pillow too rounds and clips between the two
        scaled = torch.nn.functional.interpolate(
            scaled, size, mode=preprocess.resample, antialias=True, align_corners=False
        )
        scaled = scaled.add_(0.5).floor_().clamp_(0, 255)  # halves upwards
    pixels = scaled[0].to(torch.uint8)
    side = preprocess.size
    if preprocess.resize == "letterbox":
        canvas = torch.full((3, side, side), preprocess.pad_color, dtype=torch.uint8, device=pixels.device)
        left, top = (side - to_width) // 2, (side - to_height) // 2
        canvas[:, top : top + to_height, left : left + to_width] = pixels
        pixels = canvas
    elif preprocess.crop:
        left, top = (to_width - side) // 2, (to_height - side) // 2
        pixels = pixels[:, top : top + side, left : left + side]
    return pixels.permute(1, 2, 0).contiguous()


def _looks_cut(image: Tensor) -> Tensor:
    """Whether the last pixels are the middle grey with which decoders fill what is missing, a bool on the device."""
    low, high = image[:, -_CORNER:, -_CORNER:].flatten(1).aminmax(dim=1)
    return ((low == high) & ((low == 127) | (low == 128))).all()


def _tensor(data: bytes) -> Tensor:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8)


def _sound_file() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, "JPEG")
    return out.getvalue()


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]
