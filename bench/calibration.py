"""Calibrated zero-shot by the number of codes: `python -m bench.calibration URL` prints a table of docs/calibration.md.

The six most frequent classes of the stamps (`bench.stamps`), whose prompts were fixed before. Coded items are random
with the shares of the classes; zero-shot as it is, calibrated, and a linear probe are measured on the other items.
"""

import sys
from dataclasses import replace

import numpy as np

from bench import stamps
from daguerre import Client
from models.classifiers.head import Block, calibrated_probabilities
from models.classifiers.probe import Options, fit
from models.classifiers.problem import make_problem
from models.classifiers.records import Prompts
from models.classifiers.zero_shot import in_order, uncalibrated

CLASSES, DRAWS = 6, 20
CODED = (12, 18, 30, 48, 96, 168)


def main(url: str, root: str | None) -> None:
    found = stamps.load(stamps.fetch() if root is None else stamps.Path(root), stamps.LABELS)
    names = [stamps.LABELS[stamp.folder][0] for stamp in found]
    often = sorted(set(names), key=lambda name: (-names.count(name), name))[:CLASSES]
    kept = [stamp for stamp, name in zip(found, names, strict=True) if name in often]
    codes = [name for name in names if name in often]
    with Client(url) as client:
        vectors = client.embed(images=[str(stamp.path) for stamp in kept], progress=False)
        card = client.zero_shot(texts=["a"], labels=["a cat", "a dog"], progress=False)
        articles = dict(stamps.LABELS.values())
        prompts = []
        for template in card.templates:
            texts = [template.replace("{}", articles[name]) for name in often]
            prompts.append(client.embed(texts=texts, progress=False).vectors)
    mean = np.mean(prompts, axis=0)
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    rows = Prompts(
        labels=tuple(often),
        texts=tuple(often),
        templates=tuple(card.templates),
        directions=card.logit_scale * mean.astype(float),
        logit_scale=card.logit_scale,
        model="embedded",
    )
    block = [Block(modality="image", model="embedded", fingerprint="f", dimension=vectors.vectors.shape[1])]
    whole = make_problem([vectors.vectors], codes, task="categorical", blocks=block, folds=None, labels=often)
    whole = replace(whole, prompts=in_order(rows, whole.labels))
    print(f"{len(kept)} stamps of {', '.join(often)}\n\n| coded | as they are | calibrated | linear probe |")
    print("| --- | --- | --- | --- |")
    rng = np.random.default_rng(0)
    for n in CODED:
        scores = np.array([one(whole, n, rng) for _ in range(DRAWS)]).mean(axis=0)
        print(f"| {n} | " + " | ".join(f"{100 * right:.1f} %, {loss:.2f}" for right, loss in scores) + " |", flush=True)


def one(whole, n, rng):  # type: ignore[no-untyped-def]
    """Accuracy and log loss on the items that are not coded, (3, 2)."""
    order = rng.permutation(len(whole))
    rank = np.empty(len(whole))
    for c in range(len(whole.labels)):
        own = order[whole.y[order] == c]
        rank[own] = (np.arange(len(own)) + rng.random()) / len(own)
    coded = np.argsort(rank)[:n]
    rest = np.setdiff1d(np.arange(len(whole)), coded)
    found = [uncalibrated(whole)[rest]]
    for problem in (whole, replace(whole, prompts=None)):
        found.append(calibrated_probabilities(fit(problem, Options(), coded).calibrated(problem.x[rest]), 1.0, 0.0))
    y = whole.y[rest]
    return [((p.argmax(axis=1) == y).mean(), -np.log(p[np.arange(len(y)), y]).mean()) for p in found]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
