"""Runs over a local cluster of Ray, against the SDK's own; and one whose processes are killed."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

import daguerre.ray
from daguerre import Client, errors
from daguerre.ray.service import StartedService
from tests.clients.conftest import address
from tests.e2e import harness
from tests.e2e.harness import Server

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs ray: pip install 'daguerre[ray]'"),
    pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning"),
]
SDK_COLUMNS = ["id", "sha256", "size", "mtime_ns", "error_code", "error_message", "model", "fingerprint", "remark"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Ray with two CPUs, which all tests of this file share."""
    from daguerre.ray.cluster import connected

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray = __import__("ray")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error", address="local")
    try:
        with connected("auto") as same:
            assert same is ray
            yield ray
    finally:
        ray.shutdown()


def many(folder: Path, photos: Path, n: int) -> Path:
    """Distinct images in folders, one of them corrupt."""
    rng = np.random.default_rng(0)
    files = sorted(path for path in photos.rglob("*") if path.suffix.lower() == ".jpg")
    for i in range(n):
        target = folder / f"part {i % 3}" / f"{i:04d}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(files[i % len(files)].read_bytes() + rng.bytes(8))  # which changes nothing but the hash
    (folder / "part 1" / "0004.jpg").write_bytes(b"\xff\xd8 broken")
    return folder


def whole(out: Path) -> pa.Table:
    return pa.dataset.dataset(out).to_table().sort_by("id")


def same_as_the_sdk(out: Path, alone: Path) -> None:
    """Every row once, and each byte of it that of a run of the SDK."""
    found, expected = whole(out), pq.read_table(alone).sort_by("id")
    assert found["id"].to_pylist() == expected["id"].to_pylist()
    assert found.select(SDK_COLUMNS).to_pydict() == expected.select(SDK_COLUMNS).to_pydict()
    vectors = [np.array(each["vector"].to_pylist(), np.float32) for each in (found, expected)]
    assert vectors[0].tobytes() == vectors[1].tobytes()
    part = next(out.glob("part-*.parquet"))
    assert pq.read_schema(part).equals(pq.read_schema(alone), check_metadata=True)


@pytest.mark.thorough
def test_a_run_makes_the_rows_of_the_sdk_and_continues(cluster: Any, inline: Server, photos: Path, tmp_path: Path):
    folder, out = many(tmp_path / "photos", photos, 24), tmp_path / "out"
    with Client(inline.url) as client:
        client.embed_corpus(folder, tmp_path / "alone.parquet")
    some = [str(path) for path in sorted(folder.rglob("*.jpg")) if path.name < "0016.jpg"]
    pq.write_table(pa.table({"path": some}), tmp_path / "list.parquet")
    with pytest.raises(ValueError, match="and the cluster has 2"):
        daguerre.ray.embed_corpus(tmp_path / "list.parquet", out, servers=inline.url, actors=2, cpus=1)
    assert not list(out.glob("part-*"))
    first = daguerre.ray.embed_corpus(tmp_path / "list.parquet", out, servers=inline.url)
    assert (first.rows, first.embedded, first.reused, first.failed) == (16, 15, 0, 1)
    assert (out / "_SUCCESS").exists()
    (folder / "part 2" / "0023.jpg").unlink()
    more = [str(folder / f"part {i % 3}" / f"{i:04d}.jpg") for i in range(16, 24)]  # the manifest has grown
    pq.write_table(pa.table({"path": [*some, *more]}), tmp_path / "list.parquet")
    (folder / "part 0" / "0003.jpg").write_bytes((folder / "part 1" / "0001.jpg").read_bytes() + b"changed")
    with pytest.warns(errors.RemarkWarning, match="1 of 9 items could not be used"):
        second = daguerre.ray.embed_corpus(tmp_path / "list.parquet", out, servers=inline.url)
    assert (second.rows, second.embedded, second.reused, second.failed, second.failed_before) == (24, 8, 15, 1, 1)
    (folder / "part 2" / "0023.jpg").write_bytes(sorted(photos.rglob("*.jpg"))[0].read_bytes())
    third = daguerre.ray.embed_corpus(tmp_path / "list.parquet", out, servers=inline.url)
    assert (third.rows, third.embedded, third.reused, third.failed, third.gone) == (24, 1, 23, 0, 0)
    with Client(inline.url) as client:
        client.embed_corpus(folder, tmp_path / "alone.parquet")
    same_as_the_sdk(out, tmp_path / "alone.parquet")
    with pytest.raises(errors.FingerprintMismatchError, match="must not be mixed"):
        daguerre.ray.embed_corpus(folder, out, servers=inline.url, decode="scaled")
    scores = daguerre.ray.zero_shot(folder, tmp_path / "scores", servers=inline.url, labels=["a cat", "remark"])
    assert (scores.rows, scores.embedded) == (24, 23)
    table = whole(tmp_path / "scores")
    with Client(inline.url) as client:
        direct = client.zero_shot(folder, labels=["a cat", "remark"]).to_pandas().sort_index()
    assert table["id"].to_pylist() == direct.index.tolist()
    assert table["label"].to_pylist() == [None if label != label else label for label in direct["label"]]
    np.testing.assert_array_equal(table["label: remark"].to_numpy(), direct["label: remark"].to_numpy())
    assert table["error_code"].null_count == 23


