"""Detectors of transformers as analysers: a small RT-DETR with seeded weights, against transformers' own pipeline."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from models.__main__ import main
from models.analysers.folder import locate
from models.analysers.objects import Objects
from models.errors import AnalysisError, ModelUnavailable
from models.sources.detectors import agreement, export_detector
from tests.models.analysers.opening import Opened

SIZE = 128
LABELS = ("cat", "protest sign", "police car")


def rtdetr(folder: Path, *, side: int = SIZE) -> Path:
    """A folder as `save_pretrained` writes it. Fresh weights give every query the same: statistics come from photos."""
    from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

    torch.manual_seed(0)
    backbone = RTDetrResNetConfig(
        embedding_size=16,
        hidden_sizes=[16, 24, 32, 48],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = RTDetrConfig(
        backbone_config=backbone,
        encoder_in_channels=[24, 32, 48],
        encoder_hidden_dim=32,
        encoder_ffn_dim=32,
        encoder_attention_heads=4,
        hidden_expansion=0.5,
        d_model=32,
        decoder_in_channels=[32, 32, 32],
        decoder_layers=1,
        decoder_ffn_dim=32,
        decoder_attention_heads=4,
        num_queries=120,
        num_denoising=0,
        freeze_backbone_batch_norms=False,
        id2label=dict(enumerate(LABELS)),
        label2id={name: number for number, name in enumerate(LABELS)},
    )
    model = RTDetrForObjectDetection(config)
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
        if isinstance(module, torch.nn.Linear) and "bbox_embed" in name:
            torch.nn.init.normal_(module.weight, std=0.2)
    photos = np.stack([np.asarray(photo(name).resize((side, side))) for name in ("astronaut", "coffee", "chelsea")])
    with torch.no_grad():
        model.train()(pixel_values=torch.from_numpy(photos).permute(0, 3, 1, 2) / 255)
    model.eval().save_pretrained(folder)
    preprocessing = {
        "image_processor_type": "RTDetrImageProcessor",
        "do_resize": True,
        "size": {"height": side, "width": side},
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": False,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
        "do_pad": False,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing))
    return folder


def photo(name: str) -> Image.Image:
    return Image.fromarray(getattr(data, name)()[..., :3])


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of torch wait for one another where the machine has other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rtdetr(tmp_path_factory.mktemp("rtdetr"))


@pytest.fixture(scope="module")
def detector(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    folder = tmp_path_factory.mktemp("detector")
    made = export_detector(source, folder, name="signs", licence="Apache-2.0")
    assert made.parity["queries_that_agree"] == 1
    return Opened(Objects, made.spec, folder, made=True)


@pytest.mark.parametrize("name", ["rocket", "chelsea"])
def test_findings_are_those_of_the_pipeline(source, detector, name):
    """Scores to 1e-4; boxes to a pixel, since the pipeline cuts them to whole numbers. It does not clip them."""
    from transformers import AutoImageProcessor, RTDetrForObjectDetection, pipeline

    model = RTDetrForObjectDetection.from_pretrained(source)
    processor = AutoImageProcessor.from_pretrained(source, backend="pil")
    run = pipeline("object-detection", model=model, image_processor=processor, device="cpu")
    width, height = photo(name).size
    theirs = []
    for one in run(photo(name), threshold=0.0):
        sides = np.array([one["box"][side] for side in ("xmin", "ymin", "xmax", "ymax")])
        clipped = np.clip(sides, 0, [width, height] * 2)
        if (clipped[2:] - clipped[:2]).min() > 1:
            theirs.append((one["label"], one["score"], clipped))
    ours = []
    for one in detector.run(photo(name), min_score=0.0).findings:
        x, y, w, h = one.box
        if min(w, h) > 2:
            ours.append((one.label, one.score, np.array([x, y, x + w, y + h])))
    assert len(ours) > 50
    assert len({box[2].tobytes() for box in ours}) > 30  # unlike boxes, or equal ones prove nothing
    assert [one for one in ours[:50] if not among(one, theirs)] == []
    assert [one for one in theirs[:50] if not among(one, ours)] == []


def among(one: tuple, others: list[tuple]) -> bool:
    """Whether an object is one of the others; near ties may stand in another order."""
    label, score, box = one
    return any(label == b[0] and abs(score - b[1]) < 1e-4 and np.abs(box - b[2]).max() < 1.01 for b in others)


def test_the_row_is_that_of_the_folder(source, detector):
    spec = detector.analyser.spec
    assert (spec.name, spec.kind, spec.labels, spec.licence) == ("signs", "objects", LABELS, "Apache-2.0")
    assert spec.source.weights.keys() == {"model.safetensors", "config.json"}
    assert spec.settings["size"] == SIZE
    assert spec.parts["detect"].row_bytes == SIZE * SIZE * 3
    assert spec.parts["detect"].answer_bytes == 120 * (3 + 4) * 4


def test_labels_are_those_of_the_folder(detector):
    found = detector.run(photo("coffee"), min_score=0.0, labels=("Protest sign",))
    assert {finding.label for finding in found.findings} == {"protest sign"}
    with pytest.raises(AnalysisError, match="none of the 3 classes of 'signs'; close to it: protest sign"):
        detector.run(photo("coffee"), labels=("protest",))


def test_words_for_a_detector_with_labels_of_its_own_are_refused(detector):
    code = detector.analyser
    with pytest.raises(AnalysisError, match="labels of one's own need a detector by words, such as OWLv2"):
        code.check(code.choices(labels=("a rainbow flag",)))
    with pytest.raises(AnalysisError, match="min_scores: got 'dog', which is none of the labels"):
        code.check(code.choices(min_scores={"dog": 0.5}))


def test_single_labels_and_overlaps_are_chosen_by_the_request(detector):
    every = detector.run(photo("coffee"), min_score=0.0).findings
    middle = float(np.median([each.score for each in every if each.label == "cat"]))
    some = detector.run(photo("coffee"), min_score=0.0, min_scores={"Cat": middle}).findings
    assert min(each.score for each in some if each.label == "cat") >= middle
    apart = detector.run(photo("coffee"), min_score=0.0, overlap=0.1).findings
    assert apart
    assert [each.box for each in apart] != [each.box for each in every]


def test_rows_alone_and_in_a_batch_are_equal(detector):
    rows = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)
    rows[1] = np.asarray(photo("chelsea").resize((SIZE, SIZE)))
    together = detector.graph("detect", (rows,))
    for index, row in enumerate(rows):
        for out, alone in zip(together, detector.graph("detect", (row[None],)), strict=True):
            assert np.abs(out[index] - alone[0]).max() == 0.0


@pytest.mark.parametrize("size", [(1, 1), (65_535, 1), (1, 65_535), (300, 200)])
def test_boxes_are_within_every_picture(detector, size):
    for finding in detector.run(Image.new("RGB", size, (9, 200, 9)), min_score=0.0).findings:
        x, y, width, height = finding.box
        assert min(x, y) >= 0
        assert min(width, height) > 0
        assert x + width <= size[0] * (1 + 1e-12)
        assert y + height <= size[1] * (1 + 1e-12)


def test_queries_are_compared_as_a_set():
    rng = np.random.default_rng(0)
    scores, boxes = rng.random((2, 50, 3), np.float32), rng.random((2, 50, 4), np.float32)
    order = rng.permutation(50)
    assert agreement([scores, boxes], [scores[:, order], boxes[:, order]]) == 1
    other = boxes.copy()
    other[1, 7, 2] += 0.1
    assert agreement([scores, boxes], [scores, other]) == 49 / 50


@pytest.mark.parametrize(
    ("file", "changes", "words"),
    [
        ("config.json", {"model_type": "detr"}, "has model_type 'detr'; detectors that can be imported: rt_detr, "),
        ("config.json", {"id2label": {"0": "cat", "1": "cat", "2": "dog"}}, "has 3 labels, some of them equal"),
        ("preprocessor_config.json", {"do_pad": True}, "needs do_pad, which is not supported"),
        ("preprocessor_config.json", {"size": {"shortest_edge": 800, "longest_edge": 1333}}, "is not supported"),
    ],
)
def test_folders_that_cannot_be_reproduced_are_refused(source, tmp_path, file, changes, words):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in source.iterdir():
        (copy / path.name).symlink_to(path)
    content = json.loads((copy / file).read_text()) | changes
    (copy / file).unlink()
    (copy / file).write_text(json.dumps(content))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(ModelUnavailable) as caught:
        export_detector(copy, out, name="x")
    assert words in caught.value.message
    assert not list(out.iterdir())


def test_damaged_folders_are_refused(source, tmp_path):
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).symlink_to(source / name)
    with pytest.raises(ModelUnavailable, match="has neither"):
        export_detector(tmp_path, tmp_path, name="x")
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelUnavailable, match="its weights cannot be loaded"):
        export_detector(tmp_path, tmp_path, name="x")
    with pytest.raises(ModelUnavailable, match="cannot be read by transformers"):
        export_detector(tmp_path / "nothing", tmp_path, name="x")


@pytest.mark.thorough
def test_the_command_imports_a_detector(source, tmp_path, monkeypatch, capsys):
    home = tmp_path / "home"

    def run(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["models", "import", *arguments, "--home", str(home)])
        main()
        return capsys.readouterr().out

    out = run(str(source), "--name", "signs")
    assert "signs: analyser of objects with 3 labels" in out
    assert "DAGUERRE_ANALYSERS=text,objects," in out
    made = locate("signs", home)
    assert made.spec.labels == LABELS
    found = Opened(Objects, made.spec, made.path, made=True).run(photo("chelsea"), min_score=0.0)
    assert found.findings
    assert run(str(source), "--name", "signs")  # again: nothing changes
    other = copied(source, tmp_path / "other")
    with pytest.raises(SystemExit, match="--replace"):
        run(str(other), "--name", "signs")
    run(str(other), "--name", "signs", "--replace")
    assert locate("signs", home).spec.labels == ("cat", "sign", "police car")
    with pytest.raises(SystemExit, match="built-in analyser"):
        run(str(source), "--name", "objects")


def copied(source: Path, target: Path) -> Path:
    """The folder with another label."""
    shutil.copytree(source, target)
    config = json.loads((target / "config.json").read_text())
    config["id2label"]["1"] = "sign"
    (target / "config.json").write_text(json.dumps(config))
    return target
