"""Zip files of strangers are read within limits, or refused with a sentence."""

import io
import json
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from daguerre import DaguerreError
from daguerre.replication import bundles
from daguerre.replication.bundles import open_bundle
from daguerre.replication.outcomes import npy_bytes, read_npy, without_paths

MANIFEST = {"kind": "daguerre-bundle", "version": 1, "steps": [], "files": {}}


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


def manifest(**changed: object) -> tuple[str, bytes]:
    return "manifest.json", json.dumps({**MANIFEST, **changed}).encode()


HOSTILE = [
    ([("../evil.csv", b"x"), manifest()], "no file of a bundle"),
    ([("/etc/evil.csv", b"x"), manifest()], "no file of a bundle"),
    ([("steps\\..\\evil.csv", b"x"), manifest()], "no file of a bundle"),
    ([("a/b/../../../evil", b"x"), manifest()], "no file of a bundle"),
    ([("steps/", b""), manifest()], "no file of a bundle"),
    ([(link("pages/link.html"), b"/etc/passwd"), manifest()], "no file of a bundle"),
    ([manifest(), ("big.csv", b"0" * 5_000_000)], "are the most that are read"),
    ([("other.txt", b"x")], "lacks 'manifest.json'"),
    ([("manifest.json", b"[" * 100_000)], "no manifest"),
    ([("manifest.json", b"\xff\xfe")], "no manifest"),
    ([manifest(kind="something else")], "no manifest"),
    ([manifest(version=2)], "version 2"),
    ([manifest(steps=["../0001-embed"])], "no name of a step"),
    ([manifest(steps=[7])], "no name of a step"),
    ([manifest(steps=["0001-embed"])], "lacks 'steps/0001-embed/step.json'"),
    ([manifest(steps=["0001-embed"]), ("steps/0001-embed/step.json", b"{}")], "no record of a step"),
]


@pytest.mark.parametrize(("members", "message"), HOSTILE, ids=[message for _, message in HOSTILE])
def test_hostile_archives_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: list[tuple[str, bytes]], message: str
):
    monkeypatch.setattr(bundles, "SPARE", 1_000_000)  # bytes beyond those that compression explains
    path = zipped(tmp_path / "h.zip", *members)
    with pytest.raises(DaguerreError, match=message), open_bundle(path):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["h.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_twice_broken_bytes_and_other_files_are_refused(tmp_path: Path):
    twice = zipped(tmp_path / "t.zip", manifest(), manifest())
    data = bytearray(zipped(tmp_path / "b.zip", manifest(), ("pages/a.html", bytes(range(256)) * 40)).read_bytes())
    data[60:70] = b"\0" * 10
    (tmp_path / "b.zip").write_bytes(data)
    (tmp_path / "n.zip").write_bytes(b"no zip")
    for path in (twice, tmp_path / "b.zip", tmp_path / "n.zip"):
        with pytest.raises(DaguerreError), open_bundle(path):
            pass


def test_arrays_have_the_size_that_they_state_and_no_objects():
    good = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert (read_npy(npy_bytes(good), "a.npy") == good).all()
    assert read_npy(npy_bytes(np.zeros((0, 5))), "a.npy").shape == (0, 5)
    out = io.BytesIO()
    np.save(out, np.array([{"a": 1}], object), allow_pickle=True)
    huge = npy_bytes(good).replace(b"(2, 3)", b"(9, 9)")
    for data in (out.getvalue(), huge, b"", b"\x93NUMPY\x01\x00", npy_bytes(good)[:-1]):
        with pytest.raises(DaguerreError, match=r"a\.npy is no array"):
            read_npy(data, "a.npy")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/anna/study/a.png: is no image", "a.png: is no image"),
        ("table 'C:\\Users\\anna\\codes.csv' has", "table 'codes.csv' has"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        ("a cat and/or a dog", "a cat and/or a dog"),
        ("animals/birds/duck.png", "animals/birds/duck.png"),
    ],
)
def test_absolute_paths_become_names(text: str, expected: str):
    assert without_paths(text) == expected
