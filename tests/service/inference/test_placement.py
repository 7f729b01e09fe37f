"""Placements: what sessions are given, which device holds what, where a row goes, and what becomes of it when a runner
is away. GPUs are pretended; runners, channels and threads are real.
"""

import asyncio
import contextlib
import json
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.catalog.folder import open_folder
from models.errors import ModelUnavailable
from service.errors import Unavailable
from service.inference import devices, sessions
from service.inference.batching import Key
from service.inference.placement import Inline, Process, RunnerHandle
from service.inference.runner import service
from service.inference.runner.client import SharedMemoryClient
from service.inference.sessions import Served, max_batch, open_sessions
from service.settings import CORES, Settings
from tests.service import fakes

SECONDS = 20
PIXELS = np.zeros((16, 16, 3), np.uint8)


class Session:
    """Draws vectors, and keeps what it was given and asked."""

    def __init__(self, folder, modality, **given):
        self.model, self.modality, self.given = folder.spec.name, modality, given
        self.provider = "CPUExecutionProvider" if given["device"] == "cpu" else "CUDAExecutionProvider"
        self.ran = []
        self.threads = set()
        self.open = threading.Event()
        self.open.set()
        self.fails = lambda row: None

    def run(self, stack):
        self.ran.append(len(stack))
        self.threads.add(threading.current_thread().name)
        assert self.open.wait(SECONDS)
        for row in stack:
            self.fails(row)
        return np.stack([fakes.drawn(row) for row in stack])


@pytest.fixture
def opened(monkeypatch):
    """All sessions, in the order in which they were opened; GPUs are whatever the settings name."""
    found = []

    def open_session(folder, modality, **given):
        found.append(Session(folder, modality, **given))
        return found[-1]

    def resolve(setting, backend):
        return ("cuda:0", "cuda:1", "cuda:2") if setting == "auto" else tuple(setting.split(","))

    monkeypatch.setattr(sessions, "open_session", open_session)
    monkeypatch.setattr(devices, "resolve", resolve)
    return found


@pytest.fixture
def folders(tmp_path):
    """Two models: "a" has images and texts, "b" has texts."""
    a = fakes.model_folder(tmp_path / "first", replace(fakes.SPEC, name="a"))
    b = fakes.model_folder(tmp_path / "second", replace(fakes.SPEC, name="b", image=None, zero_shot=None))
    return [open_folder(a), open_folder(b)]


def settings_of(folders, **given):
    home = folders[0].path.parent
    return Settings(
        **{
            "home": home,
            "models": tuple(str(f.path) for f in folders),
            "placement": "process",
            "analysers": (),
            **given,
        }
    )


# what sessions are given


def test_on_a_cpu_a_lone_batch_has_a_session_with_all_cores(opened, folders):
    settings = settings_of(folders, threads=1, lanes=2, spinning=True)
    loaded = open_sessions(Served(folders[:1]), settings, "cpu", ["text"])
    given = {"home": settings.home, "backend": "onnx", "device": "cpu", "spinning": True}
    given["packed"] = settings.home / "models" / ".packed"
    assert [session.given for session in opened] == [{**given, "threads": 1}, {**given, "threads": CORES}][
        : len(opened)
    ]
    assert len(opened) == (2 if CORES > 1 else 1)
    loaded["a", "text"].run((np.ones((1, 8), np.int64),), alone=True)
    assert [len(session.ran) for session in opened] == [0, 1][-len(opened) :]


@pytest.mark.parametrize("given", [{"solo": False}, {"lanes": 1}, {"threads": CORES}, {"backend": "torch"}])
def test_otherwise_there_is_one_session_for_both(opened, folders, given):
    open_sessions(Served(folders[:1]), settings_of(folders, **{"threads": 1, "lanes": 2, **given}), "cpu", ["text"])
    assert len(opened) == 1


