"""Corpora: resumable at any moment, never twice, never mixed, in flat memory."""

import asyncio
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from daguerre import Client, Embeddings, RemarkWarning, errors
from daguerre.corpus.run import _whole
from daguerre.storage import parquet
from daguerre.storage.corpus_store import CorpusStore
from daguerre.storage.journal import Journal
from tests.clients.conftest import address
from tests.e2e import harness
from tests.e2e.harness import Server, metrics

IMAGES = 'daguerre_items_total{modality="image",operation="embeddings"}'


@pytest.fixture
def corpus(photos: Path, tmp_path: Path) -> Path:
    """24 distinct images in three folders, one of them corrupt."""
    folder = tmp_path / "corpus"
    rng = np.random.default_rng(0)
    files = sorted(path for path in photos.rglob("*") if path.suffix.lower() == ".jpg" and path.name[0] != ".")
    for i in range(24):
        target = folder / f"part {i % 3}" / f"{i:03d}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        # bytes after a JPEG's end change nothing but its hash
        target.write_bytes(files[i % len(files)].read_bytes() + rng.bytes(8))
    (folder / "part 1" / "004.jpg").write_bytes(b"\xff\xd8 broken")
    return folder


def rows(path: Path) -> dict[str, list[object]]:
    return pq.read_table(path).to_pydict()


def sent(server: Server) -> float:
    with server.client() as client:
        return metrics(client).get(IMAGES, 0.0)


@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_folder_becomes_a_file(inline: Server, corpus: Path, tmp_path: Path, scheme: str):
    out = tmp_path / "out.parquet"
    with Client(address(inline, scheme), chunk_items=5) as client:
        done = client.embed_corpus(corpus, out)
        direct = client.embed(images=sorted(corpus.rglob("*.jpg")), progress=False) if scheme == "grpc" else None
    assert (done.rows, done.embedded, done.reused, done.failed, done.gone) == (24, 23, 0, 1, 0)
    assert "24 rows" in str(done)
    found = rows(out)
    expected = sorted(path.relative_to(corpus).as_posix() for path in corpus.rglob("*.jpg"))
    assert found["id"] == expected
    for i, id in enumerate(expected):
        data = (corpus / id).read_bytes()
        assert found["sha256"][i] == hashlib.sha256(data).hexdigest()
        assert (found["size"][i], found["mtime_ns"][i]) == (len(data), (corpus / id).stat().st_mtime_ns)
    bad = expected.index("part 1/004.jpg")
    assert np.isnan(found["vector"][bad]).all()
    assert found["error_code"][bad] == "unsupported_image"
    assert [i for i, code in enumerate(found["error_code"]) if code] == [bad]
    assert set(found["fingerprint"]) == {done.fingerprint}
    assert not out.with_name("out.parquet.parts").exists()
    read = Embeddings.read_parquet(out)
    assert (read.ids, len(read.errors), read.fingerprint) == (expected, 1, done.fingerprint)
    if direct is not None:
        assert np.nanmax(np.abs(read.vectors - direct.vectors)) < 1e-6
    assert json.loads(pq.read_schema(out).metadata[b"daguerre"])["model"] == "embedded"


