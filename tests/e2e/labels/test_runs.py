"""Runs, jobs and corpora of codebook labels, which ask nothing twice, and the command line."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from daguerre import Client
from daguerre.errors import FingerprintMismatchError, NotFoundError
from service.jobs.table import Table
from tests.e2e import harness
from tests.e2e.harness import Server
from tests.e2e.labels.common import ALL_KINDS, CODED, PEOPLE, PHOTOS, post, settings
from tests.label_stub import KEY, Action, Asked, Stub, by_hash

pytestmark = pytest.mark.filterwarnings("ignore")


def test_a_run_asks_nothing_twice_until_it_is_deleted(http: httpx.Client, stub: Stub) -> None:
    items = [{"text": f"item {i}"} for i in range(6)]
    post(http, input=items[:4], run="run-12345678")
    again = post(http, input=items, run="run-12345678").json()
    assert Counter(stub.answered) == Counter({f"item {i}": 1 for i in range(6)})
    assert again["usage"]["reused"] == 4
    assert http.delete("/v1/labels/runs/run-12345678").json() == {"run": "run-12345678", "deleted": True}
    assert http.delete("/v1/labels/runs/run-12345678").json()["deleted"] is False
    post(http, input=items[:1], run="run-12345678")
    assert len(stub.answered) == 7
    http.delete("/v1/labels/runs/run-12345678")


def test_a_run_that_is_deleted_meanwhile_keeps_no_answer(http: httpx.Client, stub: Stub) -> None:
    reached, release = threading.Event(), threading.Event()

    def answer(asked: Asked) -> str:
        reached.set()
        assert release.wait(60)
        return by_hash(asked)

    stub.answer = answer
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(post, http, run="run-in-flight")
        assert reached.wait(60)
        assert http.delete("/v1/labels/runs/run-in-flight").json()["deleted"] is True
        release.set()
        assert "labels" in asked.result().json()["data"][0]
    assert post(http, run="run-in-flight").json()["usage"]["reused"] == 0
    http.delete("/v1/labels/runs/run-in-flight")


def holding(stub: Stub, n: int) -> tuple[threading.Event, threading.Event]:
    """Let the stub answer n requests and hold the others, until it is released; events: all n done, release."""
    reached, release = threading.Event(), threading.Event()

    def answer(asked: Asked):
        if asked.number >= n and not release.is_set():
            reached.set()
            release.wait(60)
            return Action(503)
        return by_hash(asked)

    stub.answer = answer
    return reached, release


def test_a_job_that_was_killed_asks_nothing_twice(home: Path, stub: Stub, tmp_path: Path) -> None:
    own = settings(tmp_path, stub)
    reached, release = holding(stub, 5)
    texts = [f"item {i}" for i in range(12)]
    server = harness.launch(tmp_path, settings=own).wait_ready()
    try:
        with Client(server.url, progress=False) as client:
            job = client.label_job(texts=texts, codebook=PEOPLE)
            assert reached.wait(60)
            [journal] = (tmp_path / "home" / "jobs").glob("job_*/answers.jsonl")
            while len(journal.read_bytes().splitlines()) < 6:  # the first one names the journal
                time.sleep(0.02)
            for path in journal.parent.iterdir():
                assert path.is_dir() or KEY.encode() not in path.read_bytes()
            with pytest.raises(NotFoundError):
                client.finished_labels("job_0123456789abcdef")
        answered = list(stub.answered)
        assert len(answered) == 5
        for process in server.processes():
            os.kill(process.pid, signal.SIGKILL)
        server.process.wait(10)
        release.set()
        stub.asked.clear()
        server = harness.launch(tmp_path, settings=own).wait_ready()
        with Client(server.url, progress=False) as client:
            client.wait(job.id)
            L = client.finished_labels(job.id, ids=texts)
            assert KEY not in httpx.get(f"{server.url}/metrics", trust_env=False).text
        assert not L.errors
        assert Counter(stub.answered) == Counter(dict.fromkeys(texts, 1))
        assert not journal.exists()
        assert KEY not in server.said()
    finally:
        release.set()
        server.stop()
    for path in (tmp_path / "home").rglob("*"):
        if path.is_file() and "models" not in path.parts:
            assert KEY.encode() not in path.read_bytes(), path


def test_a_failed_job_that_is_submitted_again_asks_nothing_twice(labelling: Server, stub: Stub) -> None:
    home = labelling.log.parent / "home"
    texts = ["one", "two", "three"]
    reached, release = holding(stub, 2)
    with Client(labelling.url, progress=False) as client:
        failing = client.label_job(texts=texts, codebook=PEOPLE, seed=77)
        assert reached.wait(60)
        journal = home / "jobs" / failing.id / "answers.jsonl"
        while len(journal.read_bytes().splitlines()) < 3:
            time.sleep(0.02)
        Table(home, most_queued=100, keep_days=1).fail(failing.id, "internal", "as if it had failed")
        stub.answer = by_hash  # the third request of the first job is held
        again = client.label_job(texts=texts, codebook=PEOPLE, seed=77)
        client.wait(again.id)
        assert client.finished_labels(again.id, ids=texts).usage["reused"] == 2
        release.set()
        assert Counter(stub.answered) == Counter(texts)
        client.delete_job(failing.id)
        assert not journal.parent.exists()


CORPUS = """
import sys
from daguerre import Client
with Client(sys.argv[1], progress=False, chunk_items=2, in_flight=2) as client:
    print(client.label_corpus(sys.argv[2], sys.argv[3], codebook={"variables": [{"name": "people", "kind": "binary"}]}))
