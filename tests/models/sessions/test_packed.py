"""Packed graphs: the same vectors, one copy in memory, made once, and none where there cannot be one."""

import ctypes
import json
import logging
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from models.sessions import packed
from models.sessions.onnx import OnnxSession
from models.sessions.packed import GRAPH, REFUSED, SUMS, WEIGHTS, pack, packed_graph

SIDE, LAYERS = 2048, 3  # 48 MiB of weights
ROLLUP = Path("/proc/self/smaps_rollup")


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """input_ids (n, 2048) int64 → products with random weights, (n, 2048)."""
    rng = np.random.default_rng(0)
    names = [f"layer {i}" for i in range(LAYERS)]
    weights = [
        helper.make_tensor(
            f"w {i}", TensorProto.FLOAT, [SIDE, SIDE], (rng.random((SIDE, SIDE), np.float32) / SIDE).tobytes(), raw=True
        )
        for i in range(LAYERS)
    ]
    nodes = [helper.make_node("Cast", ["input_ids"], ["floats"], to=TensorProto.FLOAT)]
    values = ["floats", *names[:-1], "raw"]
    nodes += [helper.make_node("MatMul", [values[i], f"w {i}"], [values[i + 1]]) for i in range(LAYERS)]
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", SIDE])
    raw = helper.make_tensor_value_info("raw", TensorProto.FLOAT, ["n", SIDE])
    made = helper.make_graph(nodes, "products", [ids], [raw], weights)
    path = tmp_path_factory.mktemp("model-0123") / "text.onnx"
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def cache(graph: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    assert packed_graph(graph, folder)
    return folder


@pytest.fixture
def no_other_process(monkeypatch):
    def run(*arguments, **options):
        raise AssertionError("it is made again")

    monkeypatch.setattr(packed, "run_module", run)


def test_a_packed_graph_has_the_same_bits(graph, cache, no_other_process):
    ids = np.random.default_rng(1).integers(0, 100, (3, SIDE))
    plain, mapped = OnnxSession(graph, threads=1), OnnxSession(graph, threads=2, packed=cache)
    assert plain.run(ids).tobytes() == mapped.run(ids).tobytes()


@pytest.mark.skipif(not ROLLUP.exists(), reason="no sums of mappings on this system")
def test_sessions_take_no_copies_of_the_weights(graph, cache, no_other_process):
    """They map the file: memory of their own, which is no page of a file, hardly grows."""
    ids = np.ones((1, SIDE), np.int64)
    sessions, before = [], own_memory()
    for threads in (1, 2):
        sessions.append(OnnxSession(graph, threads=threads, packed=cache))
        sessions[-1].run(ids)
    assert own_memory() - before < LAYERS * SIDE * SIDE * 4 / 2
    assert Path("/proc/self/maps").read_text().count(f"/{WEIGHTS}\n") >= 1


def own_memory() -> int:
    """Bytes in use that are no pages of files."""
    ctypes.CDLL(None).malloc_trim(0)  # what opening a session has released is not in use
    (line,) = (line for line in ROLLUP.read_text().splitlines() if line.startswith("Anonymous:"))
    return int(line.split()[1]) * 1024


def test_another_version_has_a_file_of_its_own_and_removes_the_older_one(graph, tmp_path, monkeypatch):
    first = packed_graph(graph, tmp_path)
    monkeypatch.setattr(onnxruntime, "__version__", "99.0")
    second = packed_graph(graph, tmp_path)
    assert first
    assert second
    assert first != second
    assert not first.exists()
    assert second.exists()
    monkeypatch.setattr(packed, "processor", lambda: "another processor")
    third = packed_graph(graph, tmp_path)
    assert third
    assert second.exists()


def test_a_small_graph_is_opened_as_it_is(graph, tmp_path, monkeypatch, no_other_process):
    monkeypatch.setattr(packed, "SMALLEST", graph.stat().st_size + 1)
    assert packed_graph(graph, tmp_path / "cache") is None
    assert not (tmp_path / "cache").exists()


def test_without_a_place_to_write_it_is_opened_as_it_is(graph, tmp_path, caplog):
    (tmp_path / "cache").write_text("not a folder")
    with caplog.at_level(logging.WARNING, "daguerre.packed"):
        session = OnnxSession(graph, threads=1, packed=tmp_path / "cache")
    assert session.run(np.ones((1, SIDE), np.int64)).shape == (1, SIDE)
    assert "text.onnx is opened without a packed form" in caplog.text


def test_a_graph_with_other_vectors_is_refused_once_and_for_all(graph, tmp_path, monkeypatch):
    monkeypatch.setattr(packed.np, "array_equal", lambda *arrays, **options: False)
    pack(graph, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [REFUSED]
    monkeypatch.undo()

    def refused(module, graph, folder):
        (Path(folder) / REFUSED).write_text("other vectors")
        calls.append(graph)
        return type("Done", (), {"returncode": 0})

    calls: list[str] = []
    monkeypatch.setattr(packed, "run_module", refused)
    assert packed_graph(graph, tmp_path / "cache") is packed_graph(graph, tmp_path / "cache") is None
    assert len(calls) == 1


def test_a_packed_folder_has_graph_weights_and_their_sums_only(cache):
    (folder,) = (path for path in cache.iterdir() if path.is_dir())
    assert sorted(path.name for path in folder.iterdir()) == sorted([GRAPH, WEIGHTS, SUMS])
    assert folder.name.startswith("model-0123")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def change(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        byte = opened.read(1)
        opened.seek(-1, 1)
        opened.write(bytes([byte[0] ^ 64]))


@pytest.mark.parametrize("damage", [cut, change, Path.unlink])
@pytest.mark.parametrize("name", [GRAPH, WEIGHTS, SUMS])
def test_a_damaged_file_is_made_again(graph, cache, tmp_path, caplog, name, damage):
    folder = shutil.copytree(cache, tmp_path / "cache")
    (damaged,) = folder.glob(f"*/{name}")
    damage(damaged)
    ids = np.random.default_rng(1).integers(0, 100, (3, SIDE))
    with caplog.at_level(logging.WARNING, "daguerre.packed"):
        session = OnnxSession(graph, threads=1, packed=folder)
    assert session.run(ids).tobytes() == OnnxSession(graph, threads=1).run(ids).tobytes()
    assert "is made again, since its files have changed" in caplog.text
    for name in (GRAPH, WEIGHTS):
        (whole,) = cache.glob(f"*/{name}")
        assert (damaged.parent / name).read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("sums", ["[" * 100_000, "{}", '{"../x": ""}', '{"graph.onnx": "0"}', "[]", "null"])
def test_strange_sums_are_made_again(graph, cache, tmp_path, sums):
    folder = shutil.copytree(cache, tmp_path / "cache")
    (file,) = folder.glob(f"*/{SUMS}")
    file.write_text(sums)
    assert packed_graph(graph, folder)
    assert set(json.loads(file.read_text())) == {GRAPH, WEIGHTS}


def test_damage_that_cannot_be_removed_is_not_opened(graph, cache, tmp_path, monkeypatch, caplog):
    folder = shutil.copytree(cache, tmp_path / "cache")
    (damaged,) = folder.glob(f"*/{WEIGHTS}")
    change(damaged)
    monkeypatch.setattr(packed.shutil, "rmtree", lambda *arguments, **options: None)
    with caplog.at_level(logging.WARNING, "daguerre.packed"):
        assert packed_graph(graph, folder) is None
    assert "cannot be removed" in caplog.text


def test_a_packed_graph_that_cannot_be_opened_is_opened_as_it_is(graph, tmp_path, monkeypatch, caplog):
    def useless(module, graph, folder):
        (Path(folder) / GRAPH).write_text("no graph")
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(packed, "run_module", useless)
    with caplog.at_level(logging.WARNING, "daguerre.packed"):
        session = OnnxSession(graph, threads=1, packed=tmp_path)
    assert session.run(np.ones((1, SIDE), np.int64)).shape == (1, SIDE)
    assert "cannot be opened, and its graph is" in caplog.text


def test_a_failure_is_none_for_ever_and_what_a_killed_process_left_is_removed(graph, tmp_path, monkeypatch, caplog):
    names = []

    def killed(module, graph, folder):  # before its folder is removed
        names.append(Path(folder).name)
        return type("Done", (), {"returncode": 1, "stderr": "No space left on device"})

    with monkeypatch.context() as patched:
        patched.setattr(packed, "run_module", killed)
        patched.setattr(packed.shutil, "rmtree", lambda *arguments, **options: None)
        assert packed_graph(graph, tmp_path) is None
    assert (tmp_path / names[0]).exists()
    assert "No space left" in caplog.text
    assert packed_graph(graph, tmp_path)
    assert not (tmp_path / names[0]).exists()


def test_an_error_while_packing_is_no_refusal(graph, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise RuntimeError("No space left on device")

    monkeypatch.setattr(packed.ort, "InferenceSession", full)
    with pytest.raises(RuntimeError, match="No space"):
        pack(graph, tmp_path)
    assert not (tmp_path / REFUSED).exists()