def test_on_a_gpu_sessions_are_told_the_device_their_memory_and_where_engines_are_kept(opened, folders):
    weights = len(b"nobody runs it")
    settings = settings_of(folders, device="cuda:1", gpu_memory=3 * weights + 300)
    half = [replace(folders[0], spec=replace(folders[0].spec, precision="fp16")), folders[1]]
    open_sessions(Served(half), settings, "cuda:1")
    assert [(s.model, s.modality) for s in opened] == [("a", "image"), ("a", "text"), ("b", "text")]
    assert {s.given["device"] for s in opened} == {"cuda:1"}
    assert [s.given["memory_limit"] for s in opened] == [weights + 100] * 3  # together what there is
    assert {s.given["engine_cache"] for s in opened} == {settings.home / "tensorrt"}
    assert [s.given["half"] for s in opened] == [True, True, False]


def test_without_a_limit_a_gpu_has_none(opened, folders):
    open_sessions(Served(folders), settings_of(folders, device="cuda:0"), "cuda:0")
    assert [s.given["memory_limit"] for s in opened] == [None] * 3


def test_weights_that_do_not_fit_are_refused_with_both_numbers(opened, folders):
    with pytest.raises(ModelUnavailable, match=r"gpu_memory: 42 bytes .* a, b, 42; .*DAGUERRE_PLACE"):
        open_sessions(Served(folders), settings_of(folders, device="cuda:0", gpu_memory=42), "cuda:0")
    assert opened == []


def test_batches_are_the_models_own_on_a_cpu_and_larger_on_a_gpu(folders):
    keys = [Key("a", "image", 16), Key("b", "text", 8)]
    settings = settings_of(folders)
    assert [max_batch(settings, "cpu", Served(folders))(key) for key in keys] == [folders[0].spec.cpu_batch, 16]
    assert [max_batch(settings, "cuda:0", Served(folders))(key) for key in keys] == [32, 16]
    sizes = [max_batch(settings, "cpu", Served(folders))(Key("b", "text", bucket)) for bucket in (32, 64, 256, 2048)]
    assert sizes == [16, 8, 2, 1]  # a batch of 16 long texts would hold the lane for seconds
    set_by_hand = settings_of(folders, max_batch_images=5, max_batch_texts=6)
    assert [max_batch(set_by_hand, "cuda:0", Served(folders))(key) for key in keys] == [5, 6]


# which device holds what


def test_on_a_cpu_there_is_a_runner_for_images_and_one_for_texts(opened, folders):
    assert [(s.name, s.device, s.modalities) for s in devices.sites(settings_of(folders))] == [
        ("daguerre-images", "cpu", ("image",)),
        ("daguerre-texts", "cpu", ("text",)),
    ]


@pytest.mark.parametrize(
    ("device", "names"),
    [
        ("auto", ["daguerre-cuda-0", "daguerre-cuda-1", "daguerre-cuda-2"]),
        ("cuda:1", ["daguerre-cuda-1"]),
        ("tensorrt:0", ["daguerre-tensorrt-0"]),
    ],
)
def test_on_gpus_there_is_one_runner_for_each_with_both_modalities(opened, folders, device, names):
    found = devices.sites(settings_of(folders, device=device))
    assert [site.name for site in found] == names
    assert [site.name for site in found] == [f"daguerre-{site.device.replace(':', '-')}" for site in found]
    assert {site.modalities for site in found} == {("image", "text")}


@pytest.mark.parametrize(
    ("place", "held"),
    [
        ("", {"a": ("cuda:0", "cuda:1"), "b": ("cuda:0", "cuda:1")}),
        ("b=cuda:1", {"a": ("cuda:0", "cuda:1"), "b": ("cuda:1",)}),
        ("a=cuda:1, b=cuda:0", {"a": ("cuda:1",), "b": ("cuda:0",)}),
        ("a=cuda:0,b=cuda:1,b=cuda:0", {"a": ("cuda:0",), "b": ("cuda:1", "cuda:0")}),
    ],
)
def test_models_lie_on_every_gpu_unless_they_are_placed(monkeypatch, folders, place, held):
    monkeypatch.setenv("DAGUERRE_PLACE", place)
    settings = settings_of(folders, device="cuda:0,cuda:1")
    assert devices.holders(settings, ["cuda:0", "cuda:1"], folders) == held