"""


def test_a_corpus_that_was_killed_asks_nothing_twice(labelling: Server, stub: Stub, tmp_path: Path) -> None:
    out = tmp_path / "labels.parquet"
    reached, release = holding(stub, 9)
    command = [sys.executable, "-c", CORPUS, labelling.url, str(CODED), str(out)]
    killed = subprocess.Popen(command, cwd=harness.ROOT)
    assert reached.wait(60)
    while len(stub.answered) < 9:
        time.sleep(0.02)
    killed.kill()
    killed.wait(10)
    release.set()
    assert not out.exists()
    done = subprocess.run(command, cwd=harness.ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert "36 items" in done.stdout
    assert "answer tokens as the endpoint told" in done.stdout
    assert len(stub.answered) == len(set(stub.answered)) == 36
    with Client(labelling.url, progress=False) as client:
        again = client.label_corpus(str(CODED), out, codebook={"variables": [{"name": "people", "kind": "binary"}]})
        assert (again.reused, again.labelled) == (36, 0)
        L = client.read_labels(out)
        assert set(L["people"].ids) == {path.name for path in CODED.iterdir()}
        assert [entry["id"] for entry in L.entries] == L.ids
        with pytest.raises(FingerprintMismatchError):
            client.label_corpus(str(CODED), out, codebook=PEOPLE)
    assert len(stub.answered) == 36


def test_the_command_line_labels_into_tables(labelling: Server, stub: Stub, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from daguerre.cli import main

    (tmp_path / "codebook.json").write_text(json.dumps(ALL_KINDS))
    (tmp_path / "texts.txt").write_text("a crowd\na cup\n")

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["--url", labelling.url, "-q", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    assert "qwen: stub-vlm at 127.0.0.1" in run("labellers")
    codebook = ["--codebook", str(tmp_path / "codebook.json")]
    assert "3 requests" in run("label", str(PHOTOS), *codebook, "--dry-run")
    assert not stub.asked
    out = tmp_path / "labels.parquet"
    run("label", str(PHOTOS), *codebook, "--permute", "categories", "-o", str(out))
    answers = [json.loads(line) for line in out.with_suffix(".answers.jsonl").read_text().splitlines()]
    assert answers[0]["receipt"]["category_order"] == "permuted"
    assert len(answers) == 4
    run("label", "--texts", str(tmp_path / "texts.txt"), *codebook, "-o", str(tmp_path / "x.csv"))
    about, *lines = (tmp_path / "x.answers.jsonl").read_text().splitlines()
    assert {"receipt", "prompt", "codebook"} <= set(json.loads(about))
    assert [json.loads(line)["id"] for line in lines] == ["0", "1"]
    table = run("label", "--texts", str(tmp_path / "texts.txt"), *codebook)
    assert table.splitlines()[0] == "id,people,scene,topics,size,share,words,cannot_tell,error,message"
    assert len(table.splitlines()) == 3
