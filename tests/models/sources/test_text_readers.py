"""Recognition networks of PaddleOCR from a folder: the package's own file, and small ones with other alphabets."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from models.__main__ import main
from models.analysers.folder import analyser_path, locate
from models.analysers.spec import run
from models.analysers.text import SPEC, Text
from models.analysers.text_recognition import logical_order
from models.errors import ModelUnavailable
from models.sources.text_readers import import_reader, scripts
from tests.models.analysers.graph_runner import GraphRunner

CYRILLIC = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ"


@pytest.fixture(scope="module")
def reader_home(analysers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DAGUERRE_HOME with the built-in analyser of text alone."""
    home = tmp_path_factory.mktemp("home")
    folder = analyser_path(SPEC, home)
    folder.parent.mkdir(parents=True)
    folder.symlink_to(analyser_path(SPEC, analysers.absolute()))
    return home


@pytest.fixture(scope="module")
def page() -> Image.Image:
    from skimage import data

    return Image.fromarray(data.page()).convert("RGB").crop((0, 0, 384, 100))


def small(folder: Path, classes: int, *, height: int = 48, softmax: bool = True, metadata: str | None = None) -> Path:
    """A network that maps the mean colour of each 8 columns to probabilities of classes."""
    weights = np.random.default_rng(0).normal(0, 30, (classes, 3, height, 8)).astype(np.float32) / height
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], strides=[1, 8]),
        helper.make_node("Squeeze", ["c", "two"], ["s"]),
        helper.make_node("Transpose", ["s"], ["t"], perm=[0, 2, 1]),
        helper.make_node("Softmax" if softmax else "Identity", ["t"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, height, "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "t", classes])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.array([2]), "two")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    if metadata is not None:
        model.metadata_props.append(onnx.StringStringEntryProto(key="character", value=metadata))
    folder.mkdir(exist_ok=True)
    onnx.save(model, str(folder / "inference.onnx"))
    return folder


def test_the_file_of_the_package_reads_as_the_built_in_analyser(reader_home, tmp_path, page):
    found = find_spec("rapidocr")
    assert found
    assert found.submodule_search_locations
    (tmp_path / "rec").mkdir()
    file = Path(found.submodule_search_locations[0]) / "models" / "PP-OCRv6_rec_small.onnx"
    (tmp_path / "rec" / file.name).symlink_to(file)
    made = import_reader(tmp_path / "rec", reader_home, name="same", licence="Apache-2.0")
    assert made.parity["largest_difference"] <= 1e-5
    assert made.spec.languages is not None
    assert "Latin (" in made.spec.languages
    assert made.spec.fingerprint() == SPEC.fingerprint()  # and so are the results
    ours = run(Text(made.spec, made.path), page, Text.choices(), GraphRunner(made.path, made.spec))
    assert ours.findings
    built_in = analyser_path(SPEC, reader_home)
    theirs = run(Text(SPEC, built_in), page, Text.choices(), GraphRunner(built_in, SPEC))
    assert ours.findings == theirs.findings


@pytest.mark.parametrize("source", ["metadata", "yaml", "list", "list with blank and space"])
def test_the_alphabet_is_that_of_the_folder(reader_home, tmp_path, monkeypatch, capsys, source):
    """In the ONNX file, in inference.yml of PaddleOCR, or in a list; with or without the space and the blank."""
    characters = list(CYRILLIC)
    folder = small(
        tmp_path / source, len(CYRILLIC) + 2, metadata="\n".join(characters) if source == "metadata" else None
    )
    if source == "yaml":
        (folder / "inference.yml").write_text(json.dumps({"PostProcess": {"character_dict": characters}}))
    elif source == "list":
        (folder / "dict.txt").write_text("\r\n".join(characters) + "\r\n", encoding="utf-8")
    elif source != "metadata":
        (folder / "keys.txt").write_text("\n".join(["blank", *characters, " "]) + "\n", encoding="utf-8")
    name = "cyrillic-" + source.replace(" ", "-")
    monkeypatch.setattr("sys.argv", ["models", "import", str(folder), "--name", name, "--home", str(reader_home)])
    main()
    assert f"{name}: analyser of text\n" in capsys.readouterr().out
    made = locate(name, reader_home)
    alphabet = json.loads((made.path / "alphabet.json").read_text())
    assert alphabet == [*CYRILLIC, " "]
    assert made.spec.languages == "letters of Cyrillic (32)"
    rows = np.random.default_rng(1).integers(0, 256, (3, 48, 320, 3), np.uint8)
    graph = GraphRunner(made.path, made.spec)
    together = graph("recognise", (rows,))
    for i, row in enumerate(rows):
        for whole, alone in zip(together, graph("recognise", (row[None],)), strict=True):
            assert (whole[i] == alone[0]).all()


def test_lines_are_read_with_the_alphabet_of_the_folder(reader_home, tmp_path, page):
    made = import_reader(small(tmp_path / "rec", 34, metadata="\n".join(CYRILLIC)), reader_home, name="read")
    found = run(Text(made.spec, made.path), page, Text.choices(min_score=0.0), GraphRunner(made.path, made.spec))
    assert found.findings
    assert set("".join(each.text or "" for each in found.findings)) <= set(CYRILLIC + " ")


@pytest.mark.parametrize(
    ("arguments", "list_of", "words"),
    [
        ({"classes": 40}, 32, "has 40 classes, and its list 32 characters; it needs 39"),
        ({"classes": 34, "height": 32}, 32, "has one of each, its input (n, 3, 48, any width)"),
        ({"classes": 34, "softmax": False}, 32, "probabilities (n, steps, classes) are needed"),
        ({"classes": 34}, None, "has no metadata 'character'; put inference.yml"),
    ],
)
def test_other_networks_are_refused(reader_home, tmp_path, arguments, list_of, words):
    folder = small(tmp_path / "rec", **arguments)
    if list_of:
        (folder / "dict.txt").write_text("\n".join(CYRILLIC[:list_of]), encoding="utf-8")
    with pytest.raises(ModelUnavailable) as caught:
        import_reader(folder, reader_home, name="x")
    assert words in caught.value.message


def test_damaged_and_unclear_folders_are_refused(reader_home, tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"damaged")
    with pytest.raises(ModelUnavailable, match=r"a\.onnx is no ONNX file that can be read"):
        import_reader(tmp_path, reader_home, name="x")
    (tmp_path / "b.onnx").write_bytes(b"damaged")
    with pytest.raises(ModelUnavailable, match=r"has 2 \.onnx files"):
        import_reader(tmp_path, reader_home, name="x")


@pytest.mark.parametrize(
    ("read", "written"),
    [
        ("Families belong together, 5 March", "Families belong together, 5 March"),
        ("Митинг 12", "Митинг 12"),
        ("ناملربلا مامأ ةرهاظم", "مظاهرة أمام البرلمان"),
        ("2011 سرام 5", "5 مارس 2011"),
        ("daguerre ىلع روص", "صور على daguerre"),
        ("", ""),
    ],
)
def test_arabic_lines_are_in_the_order_of_their_script(read, written):
    """Lines as a network reads them, from left to right: the letters of the logical text in reverse."""
    assert logical_order(read) == written


def test_scripts_are_named_by_their_letters():
    assert scripts([*CYRILLIC, "a", "b", "1", "!", " ", "अ", "ش"]) == (
        "letters of Cyrillic (32), Latin (2), Devanagari (1), Arabic (1)"
    )