def test_a_model_may_be_placed_by_its_entry_in_the_list(folders):
    settings = settings_of(folders, device="cuda:0,cuda:1", place=((str(folders[0].path), "cuda:1"),))
    assert devices.holders(settings, ["cuda:0", "cuda:1"], folders)["a"] == ("cuda:1",)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"place": (("c", "cuda:0"),)}, r"place: 'c' is not among the models .*a"),
        ({"place": (("a", "cuda:7"),)}, r"place: a=cuda:7 is not among the devices cuda:0, cuda:1"),
        ({"place": (("a", "cuda:0"), ("b", "cuda:0"))}, r"leaves cuda:1 without a model"),
        ({"placement": "inline"}, r"cuda:0, cuda:1 with placement inline.*DAGUERRE_PLACEMENT=process"),
        ({"device": "cuda:0,tensorrt:1"}, r"several kinds"),
        ({"device": "cpu", "gpu_memory": 10**9}, r"gpu_memory: there is no GPU"),
        ({"device": "cpu", "place": (("a", "cuda:0"),)}, r"place: there is no GPU"),
    ],
)
def test_what_cannot_be_placed_is_refused_with_the_way_out(opened, folders, given, message):
    settings = settings_of(folders, **{"device": "cuda:0,cuda:1", **given})
    with pytest.raises(ModelUnavailable, match=message):
        devices.holders(settings, devices.devices(settings), folders)


def test_inline_does_not_start_on_several_gpus(opened, folders):
    inline = Inline(settings_of(folders, device="cuda:0,cuda:1", placement="inline"))
    with pytest.raises(ModelUnavailable, match="DAGUERRE_PLACEMENT=process"):
        asyncio.run(inline.start(Served(folders)))


# where a row goes


@pytest.fixture
def sockets(monkeypatch):
    """A short folder for the runners' sockets, and where BentoML would say that they are."""
    with tempfile.TemporaryDirectory() as folder:
        names = ["daguerre-images", "daguerre-texts", "daguerre-cuda-0", "daguerre-cuda-1"]
        urls = {name: f"file://{folder}/{i}.sock" for i, name in enumerate(names)}
        monkeypatch.setenv("BENTOML_RUNNER_MAP", json.dumps(urls))
        yield Path(folder)


class Runners:
    """Runners in this process, each of a site, and a placement that reaches them by channels."""

    def __init__(self, settings, folders):
        self.settings, self.folders = settings, folders
        self.sites = devices.sites(settings)
        self.runners = {site.device if site.device != "cpu" else site.name: self.start(site) for site in self.sites}
        self.placement = Process(settings, [self.reached(site) for site in self.sites])

    def start(self, site):
        return service.Runner(self.settings, site)

    def reached(self, site):
        async def provider():
            return self.runners[site.device if site.device != "cpu" else site.name].provider

        def link(served, limit, lanes):
            return SharedMemoryClient(site, self.settings, served, max_batch=limit, lanes=lanes)

        return RunnerHandle(site, provider, link)

    async def ask(self, rows, model="a"):
        """Rows of pixels or of tokens to vectors."""
        modality = "image" if rows[0].ndim == 3 else "text"
        with self.placement.batcher(modality).admit(len(rows)) as caller:
            bucket = 16 if modality == "image" else 8
            return await asyncio.gather(*[caller.submit(Key(model, modality, bucket), row) for row in rows])


@contextlib.asynccontextmanager
async def running(settings, folders):
    made = Runners(settings, folders)
    try:
        await made.placement.start(Served(folders))
        yield made
    finally:
        await asyncio.to_thread(made.placement.close)
        for runner in made.runners.values():
            runner.close()


def within(coroutine):
    async def timed():
        return await asyncio.wait_for(coroutine, SECONDS)

    return asyncio.run(timed())


async def until(condition):
    while not condition():
        await asyncio.sleep(0.005)


