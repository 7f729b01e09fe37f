"""Every supported architecture at full size against `transformers`, in every precision: how near, and how fast.

The weights are random and seeded (none of a hub can be had where this was made), but for MiniLM, whose true ones come
in a package: cosines of a reduced precision mean something only there. Import, tokens and pixels are the same code for
all. Writes bench/results/parity.json, and the two tables into docs/models.md.
"""

import argparse
import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from models.backends import Session, open_session
from models.catalog.folder import ModelFolder
from models.catalog.spec import Modality, Precision
from models.encoders.processors import image_processor, text_processor
from models.errors import ModelsError
from models.images.decoding import ImageLimits
from models.sources import describe, networks, oracle
from models.sources.make import ImportRequest, import_model, with_served_name
from tests.models import architectures
from tests.models.texts import TEXTS

ROOT = Path(__file__).parents[1]
OUT = ROOT / "bench" / "results" / "parity.json"
PAGE = ROOT / "docs" / "models.md"
Float = NDArray[np.float32]
Json = dict[str, Any]
BUILDERS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "CLIP ViT-B/32": ("clip", lambda path: architectures.clip(path, full=True)),
    "CLIP ViT-L/14": ("clip", lambda path: architectures.clip(path, large=True)),
    "SigLIP 2 base/16": ("siglip2", lambda path: architectures.siglip2(path, full=True)),
    "DINOv2 small/14": ("dinov2", lambda path: architectures.dinov2(path, full=True, hidden=384)),
    "DINOv2 base/14": ("dinov2", lambda path: architectures.dinov2(path, full=True)),
    "ViT base/16": ("vit", lambda path: architectures.vit(path, full=True)),
    "E5 small, multilingual": ("e5", lambda path: architectures.e5(path, full=True)),
    "MiniLM-L6 (true weights)": ("bert", lambda path: architectures.minilm()),
}
LABELS = ("a cat", "a rocket launch", "eine Tasse Kaffee", "stars", "an astronaut")
ROUNDS = 7


def measure(name: str, work: Path) -> Json:
    """One architecture in every precision."""
    _, build = BUILDERS[name]
    source = build(work / "source")
    found = describe.read_source(source)
    served: dict[Precision, ModelFolder] = {}
    row: Json = {"name": name, "model_type": found.model_type, "precisions": {}}
    for precision in get_args(Precision):
        started = time.perf_counter()
        try:
            wanted = with_served_name(ImportRequest(source=source, name="model", precision=precision))
            served[precision] = import_model(wanted, work / "home")
        except ModelsError as exc:
            row["precisions"][precision] = {"refused": str(exc)}
            continue
        row["precisions"][precision] = {
            "seconds": time.perf_counter() - started,
            "parity": dict(served[precision].parity),
        }
        row["precisions"][precision]["bytes"] = sum(p.stat().st_size for p in served[precision].path.glob("*.onnx*"))
    row["dimension"] = served["fp32"].spec.dimension
    row |= _end_to_end(found, served["fp32"], work / "home")
    for modality in served["fp32"].spec.modalities:
        for precision, ratio in _speed(served, modality, work / "home").items():
            row["precisions"][precision][f"{modality}_speed"] = ratio
        if name.startswith("MiniLM"):
            for precision, cosines in _many_texts(served, work / "home").items():
                row["precisions"][precision]["texts"] = cosines
    return row


def _end_to_end(found: describe.SourceFolder, folder: ModelFolder, home: Path) -> Json:
    """Tokens that are equal, and zero-shot probabilities, from bytes and words on both sides."""
    made: Json = {}
    spec = folder.spec
    if spec.text:
        ours = [tokens.ids.tolist() for tokens in _texts(folder).preprocess(TEXTS)]
        theirs = oracle.token_ids(found, TEXTS, spec.text.max_tokens)
        made["tokens_equal"] = [sum(a == b for a, b in zip(ours, theirs, strict=True)), len(TEXTS)]
    if spec.zero_shot:
        datas = oracle.pictures()
        loaded = networks.load(found)
        images = oracle.image_vectors(found, loaded.model, oracle.pixel_values(found.folder, datas))
        labels = oracle.text_vectors(found, loaded, LABELS, spec.text.max_tokens if spec.text else 0)
        wanted = _probabilities(spec.zero_shot, images @ labels.T)
        got = _probabilities(
            spec.zero_shot, _image_vectors(folder, datas, home) @ _text_vectors(folder, LABELS, home).T
        )
        made["zero_shot_max_difference"] = float(np.abs(got - wanted).max())
    return made


def _probabilities(head: Any, cosines: Float) -> Float:
    logits = torch.from_numpy(head.logit_scale * cosines + head.logit_bias)
    made = torch.sigmoid(logits) if head.activation == "sigmoid" else torch.softmax(logits, 1)
    return np.asarray(made.numpy(), np.float32)


def _speed(served: dict[Precision, ModelFolder], modality: Modality, home: Path) -> dict[Precision, float]:
    """Speed relative to fp32 in ONNX Runtime, one thread, alternating runs; medians of ratios."""
    sessions: dict[Precision, Session] = {}
    for precision, folder in served.items():
        sessions[precision] = _open(folder, modality, home, threads=1)
    stack = _stack(served["fp32"], modality)
    ratios: dict[Precision, list[float]] = {precision: [] for precision in sessions}
    for number in range(ROUNDS + 1):
        seconds: dict[Precision, float] = {}
        for precision, session in sessions.items():
            started = time.perf_counter()
            session.run(stack)
            seconds[precision] = time.perf_counter() - started
        if number:  # the first is warm-up
            for precision, taken in seconds.items():
                ratios[precision].append(seconds["fp32"] / taken)
    return {precision: statistics.median(found) for precision, found in ratios.items()}


