"""Accuracy of the embedded model on independent images: Tux Paint's stamps and scikit-image's photos.

    .venv/bin/python -m bench.accuracy

Markdown to stdout, the same figures to bench/results/accuracy.json. About one minute on two cores.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import PIL
import sklearn

from bench import photos, stamps
from bench.calibration import temperature
from bench.embedder import Embedder
from bench.measures import Array, balanced, bootstrap, hits, log_softmax, percent
from bench.probes import clusters, linear_probe
from bench.report import report

RESULT = Path(__file__).parent / "results" / "accuracy.json"
TEMPLATES = {
    "a {}": ("{}", "a photo of a {}", "a picture of a {}", "an image of {}"),
    "neutral": ("{}", "a photo of {}", "a picture of {}", "an image of {}"),
    "bare": ("{}",),
}
FORMS = ("cat", "a cat")  # how a label is written: without its article, with it


class StampSet:
    """Stamps of some classes, embedded."""

    def __init__(self, model: Embedder, root: Path, labels: dict[str, tuple[str, str]]) -> None:
        self.items = stamps.load(root, labels)
        self.labels = list(labels.values())  # (bare, with article)
        self.truth = np.array([list(labels).index(item.folder) for item in self.items])
        self.drawing = np.array([item.drawing for item in self.items])
        self.vectors = model.images([item.path.read_bytes() for item in self.items])

    def cosines(self, model: Embedder, form: int, templates: tuple[str, ...]) -> Array:
        return self.vectors @ model.labels([pair[form] for pair in self.labels], templates).T


def zero_shot(data: StampSet, cosines: Array) -> dict[str, Any]:
    """Top-1 and top-5, macro and micro, with intervals; photos and drawings apart."""
    top = {k: hits(cosines, data.truth, k) for k in (1, 5) if k < cosines.shape[1]}
    rows, weights = {}, balanced(data.truth)
    for k, hit in top.items():
        for name, value in (("macro", (weights * hit).sum()), ("micro", hit.mean())):
            rows[f"top-{k} {name}"] = float(value), bootstrap(hit, data.truth, macro=name == "macro")
    for name, part in (("photos", ~data.drawing), ("drawings", data.drawing)):
        rows[f"top-1 micro, {name} ({part.sum()})"] = (
            float(top[1][part].mean()),
            bootstrap(top[1][part], data.truth[part], macro=False),
        )
    counts = np.bincount(data.truth)
    return {"images": len(data.items), "classes": len(counts), "chance": 1 / len(counts)} | {
        "majority, micro": float(counts.max() / counts.sum()),
        **rows,
    }


def per_class(data: StampSet, cosines: Array) -> list[list[object]]:
    names = [pair[0] for pair in data.labels]
    best = cosines.argmax(1)
    rows: list[list[object]] = []
    for c, name in enumerate(names):
        mine, said = data.truth == c, best == c
        wrong = np.bincount(best[mine & ~said], minlength=len(names))
        confused = f"{names[wrong.argmax()]} ({wrong.max()})" if wrong.any() else "-"
        precision = percent((mine & said).sum() / said.sum()) if said.any() else "-"
        rows.append(
            [name, int(mine.sum()), int(data.drawing[mine].sum()), percent(said[mine].mean()), precision, confused]
        )
    return rows


def captions(data: StampSet) -> tuple[list[str], Array, Array]:
    """Different captions, the rows that have one, and which it is."""
    rows = np.array([i for i, item in enumerate(data.items) if item.caption])
    texts = [data.items[i].caption or "" for i in rows]
    unique = sorted(set(texts))
    return unique, rows, np.array([unique.index(text) for text in texts])


def without_article(text: str) -> str:
    return text.split(" ", 1)[1]


def prompts(model: Embedder, data: StampSet) -> list[dict[str, Any]]:
    """Each template set against "a {}" for both ways to write labels, paired, on three tasks."""
    unique, rows, own = captions(data)
    stripped = sorted({without_article(text) for text in unique})
    bare_own = np.array([stripped.index(without_article(unique[c])) for c in own])
    shots = model.images([photos.read(name) for name in photos.PHOTOS])
    found = []
    for form, written in enumerate(FORMS):
        task: dict[str, dict[str, Array]] = {}
        for name, templates in TEMPLATES.items():
            texts, truth = (unique, own) if form else (stripped, bare_own)
            retrieved = data.vectors[rows] @ model.labels(texts, templates).T
            mine = retrieved[np.arange(len(rows)), truth][:, None]
            scenes = shots @ model.labels([pair[form] for pair in photos.PHOTOS.values()], templates).T
            task[name] = {
                "stamps": hits(data.cosines(model, form, templates), data.truth, 1),
                "captions R@1": hits(retrieved, truth, 1),
                "captions MRR": 1 / (1 + (retrieved > mine).sum(1)),
                "photos": hits(scenes, np.arange(len(shots)), 1),
            }
        for name, values in task.items():
            row: dict[str, Any] = {"labels": written, "templates": name}
            for what, value in values.items():
                groups = data.truth if what == "stamps" else np.arange(len(value))
                gain = value - task["a {}"][what]
                row[what] = float((balanced(groups) * value).sum())
                if name != "a {}":
                    whole = groups if what == "stamps" else np.zeros(len(value), int)
                    row[f"{what} gain"] = (
                        float((balanced(groups) * gain).sum()),
                        bootstrap(gain, whole, macro=what == "stamps", over_classes=what == "stamps"),
                    )
            found.append(row)
    return found


def scenes(model: Embedder, scale: float) -> list[list[object]]:
    """scikit-image's photos against the list of all their labels."""
    texts = [pair[1] for pair in photos.PHOTOS.values()]
    cosines = model.images([photos.read(n) for n in photos.PHOTOS]) @ model.labels(texts, TEMPLATES["neutral"]).T
    scores, rows = np.exp(log_softmax(scale * cosines)), list[list[object]]()
    for i, name in enumerate(photos.PHOTOS):
        best = int(scores[i].argmax())
        rank = 1 + int((cosines[i] > cosines[i, i]).sum())
        rows.append([name, texts[i], rank, float(cosines[i, i]), texts[best], float(scores[i, best])])
    return rows


