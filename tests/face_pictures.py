"""Pictures of people by person, fetched by package name and version into `.cache/wheels`, never committed.

Five are of one man: three photos, and two cut-outs of the first. `insightface` is read for one
of its pictures alone; none of its models is used, which are not free.
"""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tests import wheels
from tests.models.image_samples import photo

_RECOGNITION = ("face_recognition", "1.3.0", "tests/test_images/", True)
_INSIGHT = ("insightface", "2.1", "insightface/data/images/", False)
_FILES = {
    "obama.jpg": (_RECOGNITION, "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6"),
    "obama2.jpg": (_RECOGNITION, "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6"),
    "obama3.jpg": (_RECOGNITION, "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3"),
    "obama_partial_face.jpg": (_RECOGNITION, "c2d1f09e7ef3042352b41e41286e6eb0522f64f88308be13886991b95db52117"),
    "obama_partial_face2.jpg": (_RECOGNITION, "9a812347f97633542b8cd9992de22def11b74f79d82056bc3ee830f13878e028"),
    "biden.jpg": (_RECOGNITION, "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c"),
    "t1.jpg": (_INSIGHT, "47f682e945b659f93a9e490b9c9c4a2a864abe64dace9e1a2893845ddfd69489"),
}
PEOPLE: Mapping[str, tuple[str, ...]] = {  # files with one face each, by person
    "obama": ("obama.jpg", "obama2.jpg", "obama3.jpg", "obama_partial_face.jpg", "obama_partial_face2.jpg"),
    "biden": ("biden.jpg",),
    "astronaut": ("astronaut.png",),
}
SIX = "t1.jpg"  # six people on one picture, none of them of PEOPLE
NAMES = (*(name for names in PEOPLE.values() for name in names), SIX)


def picture(name: str) -> bytes:
    """The file of one of `NAMES`."""
    if name == "astronaut.png":
        out = io.BytesIO()
        Image.fromarray(np.asarray(photo("astronaut"))).save(out, "PNG")
        return out.getvalue()
    (package, version, folder, source), sha256 = _FILES[name]
    return wheels.member(package, version, folder + name, sha256, source=source)


def paths(folder: Path) -> dict[str, list[Path]]:
    """Paths of the pictures by person, written into `folder`."""
    written: dict[str, list[Path]] = {}
    for person, names in PEOPLE.items():
        for name in names:
            (folder / name).write_bytes(picture(name))
            written.setdefault(person, []).append(folder / name)
    return written


def write_all(folder: Path) -> Path:
    """The folder, with all pictures of `NAMES`."""
    folder.mkdir(exist_ok=True)
    for name in NAMES:
        (folder / name).write_bytes(picture(name))
    return folder
