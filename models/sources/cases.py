"""A tower of a model with inputs, and the vectors that transformers computes of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from models.catalog.spec import Modality, ModelSpec
from models.encoders.processors import ImageProcessor, TextProcessor
from models.errors import ModelUnavailable
from models.images.decoding import ImageLimits
from models.sources import describe, export, networks, oracle

Float = NDArray[np.float32]
Run = Callable[[NDArray[Any]], Float]  # of a session


@dataclass(frozen=True)
class Case:
    """One tower.

    Attributes
    ----------
    graph : the module that is exported.
    sample : collated rows with which it is traced.
    batches : collated inputs; `wanted` has the unit vectors (n, d) of all their rows in order, by transformers.
    pixel_difference : largest one from the pixels of transformers; 0 for texts.
    """

    modality: Modality
    graph: nn.Module
    sample: NDArray[Any]
    batches: Sequence[NDArray[Any]]
    wanted: Float
    finish: Callable[[Float], Float]
    pixel_difference: float = 0.0

    def vectors(self, run: Run) -> Float:
        """Unit vectors (n, d) of the inputs, by a session."""
        return self.finish(np.concatenate([run(batch) for batch in self.batches]))

    def cosines(self, run: Run) -> Float:
        """Cosines (n,) of a session's vectors with those of transformers."""
        return np.asarray((self.vectors(run) * self.wanted).sum(1), np.float32)


def image_case(spec: ModelSpec, source: describe.SourceFolder, loaded: networks.Networks) -> Case:
    """The image tower with the oracle's pictures. Raises ModelUnavailable if the pixels differ from transformers'."""
    assert spec.image is not None
    assert loaded.image is not None
    pictures = oracle.pictures()
    theirs = oracle.pixel_values(source.folder, pictures)  # (n, 3, size, size)
    wanted = oracle.image_vectors(source, loaded.model, theirs)
    processor = ImageProcessor(spec.image)
    rows = [processor.preprocess(data, limits=ImageLimits(), decode="exact") for data in pictures]
    ours = (np.stack(rows).astype(np.float32) - np.array(spec.image.mean, np.float32)) / np.array(
        spec.image.std, np.float32
    )
    pixels = float(np.abs(ours.transpose(0, 3, 1, 2) - theirs).max())
    if pixels > 1e-4:
        raise ModelUnavailable(
            f"{spec.name}: its pixels differ by {pixels:.4f} from those of transformers; use another model"
        )
    networks.fix_positions(loaded, spec.image.preprocess.size)
    stack = processor.collate(rows, spec.image.preprocess.size)
    return Case(
        "image",
        export.ImageGraph(loaded.image, spec.image),
        stack[:2],
        [stack[i : i + 4] for i in range(0, len(stack), 4)],
        wanted,
        processor.postprocess,
        pixels,
    )


def text_case(
    spec: ModelSpec, source: describe.SourceFolder, loaded: networks.Networks, tokenizer: Path, *, hard: bool = False
) -> Case:
    """The text tower with the oracle's texts, each by itself.

    Parameters
    ----------
    tokenizer : tokenizer.json.
    hard : whether texts are among them that have hardly a token, whose vectors suffer most from 8 bits.

    Raises
    ------
    ModelUnavailable : the tokens differ from those of transformers.
    """
    assert spec.text is not None
    assert loaded.text is not None
    processor = TextProcessor(spec.text, tokenizer)
    given = [*oracle.TEXTS, *(oracle.HARD if hard else ())]
    texts = [spec.text.prefix + text for text in given]
    theirs = oracle.token_ids(source, texts, spec.text.max_tokens)
    rows = [tokens.ids for tokens in processor.preprocess(given)]
    for text, ours, their in zip(given, rows, theirs, strict=True):
        if ours.tolist() != their:
            raise ModelUnavailable(f"{spec.name}: its tokens of {text[:40]!r} differ from those of transformers")
    return Case(
        "text",
        loaded.text,
        processor.collate(rows[:3], spec.text.buckets[-1]),
        [processor.collate([row], processor.shape_bucket(row)) for row in rows],
        oracle.text_vectors(source, loaded, texts, spec.text.max_tokens),
        processor.postprocess,
    )
