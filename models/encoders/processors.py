"""Processing before and after the device: bytes or texts to rows, rows to batches, raw vectors to unit vectors."""

import json
import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from models.catalog.folder import ModelFolder
from models.catalog.spec import ImageTower, TextTower
from models.encoders.projection import TextProjection
from models.images.crops import Crop
from models.images.decoding import DecodeMode, ImageLimits, load_pixels
from models.images.gpu_jpeg import JpegDecoder
from models.vectors import l2

Row = NDArray[Any]
BLANKS = (
    " ",
    "\u2581",
    "\u0120",
    "\u010a",
    "</w>",
)  # a space as the tokenizers of SentencePiece, GPT and CLIP write it
CHARACTERS = 8  # per token, of the beginning of a long text that is tokenised; a word and its space have five or six
PADDING = -1  # in a batch of token ids; the session derives the attention mask from it
Float = NDArray[np.float32]
_PUNCTUATION = str.maketrans("", "", string.punctuation)


class ImageProcessor:
    """Convert image bytes to the encoder's pixels, and its raw vectors to unit vectors."""

    def __init__(self, tower: ImageTower, jpegs: JpegDecoder | None = None) -> None:
        self._tower = tower
        self._jpegs = jpegs

    def preprocess(self, data: bytes, *, limits: ImageLimits, decode: DecodeMode, crop: Crop | None = None) -> Row:
        """Decode and resize one image, or a crop of it, to (size, size, 3) uint8. Raises ImageError."""
        return load_pixels(data, self._tower.preprocess, limits=limits, decode=decode, crop=crop, jpegs=self._jpegs)

    def shape_bucket(self, row: Row) -> int:
        """Side of the image: all have the same shape."""
        return int(row.shape[0])

    def collate(self, rows: Sequence[Row], bucket: int) -> Row:
        """Stack rows to (n, size, size, 3) uint8."""
        return np.stack(rows)

    def postprocess(self, raw: Float) -> Float:
        """Scale raw vectors (n, d) to unit rows."""
        return np.asarray(l2(raw), np.float32)


@dataclass(frozen=True)
class Tokens:
    """Token ids of one text."""

    ids: Row  # (length,) int64
    truncated: bool
    unknown: bool  # whether the model knows none of the text's tokens


class TextProcessor:
    """Convert texts to token ids, and the encoder's raw vectors to unit vectors."""

    def __init__(self, tower: TextTower, tokenizer: Path, projection: TextProjection | None = None) -> None:
        self._tower = tower
        self._projection = projection
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(tower.max_tokens)
        self._meaningless = meaningless_tokens(self._tokenizer)
        self._of_prefix = self._known(self._tokenizer.encode(tower.prefix)) if tower.prefix else 0
        self._divides = divides_at_spaces(self._tokenizer)

    def preprocess(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokenise valid Unicode texts, with prefix and special tokens, truncated to `max_tokens`.

        Of a long text, only a beginning is tokenised that has more tokens than that, where this gives the same ones.
        """
        cut = [self._beginning(text) for text in texts]
        tokens = self._tokens([text[:end] for text, end in zip(texts, cut, strict=True)])
        short = [i for i, (text, end) in enumerate(zip(texts, cut, strict=True)) if end < len(text)]
        short = [i for i in short if not tokens[i].truncated]  # blank space, or words that have one token
        for i, whole in zip(short, self._tokens([texts[i] for i in short]), strict=True):
            tokens[i] = whole
        return tokens

    def _beginning(self, text: str) -> int:
        """The length of a beginning of `text` that ends where a word does."""
        enough = CHARACTERS * self._tower.max_tokens
        if not self._divides or len(text) <= 2 * enough:
            return len(text)
        end = text.find(" ", enough)
        while 0 < end < len(text) - 1 and not (_plain(text[end - 1]) and _plain(text[end + 1])):
            end = text.find(" ", end + 1)
        return end if 0 < end < len(text) - 1 else len(text)

    def _tokens(self, texts: Sequence[str]) -> list[Tokens]:
        if not texts:
            return []
        prefixed = [self._tower.prefix + text for text in texts]
        if self._tower.canonical == "siglip":
            prefixed = [siglip_canonical(text) for text in prefixed]
        encodings = self._tokenizer.encode_batch_fast(prefixed)
        return [
            Tokens(np.array(e.ids, np.int64), bool(e.overflowing), self._known(e) <= self._of_prefix) for e in encodings
        ]

    def _known(self, encoding: Encoding) -> int:
        """Number of tokens that the model knows, special ones aside."""
        pairs = zip(encoding.ids, encoding.special_tokens_mask, strict=True)
        return sum(not special and id not in self._meaningless for id, special in pairs)

    def shape_bucket(self, row: Row) -> int:
        """Length that a row is padded to."""
        return next(b for b in self._tower.buckets if b >= len(row))

    def collate(self, rows: Sequence[Row], bucket: int) -> Row:
        """Pad rows to (n, bucket) int64."""
        stack = np.full((len(rows), bucket), PADDING, np.int64)
        left = self._tower.padding_side == "left"
        for i, row in enumerate(rows):
            begin = bucket - len(row) if left else 0
            stack[i, begin : begin + len(row)] = row
        return stack

    def postprocess(self, raw: Float) -> Float:
        """Convert raw vectors, or their mean over prompt templates, (n, d_raw), to unit rows (n, d)."""
        return self._projection(raw) if self._projection else np.asarray(l2(raw), np.float32)


def meaningless_tokens(tokenizer: Tokenizer) -> frozenset[int]:
    """Ids of the tokens that stand for unknown text, and of those that are nothing but a space."""
    model = json.loads(tokenizer.to_str())["model"]
    unknown = model.get("unk_token")
    ids = {None if unknown is None else tokenizer.token_to_id(unknown), model.get("unk_id")}
    ids |= {tokenizer.token_to_id(blank) for blank in BLANKS}
    return frozenset(id for id in ids if id is not None)


def divides_at_spaces(tokenizer: Tokenizer) -> bool:
    """Whether the tokens before a space between two words depend on nothing after it."""
    if tokenizer.pre_tokenizer is None or any(" " in str(t) for t in tokenizer.get_added_tokens_decoder().values()):
        return False

    def pieces(text: str) -> list[str]:
        normal = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
        return [piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal)]

    samples = (("word", "next"), ("a1", "2b"), ("x", "y"))
    return all(len(pieces(f"{a} {b}")) == len(pieces(a)) + len(pieces(b)) for a, b in samples)


def _plain(character: str) -> bool:
    """Whether it is an ASCII letter or digit, which no normalisation joins to a space."""
    return character.isascii() and character.isalnum()


def siglip_canonical(text: str) -> str:
    """Normalise a text as in the training of the first SigLIP: lower case, no ASCII punctuation, single spaces."""
    return " ".join(text.lower().translate(_PUNCTUATION).split())


def image_processor(folder: ModelFolder, jpegs: JpegDecoder | None = None) -> ImageProcessor | None:
    """Processor of the folder's image tower, if it has one; `jpegs` is needed for decode "gpu"."""
    return ImageProcessor(folder.spec.image, jpegs) if folder.spec.image else None


def text_processor(folder: ModelFolder) -> TextProcessor | None:
    """Processor of the folder's text tower, if it has one."""
    tower = folder.spec.text
    if tower is None:
        return None
    projection = None
    if tower.projection == "kernel_ridge":
        with np.load(folder.path / "bridge.npz") as arrays:
            projection = TextProjection(arrays["anchors"], arrays["weights"])
    return TextProcessor(tower, folder.path / "tokenizer.json", projection)


Processor = ImageProcessor | TextProcessor
