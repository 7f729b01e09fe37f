"""Classifiers on real pictures and texts, through a running service: figures, scikit-learn's beside them, and cost.

`DAGUERRE_DATA=/somewhere scripts/serve`, then `python -m bench.classifiers URL --data /somewhere`: writes the stamps
there for fine-tuning, and bench/results/classifiers.json. The tasks were written down before any result was seen:

    kind        categorical, the stamp's class (19 of them)
    animal      binary: does the class's folder say animals?
    lightness   continuous, 0 to 1: the mean luminance of the stamp's opaque pixels
"""

import argparse
import csv
import json
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression, Ridge

from bench import stamps
from daguerre import Classifier, Client, Embeddings
from models.classifiers.head import Block
from models.classifiers.probe import Options, fit
from models.classifiers.problem import make_problem
from models.classifiers.train import train

OUT = Path(__file__).parent / "results" / "classifiers.json"
MAIN = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "brier", "mae", "rmse", "r2", "spearman")
TEST = 0.3  # of each class, for fine-tuning


def lightness(path: Path) -> float:
    """Mean luminance of the opaque pixels, 0 to 1."""
    with Image.open(path) as image:
        image.thumbnail((512, 512))
        rgba = np.asarray(image.convert("RGBA"), np.float64)
    opaque = rgba[..., 3] > 250
    grey = rgba[..., :3] @ [0.299, 0.587, 0.114] / 255
    return float(grey[opaque].mean() if opaque.any() else grey.mean())


def figures(clf: Classifier) -> dict[str, Any]:
    """Value, interval and baseline of what matters."""
    report = clf.report
    return {
        name: {**vars(report.figures[name]), "baseline": report.baseline[name].value}
        for name in MAIN
        if name in report.figures
    }


def apart(
    client: Client, name: str, given: dict[str, Embeddings], targets: Sequence[Any], task: str, c: float
) -> float:
    """Largest difference from scikit-learn, called directly on the same vectors with the same C, uncalibrated."""
    bounds = (0.0, 1.0) if task == "continuous" else None
    clf = client.train_classifier(
        name,
        embeddings=given,
        targets=targets,
        task=task,  # type: ignore[arg-type]
        strengths=[c],
        calibrate=False,
        resamples=1,
        bounds=bounds,
    )
    ours = clf.predict(embeddings=given)
    x = np.concatenate([each.vectors for each in given.values()], axis=1).astype(np.float64)
    if task == "continuous":
        theirs = Ridge(alpha=1 / c).fit(x, np.array(targets, float)).predict(x)
        return float(np.abs(ours.values - np.clip(theirs, 0, 1)).max())
    y = [str(target) for target in targets]
    model = LogisticRegression(C=c, max_iter=100_000, tol=1e-10).fit(x, y)
    order = [list(model.classes_).index(label) for label in clf.labels]
    return float(np.abs(ours.probabilities - model.predict_proba(x)[:, order]).max())


def probes(client: Client, found: Sequence[stamps.Stamp]) -> dict[str, Any]:
    """Every task from images, texts, and both, on the stamps that have a caption; images alone on all of them."""
    told = [each for each in found if each.caption]
    made: dict[str, Any] = {}
    every = client.embed(images=[str(each.path) for each in found])
    place = {each.path: i for i, each in enumerate(found)}
    rows = [place[each.path] for each in told]
    images = part(every, rows)
    texts = client.embed(texts=[each.caption or "" for each in told])
    sets = {
        "image, all": (found, {"image": every}),
        "image": (told, {"image": images}),
        "text": (told, {"text": texts}),
        "image and text": (told, {"image": images, "text": texts}),
    }
    tasks: dict[str, tuple[str, Callable[[stamps.Stamp], Any]]] = {
        "kind": ("categorical", lambda each: stamps.LABELS[each.folder][0]),
        "animal": ("binary", lambda each: "animal" if each.folder.startswith("animals/") else "other"),
        "lightness": ("continuous", lambda each: lightness(each.path)),
    }
    for what, (task, target) in tasks.items():
        for modality, (items, given) in sets.items():
            targets = [target(each) for each in items]
            if task == "categorical":  # a class needs an example for each fold
                counts = {label: targets.count(label) for label in targets}
                keep = [i for i, label in enumerate(targets) if counts[label] >= 5]
                targets = [targets[i] for i in keep]
                given = {name: part(each, keep) for name, each in given.items()}
            started = time.perf_counter()
            clf = client.train_classifier(
                f"bench-{what}",
                embeddings=given,
                targets=targets,
                task=task,  # type: ignore[arg-type]
                bounds=(0.0, 1.0) if task == "continuous" else None,
            )
            seconds = time.perf_counter() - started
            made[f"{what}, {modality}"] = {
                "task": task,
                "n": clf.report["n"],
                "classes": len(clf.labels),
                "C": clf.report["strength"],
                "seconds": seconds,
                "figures": figures(clf),
                "from_scikit_learn": apart(client, "bench-direct", given, targets, task, clf.report["strength"]),
                "notes": clf.report.notes,
            }
            print(what, modality, json.dumps(made[f"{what}, {modality}"]["figures"])[:200], flush=True)
    return made


def part(of: Embeddings, rows: Sequence[int]) -> Embeddings:
    return of[list(rows)]


