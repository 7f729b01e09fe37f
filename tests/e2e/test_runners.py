"""The `process` placement under the worst: processes that are killed, and several GPUs, which are pretended."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from tests.e2e import harness
from tests.e2e.harness import Server, assert_error, cosines, embed, image, jpeg, metrics, vectors

PATH = "/v1/embeddings"
PHOTO = image(jpeg("coffee", width=160))
QUEUED = 'daguerre_queue_items{modality="image"}'


def named(server: Server, service: str) -> list[psutil.Process]:
    """The server's processes of one BentoML service."""
    found = []
    for process in server.processes():
        try:
            line = process.cmdline()
        except psutil.Error:
            continue
        if "--service-name" in line and line[line.index("--service-name") + 1] == service:
            found.append(process)
    return found


def sockets(process: psutil.Process) -> Path:
    """The folder that BentoML made for the sockets of a server's processes."""
    urls: dict[str, str] = json.loads(process.environ()["BENTOML_RUNNER_MAP"])
    return Path(urls["daguerre-images"].removeprefix("file://")).parent


@pytest.fixture
def two_workers(home: Path, tmp_path: Path) -> Iterator[Server]:
    settings = {
        "DAGUERRE_PLACEMENT": "process",
        "DAGUERRE_ENTRY_WORKERS": "2",
        "BENTOML_HOME": str(tmp_path / "bentoml"),
    }
    server = harness.launch(tmp_path, settings=settings)
    try:
        yield server.wait_ready(workers=2)
    finally:
        server.stop()


@pytest.mark.thorough
def test_processes_that_are_killed_are_heard_of_replaced_and_leave_nothing(two_workers: Server) -> None:
    server = two_workers
    segments = set(os.listdir("/dev/shm"))
    folder = sockets(named(server, "daguerre-images")[0])
    assert folder.stat().st_mode & 0o777 == 0o700

    async def crowd(size: int, callers: int, then: object = None) -> list[httpx.Response | BaseException]:
        async with server.async_client() as http:
            body = {"input": [PHOTO] * size}
            calls = [asyncio.create_task(http.post(PATH, json=body)) for _ in range(callers)]
            if callable(then):
                await asyncio.to_thread(then)
            return await asyncio.gather(*calls, return_exceptions=True)

    def when_waiting(victim: psutil.Process) -> None:
        with server.client() as client:
            end = time.monotonic() + 20
            while metrics(client)[QUEUED] < 100:
                assert time.monotonic() < end
                time.sleep(0.01)
        victim.send_signal(signal.SIGKILL)

    with server.client() as client:
        expected = embed(client, [PHOTO])[0]
    for answer in asyncio.run(crowd(10, 8)):  # both workers, one runner
        assert isinstance(answer, httpx.Response)
        assert (cosines(vectors(answer), np.tile(expected, (10, 1))) > 0.999999).all()

    (runner,) = named(server, "daguerre-images")
    answers = asyncio.run(crowd(100, 4, lambda: when_waiting(runner)))
    heard = [answer for answer in answers if isinstance(answer, httpx.Response) and answer.status_code != 200]
    assert heard
    messages = set()
    for answer in heard:
        messages.add(assert_error(answer, 503, "unavailable")["message"])
        assert int(answer.headers["retry-after"]) >= 1
    # who comes while the new runner loads its model is told so
    assert messages <= {
        "the daguerre-images runner does not respond; send the request again",
        "the models are being loaded",
    }
    assert messages != {"the models are being loaded"}
    with server.client() as client:
        assert client.post(PATH, json={"input": "a text"}).status_code == 200  # its runner lives
        end = time.monotonic() + 60
        while (answer := client.post(PATH, json={"input": [PHOTO]})).status_code != 200:
            assert_error(answer, 503, "unavailable")
            assert time.monotonic() < end, server.said()[-4000:]
            time.sleep(0.2)
    for each in asyncio.run(crowd(3, 16)):  # every worker, every channel
        assert (cosines(vectors(each), np.tile(expected, (3, 1))) > 0.999999).all()  # type: ignore[arg-type]

    worker = named(server, "daguerre")[0]
    asyncio.run(crowd(100, 4, lambda: when_waiting(worker)))
    end = time.monotonic() + 60
    while len(named(server, "daguerre")) < 2:
        assert time.monotonic() < end, server.said()[-4000:]
        time.sleep(0.1)
    server.wait_ready()
    with server.client() as client:
        assert (cosines(embed(client, [PHOTO]), expected[None]) > 0.999999).all()
        assert metrics(client)[QUEUED] == 0  # what the worker had is not counted for ever
    assert set(os.listdir("/dev/shm")) == segments
    assert server.stop() == 0
    assert not folder.exists()