def test_a_second_run_does_only_what_is_new_changed_or_unreadable(inline: Server, corpus: Path, tmp_path: Path):
    out = tmp_path / "out.parquet"
    locked = corpus / "part 0" / "unreadable.jpg"
    locked.symlink_to(tmp_path / "later.jpg")
    with Client(inline.url, chunk_items=5) as client:
        first = client.embed_corpus(corpus, out)
        assert (first.embedded, first.failed) == (23, 2)
        before = sent(inline)
        again = client.embed_corpus(corpus, out)
        assert (again.embedded, again.reused, again.failed, sent(inline) - before) == (0, 24, 1, 0)
        assert again.failed_before == 1
        assert "1 failed in an earlier run" in str(again)

        (tmp_path / "later.jpg").write_bytes((corpus / "part 0" / "000.jpg").read_bytes())
        (corpus / "part 2" / "new.jpg").write_bytes(harness.jpeg("chelsea", width=200))
        changed = corpus / "part 0" / "003.jpg"
        changed.write_bytes(harness.jpeg("coffee", width=210))
        touched = corpus / "part 0" / "006.jpg"
        os.utime(touched, ns=(1, 1))
        (corpus / "part 0" / "009.jpg").unlink()
        third = client.embed_corpus(corpus, out)
        assert sent(inline) - before == 2  # later.jpg has the bytes of another
        assert (third.encoded, third.copied) == (2, 1)
        assert (third.rows, third.embedded, third.reused, third.failed, third.gone) == (26, 3, 22, 0, 1)
        found = rows(out)
        assert len(set(found["id"])) == len(found["id"]) == 26
        assert found["sha256"][found["id"].index("part 0/003.jpg")] == hashlib.sha256(changed.read_bytes()).hexdigest()
        assert not np.isnan(found["vector"][found["id"].index("part 0/unreadable.jpg")]).any()

        fixed = corpus / "part 1" / "004.jpg"
        stamp = fixed.stat()
        retried = client.embed_corpus(corpus, out, retry_errors=True)
        assert (retried.embedded, retried.failed, retried.rows) == (0, 1, 26)
        fixed.write_bytes(harness.jpeg("rocket", width=150))
        os.utime(fixed, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 5))
        assert client.embed_corpus(corpus, out).embedded == 1
        assert not any(rows(out)["error_code"])


def test_another_fingerprint_is_refused_and_nothing_changes(inline: Server, corpus: Path, tmp_path: Path):
    out = tmp_path / "out.parquet"
    with Client(inline.url) as client:
        client.embed_corpus(corpus, out)
        before = out.read_bytes()
        with pytest.raises(errors.FingerprintMismatchError, match="name another file"):
            client.embed_corpus(corpus, out, decode="scaled")
        assert out.read_bytes() == before
        assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "out.parquet"]

        # the same with parts of a run that did not end
        parts = tmp_path / "other.parquet.parts"
        parts.mkdir()
        shutil.copy(out, parts / "part-000000.parquet")
        with pytest.raises(errors.FingerprintMismatchError, match=r"part-000000"):
            client.embed_corpus(corpus, tmp_path / "other.parquet", decode="scaled")
        assert (parts / "part-000000.parquet").read_bytes() == before

        # and with nothing but the journal of one that was killed early
        old = Embeddings.read_parquet(out)
        (tmp_path / "ended" / "_journal").mkdir(parents=True)
        journal = Journal(tmp_path / "ended", tmp_path / "ended" / "_journal")
        journal.add([parquet.Row(id) for id in old.ids], np.nan_to_num(old.vectors), old.receipt)
        kept = (journal.place / "journal-000000.arrows").read_bytes()
        journal.flush()
        rest = tmp_path / "third.parquet.parts" / "_journal"
        rest.mkdir(parents=True)
        (rest / "journal-000000.arrows").write_bytes(kept)
        with pytest.raises(errors.FingerprintMismatchError, match="journal-000000"):
            client.embed_corpus(corpus, tmp_path / "third.parquet", decode="scaled")
        assert [(path.name, path.read_bytes()) for path in rest.iterdir()] == [("journal-000000.arrows", kept)]


def test_a_file_that_is_not_ours_is_left_alone(inline: Server, corpus: Path, tmp_path: Path):
    out = tmp_path / "out.parquet"
    pq.write_table(pa.table({"a": [1]}), out)
    before = out.read_bytes()
    with Client(inline.url) as client:
        with pytest.raises(errors.DaguerreError, match="was not written by daguerre"):
            client.embed_corpus(corpus, out)
        out.write_bytes(b"something else")
        with pytest.raises(errors.DaguerreError, match="is no Parquet file"):
            client.embed_corpus(corpus, out)
    assert out.read_bytes() == b"something else" != before


