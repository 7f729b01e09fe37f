"""A corpus whose rows have other ids than now is continued: nothing is embedded twice."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from daguerre import Client, RemarkWarning
from tests.e2e.harness import Server

NAMES = ("x.png", "a/x.png", "a/b/y.png", "c/z.png")


@pytest.fixture
def set_of_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four small images in three folders, below the working folder; a/x.png and x.png are one picture."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in NAMES:
        path = Path("set", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(path)
    Path("set/a/x.png").write_bytes(Path("set/x.png").read_bytes())
    os.utime("set/a/x.png", ns=(1, Path("set/x.png").stat().st_mtime_ns))
    return Path("set")


def table(path: str) -> dict[str, str]:
    """The hash of each item by its id."""
    rows = pq.read_table(path).to_pydict()
    assert len(set(rows["id"])) == len(rows["id"])
    return dict(zip(rows["id"], rows["sha256"], strict=True))


def hashes(folder: Path, names: tuple[str, ...] = NAMES) -> dict[str, str]:
    import hashlib

    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def with_ids(path: str, ids: list[str]) -> None:
    """Write a corpus again with other ids, as an earlier version has written it."""
    saved = pq.read_table(path)
    pq.write_table(saved.set_column(0, saved.schema.field("id"), pa.array(ids, pa.string())), path)


def test_rows_with_paths_as_given_get_the_present_ids(inline: Server, set_of_images: Path):
    with Client(inline.url) as client:
        client.embed_corpus("set", "whole.parquet")
        expected = hashes(set_of_images)
        assert table("whole.parquet") == expected
        order = list(table("whole.parquet"))
        absolute = [str((set_of_images / name).absolute()) for name in order]
        forms = ([f"set/{name}" for name in order], absolute, [f"./set/{name}" for name in order])
        for ids in forms:
            for source in ("set/", [f"set/{name}" for name in NAMES], "set/**/*.png", iter(absolute)):
                with_ids("whole.parquet", ids)
                with pytest.warns(RemarkWarning, match="4 rows have other ids than before, the first '.*png'"):
                    done = client.embed_corpus(source, "whole.parquet")
                assert (done.embedded, done.reused, done.rows, done.gone) == (0, 4, 4, 0)
                assert table("whole.parquet") == expected
        before = os.stat("whole.parquet")
        assert client.embed_corpus("set", "whole.parquet").reused == 4
        assert os.stat("whole.parquet").st_ino == before.st_ino  # nothing to write


def test_another_common_parent_embeds_what_is_new_alone(inline: Server, set_of_images: Path):
    with Client(inline.url) as client:
        client.embed_corpus("set/a", "out.parquet")
        assert table("out.parquet") == hashes(set_of_images / "a", ("x.png", "b/y.png"))
        with pytest.warns(RemarkWarning, match="rows have other ids than before"):
            done = client.embed_corpus("set", "out.parquet")
        assert (done.reused + done.embedded, done.rows, done.gone) == (4, 4, 0)
        assert done.embedded == 2
        assert table("out.parquet") == hashes(set_of_images)
        Path("set/c/z.png").write_bytes(Path("set/a/b/y.png").read_bytes() + b"more")
        assert client.embed_corpus("set", "out.parquet").embedded == 1
        assert table("out.parquet") == hashes(set_of_images)


def test_an_iterator_has_the_ids_of_a_list(inline: Server, set_of_images: Path):
    paths = [set_of_images / name for name in NAMES]

    def breaks():
        yield from paths[:3]
        raise RuntimeError("stopped")

    with Client(inline.url, chunk_items=1, in_flight=1) as client:
        with pytest.raises(RuntimeError, match="stopped"):
            client.embed_corpus(breaks(), "out.parquet")
        done = client.embed_corpus(iter(paths), "out.parquet")
        assert (done.rows, done.embedded + done.reused, done.gone) == (4, 4, 0)
        assert done.reused >= 2
        assert table("out.parquet") == hashes(set_of_images)
        again = client.embed_corpus(iter([*paths, paths[0]]), "out.parquet")
        assert (again.embedded, again.rows) == (0, 4)
        client.embed_corpus({"mine": paths[0], "yours": paths[3]}, "mapped.parquet")
        assert set(table("mapped.parquet")) == {"mine", "yours"}
