"""Analyses from Python and from the command line, by a real server, over HTTP and gRPC."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

import daguerre
from daguerre.cli import SOME_FAILED
from tests.e2e import harness

NAMES = ("astronaut", "chelsea", "coffee")


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Three photos in two folders, and a file that is none."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "more").mkdir()
    for name in NAMES:
        (folder / ("more" if name == "coffee" else ".") / f"{name}.jpg").write_bytes(harness.jpeg(name, width=300))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    return folder


@pytest.fixture(scope="module", params=["http", "grpc"])
def connected(request, analysing_server):
    target = analysing_server.url if request.param == "http" else f"grpc://{analysing_server.grpc_target}"
    with daguerre.Client(target) as client:
        yield client


def command(server: harness.Server, *arguments: str, cwd: Path, **options) -> subprocess.CompletedProcess:
    environment = {**os.environ, "DAGUERRE_URL": server.url}
    line = [sys.executable, "-m", "daguerre", *arguments]
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, check=False, **options)


@pytest.mark.thorough
def test_tables_of_findings_and_of_pictures(connected, photos):
    with pytest.warns(daguerre.DaguerreWarning, match="1 of 4 items"):
        found = connected.analyse(photos, {"objects": {"labels": ["person", "cat"]}, "visual": None})
    assert found.ids == ["astronaut.jpg", "broken.jpg", "chelsea.jpg", "more/coffee.jpg"]
    table = found.to_pandas()
    assert list(table[["id", "label"]].itertuples(index=False, name=None)) == [
        ("astronaut.jpg", "person"),
        ("chelsea.jpg", "cat"),
    ]
    inside = table.x.ge(0) & (table.x + table.width).le(table.image_width + 1e-6)
    assert inside.all()
    counts = found.counts()
    assert counts.loc["more/coffee.jpg"].tolist() == [0, 0]
    assert counts.loc["broken.jpg"].isna().all()
    values = found.values
    assert values.loc["broken.jpg", "error"] == "invalid_image"
    assert values.brightness.drop("broken.jpg").between(0, 1).all()
    assert set(found.receipts) == {"objects", "visual"}
    assert len(found.select(["chelsea.jpg"]).to_pandas()) == 1


def test_crops_of_findings_are_items(connected, photos):
    found = connected.detect(photos / "chelsea.jpg", labels=["cat"])
    crops = found.crops("cat")
    embedded = connected.embed(images=photos / "chelsea.jpg", crops=crops)
    assert len(embedded.ids) == len(crops) == 1
    whole = connected.embed(images=photos / "chelsea.jpg")
    assert 0.5 < float((embedded.vectors @ whole.vectors.T)[0, 0]) < 1


def test_short_forms_ask_for_one_analyser(connected, photos):
    one = photos / "chelsea.jpg"
    assert "cat" in set(connected.detect(one).to_pandas().label)
    assert connected.classify(one, top=2).to_pandas().label.tolist()[0] in ("Egyptian Mau", "tabby cat")
    assert connected.classify(one, level="hypernyms", labels=["cat"]).to_pandas().score[0] > 0.8
    assert connected.visual_features(one).values.loc["chelsea.jpg", "blur"] > 0
    assert connected.read_text(one, max_lines=5).texts == [""]
    kinds = {card.kind for card in connected.analysers() if card.default}
    faces = {"faces", "face_vectors", "face_attributes"}
    assert kinds == {"text", "objects", "classes", "captions", "visual", "sensitive"} | faces


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ("text", TypeError, "give a list"),
        ([], ValueError, "names none"),
        (["people"], ValueError, "there are text"),
        ({"objects": {"labels": ["persn"]}}, daguerre.InvalidRequestError, "close to it: person"),
        ({"objects": {"model": "x"}}, daguerre.NotFoundError, "GET /v1/analysers"),
    ],
)
def test_wrong_analysers_are_refused(connected, photos, asked, error, words):
    with pytest.raises(error, match=words):
        connected.analyse(photos / "chelsea.jpg", asked)


def test_a_corpus_is_continued(connected, photos, tmp_path):
    """New pictures and failed ones alone are analysed again; other analysers or options are refused."""
    out = tmp_path / "found.parquet"
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("astronaut.jpg", "broken.jpg"):
        (folder / name).write_bytes((photos / name).read_bytes())
    asked = {"objects": {"labels": ["person", "cat"]}, "visual": {}}
    with pytest.warns(daguerre.DaguerreWarning, match="could not be analysed"):
        first = connected.analyse_corpus(folder, out, asked, progress=False)
    assert (first.analysed, first.failed, first.reused, first.pictures, first.findings) == (1, 1, 0, 2, 1)
    (folder / "chelsea.jpg").write_bytes((photos / "chelsea.jpg").read_bytes())
    second = connected.analyse_corpus(folder, out, asked, progress=False)
    assert (second.analysed, second.failed, second.reused, second.pictures, second.findings) == (1, 0, 2, 3, 2)
    Image.open(photos / "more" / "coffee.jpg").save(folder / "broken.jpg")
    third = connected.analyse_corpus(folder, out, asked, progress=False)
    assert (third.analysed, third.failed, third.reused) == (1, 0, 2)
    at_once = connected.analyse(folder, asked)
    table = pd.read_parquet(out).sort_values(["id", "score"]).reset_index(drop=True)
    wanted = at_once.to_pandas().sort_values(["id", "score"]).reset_index(drop=True)
    assert table.text.isna().all()
    pd.testing.assert_frame_equal(table.drop(columns="text"), wanted.drop(columns="text"), check_dtype=False)
    pictures = pd.read_parquet(out.with_suffix(".pictures.parquet")).set_index("id").sort_index()
    names = ["brightness", "blur", "objects"]
    pd.testing.assert_frame_equal(pictures[names], at_once.values[names].sort_index(), check_dtype=False)
    with pytest.raises(daguerre.FingerprintMismatchError, match="name another file"):
        connected.analyse_corpus(folder, out, {"visual": {}})
    assert not out.with_suffix(".journal.jsonl").exists()


def test_a_killed_run_goes_on(analysing_server, photos, tmp_path):
    """kill -9 after the first pictures are in the journal; the second run does not analyse them again."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(40):
        (folder / f"{i:02}.jpg").write_bytes((photos / "chelsea.jpg").read_bytes() + bytes([i]))
    script = (
        "import daguerre, sys\n"
        "with daguerre.Client(sys.argv[1], chunk_items=2, in_flight=1) as client:\n"
        "    client.analyse_corpus('photos', 'found.parquet', ['visual'])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, analysing_server.url], cwd=tmp_path)
    journal = tmp_path / "found.journal.jsonl"
    end = time.monotonic() + 60
    while not journal.exists() or journal.read_bytes().count(b"\n") < 6:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < end
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with journal.open("ab") as file:
        file.write(b'{"id": "half a li')
    with daguerre.Client(analysing_server.url) as client:
        done = client.analyse_corpus(folder, tmp_path / "found.parquet", ["visual"], progress=False)
    assert done.pictures == 40
    assert done.reused >= 5
    assert done.analysed == 40 - done.reused


def test_the_command_writes_tables(analysing_server, photos, tmp_path):
    done = command(
        analysing_server,
        *("analyse", str(photos), "--objects", "--visual", "--label", "person", "-o", "found.csv"),
        *("--values", "pictures.csv", "--json"),
        cwd=tmp_path,
    )
    assert done.returncode == SOME_FAILED, done.stderr
    assert json.loads(done.stdout)["findings"]["objects"] == 1
    assert "broken.jpg" in done.stderr
    assert "Validate" in done.stderr  # the notice of the detector
    assert pd.read_csv(tmp_path / "found.csv").label.tolist() == ["person"]
    assert len(pd.read_csv(tmp_path / "pictures.csv")) == 4
    corpus = command(analysing_server, "analyse", str(photos), "--objects", "-o", "found.parquet", cwd=tmp_path)
    assert "4 pictures" in corpus.stderr, corpus.stderr
    again = command(analysing_server, "analyse", str(photos), "--objects", "-o", "found.parquet", cwd=tmp_path)
    assert "0 analysed" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--label", "person"), "name an analyser"),
        (("--visual", "--label", "person"), "--label"),
        (("--objects", "--top", "3"), "--top"),
        (("--objects", "--model", "x"), "KIND=NAME"),
        (("--objects", "--retry-errors"), "--retry-errors"),
    ],
)
def test_options_that_do_not_fit_are_refused(analysing_server, photos, tmp_path, arguments, words):
    done = command(analysing_server, "analyse", str(photos), *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
