"""Lengths of uploaded arrays: numpy's norms, computed once, within the limit of uploads."""

import asyncio
import fcntl
import io
import shutil

import numpy as np
import pytest

from models.classifiers.head import Block
from models.errors import ClusteringError
from models.similarity.neighbours import nearest
from models.stopping import unchecked
from service.settings import Settings
from service.stores import lengths as module
from service.stores.files import File, FileStore
from service.stores.lengths import beside, lengths_of, stored_lengths
from service.tasks.vectors import usable, write_rows


def rows(dtype=np.float32):
    """(500, 7) with a row of NaN, of infinity, of zeros, and numbers at both ends of the type."""
    values = np.random.default_rng(0).standard_normal((500, 7))
    values[3], values[5, 2], values[7] = np.nan, -np.inf, 0
    values[9:12] *= np.finfo(dtype).tiny
    values[12:14] *= np.finfo(dtype).max / 10
    return values.astype(dtype)


def uploaded(settings: Settings, array) -> File:
    stream = io.BytesIO()
    np.save(stream, array)

    async def chunks():
        yield stream.getvalue()

    return asyncio.run(FileStore(settings).receive(chunks(), name="x", owner=None))


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_lengths_are_stored_once_and_are_numpys(settings, monkeypatch, dtype):
    array = rows(dtype)
    file = uploaded(settings, array)
    assert stored_lengths(file.rows()) is None  # as of a file of an earlier version
    first = lengths_of(file.rows(), settings, unchecked)
    monkeypatch.setattr(module, "row_lengths", None)
    again = lengths_of(file.rows(), settings, unchecked)
    assert isinstance(again, np.memmap)
    np.testing.assert_array_equal(first, again)
    with np.errstate(over="ignore", invalid="ignore"):
        as_float32 = array.astype(np.float32).astype(np.float64)
        np.testing.assert_allclose(again, np.sqrt((as_float32**2).sum(axis=1)), rtol=1e-14)
    bad = np.flatnonzero(~np.isfinite(as_float32).all(axis=1))
    np.testing.assert_array_equal(np.flatnonzero(~np.isfinite(again)), bad)
    np.testing.assert_array_equal(np.flatnonzero(again == 0), np.flatnonzero(~as_float32.any(axis=1)))
    with pytest.raises(ClusteringError, match=rf"row 3 has NaN or infinity \({len(bad)} such rows\)"):
        nearest(file.rows(), array[:1].astype(np.float32), 3, lengths=again)


def test_an_unreadable_file_of_lengths_is_made_again(settings):
    file = uploaded(settings, rows())
    right = lengths_of(file.rows(), settings, unchecked)
    path = beside(file.path)
    for wrong in (b"", path.read_bytes()[:-8]):
        path.write_bytes(wrong)
        assert stored_lengths(file.rows()) is None
        np.testing.assert_array_equal(lengths_of(file.rows(), settings, unchecked), right)
    np.save(path, right[1:])  # of another array
    np.testing.assert_array_equal(lengths_of(file.rows(), settings, unchecked), right)
    assert [each.name for each in sorted(file.path.parent.iterdir())] == ["data.lengths.npy", "data.npy", "meta.json"]


def test_without_room_or_beside_another_writer_nothing_is_stored(tmp_path):
    file = uploaded(Settings(home=tmp_path), rows())
    full = Settings(home=tmp_path, max_files_bytes=file.bytes + 1000)
    assert len(lengths_of(file.rows(), full, unchecked)) == 500
    assert sorted(each.name for each in file.path.parent.iterdir()) == ["data.npy", "meta.json"]
    settings = Settings(home=tmp_path, max_files_bytes=file.bytes + 128 + 500 * 8)
    with (file.path.parent / "data.lengths.part").open("wb") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        assert len(lengths_of(file.rows(), settings, unchecked)) == 500
        assert not beside(file.path).exists()
    lengths_of(file.rows(), settings, unchecked)  # what a killed process has left is written again
    assert beside(file.path).exists()
    opened = file.rows()
    shutil.rmtree(file.path.parent)
    assert len(lengths_of(opened, settings, unchecked)) == 500
    assert not file.path.parent.exists()


def test_a_computation_that_is_stopped_stores_nothing(settings):
    file = uploaded(settings, rows())

    def stop():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        lengths_of(file.rows(), settings, stop)
    assert not beside(file.path).exists()


def test_jobs_take_stored_lengths_and_find_the_same_unusable_items(settings, tmp_path):
    file = uploaded(settings, rows())
    block = Block(modality="image", model="m", fingerprint="f", dimension=7)
    found = []
    for name in ("without", "with"):
        folder = tmp_path / name
        folder.mkdir()
        write_rows(folder, [block], [file.rows()])
        assert (folder / "image.lengths.npy").exists() == (name == "with")
        mapped = np.load(folder / "image.npy", mmap_mode="r")
        kept, bad = usable([mapped], {}, skip=True)
        found.append((kept.tolist(), bad))
        lengths_of(file.rows(), settings, unchecked)
    assert found[0] == found[1]
    assert {i: code for i, (code, _) in found[0][1].items()} == {3: "nan_vectors", 5: "nan_vectors", 7: "zero_vectors"}
