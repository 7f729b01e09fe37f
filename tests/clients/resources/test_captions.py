"""Captions from Python and from the command line, by a real server: as tables, as texts, and of a corpus."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import daguerre
from daguerre import cli
from daguerre.cli import SOME_FAILED
from daguerre.types.common import Receipt
from tests.e2e import harness
from tests.models.clips import make

pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")  # the SDK is the same
NAMES = ("astronaut", "chelsea", "coffee")


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Three photos in two folders, a copy of one, and a file that is none."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "more").mkdir()
    for name in NAMES:
        (folder / ("more" if name == "coffee" else ".") / f"{name}.jpg").write_bytes(harness.jpeg(name, width=200))
    (folder / "more" / "copy.jpg").write_bytes(harness.jpeg("chelsea", width=200))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    return folder


@pytest.fixture(scope="module", params=["http", "grpc"])
def connected(request, analysing_server):
    target = analysing_server.url if request.param == "http" else f"grpc://{analysing_server.grpc_target}"
    with daguerre.Client(target, chunk_items=3) as client:
        yield client


def captioned(server: harness.Server) -> int:
    """The number of pictures that the server was asked to caption, and has captioned."""
    with server.client() as client:
        text = client.get("/metrics").text
    found = re.findall(r'daguerre_items_total\{(?=[^}]*"captions")(?=[^}]*"image")[^}]*\} (\S+)', text)
    return round(sum(map(float, found)))


@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
def test_captions_are_a_table_and_texts(connected, photos):
    """Rows of all pictures in order; as texts they have the ids of the pictures, for vectors, search and clusters."""
    captions = connected.caption(photos, prompt="a photo of", max_tokens=7)
    assert captions.ids == ["astronaut.jpg", "broken.jpg", "chelsea.jpg", "more/coffee.jpg", "more/copy.jpg"]
    table = captions.to_pandas().set_index("id")
    assert table.caption.drop("broken.jpg").str.startswith("a photo of ").all()
    assert table.loc["chelsea.jpg"].equals(table.loc["more/copy.jpg"])
    assert table.loc["broken.jpg", "error"] == "invalid_image"
    assert table.loc["broken.jpg", ["caption", "score"]].isna().all()
    assert (table.tokens.drop("broken.jpg") <= 7).all()
    assert captions.captions == [None if pd.isna(each) else each for each in table.caption]
    assert (captions.prompt, captions.receipt["max_tokens"]) == ("a photo of", 7)
    assert captions.notice == table.attrs["notice"] == captions.receipt["notice"]
    at_once = connected.analyse(photos, {"captions": {"prompt": "a photo of", "max_tokens": 7}})
    assert captions.captions == at_once.captions
    assert captions.receipts == at_once.receipts
    one = captions["chelsea.jpg"]
    assert isinstance(one, daguerre.Captions)
    assert one.captions == [table.caption["chelsea.jpg"]]

    X = connected.embed(texts=captions)
    assert X.ids == captions.ids
    assert [error.id for error in X.errors] == ["broken.jpg"]
    again = connected.embed(texts=table.caption["astronaut.jpg"])
    np.testing.assert_allclose(X.vectors[0], again.vectors[0], atol=1e-6)
    nearest = dict(connected.search(table.caption["chelsea.jpg"], captions, k=2)[0])
    assert set(nearest) == {"chelsea.jpg", "more/copy.jpg"}
    np.testing.assert_allclose(list(nearest.values()), 1, atol=1e-5)


@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
def test_captions_name_clusters_of_vectors_without_texts(connected, photos):
    """By id, so that their order does not matter, and captions of other pictures are left out."""
    captions = connected.caption(photos, max_tokens=9)
    rng = np.random.default_rng(0)
    ids = ["more/copy.jpg", "chelsea.jpg", "astronaut.jpg", "more/coffee.jpg"]
    vectors = np.repeat(np.eye(2, 8, dtype=np.float32), 2, axis=0) + rng.normal(0, 0.01, (4, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    made_by = Receipt("colours", "1", "c" * 32, "fp32", "cpu", "exact", False)  # a model that reads no texts
    own = daguerre.Embeddings(
        ids=ids, errors=daguerre.Errors(), receipt=made_by, truncated=[], vectors=vectors, modality="image"
    )
    bare = connected.cluster(embeddings=own, method="kmeans", k=2)
    assert all(cluster.names is None for cluster in bare.clusters)
    named = connected.cluster(embeddings=own, method="kmeans", k=2, name_texts=captions)
    assert named.labels.tolist() == bare.labels.tolist()
    first = named.clusters[named.labels[0]]
    words = {word for word in captions["chelsea.jpg"].captions[0].split()}
    assert first.names
    assert {name.label for name in first.names} <= words
    with pytest.raises(ValueError, match="match no item"):
        connected.cluster(embeddings=own, method="kmeans", k=2, name_texts={"other.jpg": "a cat"})


def test_frames_of_videos_have_captions(connected, tmp_path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp4").write_bytes(make(frames=6, rate=3, size=(96, 64)))
    captions = connected.caption(videos=tmp_path / "clips", max_tokens=4, sampling={"every": "1s", "find_shots": True})
    table = captions.to_pandas()
    assert table.id.tolist() == ["a.mp4@0.000", "a.mp4@1.000"]
    assert table.time.tolist() == [0, 1]
    assert (table.video == "a.mp4").all()
    assert captions.captions == ["\n".join(dict.fromkeys(table.caption))]
    assert list(captions.item_texts()) == table.id.tolist()
    out = tmp_path / "captions.parquet"
    done = connected.caption_corpus(videos=tmp_path / "clips", out=out, max_tokens=4, sampling={"every": "1s"})
    assert (done.pictures, done.frames, done.analysed) == (1, 2, 1)
    again = connected.caption_corpus(videos=tmp_path / "clips", out=out, max_tokens=4, sampling={"every": "1s"})
    assert (again.analysed, again.reused) == (0, 1)
    stored = pd.read_parquet(out)
    assert stored.caption.tolist() == table.caption.tolist()
    assert connected.read_captions(out).captions == captions.captions


def test_a_page_of_captions_has_their_texts_and_the_notice(connected, photos, tmp_path):
    captions = connected.caption(photos / "chelsea.jpg", max_tokens=9)
    captions.report(tmp_path / "page.html", pictures="none")
    html = (tmp_path / "page.html").read_text()
    assert captions.captions[0].split()[0] in html
    assert "A caption is what the network finds likely" in html


@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
def test_a_corpus_is_continued_and_equal_files_are_captioned_once(analysing_server, photos, tmp_path):
    folder, out = tmp_path / "photos", tmp_path / "captions.parquet"
    folder.mkdir()
    chelsea, coffee = (photos / name for name in ("chelsea.jpg", "more/coffee.jpg"))
    for i in range(20):
        (folder / f"{i:02}.jpg").write_bytes(chelsea.read_bytes())
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    with daguerre.Client(analysing_server.url) as client:
        before = captioned(analysing_server)
        first = client.caption_corpus(folder, out, max_tokens=5, progress=False)
        assert (first.analysed, first.failed, first.equal, first.pictures) == (20, 1, 19, 21)
        assert captioned(analysing_server) - before == 1
        (folder / "coffee.jpg").write_bytes(coffee.read_bytes())
        (folder / "later.jpg").write_bytes(chelsea.read_bytes())  # equal to one of the first run
        second = client.caption_corpus(folder, out, max_tokens=5, progress=False)
        assert (second.analysed, second.reused, second.equal, second.pictures) == (2, 21, 1, 23)
        assert captioned(analysing_server) - before == 2
        third = client.caption_corpus(folder, out, max_tokens=5, progress=False)
        assert (third.analysed, third.reused) == (0, 23)
        wanted = client.caption(folder, max_tokens=5)
        captions = client.read_captions(out)
        with pytest.raises(daguerre.FingerprintMismatchError, match="name another file"):
            client.caption_corpus(folder, out, max_tokens=6)
        client.analyse_corpus(folder, tmp_path / "found.parquet", {"captions": {"max_tokens": 5}}, progress=False)
        with pytest.raises(ValueError, match="name another file for captions"):
            client.caption_corpus(folder, tmp_path / "found.parquet", max_tokens=5)
        assert client.read_captions(tmp_path / "found.parquet").item_texts() == captions.item_texts()
    table = pd.read_parquet(out).set_index("id").sort_index()
    assert table.columns.tolist()[:4] == ["caption", "score", "ended", "tokens"]
    assert table.loc["broken.jpg", "error_code"] == "invalid_image"
    assert table.caption.dropna().to_dict() == {id: text for id, text in wanted.item_texts().items() if text}
    assert captions.item_texts() == wanted.item_texts()
    assert captions.receipt == wanted.receipt
    names = ["caption", "score", "ended", "tokens", "remark"]
    same = captions.to_pandas().set_index("id")[names].sort_index()
    pd.testing.assert_frame_equal(same, wanted.to_pandas().set_index("id")[names].sort_index(), check_dtype=False)


def test_nothing_that_was_written_is_asked_again_after_a_kill(analysing_server, photos, tmp_path):
    """kill -9 of the client once some captions are in the journal, the last line of which is half written."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(40):
        (folder / f"{i:02}.jpg").write_bytes((photos / "chelsea.jpg").read_bytes() + bytes([i]))
    script = (
        "import daguerre, sys\n"
        "with daguerre.Client(sys.argv[1], chunk_items=2, in_flight=1) as client:\n"
        "    client.caption_corpus('photos', 'captions.parquet', max_tokens=12)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, analysing_server.url], cwd=tmp_path)
    journal = tmp_path / "captions.journal.jsonl"
    end = time.monotonic() + 60
    while not journal.exists() or journal.read_bytes().count(b"\n") < 6:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < end
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    written = journal.read_bytes().count(b"\n") - 1
    with journal.open("ab") as file:
        file.write(b'{"id": "half a li')
    _settled(analysing_server)
    before = captioned(analysing_server)
    with daguerre.Client(analysing_server.url) as client:
        done = client.caption_corpus(folder, tmp_path / "captions.parquet", max_tokens=12, progress=False)
    assert (done.pictures, done.reused, done.analysed) == (40, written, 40 - written)
    assert captioned(analysing_server) - before == 40 - written


def _settled(server: harness.Server) -> None:
    """Wait until the server has no request of the killed client under way."""
    end = time.monotonic() + 60
    with server.client() as client:
        while True:
            text = client.get("/metrics").text
            found = re.findall(r"daguerre_requests_in_flight\{[^}]*\} (\S+)", text)
            if sum(map(float, found)) <= 1:  # this one
                return
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.mark.slow
def test_a_run_goes_on_when_the_server_was_killed(placement, imported_analysers, photos, tmp_path):
    """kill -9 of the server; another one on its port: what was written is not asked again."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(60):
        (folder / f"{i:02}.jpg").write_bytes((photos / "chelsea.jpg").read_bytes() + bytes([i]))
    settings = {
        "DAGUERRE_PLACEMENT": placement,
        "DAGUERRE_ANALYSERS": "small-captions",
        "BENTOML_HOME": str(tmp_path / "bentoml"),
    }
    out, journal = tmp_path / "captions.parquet", tmp_path / "captions.journal.jsonl"
    first = harness.launch(tmp_path / "a", settings=settings).wait_ready()
    script = (
        "import daguerre, sys\n"
        "with daguerre.Client(sys.argv[1], chunk_items=2, in_flight=1) as client:\n"
        "    print(client.caption_corpus('photos', 'captions.parquet', max_tokens=12, retry_for=2).analysed)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, first.url], cwd=tmp_path)
    end = time.monotonic() + 60
    while not journal.exists() or journal.read_bytes().count(b"\n") < 6:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.005)
    os.killpg(os.getpgid(first.process.pid), signal.SIGKILL)
    assert process.wait(120) != 0  # it gives up, and keeps what is written
    written = journal.read_bytes().count(b"\n") - 1
    with harness.running(tmp_path / "b", settings=settings) as second:
        with daguerre.Client(second.url) as client:
            done = client.caption_corpus(folder, out, max_tokens=12, progress=False)
        assert captioned(second) == 60 - written
    assert (done.pictures, done.reused) == (60, written)


def ran(server: harness.Server, *arguments: object) -> Any:
    """A command in this process."""
    return CliRunner().invoke(cli.main, ["--url", server.url, *map(str, arguments)])


def test_the_command_writes_captions(analysing_server, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ("--prompt", "a photo of", "--max-tokens", "7", "--model", "small-captions")
    done = ran(analysing_server, "caption", photos, *asked, "-o", "captions.csv", "--json")
    assert done.exit_code == SOME_FAILED, done.output
    summary = json.loads(done.stdout)
    assert (summary["pictures"], summary["captions"], summary["failed"]) == (5, 4, 1)
    assert summary["receipt"]["prompt"] == "a photo of"
    assert "A caption is what the network finds likely" in done.stderr
    table = pd.read_csv("captions.csv").set_index("id")
    assert table.columns.tolist() == ["caption", "score", "ended", "tokens", "remark", "error"]
    corpus = ran(analysing_server, "caption", photos, *asked, "-o", "captions.parquet")
    assert "4 captioned" in corpus.stderr, corpus.output
    assert "1 equal to others" in corpus.stderr
    assert "A caption is what the network finds likely" in corpus.stderr
    assert "0 captioned" in ran(analysing_server, "caption", photos, *asked, "-o", "captions.parquet").stderr
    stored = pd.read_parquet("captions.parquet").set_index("id")
    assert stored.caption.dropna().to_dict() == table.caption.dropna().to_dict()
    for name in ("captions.csv", "captions.parquet"):
        embedded = ran(analysing_server, "embed", "--texts", name, "--column", "caption", "-o", "x.parquet")
        assert embedded.exit_code == SOME_FAILED, embedded.output  # the picture without a caption
        assert sorted(pd.read_parquet("x.parquet").id) == sorted(stored.index)
    clustered = ("cluster", photos, "--method", "kmeans", "--k", "2", "-o", "clusters.csv", "--report", "page.html")
    named = ran(analysing_server, *clustered, "--name-texts", "captions.parquet", "caption", "--pictures", "none")
    assert named.exit_code == SOME_FAILED, named.output
    assert any(word in Path("page.html").read_text() for word in stored.caption["chelsea.jpg"].split()[3:])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--retry-errors", "-o", "a.csv"), 2, "--retry-errors needs --out FILE.parquet"),
        (("--prompt", "cat " * 16, "-o", "a.csv"), 5, "has 16 tokens, at most 15 are allowed"),
        (("--model", "blip", "-o", "a.csv"), 5, "there is no 'blip'"),
        (("-o", "a.txt"), 2, ".txt"),
    ],
)
def test_options_that_do_not_fit_are_refused(analysing_server, photos, tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    done = ran(analysing_server, "caption", photos / "chelsea.jpg", *arguments)
    assert (done.exit_code, words in done.stderr) == (code, True), done.output
