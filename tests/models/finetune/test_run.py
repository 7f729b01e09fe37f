"""Fine-tuning from items to a folder: what is learnt, what is served, and how a killed run goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file, save_file
from sklearn.metrics import accuracy_score, log_loss, r2_score

from models.classifiers.network import GRAPH, MANIFEST, Network
from models.errors import ModelUnavailable, TrainingError
from models.finetune.device import select_device
from models.finetune.loop import Loop
from models.finetune.network import Classifier
from models.finetune.options import Augmentation
from models.finetune.outcome import Outcome
from models.finetune.run import OUTCOME
from models.finetune.starts import load_start
from models.images.decoding import ImageLimits, load_pixels
from tests.models import coded_images as images
from tests.models import tiny_models
from tests.models.finetune_runs import OPTIONS, train

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    return str(tiny_models.vit(tmp_path_factory.mktemp("start") / "vit", dropout=0.1))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return images.folder(tmp_path_factory.mktemp("images"), train=12, test=4)


@pytest.fixture(scope="module")
def made(data, vit, tmp_path_factory):
    """A folder, its outcome and the progress that was told."""
    out, said = tmp_path_factory.mktemp("made") / "out", []
    outcome = train(data, out, start=vit, report=lambda part, stage: said.append((part, stage)))
    return out, outcome, said


def untimed(outcome):
    return [replace(line, seconds=0.0) for line in outcome.curve]


def pixels_of(network, paths):
    return np.stack([load_pixels(p.read_bytes(), network.preprocess, limits=ImageLimits()) for p in paths])


# what is made


def test_what_is_served_says_what_torch_said(made, data):
    out, outcome, _ = made
    network = Network(out)
    got = network.predict(pixels_of(network, [data / name for name in outcome.test.names]))
    np.testing.assert_allclose(got, outcome.test.logits, atol=1e-4)
    assert outcome.parity < 1e-4
    assert outcome.parity_images == 18


def test_the_outcome_has_what_a_report_needs(made):
    _, outcome, _ = made
    assert outcome.reading.labels == images.CLASSES
    assert outcome.counts == {
        "train": dict.fromkeys(images.CLASSES, 10),
        "validation": dict.fromkeys(images.CLASSES, 2),
        "test": dict.fromkeys(images.CLASSES, 4),
    }
    assert len(outcome.test) == 12
    assert [images.CLASSES[int(t)] for t in outcome.test.targets] == [n.split("/")[1] for n in outcome.test.names]
    assert outcome.probabilities(outcome.test).shape == (12, 3)
    assert {"torch", "onnxruntime", "transformers"} <= outcome.versions.keys()
    assert outcome.options["seed"] == 0


def test_the_curve_is_of_the_validation_images_and_the_best_epoch_is_served(made):
    """Oracle: scikit-learn on the predictions of the weights that were kept."""
    _, outcome, _ = made
    losses = [line.validation_loss for line in outcome.curve]
    assert outcome.best == int(np.argmin(losses))
    said = replace(outcome.reading, temperature=1.0).probabilities(outcome.validation.logits)
    targets = outcome.validation.targets
    assert losses[outcome.best] == pytest.approx(log_loss(targets, said, labels=range(3)), abs=1e-5)
    assert outcome.curve[outcome.best].score == pytest.approx(accuracy_score(targets, said.argmax(1)))
    assert outcome.curve[0].stage == "head"
    assert {line.stage for line in outcome.curve} == {"head", "last", "all"}


def test_progress_rises_from_nothing_to_all(made):
    said = made[2]
    parts = [part for part, _ in said]
    assert parts == sorted(parts)
    assert (parts[0], parts[-1]) == (0.0, 1.0)
    assert list(dict.fromkeys(stage for _, stage in said)) == ["start", "decoding", "training", "exporting", "done"]


def test_the_folder_holds_no_images_and_nothing_is_left_of_the_work(made):
    out, _, _ = made
    assert {path.name for path in out.iterdir()} == {GRAPH, MANIFEST, OUTCOME}
    assert [path.name for path in out.with_name("work").iterdir()] in ([], [".lock"])
    assert out.stat().st_mode == out.parent.stat().st_mode


def test_the_outcome_goes_through_json(made):
    out, outcome, _ = made
    again = Outcome.from_json((out / OUTCOME).read_text(encoding="utf-8"))
    assert again.to_json() == outcome.to_json()
    np.testing.assert_array_equal(again.test.logits, outcome.test.logits)
    assert again.curve == outcome.curve
    assert again.reading == outcome.reading


def test_the_manifest_says_what_it_was_made_of(made, vit):
    manifest = json.loads((made[0] / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["start"] == {
        "name": "vit",
        "fingerprint": load_start(vit).fingerprint,
        "licence": "that of the model's folder",
    }
    assert manifest["options"]["task"] == "categorical"
    assert manifest["parity"]["images"] == 18
    assert manifest["preprocess"]["size"] == 32


def test_patterns_are_learnt_better_than_by_the_head_alone(data, vit, tmp_path):
    options = replace(OPTIONS, head_epochs=20, epochs=25, patience=25, augmentation=Augmentation(colour=0, crop=0))
    outcome = train(data, tmp_path / "out", start=vit, options=options)
    right = outcome.probabilities(outcome.test).argmax(1) == outcome.test.targets
    head = min(line.validation_loss for line in outcome.curve if line.stage == "head")
    assert right.mean() >= 0.75  # chance is a third
    assert outcome.curve[outcome.best].validation_loss < 0.8 * head


# tasks


def table(tmp_path, target, *, n=40, test=12, **columns):
    rows = []
    for i in range(n + test):
        shade = int(20 + 215 * i / (n + test - 1))
        images.save(tmp_path / f"{i}.png", np.full((32, 32, 3), shade, np.uint8))
        split = "test" if i % 5 == 2 else "train"
        rows.append(
            {"path": f"{i}.png", "target": target(shade), "split": split, **{k: v(i) for k, v in columns.items()}}
        )
    return images.table(tmp_path / "t.csv", rows)


EASY = replace(
    OPTIONS,
    head_epochs=60,
    head_rate=1e-2,
    patience=20,
    unfreeze="none",
    augmentation=Augmentation(flip=False, crop=0, colour=0),
)


def test_a_binary_task_gives_the_chance_of_the_positive_class(tmp_path, vit):
    coded = table(tmp_path, lambda shade: "dark" if shade < 128 else "light")
    outcome = train(coded, tmp_path / "out", start=vit, options=replace(EASY, task="binary", positive="dark"))
    chances = outcome.probabilities(outcome.test)
    assert outcome.reading.labels == ("light", "dark")
    assert chances.shape == (len(outcome.test), 2)
    assert ((chances[:, 1] > 0.5) == (outcome.test.targets == 1)).mean() > 0.8
    network = Network(tmp_path / "out")
    assert network.labels_of(np.array([[0.6, 0.4], [0.5, 0.5]])) == ["light", "dark"]


@pytest.mark.parametrize("bounds", [None, (0.0, 10.0)])
def test_a_number_is_learnt_and_stays_in_its_bounds(tmp_path, vit, bounds):
    coded = table(tmp_path, lambda shade: shade / 25.5, n=60)
    outcome = train(coded, tmp_path / "out", start=vit, options=replace(EASY, task="continuous", bounds=bounds))
    values = outcome.values(outcome.test)
    assert r2_score(outcome.test.targets, values) > 0.8
    assert outcome.curve[outcome.best].score == pytest.approx(
        r2_score(outcome.validation.targets, outcome.values(outcome.validation)), abs=1e-4
    )
    network = Network(tmp_path / "out")
    random = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)
    value, low, high = network.values(random, level="0.9")
    assert (low <= value).all()
    assert (value <= high).all()
    if bounds:
        assert low.min() >= 0
        assert high.max() <= 10
        far = outcome.reading.values(np.array([[-1e4], [1e4]]))
        assert far.tolist() == [0, 10]
    assert outcome.counts["test"] == {"": len(outcome.test)}


def test_weights_of_items_are_honoured(tmp_path, vit):
    """Every shade is coded both ways; the heavier code is learnt."""
    rows = []
    for i in range(40):
        shade = 40 if i % 2 else 220
        pixels = np.random.default_rng(i).normal(shade, 5, (32, 32, 3)).clip(0, 255).astype(np.uint8)
        images.save(tmp_path / f"{i}.png", pixels)
        wrong = i % 4 < 2  # half of them
        target = "dark" if (shade == 40) != wrong else "light"
        rows.append({"path": f"{i}.png", "target": target, "weight": 0.05 if wrong else 2})
    for sign, name in ((1, "a"), (-1, "b")):
        weighed = [{**row, "weight": row["weight"] if sign > 0 else 2.05 - row["weight"]} for row in rows]
        images.table(tmp_path / f"{name}.csv", weighed)
        outcome = train(tmp_path / f"{name}.csv", tmp_path / name, start=vit, options=replace(EASY, task="binary"))
        network = Network(tmp_path / name)
        shades = np.stack([np.full((32, 32, 3), s, np.uint8) for s in (40, 220)])
        light = network.probabilities(shades)[:, 1]
        assert (light[1] > 0.7 and light[0] < 0.3) if sign > 0 else (light[1] < 0.3 and light[0] > 0.7)
        assert outcome.curve[outcome.best].score > 0.9  # weighted: half of the codes are wrong


def test_rare_classes_can_be_made_to_count_as_much(tmp_path, vit):
    """Predictions for images that say nothing are the shares of the classes, or even."""
    rows = []
    for i in range(60):
        images.save(tmp_path / f"{i}.png", np.random.default_rng(i).normal(128, 3, (32, 32, 3)).astype(np.uint8))
        rows.append({"path": f"{i}.png", "target": "rare" if i % 6 == 0 else "common"})
    images.table(tmp_path / "t.csv", rows)
    means = []
    for weight in (None, "balanced"):
        options = replace(EASY, task="binary", class_weight=weight, head_rate=1e-4, head_epochs=3)
        outcome = train(tmp_path / "t.csv", tmp_path / f"{weight}", start=vit, options=options)
        means.append(float((1 / (1 + np.exp(-outcome.validation.logits))).mean()))
    assert means == pytest.approx([1 / 6, 1 / 2], abs=0.03)


# stopping and going on


class Stop(Exception):
    pass


def stopping(after):
    count = 0

    def report(part, stage):
        nonlocal count
        count += 1
        if count > after:
            raise Stop

    return report


@pytest.mark.parametrize("after", [9, 10, 12])
def test_a_run_that_is_stopped_anywhere_goes_on_to_the_same_weights(made, data, vit, tmp_path, after):
    _, wanted, _ = made
    attempts = 0
    while True:
        attempts += 1
        try:  # each attempt ends an epoch or two, and is stopped within the next
            outcome = train(data, tmp_path / "out", start=vit, report=stopping(after))
            break
        except Stop:
            assert not (tmp_path / "out").exists()
    assert attempts > 3
    assert untimed(outcome) == untimed(wanted)
    assert outcome.fingerprint == wanted.fingerprint
    np.testing.assert_array_equal(outcome.test.logits, wanted.test.logits)


RUN = """
import sys, torch
from pathlib import Path
from tests.models.finetune_runs import train
torch.set_num_threads(1)
print("began", flush=True)
train(Path(sys.argv[1]), Path(sys.argv[2]), start=sys.argv[3])
"""


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_to_the_same_weights(made, data, vit, tmp_path):
    _, wanted, _ = made
    out, epochs, kills = tmp_path / "out", [], 0
    run = tmp_path / "work" / "checkpoint" / "run.json"
    while not out.exists():
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(data), str(out), vit], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "began\n"
        before = run.stat().st_mtime_ns if run.exists() else 0
        end = time.monotonic() + 60
        while kills < 2 and process.poll() is None and time.monotonic() < end:
            if run.exists() and run.stat().st_mtime_ns > before:  # an epoch of this process is on the disk
                time.sleep(0.02 * kills)
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.002)
        process.communicate(timeout=60)
        if not out.exists():
            assert process.returncode == -signal.SIGKILL
            epochs.append(len(json.loads(run.read_text())["progress"]["curve"]))
    assert kills == 2
    assert epochs == sorted(set(epochs))  # each attempt went further
    outcome = Outcome.from_json((out / OUTCOME).read_text(encoding="utf-8"))
    assert untimed(outcome) == untimed(wanted)
    assert outcome.fingerprint == wanted.fingerprint


def test_a_run_that_has_ended_is_not_run_again(made, data, vit, monkeypatch):
    out, outcome, _ = made
    monkeypatch.setattr("models.finetune.run._run", None)
    again = train(data, out, start=vit)
    assert again.to_json() == outcome.to_json()


def test_another_run_takes_neither_its_folder_nor_its_checkpoint(made, data, vit, tmp_path):
    other = replace(OPTIONS, seed=1)
    with pytest.raises(TrainingError, match="out: out holds another run"):
        train(data, made[0], start=vit, options=other)
    with pytest.raises(Stop):
        train(data, tmp_path / "out", start=vit, report=stopping(12))
    with pytest.raises(TrainingError, match="checkpoint holds a run with other images"):
        train(data, tmp_path / "out", start=vit, options=other)


def test_two_processes_do_not_train_in_one_place(data, vit, tmp_path):
    (tmp_path / "work").mkdir()
    with (
        FileLock(tmp_path / "work" / ".lock"),
        pytest.raises(TrainingError, match="another process uses work"),
    ):
        train(data, tmp_path / "out", start=vit)


def test_the_same_seed_gives_the_same_and_another_another(made, data, vit, tmp_path):
    other = train(data, tmp_path / "out", start=vit, options=replace(OPTIONS, seed=1))
    assert other.fingerprint != made[1].fingerprint


def test_a_stage_ends_when_it_no_longer_gets_better(data, vit, tmp_path):
    options = replace(OPTIONS, unfreeze="none", head_epochs=200, head_rate=0.1, patience=2)
    curve = train(data, tmp_path / "out", start=vit, options=options).curve
    losses = [line.validation_loss for line in curve]
    assert len(curve) == int(np.argmin(losses)) + 3 < 200


def test_a_stage_may_be_worse_than_the_head_for_a_while(data, vit, tmp_path, monkeypatch):
    """Patience counts from a stage's own lowest loss; what is served is the lowest of all."""
    losses = iter([1.0, 0.5, 0.6, 0.7, 5.0, 4.0, 3.0, 0.4, 0.45, 0.45])
    monkeypatch.setattr(Loop, "_validate", lambda self, features: (next(losses), 0.0))
    options = replace(OPTIONS, unfreeze="last", head_epochs=9, epochs=9, patience=2)
    outcome = train(data, tmp_path / "out", start=vit, options=options)
    assert [line.stage for line in outcome.curve] == ["head"] * 4 + ["last"] * 6
    assert outcome.curve[outcome.best].validation_loss == 0.4
    assert next(losses, None) is None


