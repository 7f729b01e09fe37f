"""`python -m models finetune`: what it makes and prints, and what it says when it cannot."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.classifiers.network import Network
from models.finetune.command import add_arguments
from models.finetune.options import Augmentation, Options
from tests.models import coded_images as images
from tests.models import tiny_models

ROOT = Path(__file__).parents[3]


def command(*arguments, prelude=""):
    run = "import runpy; runpy.run_module('models', alter_sys=True, run_name='__main__')"
    start = ["-c", f"{prelude}; {run}"] if prelude else ["-m", "models"]
    return subprocess.run(
        [sys.executable, *start, "finetune", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_folder_is_trained_on_and_the_curve_is_printed(tmp_path):
    data = images.folder(tmp_path / "data", train=6, test=2)
    (data / "train/bars/notes.txt").write_text("see the codebook")
    start = tiny_models.vit(tmp_path / "vit")
    small = ["--head-epochs", 2, "--epochs", 1, "--last-blocks", 1, "--no-flip", "--threads", 1, "--crop", 0.1]
    done = command(data, "--out", tmp_path / "out", "--start", start, *small)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("left out: train/bars/notes.txt: image looks like plain text")
    assert sum(line.startswith("note: ") for line in lines) >= 3  # three classes of few images
    assert [line.split()[:2] for line in lines if "validation loss" in line and not line.startswith("note")] == [
        ["head", "1"],
        ["head", "2"],
        ["last", "1"],
    ]
    assert lines[-1].startswith(f"{tmp_path / 'out'}: epoch ")
    network = Network(tmp_path / "out")
    assert network.reading.labels == images.CLASSES
    assert network.manifest["options"]["augmentation"] == {"flip": False, "crop": 0.1, "colour": Augmentation.colour}


def test_every_option_can_be_given_and_has_its_default():
    import argparse

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    given = vars(parser.parse_args(["x", "--out", "y"]))
    for name, field in Options.__dataclass_fields__.items():
        if name not in ("augmentation", "task"):
            assert given[name] == field.default, name
    for name, field in Augmentation.__dataclass_fields__.items():
        assert given[name] == field.default, name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere: no such folder or table"),
        (["data", "--epochs", "0"], "epochs: got 0, must be at least 1"),
        (["data", "--bounds", "0", "1"], "bounds: apply only to task continuous"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(tmp_path, arguments, said):
    arguments[0] = tmp_path / arguments[0]
    done = command(*arguments, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr


def test_without_torch_it_says_what_to_install(tmp_path):
    data = images.folder(tmp_path / "data", train=3, test=1)
    done = command(data, "--out", tmp_path / "out", prelude="import sys; sys.modules['torch'] = None")
    assert done.returncode == 1
    assert done.stderr.strip() == "fine-tuning needs torch: pip install 'daguerre-service[export]'"
