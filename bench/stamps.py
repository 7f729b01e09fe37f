"""Tux Paint's stamps, as pictures with classes: photos and drawings made by many people, for children to play with.

They are Debian's package tuxpaint-stamps-default, GPL-2: fetched into `.cache/stamps`, never committed. Each PNG has
a folder, which gives its class, and mostly a description ("A lion."), which gives it a caption.

The classes follow from the folders. A top folder is split into its subfolders if those with at least 8 PNGs hold more
than half of its PNGs; otherwise it is a class itself, if it has 8. `LABELS` names each class in plain words;
`OCCASIONS` and `LEFT_OUT` say what became of the rest. All three were written down before any result was seen.
"""

import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

PACKAGE = "tuxpaint-stamps-default"
CACHE = Path(__file__).parents[1] / ".cache" / "stamps"
LEAST = 8  # PNGs a class needs

LABELS = {  # folder -> label, and the label with its article
    "animals/birds": ("bird", "a bird"),
    "animals/fish": ("fish", "a fish"),
    "animals/insects": ("insect", "an insect"),
    "animals/mammals": ("mammal", "a mammal"),
    "clothes": ("piece of clothing", "a piece of clothing"),
    "food/fruit": ("fruit", "a fruit"),
    "food/vegetables": ("vegetable", "a vegetable"),
    "hobbies/music": ("musical instrument", "a musical instrument"),
    "household/dishes": ("piece of kitchenware", "a piece of kitchenware"),
    "household/tools": ("tool", "a tool"),
    "plants/flowers": ("flower", "a flower"),
    "space/planets": ("planet", "a planet"),
    "sports": ("piece of sports equipment", "a piece of sports equipment"),
    "symbols/chess": ("chess piece", "a chess piece"),
    "symbols/money": ("money", "money"),
    "town/houses": ("house", "a house"),
    "town/monuments": ("monument", "a monument"),
    "town/roadsigns": ("road sign", "a road sign"),
    "vehicles": ("vehicle", "a vehicle"),
}
OCCASIONS = {  # not things but days: a set of their own
    "seasonal/christmas": ("Christmas", "Christmas"),
    "seasonal/easter": ("Easter", "Easter"),
    "seasonal/halloween": ("Halloween", "Halloween"),
    "seasonal/hanukkah": ("Hanukkah", "Hanukkah"),
}
LEFT_OUT = {
    "symbols/alphabets": "letters and hand signs: they stand for sounds, they show no thing",
    "symbols/math": "digits and operators, as above",
    "symbols/music": "notes and clefs, as above",
    "military": "an institution: the folder mixes soldiers, tanks, aircraft and a shell",
    "town/cartoon": "names a style",
}


@dataclass(frozen=True)
class Stamp:
    path: Path
    folder: str  # of its class
    caption: str | None  # English description, if it says "A ..." or "An ..." in at most 6 words
    drawing: bool  # see `is_drawing`


def fetch(cache: Path = CACHE) -> Path:
    """The stamps' root folder; downloaded and unpacked first unless it is there."""
    root = cache / "usr" / "share" / "tuxpaint" / "stamps"
    if not root.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        _call(["apt-get", "download", PACKAGE], cache)
        (package,) = cache.glob(f"{PACKAGE}_*.deb")
        _call(["dpkg", "-x", package.name, "."], cache)
    return root


def version(cache: Path = CACHE) -> str:
    """Package and version that were fetched."""
    return next((path.stem for path in cache.glob(f"{PACKAGE}_*.deb")), f"{PACKAGE}, unpacked by hand")


def classes(root: Path) -> dict[str, list[Path]]:
    """The rule at the top: folder -> PNGs below it, for every folder that is a class by it."""
    found: dict[str, list[Path]] = {}
    for top in sorted(p for p in root.iterdir() if p.is_dir()):
        pngs = sorted(top.rglob("*.png"))
        parts = Counter(p.relative_to(top).parts[0] for p in pngs if p.parent != top)
        large = [name for name, n in sorted(parts.items()) if n >= LEAST]
        if sum(parts[name] for name in large) > len(pngs) / 2:
            found |= {f"{top.name}/{name}": sorted((top / name).rglob("*.png")) for name in large}
        elif len(pngs) >= LEAST:
            found[top.name] = pngs
    return found


def load(root: Path, labels: dict[str, tuple[str, str]]) -> list[Stamp]:
    """The stamps of the classes in `labels`. Raises ValueError where the package has other classes than this file."""
    found = classes(root)
    if strange := set(found) ^ (set(LABELS) | set(OCCASIONS) | set(LEFT_OUT)):
        raise ValueError(f"{PACKAGE}: classes without a label, or labels without a class: {sorted(strange)}")
    return [Stamp(p, folder, _caption(p), is_drawing(p)) for folder in labels for p in found[folder]]


def is_drawing(path: Path) -> bool:
    """Whether the folder says cartoon, or a third of the opaque pixels equal their neighbours to the left and above."""
    if "cartoon" in path.parts:
        return True
    with Image.open(path) as image:
        image.thumbnail((512, 512), Image.Resampling.NEAREST)  # keeps flat areas flat
        pixels = np.asarray(image.convert("RGBA")).astype(np.int16)  # (height, width, 4)
    here, left, up = pixels[1:, 1:], pixels[1:, :-1], pixels[:-1, 1:]
    opaque = here[..., 3] > 250
    flat = (here == left).all(-1) & (here == up).all(-1) & opaque
    return bool(flat.sum() >= opaque.sum() / 3)


def _caption(path: Path) -> str | None:
    try:
        first = path.with_suffix(".txt").read_text(errors="replace").splitlines()[0]
    except (FileNotFoundError, IndexError):
        return None
    plain = first.strip().rstrip(".!").strip()
    fits = re.match(r"(a|an) \S", plain, re.IGNORECASE) and len(plain.split()) <= 6
    return plain[0].lower() + plain[1:] if fits else None


def _call(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300)
    except FileNotFoundError as exc:
        raise SystemExit(
            f"{command[0]} is not here: the stamps need Debian or Ubuntu, or unpack {PACKAGE} there"
        ) from exc
    except subprocess.CalledProcessError as exc:
        raise SystemExit(f"{' '.join(command)}: {exc.stderr.strip()} (try apt-get update first)") from exc


if __name__ == "__main__":
    for stamp in load(fetch(), LABELS | OCCASIONS):
        print(stamp.path, stamp.folder, "drawing" if stamp.drawing else "photo", stamp.caption or "-", sep="\t")