def scaled_decoding(model: Embedder) -> dict[str, dict[str, float]]:
    """Cosine of decode="scaled" with "exact" on large JPEGs."""
    found = {}
    for side, grain in ((3000, 0.0), (3000, 8.0), (4000, 0.0), (4000, 8.0)):
        blobs = [photos.large_jpeg(name, side, grain=grain) for name in photos.LARGE]
        cosines = (model.images(blobs) * model.images(blobs, decode="scaled")).sum(1)
        found[f"{side} px, grain {grain:g}"] = {"min": float(cosines.min()), "mean": float(cosines.mean())}
    return found


def _rounded(result: dict[str, Any]) -> Any:
    return json.loads(json.dumps(result), parse_float=lambda number: round(float(number), 5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    home = Path(os.environ.get("DAGUERRE_HOME", Path.home() / ".cache" / "daguerre"))
    parser.add_argument("--home", type=Path, default=home, help="DAGUERRE_HOME")
    model = Embedder("embedded", parser.parse_args().home)
    root = stamps.fetch()
    things, days = StampSet(model, root, stamps.LABELS), StampSet(model, root, stamps.OCCASIONS)
    result: dict[str, Any] = {"model": "embedded", "fingerprint": model.folder.spec.fingerprint()}
    result["stamps"] = stamps.version()
    result["versions"] = {m.__name__: m.__version__ for m in (np, onnxruntime, PIL, sklearn)}
    neutral = TEMPLATES["neutral"]
    cosines = things.cosines(model, 0, neutral)
    result["zero_shot"] = zero_shot(things, cosines)
    result["per_class"] = per_class(things, cosines)
    result["occasions"] = zero_shot(days, days.cosines(model, 0, neutral))
    result["linear_probe"] = linear_probe(things.vectors, things.truth)
    result["clusters"] = clusters(things.vectors, things.truth)
    result["prompts"] = prompts(model, things)
    unique, rows, own = captions(things)
    caption_cosines = things.vectors[rows] @ model.labels(unique, neutral).T
    result["temperature"] = temperature(cosines, things.truth, caption_cosines, own)
    result["photos"] = scenes(model, result["temperature"]["recommended"])
    result["scaled_decoding"] = scaled_decoding(model)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(_rounded(result), indent=1) + "\n")
    print(report(result))


if __name__ == "__main__":
    main()
