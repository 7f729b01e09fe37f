"""Where a run stands, on disk: whole whenever the process is killed, refused where it does not fit."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.classifiers.records import Epoch
from models.errors import TrainingError
from models.finetune.checkpoint import Checkpoint, Progress

ROOT = Path(__file__).parents[3]
LINE = Epoch(stage="head", epoch=1, rate=0.1, train_loss=1.0, validation_loss=0.5, score=0.5, seconds=1.0)


def progress(epochs=1, **fields):
    return Progress(key="k", epoch=epochs, curve=(LINE,) * epochs, best=0, scaler={"scale": 2.0}, **fields)


def tensors(value):
    return {"a": torch.full((3, 4), float(value)), "b": torch.tensor(7)}


def test_what_was_saved_comes_back(tmp_path):
    saved = progress(stage=1, stale=2, versions={"torch": "2"}, seconds=3.5)
    Checkpoint(tmp_path, key="k").save(saved, tensors(1), tensors(2))
    opened = Checkpoint(tmp_path, key="k")
    assert opened.progress == saved
    assert torch.equal(opened.load("state")["a"], tensors(1)["a"])
    assert torch.equal(opened.load("best")["a"], tensors(2)["a"])
    assert opened.load("state")["b"].dtype == torch.int64


def test_an_empty_folder_is_a_fresh_run(tmp_path):
    assert Checkpoint(tmp_path / "new", key="k").progress is None


def test_the_best_stays_when_only_the_state_is_saved_and_old_files_go(tmp_path):
    checkpoint = Checkpoint(tmp_path, key="k")
    checkpoint.save(progress(1), tensors(1), tensors(10))
    checkpoint.save(progress(2), tensors(2), None)
    (tmp_path / ".state-00003.safetensors.tmp").write_bytes(b"half")
    checkpoint.save(progress(3), tensors(3), None)
    opened = Checkpoint(tmp_path, key="k")
    assert float(opened.load("best")["a"][0, 0]) == 10
    assert float(opened.load("state")["a"][0, 0]) == 3
    assert len(list(tmp_path.iterdir())) == 3


def refusal(folder, key="k"):
    with pytest.raises(TrainingError) as caught:
        Checkpoint(folder, key=key)
    assert "give an empty work folder to begin anew" in caught.value.message
    return caught.value.message


def test_another_run_a_newer_format_and_damage_are_refused(tmp_path):
    Checkpoint(tmp_path, key="k").save(progress(), tensors(1), tensors(1))
    assert "other images, options or starting point" in refusal(tmp_path, "other")
    run = tmp_path / "run.json"
    text = run.read_text()
    run.write_text(json.dumps({**json.loads(text), "format": 2}))
    assert "format 2, this version reads 1" in refusal(tmp_path)
    for length in range(0, len(text), 41):
        run.write_text(text[:length])
        assert "cannot be read" in refusal(tmp_path)
    run.write_text(text)
    data = bytearray((tmp_path / "best-00001.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "best-00001.safetensors").write_bytes(data)
    assert "best-00001.safetensors is damaged" in refusal(tmp_path)
    (tmp_path / "best-00001.safetensors").unlink()
    assert "cannot be read" in refusal(tmp_path)


def test_no_file_is_a_pickle(tmp_path):
    Checkpoint(tmp_path, key="k").save(progress(), tensors(1), tensors(1))
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".json"}


WRITER = """
import sys, torch
from dataclasses import replace
from pathlib import Path
from tests.models.finetune.test_checkpoint import progress
from models.finetune.checkpoint import Checkpoint

checkpoint = Checkpoint(Path(sys.argv[1]), key="k")
n = len(checkpoint.progress.curve) if checkpoint.progress else 0
print("writing", flush=True)
while True:
    n += 1
    state = {"a": torch.full((64, 1024), float(n))}
    checkpoint.save(replace(progress(n), best=n - 1 - n % 3), state, state if n % 3 == 0 else None)
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_holds_a_whole_state(tmp_path):
    last = 0
    for round in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout.readline() == "writing\n"
        time.sleep(0.15 + 0.017 * round)
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate(timeout=30)
        opened = Checkpoint(tmp_path, key="k")
        if opened.progress is None:
            continue
        n = len(opened.progress.curve)
        assert n >= last
        assert (opened.load("state")["a"] == n).all()
        if n >= 3:
            assert (opened.load("best")["a"] == n - n % 3).all()
        last = n
    assert last >= 4


def test_progress_is_not_changed_by_what_follows(tmp_path):
    checkpoint = Checkpoint(tmp_path, key="k")
    first = progress()
    checkpoint.save(first, tensors(1), tensors(1))
    checkpoint.save(replace(first, epoch=2), tensors(2), None)
    assert first.epoch == 1
    assert checkpoint.progress.epoch == 2
