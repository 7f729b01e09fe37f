"""Recognition networks of PaddleOCR with another alphabet, as analysers of text: a folder with one ONNX file.

PaddleOCR and rapidocr publish them for Cyrillic, Arabic, Devanagari and other scripts. Regions of text are found by the
built-in detection network, which does not depend on the script.
"""

import json
import shutil
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from PIL import Image

from models.analysers import folder as analysers
from models.analysers import text
from models.analysers.folder import AnalyserFolder, install
from models.analysers.graphs import batched, with_pixels
from models.analysers.spec import AnalyserSpec, Part
from models.catalog.folder import write_manifest
from models.catalog.spec import Source
from models.disk import sha256
from models.errors import ModelUnavailable, listed, quoted
from models.sessions.onnx import OnnxSession
from models.sources import export, oracle

METADATA = "character"  # of the ONNX file, as rapidocr writes it: a character a line
LARGEST_DIFFERENCE = 1e-5  # of a probability, between the graph and the file
WIDTH = 640  # of the lines on which they are compared


def import_reader(
    source: Path, home: Path, *, name: str, licence: str | None = None, replace: bool = False
) -> AnalyserFolder:
    """Join the recognition network of a folder with the built-in detection, as the analyser `name` in `home`.

    Raises
    ------
    ModelUnavailable : there is no single ONNX file, it is no recognition network, its characters are not known, or the
        graph differs from the file.
    """
    file = _graph(source)
    model = _load(file)
    characters, listing = _characters(model, file)
    built_in = analysers.locate(text.SPEC.name, home)
    with tempfile.TemporaryDirectory() as staging:
        folder = Path(staging) / "made"
        folder.mkdir()
        shutil.copy(built_in.path / "detect.onnx", folder)
        steps, gap, classes = _write(model, file, folder / "recognise.onnx")
        alphabet = _alphabet(characters, classes, file)
        (folder / text.ALPHABET).write_text(json.dumps(alphabet, ensure_ascii=False), encoding="utf-8")
        longest = text.LONGEST_ROW
        recognise = Part(
            row_bytes=48 * longest * 3, answer_bytes=8 * -(-longest * steps // WIDTH), cpu_batch=text.RECOGNISED
        )
        spec: AnalyserSpec = changed(
            text.SPEC,
            name=name,
            description=f"Lines of text in a picture: {file.name} of the folder {source.name}, and "
            "the built-in detection.",
            source=Source(
                kind="folder",
                locator=source.name,
                revision="as its files' sha256 say",
                weights={
                    **{path.name: sha256(path) for path in [file, *listing]},
                    **{key: value for key, value in text.SPEC.source.weights.items() if "_det_" in key},
                },
            ),
            licence=licence or "not stated; see where the folder came from",
            parts={"detect": text.SPEC.parts["detect"], "recognise": recognise},
            languages=scripts(alphabet),
        )
        write_manifest(folder, spec, parity={"largest_difference": gap}, made_with=export.versions())
        return install(folder, home, replace=replace)


def scripts(alphabet: Sequence[str]) -> str:
    """The scripts of an alphabet, most letters first, as a phrase for people."""
    letters = (each for each in alphabet if len(each) == 1 and unicodedata.category(each).startswith("L"))
    counts = Counter(unicodedata.name(letter, "OTHER").split()[0].capitalize() for letter in letters)
    return "letters of " + listed([f"{script} ({n:,})" for script, n in counts.most_common()], 8)


def _graph(source: Path) -> Path:
    files = sorted(source.glob("*.onnx"))
    if len(files) > 1:  # of a whole model, with detection
        files = [file for file in files if "rec" in file.stem.lower()]
    if len(files) != 1:
        raise ModelUnavailable(
            f"{source.name} has {len(list(source.glob('*.onnx')))} .onnx files, of which one must be the recognition "
            "network: leave only that one there"
        )
    return files[0]


def _load(file: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(str(file))
        inputs = [value for value in model.graph.input if value.name not in {t.name for t in model.graph.initializer}]
        shapes = [[dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in inputs]
    except Exception as exc:  # protobuf raises its own classes
        raise ModelUnavailable(f"{file.name} is no ONNX file that can be read ({quoted(exc)})") from exc
    fits = len(shapes) == 1 and len(shapes[0]) == 4 and shapes[0][1] == 3 and shapes[0][2] in (0, 48)
    if not fits or shapes[0][3] or len(model.graph.output) != 1:
        raise ModelUnavailable(
            f"{file.name} has inputs {shapes} and {len(model.graph.output)} outputs; a recognition network of "
            "PaddleOCR has one of each, its input (n, 3, 48, any width)"
        )
    return model


def _characters(model: onnx.ModelProto, file: Path) -> tuple[Sequence[str], Sequence[Path]]:
    """The characters as the folder has them, and the files that they were read from."""
    for entry in model.metadata_props:
        if entry.key == METADATA:
            return entry.value.split("\n"), ()
    try:
        for path in sorted(file.parent.glob("*.yml")):
            content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
            if found := (content.get("PostProcess") or {}).get("character_dict"):
                return [str(each) for each in found], (path,)
        lists = sorted(file.parent.glob("*.txt"))
        if len(lists) == 1:
            return lists[0].read_text(encoding="utf-8").rstrip("\n").split("\n"), (lists[0],)
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as exc:
        raise ModelUnavailable(f"{file.parent.name}: its characters cannot be read ({quoted(exc)})") from exc
    raise ModelUnavailable(
        f"{file.name} has no metadata {METADATA!r}; put inference.yml, or the one .txt file with a character a line, "
        "beside it"
    )


def _alphabet(characters: Sequence[str], classes: int, file: Path) -> list[str]:
    """The characters of the classes 1, 2, …; class 0 is the blank. A list may have the blank, and lack the space."""
    found = [each.rstrip("\r") for each in characters]
    if found and found[0].strip("<>[]").lower() == "blank":
        found = found[1:]
    if len(found) == classes - 2:
        found.append(" ")
    if len(found) != classes - 1:
        raise ModelUnavailable(
            f"{file.name} has {classes:,} classes, and its list {len(found):,} characters; it needs {classes - 1:,}, "
            "or one fewer without the space"
        )
    return found


def _write(model: onnx.ModelProto, file: Path, path: Path) -> tuple[int, float, int]:
    """Write the graph from pixels to the most probable classes. Returns steps of a line, difference, and classes."""
    mean, std = text.SPEC.settings["mean"], text.SPEC.settings["std"]
    assert isinstance(mean, tuple)
    assert isinstance(std, tuple)
    try:
        graph = text.most_probable(batched(with_pixels(model, mean=mean, std=std, bgr=True)))
        onnx.save(graph, str(path))
        photos = [Image.open(path).convert("RGB").resize((WIDTH, 48)) for path in sorted(oracle.PICTURES.glob("*.jpg"))]
        rows = np.stack([np.asarray(photo) for photo in photos[:3]])
        index, probability = OnnxSession(path).compute((rows,))
        alone = [OnnxSession(path).compute((row[None],)) for row in rows]
        values = ((rows[..., ::-1].astype(np.float32) - 127.5) / 127.5).transpose(0, 3, 1, 2)
        theirs = np.concatenate([OnnxSession(file).compute((np.ascontiguousarray(row[None]),))[0] for row in values])
    except (ValueError, RuntimeError, onnx.checker.ValidationError) as exc:
        raise ModelUnavailable(f"{file.name}: its graph cannot be run on lines of text ({quoted(exc)})") from exc
    if theirs.ndim != 3 or np.abs(theirs.sum(-1) - 1).max() > 1e-3:
        raise ModelUnavailable(f"{file.name} gives {theirs.shape}; probabilities (n, steps, classes) are needed")
    gap = max(
        float(np.abs(probability - theirs.max(-1)).max()),
        *(float(np.abs(one[1][0] - whole).max()) for one, whole in zip(alone, probability, strict=True)),
    )
    equal = (np.take_along_axis(theirs, index[..., None].astype(np.int64), -1)[..., 0] >= theirs.max(-1) - 1e-5).all()
    if not gap <= LARGEST_DIFFERENCE or not equal:
        raise ModelUnavailable(
            f"{file.name}: probabilities of lines differ by {gap:.2g} from those of the file, at most "
            f"{LARGEST_DIFFERENCE:g} is allowed"
        )
    return theirs.shape[1], gap, theirs.shape[2]
