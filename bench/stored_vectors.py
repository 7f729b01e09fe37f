"""Zero-shot on stored vectors against the images: time, and the largest difference of a score.

`python -m bench.stored_vectors URL` asks the server at URL, and prints a table as Markdown, with the load of the
machine. The pictures are the stamps of `bench.stamps`; both runs send them through the Python SDK, in turn.
"""

import os
import sys
import time
from tempfile import TemporaryDirectory

import numpy as np

from bench import stamps
from daguerre import Client, ZeroShot

QUESTIONS = {  # labels, options
    "19 labels": {},
    "19 labels, multi_label": {"multi_label": True},
    "19 labels, two templates": {"templates": ["a photo of {}", "a drawing of {}"]},
    "19 labels and none of these": {"none_of_these": "something else"},
}


def main(url: str) -> None:
    """Measure and print."""
    found = stamps.load(stamps.fetch(), stamps.LABELS)
    images = [stamp.path for stamp in found]
    labels = [label for _, label in stamps.LABELS.values()]
    with Client(url, progress=False) as client, TemporaryDirectory() as folder:
        started = time.perf_counter()
        client.embed(images=images).to_parquet(f"{folder}/stamps.parquet")
        print(f"{len(images)} stamps, {stamps.version()}; embedded in {time.perf_counter() - started:.1f} s")
        print(
            "| question | images, s | stored vectors, s | largest difference of a score | of a cosine | other labels |"
        )
        print("| --- | --- | --- | --- | --- | --- |")
        for question, options in QUESTIONS.items():
            client.zero_shot(texts=["a cat"], labels=labels, **options)  # the labels' vectors are kept by the server
            of_images, slow = timed(client, images=images, labels=labels, **options)
            of_vectors, fast = timed(client, embeddings=f"{folder}/stamps.parquet", labels=labels, **options)
            scores, cosines = (
                np.abs(getattr(of_images, name) - getattr(of_vectors, name)).max() for name in ("scores", "cosines")
            )
            others = sum(a != b for a, b in zip(of_images.best, of_vectors.best, strict=True))
            print(f"| {question} | {slow:.1f} | {fast:.2f} | {scores:.1e} | {cosines:.1e} | {others} |")
    print("load of the machine:", " ".join(f"{each:.1f}" for each in os.getloadavg()))


def timed(client: Client, **arguments: object) -> tuple[ZeroShot, float]:
    """A result, and the seconds that it took."""
    started = time.perf_counter()
    scores = client.zero_shot(**arguments)  # type: ignore[arg-type]
    return scores, time.perf_counter() - started


if __name__ == "__main__":
    main(sys.argv[1])
