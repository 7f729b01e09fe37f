"""Rows of several arrays, with a real graph: the same answers inline, through channels, alone and in batches."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto, helper, save

from models.analysers.spec import AnalyserSpec, Part
from models.catalog.folder import Folder
from models.catalog.spec import Source
from service.inference.batching import Key
from service.inference.placement import Inline, Process
from service.inference.sessions import Served, owner
from tests.service.inference.test_placement import Runners, folders, opened, settings_of, sockets, within  # noqa: F401

SPEC = AnalyserSpec(
    name="products",
    kind="objects",
    description="Scales rows and counts.",
    source=Source(kind="formula", locator="none", revision="1", weights={}),
    licence="none",
    parts={"scale": Part(row_bytes=400, answer_bytes=400, cpu_batch=4)},
)


def graph(path):
    """Inputs `x` (n, w) float32 and `k` (n, 2) int64; outputs x · k[0] (n, w) float32 and k + 1 (n, 2) int64."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "w"])
    k = helper.make_tensor_value_info("k", TensorProto.INT64, ["n", 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "w"])
    z = helper.make_tensor_value_info("z", TensorProto.INT64, ["n", 2])
    constants = [
        helper.make_tensor("first", TensorProto.INT64, [1], [0]),
        helper.make_tensor("one", TensorProto.INT64, [1], [1]),
    ]
    nodes = [
        helper.make_node("Gather", ["k", "first"], ["k0"], axis=1),
        helper.make_node("Cast", ["k0"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["x", "f"], ["y"]),
        helper.make_node("Add", ["k", "one"], ["z"]),
    ]
    made = helper.make_graph(nodes, "scale", [x, k], [y, z], constants)
    save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.fixture
def served(folders, opened, tmp_path, monkeypatch):  # noqa: F811
    path = tmp_path / "products"
    path.mkdir()
    graph(path / "scale.onnx")
    folder = Folder(path, SPEC, {}, {})
    monkeypatch.setattr("service.inference.switches.folder.locate", lambda name, home: folder)
    return Served(folders, [folder])


def rows(n, seed=0):
    """Rows of two widths, which may not share a batch."""
    rng = np.random.default_rng(seed)
    widths = rng.choice([3, 5], n)
    return [(rng.standard_normal(w).astype(np.float32), rng.integers(-9, 9, 2)) for w in widths]


async def ask(placement, sent):
    with placement.batcher("image").admit(len(sent)) as caller:
        keys = [Key(owner(SPEC), "scale", tuple(array.shape for array in row)) for row in sent]
        return await asyncio.gather(*(caller.submit(key, row) for key, row in zip(keys, sent, strict=True)))


def check(sent, answers):
    for (x, k), (y, z) in zip(sent, answers, strict=True):
        assert (y.dtype, z.dtype) == (np.float32, np.int64)
        np.testing.assert_array_equal(y, x * np.float32(k[0]))
        np.testing.assert_array_equal(z, k + 1)


@pytest.mark.parametrize("number", [1, 40])
def test_inline(served, number):
    async def main():
        placement = Inline(settings_of(served.models, placement="inline"))
        await placement.start(served)
        try:
            return await ask(placement, rows(number))
        finally:
            await asyncio.to_thread(placement.close)

    check(rows(number), within(main()))


@pytest.mark.parametrize("number", [1, 40])
def test_through_runners(served, sockets, number):  # noqa: F811
    settings = settings_of(served.models, analysers=("products",))

    async def main():
        made = Runners(settings, served.models)
        try:
            await made.placement.start(served)
            vectors = await made.ask([np.zeros((16, 16, 3), np.uint8)])  # encoders go on beside it
            assert vectors[0].shape == (12,)
            return await ask(made.placement, rows(number))
        finally:
            await asyncio.to_thread(made.placement.close)
            for runner in made.runners.values():
                runner.close()

    check(rows(number), within(main()))


def test_several_entry_processes_share_the_rows_of_a_runner(served, sockets):  # noqa: F811
    settings = settings_of(served.models, analysers=("products",))

    async def main():
        made = Runners(settings, served.models)
        others = [Process(settings, [made.reached(site) for site in made.sites]) for _ in range(3)]
        try:
            for other in others:
                await other.start(served)
            return await asyncio.gather(*(ask(other, rows(30, seed)) for seed, other in enumerate(others)))
        finally:
            for other in others:
                await asyncio.to_thread(other.close)
            for runner in made.runners.values():
                runner.close()

    for seed, answers in enumerate(within(main())):
        check(rows(30, seed), answers)


def test_a_row_that_its_graph_refuses_fails_alone(served, sockets):  # noqa: F811
    settings = settings_of(served.models, analysers=("products",))
    wrong = (np.zeros(3, np.int64), np.zeros(2, np.int64))  # x must be float32

    async def main():
        made = Runners(settings, served.models)
        try:
            await made.placement.start(served)
            with made.placement.batcher("image").admit(3) as caller:
                keys = [Key(owner(SPEC), "scale", shape) for shape in ("a", "b", "a")]
                sent = [rows(1)[0], wrong, rows(1)[0]]
                futures = [caller.submit(key, row) for key, row in zip(keys, sent, strict=True)]
                return await asyncio.gather(*futures, return_exceptions=True)
        finally:
            await asyncio.to_thread(made.placement.close)
            for runner in made.runners.values():
                runner.close()

    good, bad, again = within(main())
    assert isinstance(bad, Exception)
    check(rows(1) * 2, [good, again])


def test_an_analyser_has_a_fingerprint_of_what_determines_its_results():
    assert SPEC.fingerprint() == replace(SPEC, description="other", licence="other").fingerprint()
    for changed in ({"labels": ("a",)}, {"settings": {"min_score": 0.5}}, {"recipe": 2}, {"precision": "fp16"}):
        assert SPEC.fingerprint() != replace(SPEC, **changed).fingerprint()
