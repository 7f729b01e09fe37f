"""What happens before and after the device: bytes or texts to rows, rows to feeds, raw vectors to unit vectors."""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.catalog.folder import ModelFolder
from models.catalog.spec import ImageTower, TextTower
from models.encoders.projection import TextProjection
from models.images.decoding import DecodeMode, ImageLimits, load_pixels
from models.vectors import l2

Row = NDArray[Any]
PADDING = -1  # in a stack of token ids; the session makes the attention mask of it
Float = NDArray[np.float32]
_PUNCTUATION = str.maketrans("", "", string.punctuation)


class ImageProcessor:
    """Image bytes to the pixels that the encoder takes, and its raw vectors to unit vectors."""

    def __init__(self, tower: ImageTower) -> None:
        self._tower = tower

    def preprocess(self, data: bytes, *, limits: ImageLimits, decode: DecodeMode) -> Row:
        """One image → (size, size, 3) uint8. Raises ImageError."""
        return load_pixels(data, self._tower.preprocess, limits=limits, decode=decode)

    def shape_bucket(self, row: Row) -> int:
        """Every image has the same shape."""
        return int(row.shape[0])

    def collate(self, rows: Sequence[Row], bucket: int) -> Row:
        return np.stack(rows)  # (n, size, size, 3) uint8

    def postprocess(self, raw: Float) -> Float:
        return np.asarray(l2(raw), np.float32)


@dataclass(frozen=True)
class Tokens:
    """One text, tokenised."""

    ids: Row  # (length,) int64
    truncated: bool


class TextProcessor:
    """Texts to token ids, and the encoder's raw vectors to unit vectors."""

    def __init__(self, tower: TextTower, tokenizer: Path, bridge: TextProjection | None = None) -> None:
        self._tower = tower
        self._bridge = bridge
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(tower.max_tokens)

    def preprocess(self, texts: Sequence[str]) -> list[Tokens]:
        """Token ids of valid Unicode texts, prefix and special tokens included, cut at `max_tokens`."""
        given = [self._tower.prefix + text for text in texts]
        if self._tower.canonical == "siglip":
            given = [siglip_canonical(text) for text in given]
        encodings = self._tokenizer.encode_batch_fast(given)
        return [Tokens(np.array(e.ids, np.int64), bool(e.overflowing)) for e in encodings]

    def shape_bucket(self, row: Row) -> int:
        return next(b for b in self._tower.buckets if b >= len(row))

    def collate(self, rows: Sequence[Row], bucket: int) -> Row:
        stack = np.full((len(rows), bucket), PADDING, np.int64)
        left = self._tower.padding_side == "left"
        for i, row in enumerate(rows):
            begin = bucket - len(row) if left else 0
            stack[i, begin : begin + len(row)] = row
        return stack

    def postprocess(self, raw: Float) -> Float:
        """Raw vectors, or the mean over prompt templates of raw unit vectors, (n, d_raw) → (n, d) unit rows."""
        return self._bridge(raw) if self._bridge else np.asarray(l2(raw), np.float32)


def siglip_canonical(text: str) -> str:
    """A text as the first SigLIP was trained with it: lower case, without ASCII punctuation, with single spaces."""
    return " ".join(text.lower().translate(_PUNCTUATION).split())


def image_processor(folder: ModelFolder) -> ImageProcessor | None:
    """The processor of the folder's image tower, if it has one."""
    return ImageProcessor(folder.spec.image) if folder.spec.image else None


def text_processor(folder: ModelFolder) -> TextProcessor | None:
    """The processor of the folder's text tower, if it has one."""
    tower = folder.spec.text
    if tower is None:
        return None
    bridge = None
    if tower.projection == "kernel_ridge":
        with np.load(folder.path / "bridge.npz") as arrays:
            bridge = TextProjection(arrays["anchors"], arrays["weights"])
    return TextProcessor(tower, folder.path / "tokenizer.json", bridge)


Processor = ImageProcessor | TextProcessor
