"""Analysers `objects` and `sensitive` on real pictures: what is found, and CPU seconds on one thread.

    python -m bench.objects

Stamps count whose English description names one of COCO's classes ("a yellow taxi cab" does not, "a black cat" does).
They are pictures of one thing on white, which is easier than photos of scenes.
"""

import re
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image
from skimage import data

from bench import stamps
from models.analysers import objects, sensitive
from models.analysers.spec import AnalyserSpec, run


class Timed:
    """An analyser with its graphs, and the CPU seconds of both together and of the graphs alone."""

    def __init__(self, code: type, spec: AnalyserSpec) -> None:
        folder = Path(tempfile.mkdtemp())
        code.make(spec, folder)
        self.analyser, self.seconds, self.bare, self.runs = code(spec, folder), 0.0, 0.0, 0
        one = ort.SessionOptions()
        one.intra_op_num_threads = 1
        self.sessions = {p: ort.InferenceSession(str(folder / f"{p}.onnx"), one) for p in spec.parts}

    def graph(self, part: str, inputs: tuple) -> list:
        start = time.process_time()
        answer = self.sessions[part].run(None, {"pixels": inputs[0]})
        self.bare += time.process_time() - start
        return answer

    def __call__(self, image: Image.Image):
        start = time.process_time()
        found = run(self.analyser, image, self.analyser.choices(), self.graph)
        self.seconds += time.process_time() - start
        self.runs += 1
        return found


def main() -> None:
    detect, score = Timed(objects.Objects, objects.SPEC), Timed(sensitive.Sensitive, sensitive.SPEC)
    photos = {name: getattr(data, name)()[..., :3] for name in ("astronaut", "chelsea", "coffee", "rocket", "retina")}
    photos["motorcycle"] = data.stereo_motorcycle()[0]
    for name, pixels in photos.items():
        image = Image.fromarray(pixels)
        found = [f"{one.label} {one.score:.2f}" for one in detect(image).findings]
        print(f"{name} {image.size}: {', '.join(found) or 'nothing'}; sensitive {score(image).values['sensitive']:.3f}")

    counts = {kind: np.zeros(4, int) for kind in ("photo", "drawing")}
    highest = 0.0
    for stamp in stamps.load(stamps.fetch(), stamps.LABELS | stamps.OCCASIONS):
        words = " ".join(re.findall("[a-z]+", (stamp.caption or "").lower()))
        named = [label for label in objects.COCO if re.search(rf"\b{label}s?$", words)]
        if not named:
            continue
        with Image.open(stamp.path) as file:
            rgba = file.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        picture = Image.alpha_composite(white, rgba).convert("RGB")
        found = [one.label for one in detect(picture).findings]
        highest = max(highest, score(picture).values["sensitive"])
        first = bool(found) and found[0] in named
        counts["drawing" if stamp.drawing else "photo"] += (1, first, any(one in named for one in found), not found)
    for kind, (n, first, among, none) in counts.items():
        print(f"stamps, {kind}s: {n}; its class scores highest {first}, is found {among}; nothing found {none}")
    print(f"stamps: highest score of sensitive {highest:.3f}")
    for timed in (detect, score):
        each = timed.seconds / timed.runs
        print(f"{timed.analyser.spec.name}: {each:.3f} CPU s a picture, {timed.bare / timed.seconds:.0%} in the graph")


if __name__ == "__main__":
    main()