def test_two_writers_of_one_file_are_one_too_many(inline: Server, corpus: Path, tmp_path: Path):
    from filelock import FileLock

    out = tmp_path / "out.parquet"
    folder = tmp_path / "out.parquet.parts" / "_journal"
    folder.mkdir(parents=True)
    with (
        FileLock(folder / "lock"),
        Client(inline.url) as client,
        pytest.raises(errors.DaguerreError, match="another process"),
    ):
        client.embed_corpus(corpus, out)
    with Client(inline.url) as client:
        assert client.embed_corpus(corpus, out).rows == 24


@pytest.mark.parametrize("source", [[b"bytes"], [3], 3])
def test_only_files_make_a_corpus(inline: Server, tmp_path: Path, source):
    with Client(inline.url) as client, pytest.raises(TypeError):
        client.embed_corpus(source, tmp_path / "out.parquet")
    assert not list(tmp_path.iterdir())


def test_paths_and_globs_have_ids_below_their_common_parent_and_come_once(inline: Server, corpus: Path, tmp_path: Path):
    paths = sorted((corpus / "part 0").iterdir())
    with Client(inline.url) as client:
        done = client.embed_corpus([*paths, *paths, "nowhere.jpg"], tmp_path / "a.parquet")
        assert (done.rows, done.embedded, done.failed) == (9, 8, 1)
        assert rows(tmp_path / "a.parquet")["id"] == [*(path.name for path in paths), "nowhere.jpg"]
        globbed = client.embed_corpus(str(corpus / "part 0" / "*.jpg"), tmp_path / "b.parquet")
        assert globbed.rows == 8
        with pytest.raises(FileNotFoundError):
            client.embed_corpus("nowhere/", tmp_path / "c.parquet")
        empty = tmp_path / "empty"
        empty.mkdir()
        (empty / "notes.txt").write_text("no image")
        with pytest.raises(FileNotFoundError, match=r"no image is in .*empty', only \.txt files that are no images: 1"):
            client.embed_corpus(empty, tmp_path / "d.parquet")
        shutil.copy(paths[0], empty)
        with pytest.warns(RemarkWarning, match=r"1 files or folders were left out \(\.txt files that are no images: 1"):
            done = client.embed_corpus(empty, tmp_path / "d.parquet")
        assert done.rows == 1
        assert done.left_out.startswith(".txt files that are no images: 1, the first ")
        missing = client.embed_corpus([paths[0], None, float("nan"), "https://x/a.jpg"], tmp_path / "e.parquet")
        assert (missing.rows, missing.embedded, missing.failed) == (4, 1, 3)
        assert rows(tmp_path / "e.parquet")["id"] == [paths[0].name, "1", "2", "https://x/a.jpg"]
    names = ["a.parquet", "b.parquet", "corpus", "d.parquet", "e.parquet", "empty"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_an_error_keeps_what_was_done(inline: Server, corpus: Path, tmp_path: Path):
    """The source breaks in the middle: what came back before is on disk."""
    out = tmp_path / "out.parquet"

    def paths():
        yield from sorted(corpus.rglob("*.jpg"))[:12]
        time.sleep(0.5)
        raise RuntimeError("the disk is gone")

    with Client(inline.url, chunk_items=2, in_flight=1) as client:
        with pytest.raises(RuntimeError, match="disk is gone"):
            client.embed_corpus(paths(), out)
        kept = sum(pq.read_metadata(part).num_rows for part in (tmp_path / "out.parquet.parts").glob("part-*"))
        assert kept >= 8
        before = sent(inline)
        done = client.embed_corpus(sorted(corpus.rglob("*.jpg"))[:12], out)
        assert (done.rows, done.reused) == (12, kept)
        assert sent(inline) - before == done.embedded == 12 - kept


def test_what_fails_again_keeps_its_place(inline: Server, corpus: Path, tmp_path: Path):
    """A run that went on has the order of one that did not stop, with items that are tried each time among them."""
    (corpus / "part 0" / "001.jpg").symlink_to(tmp_path / "nowhere.jpg")
    files = sorted(corpus.rglob("*.jpg"))

    def paths():
        yield from files[:12]
        raise RuntimeError("stopped")

    with Client(inline.url, chunk_items=2, in_flight=1) as client:
        with pytest.raises(RuntimeError, match="stopped"):
            client.embed_corpus(paths(), tmp_path / "out.parquet")
        done = client.embed_corpus(files, tmp_path / "out.parquet", retry_errors=True)
        client.embed_corpus(files, tmp_path / "whole.parquet")
        assert done.reused >= 8
        assert done.failed == 2
        before = (tmp_path / "out.parquet").stat()
        client.embed_corpus(files, tmp_path / "out.parquet")
        assert (tmp_path / "out.parquet").stat().st_ino == before.st_ino  # nothing to write
    assert_equal(tmp_path / "out.parquet", tmp_path / "whole.parquet")


def test_odd_files_fail_alone(inline: Server, photos: Path, tmp_path: Path):
    """A name that is not UTF-8, of an old disk; a pipe, which would be waited for."""
    folder = tmp_path / "old"
    folder.mkdir()
    shutil.copy(photos / "coffee.jpg", os.fsencode(folder) + b"/caf\xe9.jpg")
    os.mkfifo(folder / "pipe.jpg")
    out = tmp_path / "out.parquet"
    with Client(inline.url) as client:
        done = client.embed_corpus(folder, out)
        assert (done.embedded, done.failed) == (1, 1)
        assert rows(out)["id"] == [r"caf\udce9.jpg", "pipe.jpg"]
        assert client.embed_corpus(folder, out).reused == 1


FULL = """
import resource, signal, sys
from daguerre import Client
from daguerre.storage import journal

add = journal.Journal.add
def limited(self, *rows):
    first = add(self, *rows)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))  # a disk on which no file grows any more
    return first
journal.Journal.add = limited
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Client(sys.argv[1], chunk_items=4) as client:
    try:
        client.embed_corpus(sys.argv[2], sys.argv[3])
    except OSError as exc:
        print(exc)
"""


def test_a_full_disk_loses_nothing(inline: Server, corpus: Path, tmp_path: Path):
    out = tmp_path / "out.parquet"
    command = [sys.executable, "-c", FULL, inline.url, str(corpus), str(out)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "File too large" in said.stdout, said
    assert said.stderr == ""
    assert not out.exists()
    time.sleep(0.3)  # what was in flight is over
    before = sent(inline)
    with Client(inline.url, chunk_items=4) as client:
        done = client.embed_corpus(corpus, out)
        client.embed_corpus(corpus, tmp_path / "whole.parquet")
    assert done.reused >= 4
    assert sent(inline) - before == done.embedded + 23
    assert_equal(out, tmp_path / "whole.parquet")


def test_a_place_that_cannot_be_written_to_is_refused_before_the_work(inline: Server, corpus: Path, tmp_path: Path):
    (tmp_path / "file").write_text("")
    before = sent(inline)
    with Client(inline.url) as client:
        with pytest.raises(OSError, match="file"):
            client.embed_corpus(corpus, tmp_path / "file" / "out.parquet")
        with pytest.raises(errors.DaguerreError, match="is a folder of other files, as 'part 0'"):
            client.embed_corpus(corpus, corpus)
    assert sent(inline) == before


def test_a_cancelled_run_ends_what_it_is_writing_first():
    written = []

    def slowly():
        time.sleep(0.3)
        written.append(True)

    async def cancelled():
        work = asyncio.ensure_future(_whole(slowly))
        await asyncio.sleep(0.05)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert written

    asyncio.run(cancelled())


# --- killed at each point on the way -------------------------------------------------------------------------------

DIE = """
import os, signal, sys
from daguerre import Client
from daguerre.storage import corpus_store, parquet
from daguerre.storage.corpus_store import CorpusStore
from daguerre.storage.journal import Journal

point, url, folder, out = sys.argv[1:]
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
count = 0

def at(kind, name, when, before=False):
    original = getattr(kind, name)
    def spied(*args, **options):
        global count
        count += 1
        if before and count == when:
            die()
        found = original(*args, **options)
        if not before and count == when:
            die()
        return found
    setattr(kind, name, spied)

{
    "after the first rows": lambda: at(Journal, "add", 1),
    "after some rows": lambda: at(Journal, "add", 3),
    "before a part is written": lambda: at(Journal, "_flush", 1, before=True),
    "within a part": lambda: at(parquet.os, "replace", 1, before=True),
    "after a part, before its journal goes": lambda: at(parquet.os, "replace", 1),
    "before the merge": lambda: at(CorpusStore, "finish", 1, before=True),
    "in the merge": lambda: at(corpus_store, "rows_of", 2),
    "before the file appears": lambda: at(parquet.os, "replace", 3, before=True),
    "after the file appeared": lambda: at(parquet.os, "replace", 3),
    "after the parts are gone": lambda: at(CorpusStore, "finish", 1),
}[point]()
import daguerre.corpus.run
daguerre.corpus.run.embed_corpus.__kwdefaults__["part_bytes"] = 12 * 1280 * 4
with Client(url, chunk_items=4) as client:
    client.embed_corpus(folder, out)
print("not killed", count)
"""
POINTS = [
    "after the first rows",
    "after some rows",
    "before a part is written",
    "within a part",
    "after a part, before its journal goes",
    "before the merge",
    "in the merge",
    "before the file appears",
    "after the file appeared",
    "after the parts are gone",
]


@pytest.mark.thorough
@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_it_goes_on_and_computes_nothing_twice(
    inline: Server, corpus: Path, tmp_path: Path, point: str
):
    out = tmp_path / "out.parquet"
    command = [sys.executable, "-c", DIE, point, inline.url, str(corpus), str(out)]
    killed = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (killed.returncode, killed.stdout) == (-9, ""), killed.stderr
    parts = tmp_path / "out.parquet.parts"
    names = [path.relative_to(corpus).as_posix() for path in corpus.rglob("*.jpg")]
    known = set()
    if parts.exists():
        shutil.copytree(parts, tmp_path / "seen.parquet.parts")
    if out.exists():
        shutil.copy(out, tmp_path / "seen.parquet")
    seen = CorpusStore(tmp_path / "seen.parquet")
    with seen.locked():
        rows_there = seen.open()
        known = {name for name in names if rows_there.place(name) is not None}
    time.sleep(0.3)  # what was in flight is over
    before = sent(inline)
    with Client(inline.url, chunk_items=4) as client:
        done = client.embed_corpus(corpus, out)
        client.embed_corpus(corpus, tmp_path / "whole.parquet")
    assert done.reused == len(known)
    assert done.embedded + done.failed == 24 - len(known)
    if "rows" in point:
        assert done.reused >= 4
    assert sent(inline) - before == done.embedded + 23
    assert_equal(out, tmp_path / "whole.parquet")
    assert not parts.exists()


def assert_equal(a: Path, b: Path) -> None:
    """The same rows in the same order; vectors but for the last bits."""
    one, two = pq.read_table(a), pq.read_table(b)
    assert one.drop_columns(["vector"]).equals(two.drop_columns(["vector"]))
    mine, theirs = Embeddings.read_parquet(a), Embeddings.read_parquet(b)
    assert np.nanmax(np.abs(mine.vectors - theirs.vectors)) < 1e-6
    assert mine.errors == theirs.errors


@pytest.mark.slow
def test_two_thousand_images_through_kills_of_client_and_server(home: Path, tmp_path: Path):
    """The client is killed three times at moments of its own, then the server, which comes back on its port."""
    rng = random.Random(0)
    folder = tmp_path / "corpus"
    folder.mkdir()
    small = [harness.jpeg(name, width=96) for name in harness.FILES]
    for i in range(2000):
        (folder / f"{i:05d}.jpg").write_bytes(small[i % len(small)] + i.to_bytes(4, "big"))
    settings = {"BENTOML_HOME": str(tmp_path / "bentoml"), "DAGUERRE_GRPC_PORT": "0"}
    server = harness.launch(tmp_path, settings=settings).wait_ready()
    out = tmp_path / "out.parquet"
    code = "import sys; from daguerre import Client; Client(sys.argv[1]).embed_corpus(sys.argv[2], sys.argv[3])"
    command = [sys.executable, "-c", code, server.url, str(folder), str(out)]
    counted = 0.0
    try:
        for _ in range(3):
            run = subprocess.Popen(command)
            time.sleep(rng.uniform(1.5, 3.0))
            run.kill()
            run.wait(10)
        run = subprocess.Popen(command)
        time.sleep(1.5)
        counted += sent(server)
        for process in reversed(server.processes()):
            process.kill()
        server.process.wait(10)
        server = harness.launch(tmp_path, settings=settings, port=server.port).wait_ready()
        assert run.wait(120) == 0
        counted += sent(server)
        with Client(server.url) as client:
            client.embed_corpus(folder, tmp_path / "whole.parquet")
    finally:
        server.stop()
    assert_equal(out, tmp_path / "whole.parquet")
    in_flight = 4 * 2 * 4 * 32  # kills, chunks in the window, images
    assert counted - 2000 <= in_flight, f"{counted:.0f} computed for 2,000"
    print(f"{counted:.0f} computed for 2,000 images, four kills")


def test_memory_stays_flat(tmp_path: Path):
    """Peak memory of 6,000 and of 24,000 files, against a transport that answers at once."""
    code = """
import asyncio, resource, sys
import numpy as np
from daguerre import AsyncClient
from daguerre.transport.operations import MODELS
from daguerre.types.embeddings import EmbedAnswer
from daguerre.types.models import ModelCard
from daguerre.types.common import Receipt

made = Receipt("m", "r", "f", "fp32", "CPU", "exact", False)
class Stub:
    width = 1
    async def call(self, operation, fields=None, *, items=(), vectors=()):
        if operation is MODELS:
            known = {"id": "m", "dimension": 512, "fingerprint": "f", "decode": "exact"}
            return [ModelCard(**{**dict.fromkeys(ModelCard.__dataclass_fields__), **known})]
        vectors = np.random.default_rng(0).standard_normal((len(items), 512), np.float32)
        return EmbedAnswer(vectors=vectors, receipt=made, failures={}, truncated=[], tokens=0, request_id=None)
    async def close(self): pass

async def main(files):
    async with AsyncClient("http://localhost:1") as client:
        await client.transport.close()
        client.transport = Stub()
        done = await client.embed_corpus(files, sys.argv[2])
        assert done.embedded == len(files), done
import pyarrow.parquet
files = [f"{sys.argv[1]}/{i}.jpg" for i in range(int(sys.argv[3]))]
asyncio.run(main(files[:500])); import os; os.unlink(sys.argv[2])
asyncio.run(main(files))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
    folder = tmp_path / "files"
    folder.mkdir()
    for i in range(24_000):
        (folder / f"{i}.jpg").write_bytes(b"%d" % i + b"x" * 2000)

    def peak(n: int) -> int:
        command = [sys.executable, "-c", code, str(folder), str(tmp_path / f"{n}.parquet"), str(n)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)

    few, many = peak(6_000), peak(24_000)
    assert many - few < 40, f"{few} MB at 6,000, {many} MB at 24,000"  # 18,000 vectors are 37 MB
    assert pq.read_metadata(tmp_path / "24000.parquet").num_rows == 24_000
