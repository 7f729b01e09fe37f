"""The GPU's benchmark: its arithmetic, its table, what it carries along, and a run of it on the CPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.gpu import folders, table, wheels

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(folders.FULL))
def test_operations_of_an_image_are_those_that_torch_counts(name):
    from transformers import CLIPVisionConfig, CLIPVisionModel, SiglipVisionConfig, SiglipVisionModel

    shape = folders.FULL[name]
    size = {"hidden_size": shape.width, "intermediate_size": shape.mlp, "num_hidden_layers": shape.layers}
    size |= {"num_attention_heads": shape.heads, "image_size": shape.side, "patch_size": shape.patch}
    with torch.device("meta"):
        if shape.kind == "clip":
            model = CLIPVisionModel(CLIPVisionConfig(**size, attn_implementation="eager"))
        else:
            model = SiglipVisionModel(SiglipVisionConfig(**size, vision_use_head=False, attn_implementation="eager"))
        counter = FlopCounterMode(display=False)
        with counter:
            model(pixel_values=torch.zeros(1, 3, shape.side, shape.side))
    assert counter.get_total_flops() == pytest.approx(shape.flops, rel=0.01)


def test_only_results_of_a_gpu_count_for_the_targets(tmp_path):
    row = {"part": "pixels", "model": "clip-b32", "batch": 64, "lanes": 2, "images_per_second": 41_000.0}
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps({**row, "device": "cpu"}) + "\n" + '{"part": "pix')  # cut by a kill
    assert "| pixels, CLIP B/32 | ≥ 40,000 | unmeasured |  |" in table.markdown(table.read(path))
    rows = [{**row, "device": "cuda:0"}, {**row, "device": "cuda:0", "model": "clip-l14", "images_per_second": 2_000.0}]
    made = table.markdown(rows)
    assert "| pixels, CLIP B/32 | ≥ 40,000 | 41,000 | met |" in made
    assert "| pixels, CLIP L/14 | ≥ 3,000 | 2,000 | **missed** |" in made
    assert "| clip-b32 | 64 | 2 | 41,000.0 |" in made


def test_what_the_machine_has_is_not_carried():
    names = {name for name, _ in wheels.needed(["daguerre-service", *wheels.MORE])}
    assert {"bentoml", "fastapi", "pydantic-core", "psutil"} <= names
    assert not names & {"torch", "transformers", "numpy", "scikit-learn", "daguerre-service"}
    assert "tomli" not in names  # of older Pythons


@pytest.mark.slow
def test_the_whole_run_on_a_cpu(tmp_path):
    """A minute and a half on two cores; half of it is the import of torch."""
    command = [sys.executable, "-m", "bench.gpu", "--device", "cpu", "--tiny", "--output", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    rows = table.read(tmp_path / "out" / "results.jsonl")
    ended = {row["of"]: row["ended"] for row in rows if row["part"] == "end"}
    assert set(ended.values()) == {"status 0"}, (ended, (tmp_path / "out" / "log.txt").read_text()[-3000:])
    assert all(row["met"] for row in rows if row["part"] == "agreement")
    (full,) = (row for row in rows if row["part"] == "full GPU")
    assert full["before"] == full["after"] == [200]
    assert full["alive"]
    assert all(row["images_per_second"] > 0 and not row["errors"] for row in rows if row["part"] == "uploads")
    (memory,) = (row for row in rows if row["part"] == "memory")
    assert memory["requests"] >= 60
    assert "unmeasured" in done.stdout
