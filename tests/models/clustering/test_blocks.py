"""A clustering over blocks is that of all rows at once, to the last bit whatever computes the blocks."""

import gc
import warnings
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from models.clustering import blocks, gaps, lloyd, vectors
from models.clustering import options as options_module
from models.clustering.blocks import Held, Stored, View, in_pool, in_threads, over_ray
from models.clustering.cluster import cluster
from models.clustering.lloyd import kmeans_from, kmeans_of_all, nearest
from models.clustering.names import Vocabulary
from models.clustering.options import Options
from models.clustering.seeding import Seeding
from models.clustering.silhouettes import silhouettes
from models.errors import ClusteringError
from tests.models.clouds import clouds


@contextmanager
def processes(workers):
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield in_pool(pool, workers)


@contextmanager
def ray_workers(workers):
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        yield over_ray(workers)
    finally:
        ray.shutdown()
        with warnings.catch_warnings():  # it leaves processes that it has ended to the garbage collector
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


def of_row(x, shared, along):
    return x.sum(axis=1) + shared + along


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 60), size=st.integers(1, 70), seed=st.integers(0, 99), times=st.integers(0, 2))
def test_a_view_is_its_rows_in_its_order(n, size, seed, times):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 3)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "ROWS", size)
        view, order = View(Held(x)), np.arange(n)
        for _ in range(times):
            some = rng.permutation(len(order))[: rng.integers(1, len(order) + 1)]
            view, order = view.only(some), order[some]
        along = rng.standard_normal(len(order))
        np.testing.assert_array_equal(view.array(), x[order])
        assert view.shape == (len(order), 3)
        np.testing.assert_allclose(
            view.each(of_row, 2.0, dtype=np.float64, along=(along,)), x[order].sum(axis=1) + 2 + along, rtol=1e-6
        )
        assert sum(view.map(lambda rows: len(rows))) == len(order)


@pytest.mark.parametrize("weighted", [False, True])
def test_k_means_from_a_start_is_scikit_learns(monkeypatch, weighted):
    monkeypatch.setattr(blocks, "ROWS", 1000)
    x, _ = clouds((1500, 900, 700, 500, 300, 200), spread=0.9, seed=3)
    weights = np.random.default_rng(1).uniform(0.5, 2, len(x)) if weighted else None
    start = x[Seeding(x, seed=5).start(12)]
    expected = KMeans(12, init=start, n_init=1).fit(x, sample_weight=weights)
    found = kmeans_from(x, start, weights=weights)
    np.testing.assert_array_equal(found.labels, expected.labels_)
    assert found.inertia == pytest.approx(expected.inertia_, rel=1e-5)
    assert (nearest(x, expected.cluster_centers_) == expected.predict(x)).all()


def test_a_sample_of_all_rows_starts_as_all_rows_do(monkeypatch):
    monkeypatch.setattr(blocks, "ROWS", 500)
    x, _ = clouds((600, 400, 300, 200), spread=0.8)
    one, two = (
        kmeans_of_all(x, 9, Options(method="kmeans", start=start, restarts=1).with_defaults(), seed=4)
        for start in ("all", "sample")
    )
    np.testing.assert_array_equal(one.labels, two.labels)


def test_a_centre_without_rows_is_left_out():
    x = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    found = kmeans_from(x, np.concatenate([np.eye(3), 9 * np.ones((2, 3))]).astype(np.float32))
    assert found.k == 3
    assert found.inertia == pytest.approx(0, abs=1e-12)


OPTIONS = [
    Options(sample_size=200),
    Options(sample_size=200, k_max=25, k_rule="best", start="sample"),
    Options(method="kmeans", k=20, restarts=2, start="sample"),
]


@pytest.mark.parametrize(
    "computed_by",
    [
        pytest.param(in_threads, id="threads"),
        pytest.param(processes, id="processes", marks=pytest.mark.slow),
        pytest.param(ray_workers, id="ray", marks=pytest.mark.slow),
    ],
)
def test_blocks_of_a_file_by_any_workers_are_those_of_an_array(tmp_path, monkeypatch, computed_by):
    x, truth = clouds((500, 300, 200, 100, 80, 40), dimension=24, spread=0.5, seed=1)
    names = Vocabulary(names=("one", "two"), vectors=np.eye(2, 24, dtype=np.float32), logit_scale=50.0)
    which = np.flatnonzero(np.arange(len(x)) % 97)
    np.save(tmp_path / "x.npy", x)
    monkeypatch.setattr(blocks, "ROWS", 256)  # several blocks; workers get them as they are
    monkeypatch.setattr(gaps, "CUT", 600)
    monkeypatch.setattr(lloyd, "STARTED_ON", 600)

    def answer(rows, options, **where):
        made = cluster(rows, options, known=truth[which], vocabulary=names, resamples=1, **where)
        return made.to_json(), made.result.silhouettes, made.final, made.map.coordinates

    held = [answer(x[which], options) for options in OPTIONS]
    monkeypatch.setattr(vectors, "HELD", 0)  # copied to a file
    rows = np.load(tmp_path / "x.npy", mmap_mode="r")
    with computed_by(3 if computed_by is processes else 2) as mapper:
        stored = [answer(rows, options, which=which, folder=tmp_path, mapper=mapper) for options in OPTIONS]
    assert (tmp_path / "prepared.npy").stat().st_size > 4 * 24 * len(which)
    for (one, *arrays), (other, *others) in zip(held, stored, strict=True):
        assert len(one["clusters"]) > 1
        assert other == one
        for a, b in zip(arrays, others, strict=True):
            np.testing.assert_array_equal(a, b)


def test_silhouettes_of_blocks_are_exact(tmp_path, monkeypatch):
    x, labels = clouds((3000, 2000, 1000, 5), spread=0.8)
    whole = silhouettes(x, labels)
    monkeypatch.setattr(blocks, "ROWS", 700)
    np.save(tmp_path / "x.npy", x)
    found = silhouettes(View(Stored(tmp_path / "x.npy", x.shape)), labels)
    np.testing.assert_allclose(found, whole, atol=3e-7)


def test_large_vectors_are_not_held(monkeypatch):
    monkeypatch.setattr(options_module, "HELD", 1000)
    x, _ = clouds((60, 40, 20), spread=0.3)
    made = cluster(x, Options(method="kmeans", k=3))
    assert made.to_json()["params"]["start"] == "sample"
    assert "20,000 items drawn at random" in made.remarks[0]
    assert not any("drawn at random" in each for each in cluster(x, Options()).remarks)
    assert not any("drawn at random" in e for e in cluster(x, Options(method="kmeans", k=3, start="sample")).remarks)
    with pytest.raises(ClusteringError, match="use sample"):
        cluster(x, Options(method="kmeans", k=3, start="all"))


def test_euclidean_silhouettes_of_very_many_are_refused(monkeypatch):
    from models.clustering import methods

    monkeypatch.setattr(methods, "MOST_EUCLIDEAN", 100)
    with pytest.raises(ClusteringError, match="euclidean for 120 items"):
        cluster(clouds((60, 60))[0], Options(metric="euclidean"))


def test_it_ends_within_a_block_where_it_is_cancelled(monkeypatch):
    class Cancelled(Exception):
        pass

    monkeypatch.setattr(blocks, "ROWS", 100)
    after, seen = 3, []

    def report(progress, stage):
        seen.append(stage)
        if len(seen) > after:
            raise Cancelled

    with pytest.raises(Cancelled):
        cluster(clouds((600, 400))[0], Options(), report=report)
    assert set(seen) == {"reading vectors"}  # the first pass over the blocks had not ended
