"""Counts of several processes: what was open in one that was killed does not stay open for ever."""

import os
import subprocess
import sys

import pytest

from service.metrics import MAPPED, exposition

COUNT = """
import os, signal, sys
from service.metrics import QUEUE_ITEMS, ITEMS
QUEUE_ITEMS["image"].inc(int(sys.argv[1]))
ITEMS.labels("embeddings", "image").inc(3)
print("counted", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def counting(monkeypatch, tmp_path):
    """Start processes that have some items in their queue."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    started = []

    def start(items):
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", COUNT, str(items)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ
            )
        )
        assert started[-1].stdout.readline() == b"counted\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def series(name):
    return next(float(line.split()[-1]) for line in exposition().decode().split("\n") if line.startswith(name))


def test_the_queue_is_the_sum_over_processes_that_live(counting):
    processes = [counting(5), counting(7)]
    assert series('daguerre_queue_items{modality="image"}') == 12
    processes[0].kill()
    processes[0].wait()
    assert series('daguerre_queue_items{modality="image"}') == 7
    assert series('daguerre_items_total{modality="image",operation="embeddings"}') == 6  # what was done stays


def test_a_file_of_counters_has_all_its_blocks(counting, tmp_path):
    """A page without a block would end the process once the disk is full."""
    counting(5)
    files = list(tmp_path.glob("*.db"))
    assert len(files) >= 2
    for file in files:
        assert file.stat().st_size == MAPPED
        assert file.stat().st_blocks * 512 >= MAPPED
    assert 'daguerre_queue_items{modality="image"} 5' in exposition().decode()
