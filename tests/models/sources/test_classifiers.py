"""Classifiers from folders of transformers, with random weights. Oracle: the pipeline of transformers itself."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification, pipeline

from models.__main__ import main
from models.analysers.classes import Classes, has_imagenet_labels, wordnet
from models.analysers.folder import locate
from models.errors import AnalysisError, ModelUnavailable
from models.images.decoding import ImageLimits, open_rgb
from models.images.preprocess import resize
from models.sources import oracle
from models.sources.classifiers import import_classifier
from tests.models.analysers.opening import Opened

NAMES = ["protest", "press conference", "crowd", "portrait", "flag", "none of these"]
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
KINDS = {
    "vit": (
        transformers.ViTConfig(
            image_size=64,
            patch_size=16,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
        ),
        transformers.ViTImageProcessorPil(size={"height": 64, "width": 64}),
    ),
    "resnet": (
        transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic"),
        transformers.ConvNextImageProcessorPil(size={"shortest_edge": 64}, crop_pct=0.875),
    ),
    "convnext": (
        transformers.ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, image_size=64),
        transformers.ConvNextImageProcessorPil(size={"shortest_edge": 64}, crop_pct=0.875),
    ),
    "swin": (
        transformers.SwinConfig(image_size=64, embed_dim=12, depths=[1, 1], num_heads=[2, 2], window_size=4),
        transformers.ViTImageProcessorPil(size={"height": 64, "width": 64}),
    ),
    "beit": (
        transformers.BeitConfig(
            image_size=64,
            patch_size=16,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
        ),
        transformers.BeitImageProcessorPil(
            size={"height": 72, "width": 72}, do_resize=True, do_center_crop=False, do_reduce_labels=False
        ),
    ),
}


def saved(kind: str, folder: Path, names=NAMES, **fields) -> Path:
    """A folder of a small network with random weights that tell pictures apart."""
    config, processor = KINDS[kind]
    config = type(config).from_dict({**config.to_dict(), **fields})
    config.id2label = dict(enumerate(names))
    config.label2id = {name: i for i, name in config.id2label.items()}
    torch.manual_seed(0)
    model = AutoModelForImageClassification.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=(1.5 / parameter[0].numel()) ** 0.5)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_the_pipeline(kind: str, tmp_path: Path):
    source = saved(kind, tmp_path / kind)
    made = import_classifier(source, tmp_path / "home", name=kind)
    assert made.parity["largest_difference"] < 1e-5
    opened = Opened(Classes, made.spec, made.path, made=True)
    reference = pipeline(
        "image-classification",
        model=AutoModelForImageClassification.from_pretrained(source),
        image_processor=AutoImageProcessor.from_pretrained(source, backend="pil"),
        device="cpu",
    )
    seen = set()
    for picture in oracle.pictures()[::4]:
        expected = {each["label"]: each["score"] for each in reference(Image.open(io.BytesIO(picture)), top_k=6)}
        found = opened.run(open_rgb(picture, limits=ImageLimits()), top=6).findings
        assert {each.label for each in found} == set(NAMES)
        assert max(abs(each.score - expected[each.label]) for each in found) <= 1e-5
        seen.add(tuple(round(each.score, 3) for each in found))
    assert len(seen) > 1  # pictures have different scores, or the comparison would prove nothing
    rows = [
        resize(Image.open(io.BytesIO(each)).convert("RGB"), opened.analyser.preprocess)
        for each in oracle.pictures()[:3]
    ]
    (together,) = opened.graph("classify", (np.stack(rows),))
    for i, row in enumerate(rows):
        assert np.abs(opened.graph("classify", (row[None],))[0][0] - together[i]).max() < 1e-6


def test_several_labels_have_independent_scores(tmp_path: Path):
    source = saved("vit", tmp_path / "own", problem_type="multi_label_classification")
    made = import_classifier(source, tmp_path / "home", name="own")
    assert made.spec.settings["activation"] == "sigmoid"
    found = (
        Opened(Classes, made.spec, made.path, made=True).run(Image.new("RGB", (80, 60), (200, 30, 9)), top=6).findings
    )
    assert sum(each.score for each in found) != pytest.approx(1, abs=0.05)
    with pytest.raises(AnalysisError, match="have no wider terms"):
        Classes(made.spec, made.path).check(Classes.choices(level="hypernyms"))


def test_the_command_imports_a_classifier(tmp_path: Path, monkeypatch, capsys):
    source = saved("convnext", tmp_path / "My Codes")
    home = tmp_path / "home"
    monkeypatch.setattr("sys.argv", ["models", "import", str(source), "--home", str(home), "--licence", "own"])
    main()
    assert "my-codes: analyser of classes with 6 labels" in capsys.readouterr().out
    made = locate("my-codes", home)
    assert (made.spec.kind, made.spec.labels, made.spec.licence) == ("classes", tuple(NAMES), "own")


def test_a_vision_transformer_is_imported_as_what_is_asked_for(tmp_path: Path, monkeypatch, capsys):
    """It was a model before it could be an analyser, and is one where nothing is said."""
    source, home = saved("vit", tmp_path / "codes"), tmp_path / "home"
    for arguments, words in (((), "serve it: DAGUERRE_MODELS=codes"), (("--as", "analyser"), "analyser of classes")):
        monkeypatch.setattr("sys.argv", ["models", "import", str(source), "--home", str(home), *arguments])
        main()
        assert words in capsys.readouterr().out
    assert locate("codes", home).spec.kind == "classes"


def test_labels_of_imagenet_have_a_hierarchy():
    names = [", ".join([leaf["name"], *leaf["lemmas"][1:]]) for leaf in wordnet()["leaves"]]
    assert has_imagenet_labels(names)
    assert not has_imagenet_labels(names[::-1])
    assert not has_imagenet_labels(names[:999])


def test_folders_that_cannot_be_imported(tmp_path: Path):
    home = tmp_path / "home"
    with pytest.raises(ModelUnavailable, match=r"no config.json"):
        import_classifier(tmp_path, home, name="x")
    source = saved("vit", tmp_path / "vit", names=["a", "A "])
    with pytest.raises(ModelUnavailable, match="two classes"):
        import_classifier(source, home, name="x")
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps({**config, "architectures": ["ViTModel"]}))
    with pytest.raises(ModelUnavailable, match=r"ends in ForImageClassification"):
        import_classifier(source, home, name="x")
    (source / "config.json").write_text(json.dumps(config))
    (source / "preprocessor_config.json").unlink()
    with pytest.raises(ModelUnavailable, match=r"preprocessor_config.json"):
        import_classifier(source, home, name="x")
