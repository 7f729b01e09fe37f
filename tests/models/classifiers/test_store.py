"""The store: a version is whole or not there, its number is its own for ever, and nothing in it is code."""

import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.classifiers.features import Feature
from models.classifiers.head import Block, Head
from models.classifiers.store import Store, check_name
from models.errors import TrainingError, UnknownClassifier

NOW = "2026-01-01T00:00:00Z"
HEAD = Head(
    task="categorical",
    blocks=(Block(modality="image", model="embedded", fingerprint="f", dimension=4),),
    labels=("a", "b", "ü"),
    coef=np.random.default_rng(0).standard_normal((3, 4)),
    intercept=np.array([0.1, -0.2, 1e-17]),
    slope=1.7,
    spread=float("inf"),
)
HEAD = replace(HEAD, folds=tuple(replace(HEAD, coef=f * HEAD.coef, slope=1.0 + f) for f in (1, 2, 3)))
NUMBER = replace(
    HEAD,
    task="continuous",
    labels=(),
    coef=HEAD.coef[:1],
    intercept=HEAD.intercept[:1],
    bounds=(0.0, 1.0),
    spread=0.25,
    folds=(),
)


def test_what_is_saved_comes_back_to_the_bit(tmp_path):
    store = Store(tmp_path)
    for head in (HEAD, NUMBER):
        found = Store(tmp_path).load("posts", store.save("posts", head, {"n": 3}, created=NOW).version)
        assert (found.head.coef == head.coef).all()
        assert (found.head.intercept == head.intercept).all()
        for name in ("task", "blocks", "labels", "slope", "offset", "threshold", "bounds", "spread", "partial"):
            assert getattr(found.head, name) == getattr(head, name)
        assert len(found.head.folds) == len(head.folds)
        for fold, kept in zip(head.folds, found.head.folds, strict=True):
            assert (fold.coef == kept.coef).all()
            assert fold.slope == kept.slope
        assert found.report() == {"n": 3}
    assert found.label == "posts@2"
    assert found.head.spread == 0.25
    assert found.manifest["libraries"]["numpy"] == np.__version__
    assert (store.names(), store.versions("posts")) == (["posts"], [1, 2])


def test_a_number_is_never_used_twice(tmp_path):
    store = Store(tmp_path)
    for _ in range(3):
        store.save("posts", HEAD, {}, created=NOW)
    assert store.delete("posts", 3) == [3]
    assert store.save("posts", HEAD, {}, created=NOW).version == 4
    assert store.load("posts").version == 4
    with pytest.raises(UnknownClassifier, match="has no version 3; it has 1, 2, 4"):
        store.load("posts", 3)
    assert store.delete("posts") == [1, 2, 4]
    assert store.names() == []
    with pytest.raises(UnknownClassifier, match="none yet"):
        store.load("posts")
    with pytest.raises(UnknownClassifier):
        store.delete("posts")
    assert store.save("posts", HEAD, {}, created=NOW).version == 5


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", ".a", "-a", "a" * 64, "a..b", "ä", "a b", "a\n", "con\x00"])
def test_a_name_is_no_path(tmp_path, name):
    store = Store(tmp_path)
    for call in (lambda: store.save(name, HEAD, {}, created=NOW), lambda: store.load(name), lambda: store.delete(name)):
        with pytest.raises(TrainingError) as caught:
            call()
        assert caught.value.code == "bad_name"
    assert list(tmp_path.iterdir()) == []


@given(name=st.text(max_size=70))
def test_a_name_that_passes_is_one_part_of_a_path(name):
    try:
        good = check_name(name)
    except TrainingError:
        return
    assert Path("/x", good).parent == Path("/x")
    assert good not in (".", "..")


def test_savers_at_once_get_numbers_of_their_own(tmp_path):
    got = []
    threads = [
        threading.Thread(target=lambda: got.append(Store(tmp_path).save("posts", HEAD, {}, created=NOW).version))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(1, 13))


KILLED = """
import os, signal, sys
from pathlib import Path
from models.classifiers import store as module
from tests.models.classifiers.test_store import HEAD, NOW
point, root = sys.argv[1:]
count = 0
def at(kind, name, when):
    original = getattr(kind, name)
    def spied(*args, **options):
        global count
        count += 1
        if count == when:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **options)
    setattr(kind, name, spied)
{"first file": lambda: at(module, "_write", 1), "manifest": lambda: at(module, "_write", 2),
 "rename": lambda: at(Path, "rename", 1), "folder": lambda: at(module, "sync_folder", 1)}[point]()
module.Store(Path(root)).save("posts", HEAD, {"n": 1}, created=NOW)
"""


@pytest.mark.parametrize("point", ["first file", "manifest", "rename", "folder"])
def test_killed_in_the_middle_nothing_half_is_served(tmp_path, point):
    store = Store(tmp_path)
    store.save("posts", HEAD, {}, created=NOW)
    run = subprocess.run(
        [sys.executable, "-c", KILLED, point, str(tmp_path)], cwd=Path(__file__).parents[3], timeout=60
    )
    assert run.returncode == -signal.SIGKILL
    assert store.versions("posts") in ([1], [1, 2])
    for number in store.versions("posts"):
        assert store.load("posts", number).head.labels == HEAD.labels
    leftovers = list((tmp_path / "posts").glob(".*.tmp"))
    assert store.clean() == 0, "they may be those of a running process"
    for leftover in leftovers:
        os.utime(leftover, (0, 0))
    assert store.clean() == len(leftovers)
    assert not [name for name in os.listdir(tmp_path / "posts") if name.startswith(".")]
    assert store.save("posts", HEAD, {}, created=NOW).version == max(store.versions("posts"))