def test_a_stage_that_makes_it_worse_leaves_no_trace(data, vit, tmp_path):
    head = train(data, tmp_path / "head", start=vit, options=replace(OPTIONS, unfreeze="none", head_epochs=30))
    options = replace(OPTIONS, unfreeze="all", head_epochs=30, rate=1.0, epochs=2, patience=2)
    ruined = train(data, tmp_path / "all", start=vit, options=options)
    assert ruined.curve[ruined.best].stage == "head"
    assert len(ruined.curve) == len(head.curve) + 4
    np.testing.assert_allclose(ruined.test.logits, head.test.logits, atol=1e-6)
    assert "head_is_best" in {note.code for note in ruined.notes}


# what is refused or noted


def test_a_corrupt_image_is_left_out_alone(data, vit, tmp_path):
    copy = images.folder(tmp_path / "data", train=12, test=4)
    victim = copy / "train/bars/000.png"
    victim.write_bytes(victim.read_bytes()[:-40])
    outcome = train(copy, tmp_path / "out", start=vit)
    assert [(row.name, row.code) for row in outcome.dropped] == [("train/bars/000.png", "invalid_image")]
    assert outcome.counts["train"]["bars"] + outcome.counts["validation"]["bars"] == 11


def test_few_images_and_no_test_are_noted(vit, tmp_path):
    few = images.folder(tmp_path / "data", train=4, test=0)
    notes = {note.code for note in train(few, tmp_path / "out", start=vit).notes}
    assert {"few_images", "no_test"} <= notes


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7", "mps", "cuda:x", "gpu"])
def test_a_device_that_is_not_there_is_refused_and_never_replaced(device, data, vit, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelUnavailable, match=f"device: .*{device}.*"):
        train(data, tmp_path / "out", start=vit, device=device)


