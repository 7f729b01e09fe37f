"""Vision-language models beside transformers: parity of small ones, and throughput of captions in batches.

    .venv/bin/python -m bench.vision_language parity        # Markdown, small networks with seeded weights
    .venv/bin/python -m bench.vision_language throughput    # JSON; about two minutes on two cores

`throughput` captions the same pictures with one network of about 50 million seeded weights: through the session of the
service in batches of 1 and 8, and by plain `generate` one by one, in turns within one process.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image
from skimage import data

from models.analysers.vision_language import DEFAULT_PROMPT, JUDGE, WRITE, Turn, packed
from models.sources.chat_models import export_chat_model, forward, generated
from models.sources.chat_session import ChatSession
from tests import tiny_vlm
from tests.models.writing_models import unlike_pictures

TOKENS = 24
ANSWERS = ("yes", "no", "cannot tell", "two people", "the number of the answer is 1 2 3")
NAMES = {
    "smolvlm": "SmolVLM, SmolVLM2",
    "idefics3": "Idefics3",
    "qwen2_vl": "Qwen2-VL",
    "qwen2_5_vl": "Qwen2.5-VL",
    "qwen3_vl": "Qwen3-VL",
    "gemma3": "Gemma 3",
    "florence2": "Florence-2",
}
PICTURES = 8
SIZES: dict[str, Any] = {"side": 256, "patch": 16, "tiles_of": 1, "layers": 8, "width": 512, "vocabulary": 16_000}


def opened(folder: Path, architecture: str, **sizes: Any) -> ChatSession:
    source = folder / architecture
    if sizes:
        source.mkdir()
        torch.manual_seed(0)
        tiny_vlm.smolvlm(source, **sizes)
    else:
        tiny_vlm.make(source, architecture)
    (made := folder / f"{architecture}-made").mkdir()
    return ChatSession(export_chat_model(source, made, name="vlm"), source)


def asked(session: ChatSession, part: str, rows: Sequence[tuple[Any, ...]], batch: int) -> list[dict[str, Any]]:
    """The answers of rows, in batches of rows with equal shapes."""
    groups: dict[Any, list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(tuple(array.shape for array in row), []).append(i)
    answers: dict[int, dict[str, Any]] = {}
    for indices in groups.values():
        for start in range(0, len(indices), batch):
            some = indices[start : start + batch]
            (out,) = session.compute(part, tuple(map(np.stack, zip(*(rows[i] for i in some), strict=True))))
            answers |= {i: json.loads(each.tobytes()) for i, each in zip(some, out, strict=True)}
    return [answers[i] for i in range(len(rows))]


def parity() -> None:
    """Print the table: captions of seven unlike pictures, likelihoods of five answers for each, and batches."""
    pictures = unlike_pictures()
    print("| architecture | captions equal to `generate` | likelihoods, largest difference | batched = alone |")
    print("| --- | --- | --- | --- |")
    for architecture, name in NAMES.items():
        with tempfile.TemporaryDirectory() as folder:
            session = opened(Path(folder), architecture)
        tasks = session.processor.tasks
        prompt = tasks[0] if tasks else DEFAULT_PROMPT
        turns = [[Turn("user", (each, prompt))] for each in pictures]
        rows = [packed(each, {"max_tokens": TOKENS}) for each in turns]
        together, alone = (asked(session, WRITE, rows, batch) for batch in (8, 1))
        wanted = [generated(session, each, prompt, TOKENS) for each in pictures]
        equal = sum(each["tokens"] == tokens for each, tokens in zip(together, wanted, strict=True))
        distinct = len({tuple(tokens) for tokens in wanted})
        same = sum(each["tokens"] == other["tokens"] for each, other in zip(together, alone, strict=True))
        gap, batches = "–", "–"
        if not tasks:
            rows = [packed(each, {"answers": ANSWERS}) for each in turns]
            sums, single = (
                np.array([[total for total, _ in each["likelihoods"]] for each in asked(session, JUDGE, rows, batch)])
                for batch in (8, 1)
            )
            theirs = [
                [forward(session, each, prompt, ids) for ids in session.processor.answers(turn, ANSWERS)]
                for each, turn in zip(pictures, turns, strict=True)
            ]
            gap, batches = (f"{np.abs(sums - other).max():.1e}" for other in (np.array(theirs), single))
        print(
            f"| {name} | {equal} of {len(pictures)} ({distinct} distinct) | {gap} | tokens {same} of {len(pictures)}, "
            f"likelihoods {batches} |"
        )


def throughput() -> None:
    """Print medians of three turns: seconds a picture by `generate` one by one, and through the session."""
    torch.set_num_threads(os.cpu_count() or 1)
    photos = [Image.fromarray(getattr(data, name)()[..., :3]) for name in ("astronaut", "chelsea", "coffee", "rocket")]
    pictures = [photos[i % 4].crop((0, 0, 300 + i, 300)).resize((512, 512)) for i in range(PICTURES)]
    with tempfile.TemporaryDirectory() as folder:
        session = opened(Path(folder), "smolvlm", **SIZES)
    rows = [packed([Turn("user", (each, DEFAULT_PROMPT))], {"max_tokens": TOKENS}) for each in pictures]
    seconds: dict[str, list[float]] = {}
    for _ in range(3):
        start = time.perf_counter()
        wanted = [generated(session, each, DEFAULT_PROMPT, TOKENS) for each in pictures]
        seconds.setdefault("generate", []).append(time.perf_counter() - start)
        for batch in (1, 8):
            start = time.perf_counter()
            found = asked(session, WRITE, rows, batch)
            seconds.setdefault(f"batches of {batch}", []).append(time.perf_counter() - start)
            assert [each["tokens"] for each in found] == wanted
    middle = {name: median(each) / PICTURES for name, each in seconds.items()}
    result = {
        "parameters": sum(each.numel() for each in session.network.parameters()),
        "prompt_tokens": found[0]["prompt_tokens"],
        "seconds_a_picture": middle,
        "ratio_to_generate": {name: middle["generate"] / each for name, each in middle.items()},
        "load": os.getloadavg(),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    {"parity": parity, "throughput": throughput}[sys.argv[1]]()
