"""Persons in videos over time, by the analyser `objects` against a count by hand: python -m bench.persons URL

Real clips of packages (tests/models/clips.py), counted by hand at one frame a second before the analyser was run on
them: every person of whom a part is seen, also a leg or a back, counts; shadows do not. Beside them a composite, in
which a photo of a person is pasted 0 to 3 times into each second of a landscape: sizes and places are drawn with a
seed, and the copies do not overlap. Thresholds were not tuned: 0.35 is the default.
"""

import argparse
import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

import daguerre
from tests.e2e.harness import jpeg
from tests.models import clips

BY_HAND: dict[str, Sequence[int]] = {
    "cuts": [0] + 30 * [1] + [0] + 11 * [1] + [3] + 5 * [1] + 3 * [2] + 2 * [1] + 2 * [3] + 4 * [1],  # its first minute
    "bikes": [0, 0, 0, 0, 0, 4, 2, 2, 1, 0],
    "carphone": 5 * [1],
}
THRESHOLDS = (0.25, 0.35, 0.5)
SECONDS, SIZE, SEED = 30, (960, 540), 0


def composite() -> tuple[bytes, list[int]]:
    """A video of one frame a second with 0 to 3 persons, and their numbers."""
    rng = np.random.default_rng(SEED)
    person = Image.open(io.BytesIO(jpeg("astronaut"))).convert("RGB").crop((60, 0, 400, 512))
    ground = Image.open(io.BytesIO(jpeg("rocket"))).convert("RGB").resize(SIZE)
    counts = rng.integers(0, 4, SECONDS).tolist()
    frames = []
    for n in counts:
        frame = ground.copy()
        for column in rng.permutation(3)[:n]:
            height = int(rng.integers(200, 420))
            one = person.resize((round(height * person.width / person.height), height))
            left = int(column) * SIZE[0] // 3 + int(rng.integers(0, SIZE[0] // 3 - one.width + 1))
            frame.paste(one, (left, int(rng.integers(0, SIZE[1] - height + 1))))
        frames.append(np.asarray(frame))
    return clips.make(frames=SECONDS, rate=1, size=SIZE, picture=lambda i, *_: frames[i]), counts


def row(name: str, true: Sequence[int], found: Sequence[int], threshold: float) -> str:
    """A row of the table."""
    a, b = np.array(true), np.array(found)
    there = f"{int(((a > 0) & (b > 0)).sum())} of {int((a > 0).sum())}"
    empty = f"{int(((a == 0) & (b == 0)).sum())} of {int((a == 0).sum())}"
    figures = [name, len(a), threshold, a.sum(), b.sum(), f"{abs(a - b).mean():.2f}", f"{(a == b).mean():.2f}"]
    return f"| {' | '.join(map(str, [*figures, there, empty]))} |"


def main() -> None:
    """Print the table, and the counts of each second at the default threshold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    url = parser.parse_args().url
    made, counts = composite()
    with tempfile.TemporaryDirectory() as folder, daguerre.Client(url) as client:
        pasted = Path(folder) / "composite.mp4"
        pasted.write_bytes(made)
        videos = {name: clips.fetch(name) for name in BY_HAND} | {"composite": pasted}
        truth = {**BY_HAND, "composite": counts}
        print("| clip | seconds | min_score | persons | found | MAE | right | with persons | without |")
        print("| --- " * 9 + "|")
        shown = []
        for name, path in videos.items():
            found = client.detect(videos=path, labels=["person"], min_score=min(THRESHOLDS), sampling={"every": 1})
            table = found.to_pandas()
            n = len(truth[name])
            for threshold in THRESHOLDS:
                strong = table[table.score >= threshold]
                numbers = np.bincount(strong.time.astype(int), minlength=n)[:n].tolist()
                print(row(name, truth[name], numbers, threshold))
                if threshold == 0.35:
                    shown += [f"{name}, true:  {' '.join(map(str, truth[name]))}"]
                    shown += [f"{name}, found: {' '.join(map(str, numbers))}"]
    print("\n" + "\n".join(shown))
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