def pixels(n):
    return [np.full((16, 16, 3), i, np.uint8) for i in range(n)]


def test_rows_go_through_runners_and_come_back_in_order(opened, folders, sockets):
    async def main():
        async with running(settings_of(folders), folders) as made:
            assert made.placement.provider == "CPUExecutionProvider"
            images = pixels(9)
            for got, row in zip(await made.ask(images), images, strict=True):
                np.testing.assert_array_equal(got, fakes.drawn(row))
            texts = [np.arange(1 + i % 8) for i in range(9)]
            for model in ("a", "b"):
                for got, ids in zip(await made.ask(texts, model), texts, strict=True):
                    padded = np.array([*ids, *[-1] * (8 - len(ids))], np.int64)
                    np.testing.assert_array_equal(got, fakes.drawn(padded))

    within(main())
    assert {s.modality for s in opened if s.ran} == {"image", "text"}


def test_a_row_that_cannot_be_run_fails_alone(opened, folders, sockets):
    def fails(row):
        if row[0, 0, 0] == 2:
            raise ValueError("unlucky")

    async def main():
        async with running(settings_of(folders, max_batch_images=4), folders) as made:
            for session in opened:
                session.fails = fails
            with made.placement.batcher("image").admit(4) as caller:
                answers = [caller.submit(Key("a", "image", 16), row) for row in pixels(4)]
                return await asyncio.gather(*answers, return_exceptions=True)

    got = within(main())
    assert [isinstance(each, Exception) for each in got] == [False, False, True, False]
    assert "unlucky" in str(got[2])


def test_a_gpu_runs_every_shape_once_before_it_takes_rows_and_in_threads_of_its_own(opened, folders, sockets):
    async def main():
        async with running(settings_of(folders, device="cuda:0"), folders) as made:
            ran = {(s.model, s.modality): list(s.ran) for s in opened}
            for session in opened:
                session.threads.clear()
            await asyncio.gather(*[made.ask(pixels(3)) for _ in range(10)])
            return ran

    assert within(main()) == {
        ("a", "image"): [1, 32],
        ("a", "text"): [1, 16] * 4,  # four buckets
        ("b", "text"): [1, 16] * 4,
    }
    threads = {name for s in opened for name in s.threads}
    assert threads <= {"gpu_0", "gpu_1"}


def held_up(opened, *names):
    """The image sessions of the devices called `names`, which run nothing until they are opened."""
    found = [s for s in opened if s.modality == "image" and s.given["device"] in names]
    for session in found:
        session.open.clear()
        session.ran.clear()
    return found


def test_a_row_goes_to_the_gpu_with_the_fewest_rows_under_way(opened, folders, sockets):
    async def main():
        async with running(settings_of(folders, device="cuda:0,cuda:1"), folders) as made:
            one, two = held_up(opened, "cuda:0", "cuda:1")
            calls = []

            async def ask(times):
                for _ in range(times):
                    running = len(one.ran) + len(two.ran)
                    calls.append(asyncio.ensure_future(made.ask(pixels(1))))
                    await until(lambda running=running: len(one.ran) + len(two.ran) > running)

            await ask(4)
            seen = [(len(one.ran), len(two.ran))]
            two.open.set()
            await until(lambda: sum(call.done() for call in calls) == 2)
            two.open.clear()
            await ask(2)
            seen.append((len(one.ran), len(two.ran)))
            one.open.set()
            two.open.set()
            await asyncio.gather(*calls)
            return seen

    assert within(main()) == [(2, 2), (2, 4)]


def test_rows_of_a_placed_model_go_nowhere_else(opened, folders, sockets):
    settings = settings_of(folders, device="cuda:0,cuda:1", place=(("a", "cuda:1"),))

    async def main():
        async with running(settings, folders) as made:
            for session in opened:
                session.ran.clear()
            for n in (1, 3, 40):
                await asyncio.gather(*[made.ask(pixels(n)) for _ in range(4)])

    within(main())
    held = {(s.model, s.given["device"]) for s in opened}
    assert held == {("a", "cuda:1"), ("b", "cuda:0"), ("b", "cuda:1")}
    assert {s.given["device"] for s in opened if s.ran} == {"cuda:1"}