def _stack(folder: ModelFolder, modality: Modality) -> NDArray[Any]:
    """Four images, or sixteen texts of up to 32 tokens."""
    if modality == "image":
        processor = image_processor(folder)
        assert processor
        rows = [processor.preprocess(d, limits=ImageLimits(), decode="exact") for d in oracle.pictures()[:4]]
        return processor.collate(rows, processor.shape_bucket(rows[0]))
    texts = _texts(folder)
    rows = [
        tokens.ids[:32] for tokens in texts.preprocess(["a sentence of some length, as people write them " * 4] * 16)
    ]
    return texts.collate(rows, texts.shape_bucket(rows[0]))


def _many_texts(served: dict[Precision, ModelFolder], home: Path) -> dict[Precision, Json]:
    """Cosines with fp32 over 1,029 true texts: ImageNet's names and definitions, and the list of the tests."""
    leaves = json.loads((ROOT / "models" / "embedded" / "imagenet_wordnet.json").read_text())["leaves"]
    texts = [f"{leaf['name']}: {leaf['definition']}" for leaf in leaves] + [text for text in TEXTS if text.strip()]
    vectors = {precision: _text_vectors(folder, texts, home) for precision, folder in served.items()}
    made: dict[Precision, Json] = {}
    for precision, rows in vectors.items():
        cosines = (rows * vectors["fp32"]).sum(1)
        made[precision] = {"mean": float(cosines.mean()), "min": float(cosines.min()), "n": len(texts)}
    return made


def _open(folder: ModelFolder, modality: Modality, home: Path, threads: int = 0) -> Session:
    backend: Any = "torch" if folder.spec.precision == "bf16" else "onnx"
    return open_session(folder, modality, home=home, backend=backend, threads=threads)


def _texts(folder: ModelFolder) -> Any:
    return text_processor(folder)


def _image_vectors(folder: ModelFolder, datas: Sequence[bytes], home: Path) -> Float:
    processor = image_processor(folder)
    assert processor
    rows = [processor.preprocess(data, limits=ImageLimits(), decode="exact") for data in datas]
    session = _open(folder, "image", home)
    return processor.postprocess(np.concatenate([session.run(row[None]) for row in rows]))


def _text_vectors(folder: ModelFolder, texts: Sequence[str], home: Path) -> Float:
    processor, session = _texts(folder), _open(folder, "text", home)
    raw = [session.run(processor.collate([t.ids], processor.shape_bucket(t.ids))) for t in processor.preprocess(texts)]
    made: Float = processor.postprocess(np.concatenate(raw))
    return made


def tables(rows: Sequence[Json]) -> str:
    """Both tables, in Markdown."""
    lines = [
        "| architecture | `model_type` | dimension | pixels, max difference | tokens equal | images, min cosine |"
        " texts, min cosine | zero-shot, max difference |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        parity = row["precisions"]["fp32"]["parity"]
        tokens = row.get("tokens_equal")
        cells = [
            f"`{row['model_type']}`",
            str(row["dimension"]),
            _number(parity.get("pixel_max_difference"), "{:.0e}"),
            f"{tokens[0]} of {tokens[1]}" if tokens else "–",
            _number(parity.get("image_min_cosine"), "{:.7f}"),
            _number(parity.get("text_min_cosine"), "{:.7f}"),
            _number(row.get("zero_shot_max_difference"), "{:.0e}"),
        ]
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    lines += [
        "",
        "| architecture | precision | times as fast, images | texts | min cosine, images | texts | MB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        for precision, found in row["precisions"].items():
            if precision == "fp32":
                continue
            if "refused" in found:
                lines.append(f"| {row['name']} | {precision} | refused: {found['refused']} | | | | |")
                continue
            texts = found.get("texts")
            text = _number(found["parity"].get("text_min_cosine"), "{:.4f}")
            if texts:
                text = f"{texts['min']:.4f} (mean {texts['mean']:.4f}, {texts['n']} texts)"
            cells = [
                precision,
                _number(found.get("image_speed"), "{:.2f}"),
                _number(found.get("text_speed"), "{:.2f}"),
                _number(found["parity"].get("image_min_cosine"), "{:.4f}"),
                text,
                f"{found['bytes'] / 1e6:.0f}" if found["bytes"] else "its source's",
            ]
            lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.parity", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(BUILDERS), default=list(BUILDERS))
    parser.add_argument("--work", type=Path, help="for weights, several GB; a temporary folder")
    parser.add_argument("--report", action="store_true", help="only write the tables anew")
    given = parser.parse_args()
    kept = {row["name"]: row for row in json.loads(OUT.read_text())["rows"]} if OUT.is_file() else {}
    for name in [] if given.report else given.only:
        print(f"{time.strftime('%H:%M:%S')} {name}", flush=True)
        with tempfile.TemporaryDirectory(dir=given.work) as work:
            kept[name] = measure(name, Path(work))
            kept[name]["load_average"] = os.getloadavg()[0]
        gc.collect()
        rows = [kept[name] for name in BUILDERS if name in kept]
        OUT.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    page = PAGE.read_text()
    start, end = "<!-- parity -->\n", "<!-- /parity -->"
    before, _, rest = page.partition(start)
    _, _, after = rest.partition(end)
    rows = [kept[name] for name in BUILDERS if name in kept]
    PAGE.write_text(f"{before}{start}{tables(rows)}\n{end}{after}")


if __name__ == "__main__":
    main()
