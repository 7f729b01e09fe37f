"""Uploads at once, from several processes, stay within the limit together."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from glob import glob
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import TooLarge
from service.settings import Settings
from service.stores.disk_budget import STEP, DiskBudget
from service.stores.files import FileStore
from tests.e2e.harness import ROOT


def npy(size: int) -> bytes:
    rows = np.zeros(((size - 128) // 16, 4), np.float32)
    out = io.BytesIO()
    np.save(out, rows)
    return out.getvalue()


def used(home: Path) -> int:
    total = 0
    for path in glob(str(home / "files" / "*" / "data.*")):
        with suppress(OSError):  # removed meanwhile
            total += Path(path).stat().st_size
    return total


def test_six_uploads_at_once_stay_within_the_limit(tmp_path: Path) -> None:
    content = npy(6 * 2**20)
    limit = int(3.5 * len(content))
    store = FileStore(Settings(home=tmp_path, max_files_bytes=limit))
    most = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal most
        for start in range(0, len(content), 2**19):
            yield content[start : start + 2**19]
            most = max(most, used(tmp_path))
            await asyncio.sleep(0)

    async def main() -> list[object]:
        uploads = [store.receive(chunks(), name=str(i), owner=None) for i in range(6)]
        return await asyncio.gather(*uploads, return_exceptions=True)

    answers = asyncio.run(main())
    failed = [each for each in answers if isinstance(each, Exception)]
    assert [(type(each), getattr(each, "code", each)) for each in failed] == [(TooLarge, "files_full")] * len(failed)
    assert most <= limit
    assert used(tmp_path) == (6 - len(failed)) * len(content)
    asyncio.run(store.receive(aiter_of([npy(1000)]), name="small", owner=None))


async def aiter_of(parts: list[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def test_several_processes_share_the_limit(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from service.settings import Settings; "
        "from service.stores.disk_budget import DiskBudget; from service.errors import TooLarge\n"
        "home = Path(sys.argv[1]); budget = DiskBudget(Settings(home=home, max_files_bytes=1_000_000))\n"
        "folder = home / 'files' / sys.argv[2]; folder.mkdir(parents=True)\n"
        "with (folder / 'data.npy').open('wb') as file:\n"
        "    try:\n"
        "        for size in range(10_000, 500_001, 10_000): budget.extend(file, size)\n"
        "    except TooLarge: pass\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), f"f{i}"], cwd=ROOT) for i in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert 900_000 < used(tmp_path) <= 1_000_000


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3 * STEP)), max_size=30))
def test_sizes_never_exceed_the_limit_and_fit_what_is_written(tmp_path_factory: pytest.TempPathFactory, steps) -> None:
    home = tmp_path_factory.mktemp("home")
    limit = 6 * STEP
    budget = DiskBudget(Settings(home=home, max_files_bytes=limit))
    (home / "uploads").mkdir()
    files = [(home / "uploads" / f"upload_{i}").open("wb") for i in range(4)]
    sizes = [0] * 4
    for i, more in steps:
        try:
            given_ = budget.extend(files[i], sizes[i] + more)
        except TooLarge:
            together = sum(Path(file.name).stat().st_size for file in files)
            assert together - Path(files[i].name).stat().st_size + sizes[i] + more > limit
        else:
            sizes[i] += more
            assert given_ >= sizes[i]
        assert sum(Path(file.name).stat().st_size for file in files) <= limit
    for file in files:
        file.close()


def test_an_upload_reads_the_other_files_only_now_and_then_or_where_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = npy(100_000)
    store = FileStore(Settings(home=tmp_path, max_files_bytes=int(2.5 * len(content))))
    read: list[str] = []
    ordinary = store._read
    monkeypatch.setattr(store, "_read", lambda id: (read.append(id), ordinary(id))[1])

    def upload() -> Path:
        return asyncio.run(store.receive(aiter_of([content]), name="a", owner=None)).path

    first, _ = upload(), upload()
    assert not read
    with pytest.raises(TooLarge):
        upload()
    meta = json.loads((first.parent / "meta.json").read_text())
    (first.parent / "meta.json").write_text(json.dumps({**meta, "expires": 1.0}))
    upload()  # in place of the expired one
    assert not first.exists()
    assert len(read) < 8
    before = len(read)
    monkeypatch.setattr(store, "_swept", -1000.0)
    monkeypatch.setattr(store, "_disk", DiskBudget(Settings(home=tmp_path)))
    upload()
    assert len(read) > before