def test_while_a_gpus_runner_is_away_the_other_takes_its_rows_and_it_is_used_again_when_it_is_back(
    opened, folders, sockets
):
    settings = settings_of(folders, device="cuda:0,cuda:1", lanes=1)

    async def main():
        async with running(settings, folders) as made:
            lost = made.runners["cuda:0"]
            held_up(opened, "cuda:0")
            first = asyncio.ensure_future(made.ask(pixels(1)))
            session = next(s for s in opened if s.modality == "image" and s.given["device"] == "cuda:0")
            await until(lambda: session.ran)
            lost.close()  # with a row in it
            with pytest.raises(Unavailable, match="runner does not respond"):
                await first
            session.open.set()
            await asyncio.gather(*[made.ask(pixels(1)) for _ in range(20)])  # none is refused
            assert session.ran == [1]
            made.runners["cuda:0"] = made.start(made.sites[0])
            again = next(s for s in reversed(opened) if s.modality == "image")
            again.ran.clear()
            other = held_up(opened, "cuda:1")
            calls = []
            while not again.ran:
                calls.append(asyncio.ensure_future(made.ask(pixels(1))))
                await asyncio.sleep(0.02)
            for each in other:
                each.open.set()
            await asyncio.gather(*calls)

    within(main())


def test_where_the_only_runner_is_away_everybody_hears_so_at_once_until_it_is_back(opened, folders, sockets):
    async def main():
        async with running(settings_of(folders, lanes=2), folders) as made:
            await asyncio.gather(*[made.ask(pixels(1)) for _ in range(6)])  # every channel is open
            made.runners["daguerre-images"].close()
            started = time.monotonic()
            for _ in range(3):
                with pytest.raises(Unavailable) as caught:
                    await made.ask(pixels(2))
            assert caught.value.retry_after
            assert time.monotonic() - started < SECONDS / 2
            await made.ask([np.arange(3)])  # texts go on
            made.runners["daguerre-images"] = made.start(made.sites[0])
            for _ in range(10):  # at once, and on every channel
                await asyncio.gather(*[made.ask(pixels(1)) for _ in range(3)])

    within(main())


def test_a_runner_that_came_back_while_nobody_called_is_used_without_an_error(opened, folders, sockets):
    async def main():
        async with running(settings_of(folders, lanes=2), folders) as made:
            await asyncio.gather(*[made.ask(pixels(1)) for _ in range(6)])
            made.runners["daguerre-images"].close()
            made.runners["daguerre-images"] = made.start(made.sites[0])
            await asyncio.gather(*[made.ask(pixels(1)) for _ in range(6)])

    within(main())


def test_entry_workers_share_a_runner_which_puts_their_rows_together(opened, folders, sockets):
    settings = settings_of(folders, lanes=1, max_batch_images=8, solo=False)

    async def main():
        async with running(settings, folders) as made:
            others = [Process(settings, [made.reached(site) for site in made.sites]) for _ in range(3)]
            for other in others:
                await other.start(Served(folders))
            (session,) = held_up(opened, "cpu")
            calls = [asyncio.ensure_future(made.ask(pixels(1)))]
            await until(lambda: session.ran)
            turns = made.runners["daguerre-images"]._scheduler
            for i, other in enumerate(others, 1):
                with_it = Runners.__new__(Runners)
                with_it.placement = other
                calls.append(asyncio.ensure_future(with_it.ask(pixels(2))))
                await until(lambda i=i: len(turns._waiting) == i)
            session.open.set()
            for answers in await asyncio.gather(*calls):
                for got, row in zip(answers, pixels(2), strict=False):
                    np.testing.assert_array_equal(got, fakes.drawn(row))
            for other in others:
                await asyncio.to_thread(other.close)
            return session.ran

    assert within(main()) == [1, 6]
