"""Object detectors by words of `transformers` as analysers, OWLv2 and OWL-ViT: two graphs, compared with the original.

One graph is for labels, the other one for pictures with the vectors of labels. The side of the pictures is fixed,
because the positions of the boxes are constants of the graph.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoModelForZeroShotObjectDetection, AutoTokenizer

from models.analysers.folder import AnalyserFolder
from models.analysers.spec import AnalyserSpec, Part
from models.analysers.words import DECODER, LABELS, MOST_LABELS, PICTURES, TYPES, ObjectsByWords
from models.catalog.spec import Source
from models.encoders.preprocessor import PixelPreprocessing, read_preprocessor
from models.errors import ModelUnavailable, quoted
from models.images.decoding import ImageLimits, open_rgb
from models.sessions.onnx import OnnxSession
from models.sources import export, oracle
from models.sources.describe import tokens_of, weights_of
from models.sources.detectors import LARGEST_DIFFERENCE, PHOTOS, Detector, import_by, read_config
from models.sources.loading import load

WORDS = ("a cat", "a person in a space suit", "a cup of coffee")  # labels of the comparison
ROUNDING = 0.501  # largest difference of pixels in units of 0..255: ours are rounded to whole numbers
LABEL_BATCH = 8
Floats = NDArray[np.float32]


class LabelGraph(nn.Module):
    """input_ids (n, t) int64 → vectors of labels (n, d).

    The projection is applied to all positions before the last one is chosen: a product with a single row is summed in
    another order than one with several, and a label alone would differ from one in a batch.
    """

    def __init__(self, towers: Any) -> None:
        super().__init__()
        self.text = towers.text_model
        self.projection = towers.text_projection

    def forward(self, input_ids: Tensor) -> Tensor:
        states = self.projection(self.text(input_ids=input_ids).last_hidden_state)  # (n, t, d)
        end = input_ids.to(torch.int32).argmax(-1).view(-1, 1, 1).expand(-1, 1, states.shape[-1])
        vectors: Tensor = states.gather(1, end).squeeze(1)
        lengths: Tensor = vectors.norm(dim=-1, keepdim=True)
        return vectors / lengths


class WordDetectorGraph(nn.Module):
    """pixels (n, size, size, 3) uint8, queries (n, labels, d) → scores (n, places, labels), boxes (n, places, 4).

    Boxes are x and y of the centre, width and height, as shares of the square that the pixels show.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: Any, pixels: PixelPreprocessing) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(pixels.mean))
        self.register_buffer("std", torch.tensor(pixels.std))

    def forward(self, pixels: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        x = (pixels.to(torch.float32) - self.mean) / self.std
        map_of_places = self.network.image_embedder(pixel_values=x.permute(0, 3, 1, 2))[0]  # (n, down, across, width)
        places = map_of_places.flatten(1, 2)
        head = self.network.class_head
        cosines = _unit(head.dense0(places)) @ _unit(queries).transpose(1, 2)
        logits = (cosines + head.logit_shift(places)) * (head.elu(head.logit_scale(places)) + 1)
        return logits.sigmoid(), self.network.box_predictor(places, map_of_places)


def _unit(vectors: Tensor) -> Tensor:
    lengths: Tensor = vectors.norm(dim=-1, keepdim=True) + 1e-6
    return vectors / lengths


def import_word_detector(
    source: Path, home: Path, *, name: str, licence: str | None = None, replace: bool = False
) -> AnalyserFolder:
    """Import the detector in `source` as an analyser of kind objects, whose labels are those of a request.

    Raises ModelUnavailable as `export_word_detector`.
    """
    return import_by(export_word_detector, source, home, name=name, licence=licence, replace=replace)


def export_word_detector(source: Path, folder: Path, *, name: str, licence: str | None = None) -> Detector:
    """Write both graphs and the tokenizer of the detector in `source` into the empty `folder`, and describe it.

    Raises
    ------
    ModelUnavailable
        The folder cannot be read, is no such detector, or has preprocessing or a tokenizer that cannot be reproduced;
        or the graphs differ from transformers on photos.
    """
    config = read_config(source)
    if config.model_type not in TYPES:
        raise ModelUnavailable(
            f"{source.name} has model_type {config.model_type!r}; detectors by words: {', '.join(TYPES)}"
        )
    pixels = read_preprocessor(source, pads=config.model_type == "owlv2")
    size = pixels.preprocess.size
    if pixels.preprocess.resize != "squash" or size != config.vision_config.image_size:
        raise ModelUnavailable(
            f"{source.name} prepares pictures of {size} pixels ({pixels.preprocess.resize}) for a network of "
            f"{config.vision_config.image_size}; correct its preprocessor_config.json"
        )
    network = load(AutoModelForZeroShotObjectDetection, source)
    network.set_attn_implementation("eager")
    tokenizer = _tokenizer(source)
    (folder / "tokenizer.json").write_text(tokens_of(tokenizer, source), encoding="utf-8")
    tokens, width = config.text_config.max_position_embeddings, config.projection_dim
    places = (size // config.vision_config.patch_size) ** 2
    spec = AnalyserSpec(
        name=name,
        kind="objects",
        description=f"{config.model_type} from the folder {source.name}: finds what the labels of a request describe.",
        source=Source(
            kind="folder", locator=source.name, revision="as its files' sha256 say", weights=weights_of(source)
        ),
        licence=licence or "not stated; see where the folder came from",
        parts={
            LABELS: Part(row_bytes=8 * tokens, answer_bytes=4 * width, cpu_batch=LABEL_BATCH),
            PICTURES: Part(
                row_bytes=size * size * 3 + 4 * width * MOST_LABELS, answer_bytes=4 * places * (MOST_LABELS + 4)
            ),
        },
        settings={
            "size": size,
            "fit": "pad" if config.model_type == "owlv2" else "squash",
            "resample": "linear" if config.model_type == "owlv2" else pixels.preprocess.resample,
            "decoder": DECODER,
            "tokens": tokens,
            "padding": tokenizer.pad_token_id or 0,
            "mean": pixels.mean,
            "std": pixels.std,
        },
        notice="Labels are words of the request: validate what each of them finds against pictures that people coded.",
    )
    gap = _export(network, source, ObjectsByWords(spec, folder), pixels, folder)
    return Detector(spec, {"largest_difference": gap}, export.versions())


def _export(network: Any, source: Path, code: ObjectsByWords, pixels: PixelPreprocessing, folder: Path) -> float:
    """Write both graphs; the largest difference of a score or a box's side from transformers, on real photos."""
    ids = np.stack(code.ids(WORDS))
    photos = [oracle.pictures()[i] for i in PHOTOS]
    stack = np.stack([code.square(open_rgb(data, limits=ImageLimits()))[0] for data in photos])
    theirs = oracle.pixel_values(source, photos)
    mean, std = (np.array(each, np.float32)[:, None, None] for each in (pixels.mean, pixels.std))
    gap = float(np.abs(theirs * std + mean - stack.transpose(0, 3, 1, 2)).max())
    if not gap < ROUNDING:
        raise ModelUnavailable(
            f"{source.name}: its pixels differ by {gap:.3g} of 255 from those of transformers; its preprocessing is "
            "not one that can be reproduced exactly, or the version of transformers pads with another colour than black"
        )
    labels = LabelGraph(getattr(network, network.config.model_type))  # the two encoders have the name of the type
    pictures = WordDetectorGraph(network, pixels)
    queries = np.zeros((len(photos), len(WORDS), network.config.projection_dim), np.float32)
    export.write_graph(labels, {"input_ids": ids}, folder / f"{LABELS}.onnx", ["vectors"], {})
    export.write_graph(
        pictures,
        {"pixels": stack, "queries": queries},
        folder / f"{PICTURES}.onnx",
        ["scores", "boxes"],
        {"queries": {1: "labels"}, "scores": {2: "labels"}},
    )
    (vectors,) = OnnxSession(folder / f"{LABELS}.onnx").compute((ids,))
    ours = OnnxSession(folder / f"{PICTURES}.onnx").compute((stack, np.stack([vectors] * len(photos))))
    with torch.inference_mode():
        values = torch.from_numpy((stack.transpose(0, 3, 1, 2) - mean) / std)
        found = network(input_ids=torch.from_numpy(np.concatenate([ids] * len(photos))), pixel_values=values)
    expected = found.logits.sigmoid().numpy(), found.pred_boxes.numpy()
    largest = max(float(np.abs(a - b).max()) for a, b in zip(ours, expected, strict=True))
    if not largest <= LARGEST_DIFFERENCE:
        raise ModelUnavailable(
            f"{source.name}: its scores or boxes differ by {largest:.2g} from those of torch, at most "
            f"{LARGEST_DIFFERENCE:g} is allowed; export it with the versions of constraints.txt"
        )
    return largest


def _tokenizer(folder: Path) -> Any:
    read: Any = AutoTokenizer.from_pretrained
    try:
        return read(str(folder), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as exc:
        raise ModelUnavailable(f"{folder.name}: its tokenizer cannot be read ({quoted(exc)}); save it again") from exc