def test_precision_follows_the_device(monkeypatch):
    assert select_device("cpu", None) == (torch.device("cpu"), "fp32")
    with pytest.raises(ModelUnavailable, match="fp16 on a CPU"):
        select_device("cpu", "fp16")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for capability, precision in (((9, 0), "bf16"), ((7, 5), "fp16")):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, c=capability: c)
        assert select_device("cuda:1", None) == (torch.device("cuda", 1), precision)
    assert select_device("cuda", "fp32") == (torch.device("cuda", 0), "fp32")


def test_mixed_precision_trains_and_is_recorded(data, vit, tmp_path):
    """On a CPU; a GPU takes the same path."""
    outcome = train(data, tmp_path / "out", start=vit, options=replace(OPTIONS, precision="bf16"))
    assert outcome.precision == "bf16"
    assert outcome.parity < 1e-4  # what is served is fp32


def test_a_loss_that_is_no_number_ends_the_run(data, vit, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("config.json", "preprocessor_config.json"):
        (broken / name).write_bytes((Path(vit) / name).read_bytes())
    weights = load_file(Path(vit) / "model.safetensors")
    weights["vit.embeddings.cls_token"] *= float("nan")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainingError, match="the loss became nan in epoch 1 of stage head"):
        train(data, tmp_path / "out", start=str(broken))
    assert not (tmp_path / "out").exists()