_HOOK = """
import importlib.abc, importlib.util, os, sys

class Pretend(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    '''GPUs where there are none: sessions say where they would be, and run on the CPU.'''
    def find_spec(self, name, path, target=None):
        if name not in ("models.sessions.devices", "models.backends"):
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        sys.meta_path.insert(0, self)
        load = spec.loader.exec_module
        def exec_module(module):
            load(module)
            if name.endswith("devices"):
                module.usable = lambda device: device in ("cuda:0", "cuda:1")
                module.gpus = lambda: 2
            else:
                real = module.OnnxSession
                def session(path, *, device, threads, memory_limit, engine_cache, half, spinning):
                    with open(os.environ["TEST_NOTES"], "a") as notes:
                        what = f"{path.parent.name}/{path.stem}"
                        notes.write(f"{os.getpid()} {device} {what} {memory_limit} {engine_cache.name}\\n")
                    made = real(path, device="cpu", threads=1)
                    run = made.run
                    def noted(stack):
                        with open(os.environ["TEST_NOTES"], "a") as notes:
                            notes.write(f"{os.getpid()} ran {what} {len(stack)} -\\n")
                        return run(stack)
                    made.run = noted
                    return made
                module.OnnxSession = session
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Pretend())
"""


@pytest.mark.thorough
def test_each_gpu_has_a_runner_of_its_own_which_holds_what_is_placed_there(home: Path, tmp_path: Path) -> None:
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(_HOOK)
    notes = tmp_path / "notes"
    settings = {
        "PYTHONPATH": str(tmp_path / "hook"),
        "TEST_NOTES": str(notes),
        "DAGUERRE_PLACEMENT": "process",
        "DAGUERRE_DEVICE": "auto",
        "DAGUERRE_GPU_MEMORY": str(2 * 2**30),
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "DAGUERRE_MAX_BATCH_IMAGES": "4",
    }
    with harness.running(tmp_path, settings=settings) as server:
        pids = {device: named(server, f"daguerre-{device}")[0].pid for device in ("cuda-0", "cuda-1")}
        assert len(set(pids.values())) == 2
        assert not named(server, "daguerre-images")
        opened = [line.split() for line in notes.read_text().splitlines() if " ran " not in line]
        for device, pid in pids.items():
            mine = [line for line in opened if line[0] == str(pid)]
            assert {line[1] for line in mine} == {device.replace("-", ":")}
            assert sorted(line[2].rpartition("/")[2] for line in mine) == ["image", "text"]
            assert {line[4] for line in mine} == {"tensorrt"}
            assert sum(int(line[3]) for line in mine) in range(2 * 2**30 - 2, 2 * 2**30 + 1)
        notes.write_text("")

        async def crowd() -> list[httpx.Response]:
            async with server.async_client() as http:
                return await asyncio.gather(*(http.post(PATH, json={"input": [PHOTO, "text"]}) for _ in range(40)))

        for answer in asyncio.run(crowd()):
            assert answer.status_code == 200, answer.text[:500]
        rows = {pid: 0 for pid in pids.values()}
        for line in notes.read_text().splitlines():
            pid, _, what, count, _ = line.split()
            if what.endswith("/image"):
                rows[int(pid)] += int(count)
        assert sum(rows.values()) == 40
        assert min(rows.values()) >= 8  # both work
