"""Vectors of a crowd have the bits of those of one caller, while processes are killed, and nothing is lost."""

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pytest

from daguerre import AsyncClient
from tests.e2e import harness
from tests.e2e.harness import Server, jpeg

REQUESTS = int(os.environ.get("DAGUERRE_TEST_REQUESTS", "20000"))
CLIENTS, MOST, PAUSE = 32, 4, 10.0  # clients, items of a request, seconds between two kills
PICTURES = [jpeg(name, width=width) for name in ("chelsea", "coffee", "rocket") for width in (160, 240)]
TEXTS = ["a cat", "a rocket on its launch pad", *("word " * n for n in range(1, 40, 3))]
PICTURE_SHARE = 0.1  # of the requests, since one picture takes as long as five texts


@pytest.mark.slow
def test_every_vector_has_the_bits_of_a_calm_run(home: Path, tmp_path: Path) -> None:
    settings = {
        "DAGUERRE_PLACEMENT": "process",
        "DAGUERRE_ENTRY_WORKERS": "2",
        "BENTOML_HOME": str(tmp_path / "bentoml"),
    }
    server = harness.launch(tmp_path, settings=settings)
    try:
        server.wait_ready(workers=2)
        counted = asyncio.run(storm(server))
    finally:
        server.stop()
    print(f"{dict(counted)}, load {os.getloadavg()[0]:.1f}")
    assert counted["lost"] == 0
    assert counted["other bits"] == 0
    assert counted["answered"] == REQUESTS
    assert counted["kills"] >= 1


async def storm(server: Server) -> Counter[str]:
    """Ask for each item alone, then by `CLIENTS` clients at once, while a process is killed every `PAUSE` seconds."""
    counted: Counter[str] = Counter()
    rng = random.Random(0)
    options = {"progress": False, "retry_for": 600.0, "timeout": 120.0}
    async with AsyncClient(server.url, **options) as client:
        calm = {
            "images": [(await client.embed(images=[item])).vectors[0].tobytes() for item in PICTURES],
            "texts": [(await client.embed(texts=[item])).vectors[0].tobytes() for item in TEXTS],
        }
        left = iter(range(REQUESTS))

        async def caller() -> None:
            for _ in left:
                kind, items = ("images", PICTURES) if rng.random() < PICTURE_SHARE else ("texts", TEXTS)
                chosen = rng.choices(range(len(items)), k=rng.randint(1, MOST))
                found = await client.embed(**{kind: [items[i] for i in chosen]})
                if not np.asarray(found.ok).all() or len(found.vectors) != len(chosen):
                    counted["lost"] += 1
                counted["answered"] += 1
                counted["vectors"] += len(chosen)
                same = [row.tobytes() == calm[kind][i] for row, i in zip(found.vectors, chosen, strict=True)]
                counted["other bits"] += len(same) - sum(same)

        async def killer() -> None:
            while True:
                await asyncio.sleep(PAUSE)
                workers = await asyncio.to_thread(worker_processes, server)
                if workers:
                    rng.choice(workers).send_signal(signal.SIGKILL)
                    counted["kills"] += 1

        kills = asyncio.create_task(killer())
        try:
            await asyncio.gather(*(caller() for _ in range(CLIENTS)))
        finally:
            kills.cancel()
    return counted


def worker_processes(server: Server) -> list[psutil.Process]:
    """The entry processes and runners, without the supervisor."""
    found = []
    for process in server.processes():
        try:
            if "--service-name" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found
