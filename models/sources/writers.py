"""Networks of `transformers` that write texts of pictures, as analysers: BLIP's captions, and TrOCR's lines of text.

The graph is compared with `generate` of the original, token by token, on photos. Decoding is greedy; settings of a
folder that ask for something else, such as beams, are left out, and named in the notice of the analyser.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from transformers import AutoTokenizer

from models.analysers.classes import settings_of
from models.analysers.folder import AnalyserFolder, install
from models.analysers.generation import PART, TOKENIZER, Writer, plan
from models.analysers.spec import AnalyserSpec, Part
from models.catalog.folder import write_manifest
from models.catalog.spec import Source
from models.encoders.preprocessor import read_preprocessor
from models.errors import ModelUnavailable, listed, quoted
from models.images.decoding import ImageLimits, load_pixels
from models.sessions.onnx import OnnxSession
from models.sources import export, generation_graph, oracle
from models.sources.classifiers import read_config
from models.sources.describe import tokens_of, weights_of
from models.sources.writing_networks import Network, generate, read_network

PHOTOS = (0, 3, 4, 6)  # numbers of the pictures of the oracle on which texts are compared
TOKENS = 20  # of each of these texts
BATCH = 4  # rows: the weights are read once for each token of them all


def import_writer(
    source: Path, home: Path, *, name: str, licence: str | None = None, replace: bool = False
) -> AnalyserFolder:
    """Export a folder of transformers into `home` as an analyser named `name`, and return its folder.

    Raises
    ------
    ModelUnavailable : the folder is neither BLIP nor TrOCR, its preprocessing cannot be reproduced exactly, or a text
        of a photo differs from that of `generate`.
    """
    with tempfile.TemporaryDirectory() as staging:
        folder = Path(staging) / "made"
        folder.mkdir()
        export_writer(source, folder, name=name, licence=licence)
        return install(folder, home, replace=replace)


def export_writer(source: Path, folder: Path, *, name: str, licence: str | None = None) -> AnalyserSpec:
    """Write the analyser of the folder `source` into the empty `folder`, with its manifest. Raises ModelUnavailable."""
    network = read_network(source, read_config(source))
    pixels = read_preprocessor(source)
    if len(network.decoder.positions) < network.length:
        raise ModelUnavailable(
            f"{source.name} has {len(network.decoder.positions)} positions of tokens; {network.length} are needed"
        )
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(str(source), local_files_only=True, trust_remote_code=False)
        content = tokens_of(tokenizer, source)
    except Exception as exc:  # tokenizers raises its own bare class
        raise ModelUnavailable(f"{source.name}: its tokenizer cannot be read ({quoted(exc)}); save it again") from exc
    (folder / TOKENIZER).write_text(content, encoding="utf-8")
    side = pixels.preprocess.size
    ignored = f" Its settings {listed(network.ignored, 20)} are not applied." if network.ignored else ""
    spec = AnalyserSpec(
        name=name,
        kind=network.kind,
        description=f"{network.described} from the folder {source.name}.",
        source=Source(
            kind="folder", locator=source.name, revision="as its files' sha256 say", weights=weights_of(source)
        ),
        licence=licence or "not stated; see where the folder came from",
        parts={
            PART: Part(row_bytes=3 * side * side + 4 * network.length, answer_bytes=8 * network.length, cpu_batch=BATCH)
        },
        settings={
            **settings_of(pixels.preprocess),
            "mean": pixels.mean,
            "std": pixels.std,
            "start": tuple(map(float, network.start)),
            "ends": tuple(map(float, network.decoder.ends)),
        },
        languages="those of its training; see where the folder came from" if network.kind == "text" else None,
        notice=network.notice + ignored,
    )
    photos = [oracle.pictures()[i] for i in PHOTOS]
    values = oracle.pixel_values(source, photos)
    rows = np.stack([load_pixels(data, pixels.preprocess, limits=ImageLimits()) for data in photos])
    mean, std = (np.array(each, np.float32) for each in (pixels.mean, pixels.std))
    gap = float(np.abs(((rows.astype(np.float32) - mean) / std).transpose(0, 3, 1, 2) - values).max())
    if not gap < 1e-4:
        raise ModelUnavailable(
            f"{source.name}: its pixels differ from those of transformers by {gap:.2g}; its preprocessing is not one "
            "that can be reproduced exactly"
        )
    path = folder / f"{PART}.onnx"
    plans = np.stack([plan(network.start, TOKENS, network.length)] * 2)
    generation_graph.write(
        network.encoder, network.decoder, pixels, torch.from_numpy(rows[:2]), torch.from_numpy(plans), path
    )
    compared = _compare(source, network, tokenizer, folder, rows, torch.from_numpy(values))
    write_manifest(folder, spec, parity={"texts_equal_to_generate": float(compared)}, made_with=export.versions())
    return spec


def _compare(
    source: Path, network: Network, tokenizer: Any, folder: Path, rows: NDArray[np.uint8], values: Tensor
) -> int:
    """The number of texts that were compared with `generate`. Raises ModelUnavailable where one differs."""
    session = OnnxSession(folder / f"{PART}.onnx")
    writer = Writer(folder, network.decoder.ends)
    compared = 0
    for prompt in network.prompts:
        start = [*network.start, *_prompt(writer.tokenizer, tokenizer, prompt, source)]
        plans = np.stack([plan(start, TOKENS, network.length)] * len(rows))
        tokens, probabilities = session.compute((rows, plans))
        for i, theirs in enumerate(generate(network.model, values, start, TOKENS)):
            ours = tokens[i][tokens[i] >= 0].tolist()
            if ours != theirs:
                raise ModelUnavailable(
                    f"{source.name}: tokens of a photo differ from those of transformers ({ours[:12]} and "
                    f"{theirs[:12]}); it cannot be exported exactly"
                )
            text = writer.read(start, (tokens[i], probabilities[i])).text
            wanted = tokenizer.decode([*start, *theirs], skip_special_tokens=True).strip()
            if text != wanted:
                raise ModelUnavailable(
                    f"{source.name}: its tokenizer writes {quoted(text)}, and that of transformers {quoted(wanted)}"
                )
            compared += 1
    return compared


def _prompt(ours: Tokenizer, theirs: Any, prompt: str, source: Path) -> Sequence[int]:
    """The tokens of a prompt without special ones. Raises ModelUnavailable where they are not those of transformers."""
    if not prompt:
        return ()
    ids: list[int] = ours.encode(prompt, add_special_tokens=False).ids
    wanted = theirs(prompt)["input_ids"]
    if ids != wanted[1:-1]:
        raise ModelUnavailable(f"{source.name}: its tokens of {prompt!r} differ from those of transformers")
    return ids
