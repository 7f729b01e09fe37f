"""The analyser of text on captions of known wording, beside rapidocr, and the share of its time that is its networks'.

    .venv/bin/python -m bench.text_captions draw FOLDER       # 60 captions in six languages on photos, seeded
    .venv/bin/python -m bench.text_captions ours FOLDER       # reads them, FOLDER/ours.json
    PYTHON -m bench.text_captions rapidocr FOLDER             # PYTHON of an environment with rapidocr 3.10.0
    .venv/bin/python -m bench.text_captions table FOLDER      # Markdown

Times are CPU seconds of the whole process with one thread a network.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansCondensed-Bold", "DejaVuSerif-Italic")
PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "ihc.png", "retina.jpg")


def draw(folder: Path) -> None:
    import numpy as np
    import skimage
    from PIL import Image, ImageFont

    from tests.models.analysers import captions

    rng = np.random.default_rng(17)
    truth = {}
    for language, lines in captions.LINES.items():
        for number, line in enumerate(lines):
            photo = Image.open(Path(skimage.__file__).parent / "data" / PHOTOS[number % len(PHOTOS)]).convert("RGB")
            photo.thumbnail((1000, 1000))
            font = ImageFont.truetype(f"{FONTS[number % len(FONTS)]}.ttf", int(rng.integers(18, 40)))
            words, width = line.split(), photo.width - 40
            rows = [words.pop(0)]
            for word in words:
                if font.getlength(f"{rows[-1]} {word}") < width:
                    rows[-1] += f" {word}"
                else:
                    rows.append(word)
            at = int(rng.integers(10, 30)), int(rng.integers(10, photo.height - 160))
            fill, outline = (("white", "black"), ("yellow", "black"), ("black", "white"))[number % 3]
            name = f"{language}-{number}.png"
            captions.draw(photo, rows, font, at=at, fill=fill, outline=outline).save(folder / name)
            truth[name] = rows
    (folder / "truth.json").write_text(json.dumps(truth, ensure_ascii=False))


def read(folder: Path, name: str, reader: Callable[[Path], tuple[list[str], float]]) -> None:
    found = {}
    for picture in sorted(json.loads((folder / "truth.json").read_text())):
        start = time.process_time()
        lines, networks = reader(folder / picture)
        found[picture] = {"lines": lines, "cpu": time.process_time() - start, "networks": networks}
    (folder / f"{name}.json").write_text(json.dumps(found, ensure_ascii=False))


def ours() -> Callable[[Path], tuple[list[str], float]]:
    import tempfile

    from PIL import Image

    from models.analysers.spec import run
    from models.analysers.text import SPEC, Text
    from tests.models.analysers.graph_runner import GraphRunner

    folder = Path(tempfile.mkdtemp())
    Text.make(SPEC, folder)
    graphs, analyser = GraphRunner(folder, SPEC), Text(SPEC, folder)

    def reader(path: Path) -> tuple[list[str], float]:
        graphs.seconds = 0.0
        result = run(analyser, Image.open(path).convert("RGB"), Text.choices(), graphs)
        return [finding.text or "" for finding in result.findings], graphs.seconds

    return reader


def rapidocr() -> Callable[[Path], tuple[list[str], float]]:
    from rapidocr import RapidOCR

    threads = "EngineConfig.onnxruntime.intra_op_num_threads"
    engine = RapidOCR(params={threads: 1, "Global.log_level": "critical", "Global.use_cls": "--cls" in sys.argv})

    def reader(path: Path) -> tuple[list[str], float]:
        return list(engine(str(path)).txts or ()), 0.0

    return reader


def table(folder: Path) -> None:
    from models.analysers.evaluation_text import error_rates

    truth = json.loads((folder / "truth.json").read_text())
    print("| language | characters | ours: CER, WER | rapidocr: CER, WER |\n| --- | --- | --- | --- |")
    results: dict[str, Any] = {name: json.loads((folder / f"{name}.json").read_text()) for name in ("ours", "rapidocr")}
    for language in (*sorted({name.split("-")[0] for name in truth}), ""):
        names = [name for name in truth if name.startswith(language)]
        cells = []
        for found in results.values():
            rates = error_rates((" ".join(truth[n]), " ".join(found[n]["lines"])) for n in names)
            cells.append(f"{rates.character_error_rate:.2%}, {rates.word_error_rate:.1%}")
        print(f"| {language or 'all'} | {rates.characters:,} | {' | '.join(cells)} |")
    for name, found in results.items():
        total, networks = (sum(one[key] for one in found.values()) for key in ("cpu", "networks"))
        print(f"{name}: {total / len(found):.2f} CPU s a picture, of which {networks / total:.0%} in the networks")
    print(f"load {os.getloadavg()[0]:.1f}")
    for n in truth:
        lines = [" ".join(truth[n]), *(" ".join(found[n]["lines"]) for found in results.values())]
        if len(set(lines)) > 1 and "--errors" in sys.argv:
            print(n, *lines, sep="\n  ")


if __name__ == "__main__":
    task, target = sys.argv[1], Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    if task in ("ours", "rapidocr"):
        read(target, task, ours() if task == "ours" else rapidocr())
    else:
        {"draw": draw, "table": table}[task](target)