def test_nothing_in_it_is_code(tmp_path):
    """An array of objects would be a pickle: it is not read, and the hash would tell first."""
    store = Store(tmp_path)
    folder = store.save("posts", HEAD, {}, created=NOW).folder
    assert sorted(path.name for path in folder.iterdir()) == ["head.npz", "manifest.json", "report.json"]
    with zipfile.ZipFile(folder / "head.npz") as archive:
        assert sorted(archive.namelist()) == ["coef.npy", "intercept.npy"]
    np.savez(folder / "head.npz", coef=np.array([object()]), intercept=np.zeros(1))
    with pytest.raises(TrainingError, match="was changed after it was saved"):
        store.load("posts")
    manifest = json.loads((folder / "manifest.json").read_text())
    from models.disk import sha256

    manifest["sha256"]["head.npz"] = sha256(folder / "head.npz")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(TrainingError, match="cannot be read"):
        store.load("posts")


def test_a_format_of_the_future_is_refused(tmp_path):
    store = Store(tmp_path)
    folder = store.save("posts", HEAD, {}, created=NOW).folder
    manifest = json.loads((folder / "manifest.json").read_text()) | {"format": 2}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(TrainingError, match="format 2, this version reads 1"):
        store.load("posts")


DAMAGES = {
    "missing": lambda path: path.unlink(),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "not JSON": lambda path: path.write_bytes(b"\xff\x00nonsense"),
    "a list": lambda path: path.write_bytes(b"[1]"),
    "deep": lambda path: path.write_bytes(b"[" * 100_000),
    "another object": lambda path: path.write_bytes(b'{"format": 1, "sha256": {"report.json": 5}}'),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("file", ["manifest.json", "head.npz", "report.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_and_the_classifier_can_be_deleted(tmp_path, file, damage):
    store = Store(tmp_path)
    saved = store.save("posts", HEAD, {"a": 1}, created=NOW, owner="anna", token="t")
    DAMAGES[damage](saved.folder / file)
    with pytest.raises(TrainingError, match=file):
        store.load("posts")
    if file == "report.json":
        with pytest.raises(TrainingError, match=file) if damage not in ("another object",) else nullcontext():
            saved.report()
    assert store.owner("posts", 1) == (None if file == "manifest.json" else "anna")
    assert store.names() == ["posts"]
    again = store.save("posts", HEAD, {}, created=NOW, token="t2")
    assert again.version == 2
    assert store.delete("posts") == [1, 2]
    assert store.names() == []


FEATURE = {"name": "persons", "centre": 2.0, "scale": 1.5}


@pytest.mark.parametrize(
    "change",
    [
        {"features": [{**FEATURE, "scale": 0.0}]},
        {"features": [{**FEATURE, "scale": -1.5}]},
        {"features": [{**FEATURE, "scale": float("1e999")}]},
        {"features": [{**FEATURE, "centre": float("-1e999")}]},
        {"features": [{**FEATURE, "name": ""}]},
        {"features": []},
        {"calibration": [{"slope": "1", "offset": 0.0}] * 4},
        {"calibration": [{"slope": None, "offset": 0.0}] * 4},
        {"calibration": [{"slope": 1.0}] * 4},
    ],
    ids=str,
)
def test_features_and_calibrations_that_are_none_are_damage(tmp_path, change):
    """A scale of 0 would give every item a probability of 0 or 1."""
    feature = Feature(**FEATURE)
    head = replace(HEAD, coef=np.ones((3, 5)), features=(feature,))
    head = replace(head, folds=tuple(replace(head, slope=1.0 + f) for f in (1, 2, 3)))
    store = Store(tmp_path)
    store.save("posts", head, {}, created=NOW)
    assert store.load("posts").head.features == (feature,)
    manifest = tmp_path / "posts" / "1" / "manifest.json"
    changed = json.dumps({**json.loads(manifest.read_text()), **change}).replace("Infinity", "1e999")
    manifest.write_text(changed)
    with pytest.raises(TrainingError) as caught:
        store.load("posts")
    assert caught.value.code == "classifier_damaged"


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_owner_is_known_where_a_manifest_is_damaged(tmp_path, damage):
    store = Store(tmp_path)
    saved = store.save("posts", HEAD, {}, created=NOW, owner="anna")
    assert store.owners("posts") == {"anna"}
    DAMAGES[damage](saved.folder / "manifest.json")
    assert store.owners("posts") == store.owners("posts", 1) == {"anna"}
    store.delete("posts")
    assert store.save("posts", HEAD, {}, created=NOW, owner="ben").version == 2
    assert store.owners("posts") == {"ben"}


def test_versions_of_two_owners_have_both(tmp_path):
    store = Store(tmp_path)
    store.save("posts", HEAD, {}, created=NOW, owner="anna")
    store.save("posts", HEAD, {}, created=NOW, owner="ben")
    assert store.owners("posts") == {"anna", "ben"}
    assert store.owners("posts", 2) == {"ben"}


def test_a_deletion_needs_no_room_and_leaves_nothing_of_the_version(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.save("posts", HEAD, {}, created=NOW)

    def full(*args, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", full)
        assert store.delete("posts") == [1]
    assert [path.name for path in (tmp_path / "posts").iterdir()] == ["1.gone"]
    assert not list((tmp_path / "posts" / "1.gone").iterdir())
