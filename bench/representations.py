"""Comparison of representations on the stamps: `python -m bench.representations URL`, at a server with both models.

The 19 folders of bench/stamps.py stand for coders: a pair is coded together if both stamps are of one folder. Pairs are
drawn by POST /v1/pairs from a clustering of the first representation, as for people. Besides the models of the server
(DAGUERRE_MODELS=embedded,colour-histogram) there are the pixels of 16 x 16 thumbnails.
"""

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench import stamps
from daguerre import Client, Representations

GRID = [
    {"method": "iterative-kmeans", "k_rule": ["gaps", "best"]},
    {"method": "kmeans", "k": [10, 19, 40, 80]},
    {"method": "agglomerative", "k": [19, 40, 80]},
    {"method": "hdbscan", "min_cluster_size": [5, 10]},
]
WITHIN, BETWEEN, SEED = 400, 800, 0


def main() -> None:
    """Print the two rankings as Markdown, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="http://localhost:3000")
    parser.add_argument("--report", type=Path, default=Path("representations.html"), help="file of the page")
    arguments = parser.parse_args()
    every = stamps.load(stamps.fetch(), stamps.LABELS)
    folders = np.array([stamp.folder for stamp in every])
    paths = [str(stamp.path) for stamp in every]
    with Client(arguments.url, progress=False) as client:
        given: dict[str, Any] = {
            card.id: client.embed(images=paths, model=card.id) for card in client.models() if "image" in card.modalities
        }
        given["thumbnail-16"] = np.stack([thumbnail(path) for path in paths])
        clusters = client.cluster(embeddings={"image": given["embedded"]}, projection="none")
        pairs = client.draw_pairs({"first": clusters}, WITHIN, BETWEEN, seed=SEED)  # type: ignore[dict-item]
        same = (folders[pairs.a] == folders[pairs.b]).tolist()
        found = client.compare_representations(pairs, same, given, grid=GRID)
    assert isinstance(found, Representations)
    found.report(arguments.report)
    print(f"{len(every)} stamps, {len(pairs):,} pairs of which {sum(same)} together, load {os.getloadavg()[0]:.1f}\n")
    print("| representation | AUC | minus the first |\n| --- | --- | --- |")
    for each in found.representations:
        print(f"| {each.name} | {each.auc} | {each.difference or ''} |")
    print("\n| | clusters | in none | F1 | precision | recall |\n| --- | --- | --- | --- | --- | --- |")
    for run in found.configurations:
        print(f"| {run.name} | {run.clusters} | {run.unclustered} | {run.f1} | {run.precision} | {run.recall} |")
    print(f"\nwinner: {found.winner}")
    for remark in found.remarks:
        print(f"- {remark}")


def thumbnail(path: str) -> NDArray[np.float32]:
    """The centred pixels of a picture on white, brought to 16 x 16."""
    with Image.open(path) as image:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        small = Image.alpha_composite(white, rgba).convert("RGB").resize((16, 16), Image.Resampling.BOX)
    return np.asarray(small, np.float32).ravel() / 255 - 0.5


if __name__ == "__main__":
    main()
