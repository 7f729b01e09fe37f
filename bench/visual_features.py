"""Visual features beside Athec's functions of colour and scikit-image's, on pictures of a folder: a Markdown table.

`python -m bench.visual_features FOLDER`, in an environment that has athec and opencv-python-headless too. Athec's
module imports pyemd for a function that is not used here; no part of the project needs OpenCV.
"""

import importlib
import importlib.util
import os
import sys
import time
import types
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.stats import spearmanr
from skimage import color, feature, measure, transform

from models.analysers import visual
from models.images.decoding import ImageLimits, open_rgb


def athec() -> Any:
    """Athec's module of colours."""
    sys.modules.setdefault("pyemd", types.ModuleType("pyemd"))
    found = importlib.util.find_spec("athec")
    assert found is not None
    assert found.submodule_search_locations
    sys.path.insert(0, found.submodule_search_locations[0])  # it imports its neighbour `misc` by that name
    return importlib.import_module("color")


def references(module: Any) -> Mapping[str, Callable[[np.ndarray, np.ndarray], float]]:
    """References by name: pixels (h, w, 3) of RGB and levels (h, w) to the value of ours."""

    def lines(levels: np.ndarray) -> float:
        edge = feature.canny(levels / 255.0, mode="nearest")
        found = transform.probabilistic_hough_line(edge, line_length=25, line_gap=1, rng=0)
        return sum(float(np.hypot(a[0] - b[0], a[1] - b[1])) for a, b in found) / max(1, edge.sum())

    return {
        "brightness, Athec": lambda rgb, grey: module.attr_grayscale(rgb)[0] / 255,
        "contrast, Athec": lambda rgb, grey: module.attr_grayscale(rgb)[2] / 255,
        "brightness_range, Athec": lambda rgb, grey: (module.attr_contrast_range(grey)[0] - 1) / 255,
        "saturation, Athec": lambda rgb, grey: module.attr_HSV(rgb)[10] / 255,
        "colourfulness, Athec": lambda rgb, grey: module.attr_colorful(rgb),
        "hue_count, Athec": lambda rgb, grey: module.attr_hue_count(rgb),
        "brightness, scikit-image": lambda rgb, grey: float(color.rgb2gray(rgb).mean()),
        "saturation, scikit-image": lambda rgb, grey: float(color.rgb2hsv(rgb)[..., 1].mean()),
        "entropy, scikit-image": lambda rgb, grey: measure.shannon_entropy(grey),
        "edge_density, scikit-image": lambda rgb, grey: float(feature.canny(grey / 255.0, mode="nearest").mean()),
        "blur, scikit-image": lambda rgb, grey: measure.blur_effect(rgb, channel_axis=-1),
        "straight_lines, Hough (scikit-image)": lambda rgb, grey: lines(grey),
    }


def pictures(folder: Path) -> Iterator[Image.Image]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in (".jpg", ".jpeg", ".png"):
            yield open_rgb(path.read_bytes(), limits=ImageLimits())


def main() -> None:
    """Print the table."""
    compared = references(athec())
    values: dict[str, list[tuple[float, float]]] = defaultdict(list)
    seconds = []
    for image in pictures(Path(sys.argv[1])):
        started = time.process_time()
        ours = visual.features(image)
        seconds.append(time.process_time() - started)
        small = visual.scaled(image)
        rgb, grey = np.asarray(small), np.asarray(small.convert("L"))
        for name, reference in compared.items():
            values[name].append((ours[name.partition(",")[0]], float(reference(rgb, grey))))
    print("| value, reference | largest difference | mean difference | rank correlation |\n| --- | --- | --- | --- |")
    for name, pairs in values.items():
        mine, theirs = np.array(pairs).T
        gaps = np.abs(mine - theirs)
        print(f"| {name} | {gaps.max():.2g} | {gaps.mean():.2g} | {spearmanr(mine, theirs).statistic:.4f} |")
    load = os.getloadavg()[0]
    print(f"\n{len(seconds)} pictures, {np.mean(seconds):.3f} CPU seconds a picture (load {load:.1f})")


if __name__ == "__main__":
    main()