def fine_tuning(client: Client, found: Sequence[stamps.Stamp], data: Path) -> dict[str, Any]:
    """The same tasks by fine-tuning, beside a probe with the same training and test images."""
    mixed = sorted(found, key=lambda each: str(each.path))
    random.Random(0).shuffle(mixed)
    seen: dict[str, int] = {}
    totals = {folder: sum(each.folder == folder for each in mixed) for folder in stamps.LABELS}
    rows = []
    for each in mixed:
        seen[each.folder] = seen.get(each.folder, 0) + 1
        split = "test" if seen[each.folder] <= TEST * totals[each.folder] else "train"
        rows.append((each, split))
    (data / "stamps").mkdir(parents=True, exist_ok=True)
    made: dict[str, Any] = {}
    every = client.embed(images=[str(each.path) for each, _ in rows])
    tasks: dict[str, tuple[str, Callable[[stamps.Stamp], Any]]] = {
        "kind": ("categorical", lambda each: stamps.LABELS[each.folder][0]),
        "animal": ("binary", lambda each: "animal" if each.folder.startswith("animals/") else "other"),
        "lightness": ("continuous", lambda each: lightness(each.path)),
    }
    for i, (each, _) in enumerate(rows):
        place = data / "stamps" / f"{i}.png"
        if not place.exists():
            place.write_bytes(each.path.read_bytes())
    for what, (task, target) in tasks.items():
        targets = [target(each) for each, _ in rows]
        with (data / "stamps" / f"{what}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "target", "split"])
            writer.writerows((f"{i}.png", targets[i], split) for i, (_, split) in enumerate(rows))
        bounds = (0.0, 1.0) if task == "continuous" else None
        started = time.perf_counter()
        clf = client.fine_tune(
            f"bench-{what}-tuned",
            f"stamps/{what}.csv",
            task=task,  # type: ignore[arg-type]
            bounds=bounds,
            positive="animal" if task == "binary" else None,
        )
        seconds = time.perf_counter() - started
        assert isinstance(clf, Classifier)
        probe = client.train_classifier(
            f"bench-{what}-split",
            embeddings={"image": every},
            targets=targets,
            task=task,  # type: ignore[arg-type]
            bounds=bounds,
            split=[split for _, split in rows],
        )
        held = probe.report["held_out"]
        made[what] = {
            "task": task,
            "train": clf.report["n"],
            "test": held["n"],
            "seconds": seconds,
            "fine_tuned": figures(clf),
            "probe": {
                k: {**held["figures"][k], "baseline": held["baseline"][k]["value"]}
                for k in MAIN
                if k in held["figures"]
            },
        }
        print(what, json.dumps(made[what])[:300], flush=True)
    return made


def speed() -> dict[str, Any]:
    """10,000 × 512 vectors, 10 classes: the probe with its choice of C, and scikit-learn at one C; the whole report."""
    rng = np.random.default_rng(0)
    n, d, k = 10_000, 512, 10
    y = rng.integers(0, k, n)
    x = rng.standard_normal((n, d)) * np.linspace(2, 0.2, d) + 0.15 * rng.standard_normal((k, d))[y] + 1
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    block = Block(modality="image", model="m", fingerprint="f", dimension=d)
    problem = make_problem([x], y.tolist(), task="categorical", blocks=[block])
    ours, theirs = [], []
    for _ in range(3):
        started = time.perf_counter()
        found = fit(problem, Options())
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        LogisticRegression(C=found.strength, max_iter=1000).fit(x, y)
        theirs.append(time.perf_counter() - started)
    started = time.perf_counter()
    head, report = train(problem, Options())
    whole = time.perf_counter() - started
    started = time.perf_counter()
    head.probabilities(x)
    assert report.cross_validated
    return {
        "fit_with_choice_of_C_s": statistics.median(ours),
        "scikit_learn_at_one_C_s": statistics.median(theirs),
        "ratio": statistics.median(a / b for a, b in zip(ours, theirs, strict=True)),
        "report_s": whole,
        "predict_10000_s": time.perf_counter() - started,
        "C": report.strength,
        "accuracy": report.cross_validated.figures["accuracy"].value,
    }


def overhead(client: Client, found: Sequence[stamps.Stamp]) -> dict[str, Any]:
    """Latency of predicting and of embedding the same 32 images, in sequential, interleaved requests."""
    paths = [str(each.path) for each in found[:32]]
    clf = client.classifier("bench-kind-split")
    embed, predict = [], []
    for _ in range(12):
        started = time.perf_counter()
        client.embed(images=paths)
        embed.append(time.perf_counter() - started)
        started = time.perf_counter()
        clf.predict(images=paths)
        predict.append(time.perf_counter() - started)
    ratios = [b / a for a, b in zip(embed[2:], predict[2:], strict=True)]
    return {
        "embed_s": statistics.median(embed),
        "predict_s": statistics.median(predict),
        "ratio": statistics.median(ratios),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--data", type=Path, help="the server's DAGUERRE_DATA, for fine-tuning")
    given = parser.parse_args()
    found = stamps.load(stamps.fetch(), stamps.LABELS)
    with Client(given.url, progress=False) as client:
        result: dict[str, Any] = {"load_before": os.getloadavg()[0], "stamps": stamps.version()}
        result["probes"] = probes(client, found)
        if given.data:
            result["fine_tuning"] = fine_tuning(client, found, given.data)
            result["overhead"] = overhead(client, found)
    result["speed"] = speed()
    result["load_after"] = os.getloadavg()[0]
    OUT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
