"""Channels, over real sockets: what arrives is what was sent, and whoever goes leaves nothing behind."""

import gc
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from models.errors import ModelUnavailable
from service.inference.runner.ipc import LONGEST_PATH, MOST, VECTOR, Channel, Listener, RunFailed, layout_of

SECONDS = 20


@pytest.fixture
def path():
    """A short one: pytest's folders may be too deep for a socket."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "s"


@pytest.fixture
def listen(path):
    opened = []

    def listen(run):
        opened.append(Listener(path, run))
        return opened[-1]

    yield listen
    for listener in opened:
        listener.close()


def sums(ask):
    """A raw vector that says what was asked."""
    (stack,) = ask.stacks
    flat = stack.reshape(len(stack), -1).astype(np.float64)
    rest = [ask.graph, ask.alone]
    return (np.array([[row.sum(), row @ np.arange(row.size), *rest] for row in flat], np.float32),)


def send(channel, stack, graph=0, alone=False):
    (answer,) = send_all(channel, (stack,), graph, alone)
    return answer


def send_all(channel, stacks, graph=0, alone=False):
    layout = layout_of(stacks)
    for place, stack in zip(channel.rows(layout), stacks, strict=True):
        place[...] = stack
    return channel.run(graph, layout, alone)


def small_channel(path, rows=1):
    return Channel(path, rows=rows * 8, answers=rows * VECTOR)


def until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((1, 4, 4, 3), np.uint8), ((8, 5, 5, 3), np.uint8), ((3, 16), np.int64), ((2, 7, 2), np.float32)],
)
@pytest.mark.parametrize("alone", [True, False])
def test_a_bundle_arrives_as_it_was_sent(listen, path, shape, dtype, alone):
    listen(sums)
    stack = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    channel = Channel(path, rows=1600, answers=VECTOR)
    for graph in (0, 65_535):
        got = send(channel, stack, graph, alone)
        flat = stack.reshape(len(stack), -1).astype(np.float64)
        wanted = [[row.sum(), (row * np.arange(row.size)).sum(), graph, alone] for row in flat]
        np.testing.assert_array_equal(got, np.array(wanted, np.float32))
    channel.close()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_several_arrays_arrive_as_they_were_sent_and_come_back(data):
    """Any number of arrays of any shape and dtype, empty ones too; the listener sends them back in reverse order."""
    dtypes = st.sampled_from([np.uint8, np.int64, np.float32, np.bool_, np.int32])
    shapes = nps.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)
    arrays = st.tuples(dtypes, shapes).flatmap(lambda pair: nps.arrays(*pair))
    stacks = tuple(data.draw(st.lists(arrays, min_size=1, max_size=MOST)))
    with tempfile.TemporaryDirectory() as folder:
        listener = Listener(Path(folder) / "s", lambda ask: tuple(stack.copy() for stack in ask.stacks[::-1]))
        size = sum(stack.nbytes for stack in stacks)
        channel = Channel(Path(folder) / "s", rows=size, answers=size)
        answers = send_all(channel, stacks)
        channel.close()
        listener.close()
    assert len(answers) == len(stacks)
    for answer, stack in zip(answers[::-1], stacks, strict=True):
        assert answer.dtype == stack.dtype
        np.testing.assert_array_equal(answer, stack)


def test_an_answer_outlives_the_next_one_and_the_channel(listen, path):
    listen(sums)
    channel = small_channel(path, 2)
    first = send(channel, np.full((2, 8), 1, np.uint8))
    send(channel, np.full((2, 8), 2, np.uint8))
    channel.close()
    assert first[:, 0].tolist() == [8, 8]


def test_channels_are_served_at_the_same_time(listen, path):
    meet = threading.Barrier(3)

    def run(ask):
        meet.wait(SECONDS)  # all three are in here
        return sums(ask)

    listen(run)
    channels = [small_channel(path) for _ in range(3)]
    got = {}

    def call(i):
        got[i] = send(channels[i], np.full((1, 8), i, np.uint8))[0, 0]

    threads = [threading.Thread(target=call, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert got == {0: 0, 1: 8, 2: 16}
    for channel in channels:
        channel.close()


@pytest.mark.parametrize(
    ("raised", "heard", "words"),
    [
        (ValueError("unlucky row"), RunFailed, "ValueError: unlucky row"),
        (ModelUnavailable("no room for ä row"), ModelUnavailable, "no room for ä row"),
        (ValueError("é" * 5000), RunFailed, "ValueError: éé"),
    ],
    ids=["row", "device", "long"],
)
def test_an_error_is_told_and_the_channel_goes_on(listen, path, raised, heard, words):
    def run(ask):
        if ask.graph:
            raise raised
        return sums(ask)

    listen(run)
    channel = small_channel(path)
    with pytest.raises(heard) as caught:
        send(channel, np.ones((1, 8), np.uint8), graph=1)
    assert str(caught.value).startswith(words)
    assert send(channel, np.ones((1, 8), np.uint8))[0, 0] == 8
    channel.close()


def test_a_vector_that_is_too_long_is_an_error_and_not_a_part_of_one(listen, path):
    listen(lambda ask: (np.zeros((len(ask.stacks[0]), VECTOR // 4 + 1000), np.float32),))
    channel = small_channel(path, 2)
    with pytest.raises(RunFailed, match="of the arena"):
        send(channel, np.ones((2, 8), np.uint8))
    channel.close()


def test_a_bundle_that_does_not_fit_is_refused_before_it_is_sent(listen, path):
    listen(sums)
    channel = small_channel(path, 2)
    with pytest.raises(ValueError, match="of the arena"):
        channel.rows([((300, 8), np.dtype(np.uint8))])
    channel.close()


def test_where_nobody_listens_there_is_no_channel(listen, path):
    with pytest.raises(OSError):  # noqa: PT011
        small_channel(path)
    listen(sums).close()
    with pytest.raises(OSError):  # noqa: PT011
        small_channel(path)
    assert not path.exists()


def test_a_runner_that_goes_while_it_is_asked_is_an_error_of_the_system(listen, path):
    begun, leave = threading.Event(), threading.Event()

    def run(ask):
        begun.set()
        leave.wait(SECONDS)
        return sums(ask)

    listener = listen(run)
    channel = small_channel(path)
    threading.Thread(target=lambda: (begun.wait(SECONDS), listener.close())).start()
    with pytest.raises(OSError):  # noqa: PT011
        send(channel, np.ones((1, 8), np.uint8))
    leave.set()
    channel.close()


def test_an_entry_that_goes_is_forgotten(listen, path):
    listener = listen(sums)
    channels = [small_channel(path) for _ in range(3)]
    until(lambda: listener.channels == 3)
    channels[0].close()
    until(lambda: listener.channels == 2)
    assert send(channels[1], np.ones((1, 8), np.uint8))[0, 0] == 8
    for channel in channels[1:]:
        channel.close()
    until(lambda: listener.channels == 0)


def test_a_socket_that_a_killed_runner_left_is_replaced(listen, path):
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    assert path.exists()
    listen(sums)
    assert path.stat().st_mode & 0o777 == 0o600
    channel = small_channel(path)
    assert send(channel, np.ones((1, 8), np.uint8))[0, 0] == 8
    channel.close()


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n", b"x" * 24], ids=["nothing", "HTTP", "no magic"])
def test_a_stranger_is_hung_up_on_and_harms_nobody(listen, path, said):
    listener = listen(sums)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.settimeout(SECONDS)
        stranger.connect(str(path))
        stranger.sendall(said)
        stranger.shutdown(socket.SHUT_WR)
        assert stranger.recv(1) == b""
    until(lambda: listener.channels == 0)
    channel = small_channel(path)
    assert send(channel, np.ones((1, 8), np.uint8))[0, 0] == 8
    channel.close()


def test_a_path_that_a_socket_cannot_have_says_the_way_out(tmp_path):
    with pytest.raises(ValueError, match=rf"at most {LONGEST_PATH}; set TMPDIR, or DAGUERRE_HOME"):
        Listener(tmp_path / ("long" * 30), sums)


RUNNER = """
import sys, time
from pathlib import Path
import numpy as np
from service.inference.runner.ipc import Listener
def run(ask):
    print("asked", flush=True)
    time.sleep(60)
listener = Listener(Path(sys.argv[1]), run)
print("ready", flush=True)
time.sleep(60)
"""


def test_a_killed_runner_is_heard_of_at_once_and_leaves_no_segment(path):
    def segments():
        gc.collect()
        maps = Path("/proc/self/maps")
        mapped = [line for line in maps.read_text().split("\n") if "daguerre" in line] if maps.exists() else []
        return mapped, sorted(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else []

    before = segments()
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(path)], stdout=subprocess.PIPE, text=True)
    assert runner.stdout is not None
    try:
        assert runner.stdout.readline() == "ready\n"
        channel = small_channel(path)
        assert segments()[1] == before[1]  # no name, even while it lives

        def kill():
            assert runner.stdout.readline() == "asked\n"
            runner.kill()

        threading.Thread(target=kill).start()
        started = time.monotonic()
        with pytest.raises(OSError):  # noqa: PT011
            send(channel, np.ones((1, 8), np.uint8))
        assert time.monotonic() - started < SECONDS
        channel.close()
    finally:
        runner.kill()
        runner.wait(SECONDS)
        runner.stdout.close()
    assert segments() == before
