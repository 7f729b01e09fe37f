"""Expression and age models from folders of transformers, with random weights. Oracle: transformers itself."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification

from models.__main__ import main
from models.analysers.face_attributes import FaceAttributes
from models.analysers.face_crops import Face
from models.analysers.folder import locate
from models.errors import ModelUnavailable
from models.sources.face_models import ages_of, import_face_model
from tests.models.analysers.opening import Opened
from tests.models.image_samples import photo
from tests.models.sources.test_classifiers import saved

FEELINGS = ["angry", "happy", "sad", "neutral"]
RANGES = ["0-2", "3-9", "10-19", "20-29", "more than 70"]
ORIGINS = ["White", "Black", "Latino_Hispanic", "East Asian"]


def imported(tmp_path, attribute, names):
    source = saved("vit", tmp_path / "source", names)
    made = import_face_model(source, tmp_path / "home", attribute=attribute, name="small")
    return source, Opened(FaceAttributes, made.spec, made.path, made=True)


def by_transformers(source, finding, size=64) -> np.ndarray:
    """Probabilities, or the number, of the eighteen crops of a face of the astronaut."""
    crops = Face(Image.fromarray(photo("astronaut")), np.array(list(finding.points.values()))).crops(size)
    processor = AutoImageProcessor.from_pretrained(source)
    model = AutoModelForImageClassification.from_pretrained(source).eval()
    with torch.inference_mode():
        values = processor([Image.fromarray(crop) for crop in crops], return_tensors="pt")
        logits = model(**values).logits
    return (logits if logits.shape[1] == 1 else logits.softmax(-1)).numpy().astype(float)


def test_an_expression_model_votes_as_transformers_does(tmp_path):
    source, opened = imported(tmp_path, "expression", FEELINGS)
    (face,) = opened.run(Image.fromarray(photo("astronaut"))).findings
    expected = by_transformers(source, face)
    votes = np.bincount(expected.argmax(1), minlength=4)
    assert face.attributes["expression"]["votes"] == {FEELINGS[i]: n for i, n in enumerate(votes.tolist()) if n}
    assert set(face.attributes) == {"crops", "expression"}
    crops = Face(Image.fromarray(photo("astronaut")), np.array(list(face.points.values()))).crops(64)
    np.testing.assert_allclose(opened.graph("expression", (crops.reshape(1, -1, 64, 3),))[0][0], expected, atol=1e-4)


def test_an_age_model_gives_the_mean_of_its_labels_or_its_number(tmp_path):
    source, opened = imported(tmp_path / "labels", "age", RANGES)
    (face,) = opened.run(Image.fromarray(photo("astronaut"))).findings
    years = by_transformers(source, face) @ np.array([1, 6, 14.5, 24.5, 74.5])
    found = face.attributes["apparent_age"]
    assert [found["mean"], found["lowest"], found["highest"]] == pytest.approx(
        [years.mean(), years.min(), years.max()], abs=1e-3
    )
    source, opened = imported(tmp_path / "number", "age", ["age"])
    (face,) = opened.run(Image.fromarray(photo("astronaut"))).findings
    number = by_transformers(source, face)[:, 0]
    assert face.attributes["apparent_age"]["mean"] == pytest.approx(number.mean(), abs=1e-4)


@pytest.mark.parametrize(
    ("labels", "ages"),
    [
        (["23", "24.5 years", "age 30"], (23, 24.5, 30)),
        (["under 3", "3 to 9", "10–19", "20_29", "60+"], (1.5, 6, 14.5, 24.5, 64.5)),
        (["<3", "3-9", "70 or older"], (1.5, 6, 73)),
    ],
)
def test_labels_that_are_ages(labels, ages):
    assert ages_of(labels, "x") == ages


@pytest.mark.parametrize(
    ("attribute", "names", "words"),
    [
        ("age", FEELINGS, "the label 'angry', which is no age: numbers"),
        ("age", ["9-3", "10-19"], "the label '9-3', which is no age"),
        ("age", ["3-9", "900"], "the label '900', which is no age"),
        ("expression", ORIGINS, "races and ethnic groups are not guessed from faces here"),
        ("expression", ["happy", "undecided"], "none of them is 'undecided'"),
    ],
)
def test_folders_that_are_no_such_model_are_refused(tmp_path, attribute, names, words):
    with pytest.raises(ModelUnavailable, match=words):
        imported(tmp_path, attribute, names)


def test_the_command_imports_a_face_model(tmp_path, monkeypatch, capsys):
    source = saved("vit", tmp_path / "Faces of mine", FEELINGS)
    home = tmp_path / "home"
    monkeypatch.setattr("sys.argv", ["models", "import", str(source), "--as", "expression", "--home", str(home)])
    main()
    assert "faces-of-mine: analyser of face_attributes, expression, with 4 labels" in capsys.readouterr().out
    spec = locate("faces-of-mine", home).spec
    assert (spec.kind, spec.labels, set(spec.parts)) == (
        "face_attributes",
        tuple(FEELINGS),
        {"detect", "expression"},
    )