def test_a_graph_that_differs_from_torch_is_refused(vit, tmp_path):
    from models.finetune.export import export

    start = load_start(vit)
    network = Classifier(start.backbone, width=32, outputs=3, mean=start.pixelwise.mean, std=start.pixelwise.std)
    torch.nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(0))
    pixels = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), np.uint8)
    assert 0 < export(network, pixels, tmp_path / "a.onnx") < 1e-4
    with pytest.raises(ModelUnavailable, match=r"b\.onnx: its logits differ from torch's by"):
        export(network, pixels, tmp_path / "b.onnx", tolerance=0.0)


def test_an_export_that_fails_leaves_no_folder_and_can_be_tried_again(data, vit, tmp_path, monkeypatch, made):
    def fails(*_, **__):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("models.finetune.run.export", fails)
        with pytest.raises(OSError, match="disk full"):
            train(data, tmp_path / "out", start=vit)
    assert [path.name for path in tmp_path.iterdir()] == ["work"]
    (tmp_path / ".out.staging-killed").mkdir()
    assert train(data, tmp_path / "out", start=vit).fingerprint == made[1].fingerprint
    assert {path.name for path in tmp_path.iterdir()} == {"out", "work"}


# other starting points


def test_a_resnet_is_fine_tuned_and_exported(data, tmp_path):
    start = str(tiny_models.resnet(tmp_path / "resnet"))
    outcome = train(data, tmp_path / "out", start=start)
    assert outcome.parity < 1e-4
    assert Network(tmp_path / "out").preprocess.resize_size == 36


def test_the_embedded_network_is_fine_tuned_and_exported(data, tmp_path):
    options = replace(OPTIONS, unfreeze="last", head_epochs=8, epochs=1)
    outcome = train(data, tmp_path / "out", start="embedded", options=options)
    assert outcome.parity < 1e-4
    assert (outcome.probabilities(outcome.test).argmax(1) == outcome.test.targets).mean() > 0.6
    network = Network(tmp_path / "out")
    assert network.preprocess.resize == "letterbox"
    got = network.predict(pixels_of(network, [data / outcome.test.names[0]]))
    np.testing.assert_allclose(got[0], outcome.test.logits[0], atol=1e-4)
