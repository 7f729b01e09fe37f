"""The embedded model without the service: image bytes and labels to unit vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.catalog.folder import open_or_export
from models.encoders.processors import image_processor, text_processor
from models.images.decoding import DecodeMode, ImageLimits
from models.sessions.onnx import OnnxSession
from models.vectors import l2

Float = NDArray[np.float32]
LIMITS = ImageLimits()
BATCH = 32


class Embedder:
    """Both towers of a model of the catalogue, on the CPU."""

    def __init__(self, name: str, home: Path) -> None:
        self.folder = open_or_export(name, home)
        images, texts = image_processor(self.folder), text_processor(self.folder)
        if images is None or texts is None:
            raise ValueError(f"model {name!r} lacks a tower; zero-shot needs both")
        self._images, self._texts = images, texts
        self._image_session = OnnxSession(self.folder.path / "image.onnx", threads=2)
        self._text_session = OnnxSession(self.folder.path / "text.onnx", threads=2)

    def images(self, blobs: Sequence[bytes], *, decode: DecodeMode = "exact") -> Float:
        """Unit vectors (n, d)."""
        rows = [self._images.preprocess(blob, limits=LIMITS, decode=decode) for blob in blobs]
        side = self._images.shape_bucket(rows[0])
        parts = [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]
        raw = np.concatenate([self._image_session.run(self._images.collate(part, side)) for part in parts])
        return self._images.postprocess(raw)

    def labels(self, labels: Sequence[str], templates: Sequence[str]) -> Float:
        """One unit vector per label, (k, d): prompts averaged as service/pipelines/zero_shot.py does."""
        prompts = [template.replace("{}", label) for label in labels for template in templates]
        rows = [tokens.ids for tokens in self._texts.preprocess(prompts)]
        raw = []
        for i in range(0, len(rows), BATCH):
            part = rows[i : i + BATCH]
            raw.append(self._text_session.run(self._texts.collate(part, max(map(self._texts.shape_bucket, part)))))
        mean = l2(np.concatenate(raw)).reshape(len(labels), len(templates), -1).mean(axis=1)
        return self._texts.postprocess(mean)