@pytest.mark.slow
def test_findings_captions_and_predictions_are_those_of_the_sdk(
    cluster: Any, inline: Server, analysing_server: Server, photos: Path, tmp_path: Path
):
    folder = many(tmp_path / "photos", photos, 12)
    with Client(inline.url) as client:
        client.analyse_corpus(folder, tmp_path / "alone.parquet", ["visual", "objects"])
        ids = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.jpg"))]
        codes = {id: "ab"[i % 2] for i, id in enumerate(ids)}
        classifier = client.train_classifier("rayed", images=folder, targets=codes)
        direct = classifier.predict(folder).to_pandas().sort_index()
    done = daguerre.ray.analyse(folder, tmp_path / "found", ["visual", "objects"], servers=inline.url)
    assert (done.rows, done.failed) == (12, 1)
    for kind, alone in (("pictures", "alone.pictures.parquet"), ("findings", "alone.parquet")):
        found, expected = whole(tmp_path / "found" / kind), pq.read_table(tmp_path / alone)
        order = [("id", "ascending"), *([("finding", "ascending")] if kind == "findings" else [])]
        assert found.sort_by(order).select(expected.column_names).equals(expected.sort_by(order)), kind
    daguerre.ray.predict(folder, tmp_path / "predicted", "rayed", servers=inline.url)
    table = whole(tmp_path / "predicted")
    assert table["id"].to_pylist() == direct.index.tolist()
    np.testing.assert_array_equal(table["a"].to_numpy(), direct["a"].to_numpy())
    assert set(table["classifier"].to_pylist()) == {classifier.id}
    daguerre.ray.caption(folder, tmp_path / "captions", servers=analysing_server.url)
    assert whole(tmp_path / "captions" / "findings")["text"].null_count == 0


DRIVER = """
import sys, daguerre.ray
if __name__ == "__main__":
    print(daguerre.ray.embed_corpus(sys.argv[1], sys.argv[2], servers=sys.argv[3], ray="local", part_rows=64, actors=2))
"""


@pytest.mark.slow
def test_a_killed_actor_and_a_killed_driver_lose_and_repeat_no_row(inline: Server, photos: Path, tmp_path: Path):
    psutil = pytest.importorskip("psutil")
    folder, out = many(tmp_path / "photos", photos, 900), tmp_path / "out"
    (tmp_path / "driver.py").write_text(DRIVER)
    command = [sys.executable, str(tmp_path / "driver.py"), str(folder), str(out), inline.url]

    def start() -> "subprocess.Popen[str]":
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=harness.environment())

    def wait_for(parts: int, driver: "subprocess.Popen[str]") -> None:
        while len(list(out.glob("part-*.parquet"))) < parts:
            assert driver.poll() is None, "the driver has ended before it could be killed"
            time.sleep(0.05)

    driver = start()
    wait_for(2, driver)
    actors = []
    for each in psutil.Process(driver.pid).children(recursive=True):
        with suppress(psutil.Error):  # it has just ended
            if each.cmdline()[:1] and each.cmdline()[0].startswith("ray::MapWorker"):
                actors.append(each)
    assert actors
    actors[0].kill()
    wait_for(6, driver)
    below = psutil.Process(driver.pid).children(recursive=True)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    done = len(whole(out))
    assert 350 <= done < 900
    assert not (out / "_SUCCESS").exists()
    driver = start()
    said, _ = driver.communicate(timeout=1200)
    assert driver.returncode == 0
    assert f"{900 - done:,} embedded" in said or f"{899 - done:,} embedded" in said, said
    assert f"{done:,} there already" in said
    left = [each for each in below if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    assert {each.name() for each in left} <= {"ray::DashboardAgent", "ray::RuntimeEnvAgent"}  # Ray leaves them itself
    for each in left:
        each.kill()
    with Client(address(inline, "http")) as client:
        client.embed_corpus(folder, tmp_path / "alone.parquet")
    same_as_the_sdk(out, tmp_path / "alone.parquet")


def answers(url: str) -> bool:
    """Whether anybody does at an address."""
    try:
        with Client(url, retry_for=0) as client:
            client.ping()
    except errors.ConnectError:
        return False
    return True


@pytest.mark.slow
def test_a_started_service_ends_with_the_process_that_started_it(home: Path, tmp_path: Path):
    settings = {name: value for name, value in harness.environment().items() if name.startswith("DAGUERRE_")}
    settings["BENTOML_HOME"] = str(tmp_path / "bentoml")
    program = (
        "import sys, json, time\nfrom daguerre.ray.service import StartedService\n"
        f"service = StartedService({settings!r})\nprint(service.url, flush=True)\ntime.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    url = holder.stdout.readline().strip()
    with Client(url) as client:
        assert client.ping().ready
    holder.kill()
    holder.wait()
    end = time.monotonic() + 60
    while answers(url):
        assert time.monotonic() < end, "the service still answers"
        time.sleep(0.5)


def test_a_service_that_does_not_start_says_why(tmp_path: Path):
    with pytest.raises(RuntimeError, match=r"a service did not start on this node(.|\n)*nonsense"):
        StartedService({"DAGUERRE_MODELS": "nonsense", "DAGUERRE_HOME": str(tmp_path)})
