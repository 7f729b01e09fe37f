"""Throughput of captions through the service beside `generate` of transformers, one picture at a time.

python -m bench.captions [--rounds 5] makes a BLIP of a small size (224 pixels, four layers of 256) with seeded random
weights, imports it, and starts a server of its own. Rounds alternate; both have as many threads as there are cores.
Medians of ratios are printed with the load, and the number of equal captions.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import daguerre
from models.sources.writers import import_writer
from service.settings import CORES
from tests.e2e import harness
from tests.models import writing_models
from tests.models.architectures import MEAN, PIXELS, STD, minilm

SIDE, TOKENS = 224, 20


def small_blip(folder: Path) -> Path:
    """A BLIP with random weights, larger than that of the tests: four layers of 256, pictures of 224 pixels."""
    from transformers import AutoTokenizer, BlipConfig, BlipForConditionalGeneration

    layers = {"num_hidden_layers": 4, "num_attention_heads": 4, "hidden_size": 256, "intermediate_size": 1024}
    text = {**layers, "vocab_size": 30_524, "encoder_hidden_size": 256, "max_position_embeddings": 96}
    config = BlipConfig(text_config=text, vision_config={**layers, "image_size": SIDE, "patch_size": 16})
    torch.manual_seed(0)
    model = BlipForConditionalGeneration(config)
    writing_models.he(model)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(str(minilm()), local_files_only=True).save_pretrained(folder)
    fields = {"image_processor_type": "BlipImageProcessor", "image_mean": MEAN, "image_std": STD, "resample": 3}
    content = {**PIXELS, "size": {"height": SIDE, "width": SIDE}, **fields}
    (folder / "preprocessor_config.json").write_text(json.dumps(content))
    return folder


def pictures(n: int) -> list[bytes]:
    """Different JPEGs, parts of photos with noise."""
    rng = np.random.default_rng(0)
    photos = [harness.jpeg(name, width=320) for name in ("astronaut", "chelsea", "coffee", "rocket")]
    made = []
    for i in range(n):
        with tempfile.SpooledTemporaryFile() as file, Image.open(_file(photos[i % 4])) as photo:
            pixels = np.asarray(photo.convert("RGB"), np.int16)
            noisy = np.clip(pixels + rng.integers(-9, 10, pixels.shape), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(file, "JPEG", quality=90)
            file.seek(0)
            made.append(file.read())
    return made


def _file(data: bytes) -> Any:
    import io

    return io.BytesIO(data)


def main() -> None:
    """Measure, and print a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=24)
    given = parser.parse_args()
    torch.set_num_threads(CORES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, home = small_blip(folder / "blip"), folder / "home"
        home.mkdir()
        (home / "models").symlink_to((harness.EXPORTED / "models").absolute(), target_is_directory=True)
        import_writer(source, home, name="small-blip")
        settings = {
            "DAGUERRE_HOME": str(home),
            "DAGUERRE_ANALYSERS": "small-blip",
            "BENTOML_HOME": str(folder / "bentoml"),
        }
        with harness.running(folder, settings=settings) as server:
            measure(server.url, source, pictures(given.pictures), given.rounds)


def measure(url: str, source: Path, photos: list[bytes], rounds: int) -> None:
    """Alternate rounds of both."""
    from transformers import AutoProcessor, AutoTokenizer, BlipForConditionalGeneration

    model = BlipForConditionalGeneration.from_pretrained(source).eval()
    processor = AutoProcessor.from_pretrained(source, backend="pil")
    tokenizer = AutoTokenizer.from_pretrained(source)
    client = daguerre.Client(url, progress=False)

    def one_by_one() -> list[str]:
        texts = []
        for data in photos:
            pixels = processor(images=Image.open(_file(data)).convert("RGB"), return_tensors="pt")["pixel_values"]
            with torch.inference_mode():
                (ids,) = model.generate(pixel_values=pixels, max_new_tokens=TOKENS, do_sample=False)
            texts.append(tokenizer.decode(ids, skip_special_tokens=True).strip())
        return texts

    def served() -> list[str]:
        return [text or "" for text in client.caption(photos, max_tokens=TOKENS).captions]

    equal = sum(a == b for a, b in zip(one_by_one(), served(), strict=True))
    ratios, seconds = [], []
    for _ in range(rounds):
        took = []
        for timed in (one_by_one, served):
            began = time.perf_counter()
            timed()
            took.append(time.perf_counter() - began)
        ratios.append(took[0] / took[1])
        seconds.append(took[1] / len(photos))
    print(
        f"{statistics.median(ratios):.2f} times generate one by one [{min(ratios):.2f}, {max(ratios):.2f}], "
        f"{1 / statistics.median(seconds):.1f} pictures/s of {TOKENS} tokens; {equal} of {len(photos)} captions equal; "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
