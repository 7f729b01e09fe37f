"""The command line with --video."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from daguerre import Client, Embeddings, JobFailedError, cli
from daguerre.types.jobs import Job
from tests.clients.cli.test_group import run
from tests.clients.resources.test_videos import COLOURS, QUICK, videos
from tests.e2e import harness
from tests.models.clips import cut_clip, fetch, make

LABELS = ["--label", "a person riding a bicycle", "--label", "label"]


@pytest.fixture(scope="module")
def news(tmp_path_factory) -> Path:
    """Two videos, one of them in a subfolder, one that is broken, and things that are no video."""
    folder = tmp_path_factory.mktemp("news")
    (folder / "may").mkdir()
    (folder / "may" / "Ünï bikes.mp4").write_bytes(fetch("bikes").read_bytes())
    cuts = cut_clip(COLOURS, 25, size=(96, 64))
    (folder / "cuts.MP4").write_bytes(cuts)
    (folder / "broken.mp4").write_bytes(cuts[:300])
    (folder / "photo.jpg").write_bytes(harness.jpeg("coffee", width=64))
    return folder


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_folder_of_videos_is_labelled_frame_by_frame(inline, news, tmp_path):
    out, pages = tmp_path / "out.csv", tmp_path / "pages"
    looked = (
        "--video",
        "--every",
        "2s",
        "--find-shots",
        "--timeline",
        pages,
        "--pooling",
        "max",
        "--pictures",
        "blurred",
    )
    done = run(inline, "zero-shot", news, *looked, *LABELS, "-o", out, "--json", code=cli.SOME_FAILED)
    said = json.loads(done.stdout)
    assert (said["videos"], said["frames"], said["failed"]) == (3, 7, 1)
    assert "broken.mp4: " in done.stderr
    found = rows(out.read_text())
    assert list(found[0]) == [
        *("video", "timestamp", "shot", "label", "a person riding a bicycle", "label: label", "remarks", "error")
    ]
    assert [row["error"] for row in found] == ["invalid_video", *[""] * 7]
    cuts = [row for row in found if row["video"].endswith("cuts.MP4")]
    assert [(row["timestamp"], row["shot"]) for row in cuts] == [("0.000000", "0"), ("2.000000", "2")]
    written = sorted(str(path.relative_to(pages)) for path in pages.rglob("*.html"))
    assert written == ["cuts.MP4.html", "may/Ünï bikes.mp4.html"]
    page = (pages / "may" / "Ünï bikes.mp4.html").read_text()
    assert "data:image/jpeg" in page
    assert "Faces are blurred" in page
    assert "The highest of its frames" in page
    assert not out.with_name("out.csv.videos").exists()
    with Client(inline.url) as client, client.video(news / "may" / "Ünï bikes.mp4", every=2) as clip:
        told = clip.zero_shot([LABELS[1], LABELS[3]])
    bikes = [row for row in found if "bikes" in row["video"]]
    assert [float(row["label: label"]) for row in bikes] == pytest.approx(told.scores[:, 1].tolist(), abs=1e-5)
    assert [row["label"] for row in bikes] == told.best


def test_a_download_that_was_cut_says_so_in_every_table_and_line(inline, tmp_path):
    data = make(frames=150, size=(96, 64), container="matroska", options={"g": "25"})
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(data[: 3 * len(data) // 4])
    commands = {"zero-shot": (*LABELS,), "embed": ()}
    for command, kind in (
        *(("zero-shot", kind) for kind in ("csv", "parquet")),
        *(("embed", kind) for kind in ("csv", "parquet", "npz")),
    ):
        out = tmp_path / f"{command}.{kind}"
        done = run(inline, command, cut, "--video", *commands[command], "-o", out, "--json")
        assert "1 with remarks" in done.stderr
        assert ("not calibrated" in done.stderr) == (command == "zero-shot")
        assert "cut.mkv: ends early" in done.stderr
        assert json.loads(done.stdout)["remarks"]["cut.mkv"][0].startswith("ends early")
        if kind == "npz":
            remarks = np.load(out)["remarks"].tolist()
        else:
            remarks = (pd.read_csv(out) if kind == "csv" else pd.read_parquet(out))["remarks"].tolist()
        assert 3 <= len(remarks) <= 5
        assert all(remark.startswith("ends early") for remark in remarks)


def test_tables_are_parquet_too_or_go_to_stdout(inline, news, tmp_path):
    out = tmp_path / "out.parquet"
    run(inline, "zero-shot", news, "--video", "--frames", 2, *LABELS, "-o", out, code=cli.SOME_FAILED)
    table = pd.read_parquet(out)
    said = rows(run(inline, "zero-shot", news / "cuts.MP4", "--video", "--frames", 2, *LABELS).stdout)
    assert [float(row["timestamp"]) for row in said] == table["timestamp"][1:3].tolist()
    assert table["error"].tolist()[0] == "invalid_video"
    assert table["error"].isna().sum() == 4
    assert table["label: label"].notna().tolist() == [False, *[True] * 4]
    assert list(table.columns)[:4] == ["video", "timestamp", "shot", "label"]


@pytest.mark.thorough
def test_vectors_of_frames_are_a_corpus(inline, news, tmp_path):
    for kind in ("npz", "parquet"):
        out = tmp_path / f"out.{kind}"
        run(inline, "embed", news, "--video", "--shots", "--take", "first", "-o", out, code=cli.SOME_FAILED)
        found = rows(run(inline, "cluster", out, "--method", "agglomerative", "--k", "3", code=cli.SOME_FAILED).stdout)
        assert [row["id"].rpartition("/")[2] for row in found[:4]] == [
            "broken.mp4",
            *(f"cuts.MP4@{i}.000" for i in range(3)),
        ]
        assert [row["cluster"] == "-1" for row in found] == [True, *[False] * (len(found) - 1)]
    table = pd.read_parquet(tmp_path / "out.parquet")
    assert table["timestamp"][1:4].tolist() == [0, 1, 2]
    assert table["shot"][1:4].tolist() == [0, 1, 2]
    made = Embeddings.read_parquet(tmp_path / "out.parquet")
    assert made.errors.by_code() == {"invalid_video": 1}
    with np.load(tmp_path / "out.npz") as saved:
        assert saved["vectors"][1:] == pytest.approx(made.vectors[1:])
        assert saved["timestamps"][1:4].tolist() == [0, 1, 2]
    run(inline, "embed", news / "cuts.MP4", "--video", "--keyframes", "-o", tmp_path / "out.csv")
    first = rows((tmp_path / "out.csv").read_text())[0]
    assert np.array([first[str(i)] for i in range(1280)], np.float32).tolist() == made.vectors[1].tolist()


def test_a_classifier_predicts_frames(inline, news, tmp_path):
    name = f"v-{uuid.uuid4().hex[:12]}"
    photos = [harness.jpeg(kind, width=64 + 8 * i) for i in range(4) for kind in ("coffee", "chelsea")]
    with Client(inline.url) as client:
        client.train_classifier(name, images=photos, targets=["cup", "cat"] * 4, **QUICK)
        with client.video(news / "cuts.MP4", frames=3) as clip:
            told = clip.predict(name)
    looked = ("--video", "--frames", 3, "--timeline", tmp_path / "pages")
    found = rows(run(inline, "predict", name, news / "cuts.MP4", *looked).stdout)
    assert [row["label"] for row in found] == told.predicted
    assert [float(row["cat"]) for row in found] == pytest.approx(told.probabilities[:, 0].tolist(), abs=1e-5)
    assert f"{name}@1" in (tmp_path / "pages" / "cuts.MP4.html").read_text()


def test_a_run_that_was_interrupted_goes_on(inline, news, tmp_path):
    """Every frame of the second video would take half a minute."""
    folder, out = tmp_path / "long", tmp_path / "out.csv"
    folder.mkdir()
    (folder / "a.mp4").write_bytes((news / "cuts.MP4").read_bytes())
    (folder / "b.mp4").write_bytes(fetch("cuts").read_bytes())
    asked = ("zero-shot", str(folder), "--video", "--every", "40ms", *LABELS, "-o", str(out))
    command = [sys.executable, "-m", "daguerre", "--url", inline.url, *asked]
    with Client(inline.url) as client:
        before = set(videos(client))
    begun = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    until = time.monotonic() + 30
    kept = tmp_path / "out.csv.videos"
    with Client(inline.url) as client:
        running: list[Job] = []
        while not running:
            assert time.monotonic() < until, begun.poll()
            time.sleep(0.02)
            if any(kept.glob("*.npz")):
                running = [job for job in client.jobs() if job.state == "running"]
        begun.send_signal(signal.SIGINT)
        _, stderr = begun.communicate(timeout=20)
        assert begun.returncode == cli.INTERRUPTED
        assert "run it again to go on" in stderr
        assert "Traceback" not in stderr
        assert not out.exists()
        with pytest.raises(JobFailedError, match="cancelled"):
            client.wait(running[0].id)
        assert set(videos(client)) == before
    (folder / "b.mp4").write_bytes((news / "cuts.MP4").read_bytes())
    assert "1 of 2 videos are there already" in run(inline, *asked).stderr
    assert len(rows(out.read_text())) == 150
    assert not kept.exists()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--every", "2s"), "--every needs --video"),
        (("--video", "--pictures", "none"), "--pictures needs --timeline"),
        (("--video", "--every", "2s", "--frames", "3"), "give only one of --every and --frames"),
        (("--video", "--take", "first"), "--take needs --shots"),
        (("--video", "--every", "soon"), "every: got 'soon'"),
        (("--video", "-o", "out.txt"), "ends in .txt"),
    ],
)
def test_wrong_usage_is_one_line(news, arguments, why):
    assert why in run("http://127.0.0.1:9", "zero-shot", news, *LABELS, *arguments, code=2).stderr


def test_what_is_not_there_is_said(inline, tmp_path):
    assert "there is no" in run(inline, "zero-shot", tmp_path / "x.mp4", "--video", *LABELS, code=2).stderr
    assert "no video was found" in run(inline, "zero-shot", tmp_path, "--video", *LABELS, code=2).stderr
    (tmp_path / "t.txt").write_text("a text")
    said = run(inline, "embed", "--texts", tmp_path / "t.txt", "--video", "-o", tmp_path / "o.npz", code=2).stderr
    assert "not --texts" in said
    gone = (tmp_path / "gone.mp4", tmp_path / "too.mp4")
    found = rows(run(inline, "zero-shot", *gone, "--video", *LABELS, code=cli.SOME_FAILED).stdout)
    assert [row["error"] for row in found] == ["unreadable_file"] * 2
