"""Names of the 1,000 classes of ImageNet, which suggest names of clusters where nobody gives a vocabulary."""

import json
from functools import cache
from pathlib import Path


@cache
def class_names() -> tuple[str, ...]:
    """The names in the order of the classes, each once: two pairs of classes share a name."""
    classes = json.loads((Path(__file__).parent / "imagenet_wordnet.json").read_text(encoding="utf-8"))["leaves"]
    return tuple(dict.fromkeys(each["name"] for each in classes))
