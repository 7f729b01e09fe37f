"""The command line, as a process of its own."""

import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import daguerre
from daguerre import cli
from tests.e2e import harness
from tests.e2e.harness import Server

LABELS = ["--label", "a cat", "--label", "a cup of coffee"]


def run(server: Server | str, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    url = server if isinstance(server, str) else server.url
    command = [sys.executable, "-m", "daguerre", "--url", url, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, f"{done.returncode}: {done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def test_help_names_every_command_and_exit_code():
    said = run("http://x", "--help").stdout
    for word in ("embed", "zero-shot", "models", "ping"):
        assert word in said
    for code in (cli.SOME_FAILED, cli.UNREACHABLE, cli.REFUSED, cli.MISMATCH, cli.INTERRUPTED):
        assert f"\n    {code} " in said
    assert daguerre.__version__ in run("http://x", "--version").stdout
    for command in ("embed", "zero-shot", "models", "ping"):
        assert "Usage:" in run("http://x", command, "--help").stdout


def test_embed_writes_parquet_and_goes_on(inline: Server, photos: Path, tmp_path: Path):
    out = tmp_path / "photos.parquet"
    done = run(inline, "embed", photos, "-o", out)
    assert done.stdout == ""
    assert "7 rows, 7 embedded" in done.stderr
    summary = json.loads(run(inline, "embed", photos, "-o", out, "--json").stdout)
    assert (summary["rows"], summary["embedded"], summary["reused"]) == (7, 0, 7)
    table = pd.read_parquet(out)
    assert len(table["vector"][0]) == 1280
    assert "more/Ünïcode, näme.JPG" in set(table["id"])
    (photos_with := tmp_path / "photos").mkdir()
    (photos_with / "broken.jpg").write_bytes(b"no image")
    for _ in range(2):  # the file is as incomplete the second time
        said = run(inline, "embed", photos_with, "-o", tmp_path / "b.parquet", code=cli.SOME_FAILED).stderr
        assert "columns error_code and error_message" in said
    said = run(inline, "embed", photos, "-o", out, "--decode", "scaled", code=cli.MISMATCH).stderr
    assert said.startswith("daguerre: ")
    assert "must not be mixed" in said


def test_embed_writes_npz_and_csv(inline: Server, photos: Path, tmp_path: Path):
    run(inline, "-q", "embed", photos, "-o", tmp_path / "a.npz")
    run(inline, "-q", "embed", photos, "-o", tmp_path / "a.csv")
    with np.load(tmp_path / "a.npz") as saved:
        ids, vectors, receipt = saved["ids"], saved["vectors"], json.loads(str(saved["receipt"]))
    assert vectors.shape == (7, 1280)
    assert receipt["model"] == "embedded"
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows[1:]] == ids.tolist()
    assert (np.array([row[1:] for row in rows[1:]], np.float32) == vectors).all()
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")
    Path(odd).write_bytes(b"no image")
    run(inline, "embed", photos / "coffee.jpg", odd, "-o", tmp_path / "b.csv", code=cli.SOME_FAILED)
    table = pd.read_csv(tmp_path / "b.csv")
    assert table["id"][1].endswith(r"caf\udce9.jpg")
    assert table["0"].isna().tolist() == [False, True]


def test_texts_come_from_lines_and_tables(inline: Server, tmp_path: Path):
    (tmp_path / "texts.txt").write_bytes(b"\xef\xbb\xbfa cat\r\n\r\na protest\r\n")
    with (tmp_path / "posts.csv").open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([["id", "body"], ["p,1", "a cat\nand more"], ["p2", "Ünï"]])
    run(inline, "embed", "--texts", tmp_path / "texts.txt", "-o", tmp_path / "a.parquet")
    found = daguerre.Embeddings.read_parquet(tmp_path / "a.parquet")
    assert found.ids == ["0", "1"]
    with daguerre.Client(inline.url) as client:
        assert np.abs(found.vectors - client.embed(texts=["a cat", "a protest"]).vectors).max() < 1e-6
    run(inline, "embed", "--texts", tmp_path / "posts.csv", "--column", "body", "-o", tmp_path / "b.parquet")
    assert daguerre.Embeddings.read_parquet(tmp_path / "b.parquet").ids == ["p,1", "p2"]
    said = run(inline, "embed", "--texts", tmp_path / "posts.csv", "-o", tmp_path / "c.npz", code=2).stderr
    assert "id, body" in said


def test_zero_shot_writes_a_table_that_any_reader_of_csv_reads(inline: Server, photos: Path, tmp_path: Path):
    odd = photos / "more" / "Ünïcode, näme.JPG"
    done = run(inline, "zero-shot", photos / "chelsea.jpg", odd, "nowhere.jpg", *LABELS, code=cli.SOME_FAILED)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["id"] for row in rows] == ["chelsea.jpg", "more/Ünïcode, näme.JPG", "nowhere.jpg"]
    assert rows[0]["label"] == "a cat"
    assert float(rows[0]["a cat"]) + float(rows[0]["a cup of coffee"]) == pytest.approx(1, abs=1e-5)
    assert (rows[2]["error"], rows[2]["a cat"], rows[2]["label"]) == ("unreadable_file", "", "")
    assert "1 unreadable_file" in done.stderr
    (tmp_path / "labels.txt").write_text("a cat\na cup of coffee\n")
    out = tmp_path / "labels.csv"
    said = run(inline, "zero-shot", photos, "--labels-file", tmp_path / "labels.txt", "-o", out, "--json").stdout
    assert json.loads(said)["items"] == 7
    assert len(pd.read_csv(out)) == 7
    run(inline, "zero-shot", photos, *LABELS, "--none-of-these", "something else", "-o", tmp_path / "labels.parquet")
    assert list(pd.read_parquet(tmp_path / "labels.parquet").columns)[:2] == ["id", "label"]
    run(inline, "zero-shot", photos, "--multi-label", "--label", "a cat", "--negative", "a dog", "--template", "{}")
    run(inline, "zero-shot", photos, *LABELS, "--min-cosine", "0.2")


def test_labels_that_are_called_as_our_columns_keep_their_scores(inline: Server, photos: Path, tmp_path: Path):
    labels = [word for label in ("id", "label", "error", "remark", "a cat") for word in ("--label", label)]
    columns = ["id", "label", "label: id", "label: label", "label: error", "label: remark", "a cat", "remark", "error"]
    for kind in ("csv", "parquet"):
        run(inline, "zero-shot", photos / "chelsea.jpg", *labels, "-o", tmp_path / f"a.{kind}")
    tables = [pd.read_csv(tmp_path / "a.csv"), pd.read_parquet(tmp_path / "a.parquet")]
    for table in tables:
        assert list(table.columns) == columns
        assert table["label"][0] == "a cat"
        assert table[columns[2:7]].sum(axis=1)[0] == pytest.approx(1, abs=1e-4)


def test_models_and_ping(inline: Server):
    assert run(inline, "models").stdout.startswith("embedded (default): image+text, zero-shot; 1280 dimensions")
    assert json.loads(run(inline, "models", "--json").stdout)[0]["id"] == "embedded"
    assert f"daguerre {daguerre.__version__}, ready" in run(inline, "ping").stdout
    assert json.loads(run(f"grpc://{inline.grpc_target}", "ping", "--json").stdout)["ready"] is True


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["embed", "-o", "a.parquet"], 2, "give images"),
        (["embed", "a.jpg", "-o", "a.txt"], 2, ".parquet, .npz, .csv"),
        (["embed", "a.jpg", "-o", "a.npz", "--retry-errors"], 2, "--retry-errors"),
        (["embed", "nowhere/", "-o", "a.parquet"], 2, "there is no 'nowhere/'"),
        (["zero-shot", "a.jpg"], 2, "--label"),
        (["zero-shot", "a.jpg", *LABELS, "-o", "a.doc"], 2, ".csv, .parquet"),
        (["zero-shot", "a.jpg", *LABELS, "-o", "nowhere/a.csv"], 2, "there is no folder"),
        (["embed", "a.jpg", "-o", "nowhere/a.npz"], 2, "there is no folder"),
        (["embed", "--texts", "a.jpg", "-o", "a.npz"], 2, "a.jpg is not UTF-8"),
        (["embed", "--texts", "a.csv", "-o", "a.npz"], 2, "a.csv is not a valid table"),
        (["zero-shot", "a.jpg", *LABELS, "--json"], 2, "--out"),
        (["zero-shot", "a.jpg", "--label", "one"], 5, "at least 2"),
        (["embed", "a.jpg", "-o", "a.npz", "--model", "clip"], 5, "there are: embedded"),
        (["--api-key-file", "/dev/null", "ping"], 2, "has no key"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_code(
    inline: Server, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments, code, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_bytes((photos / "coffee.jpg").read_bytes())
    (tmp_path / "a.csv").write_text('text\n"a quote that does not end')
    assert said in run(inline, *arguments, code=code).stderr


def test_a_server_that_is_not_there_is_code_4():
    said = run(f"http://127.0.0.1:{harness.free_port()}", "ping", code=cli.UNREACHABLE).stderr
    assert "nobody listens there: start the server with scripts/serve" in said
    assert run("gpu-server", "ping", code=2).stderr.startswith("daguerre: --url: ")


def test_what_is_no_daguerre_is_code_4():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi"

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        said = run(f"http://127.0.0.1:{listening.getsockname()[1]}", "ping", code=cli.UNREACHABLE).stderr
        assert "does not look like a Daguerre server" in said
        thread.join(10)


@pytest.mark.thorough
def test_keys_come_from_a_file_or_the_environment(
    guarded_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "key").write_text("# mine\nopen-sesame\n")
    assert "no API key" in run(guarded_server, "models", code=cli.REFUSED).stderr
    run(guarded_server, "--api-key-file", tmp_path / "key", "models")
    monkeypatch.setenv("DAGUERRE_API_KEY", "open-sesame")
    run(guarded_server, "models")


def test_ctrl_c_says_how_to_go_on(inline: Server, photos: Path, tmp_path: Path):
    folder = tmp_path / "many"
    folder.mkdir()
    data = (photos / "coffee.jpg").read_bytes()
    for i in range(3000):
        (folder / f"{i}.jpg").write_bytes(data + b"%d" % i)
    out = tmp_path / "many.parquet"
    command = [sys.executable, "-m", "daguerre", "--url", inline.url, "embed", str(folder), "-o", str(out)]
    begun = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    until = time.monotonic() + 30
    while not any(path.stat().st_size > 100_000 for path in (tmp_path / "many.parquet.parts").rglob("*.arrows")):
        assert time.monotonic() < until, "nothing was embedded in 30 s"
        time.sleep(0.02)
    begun.send_signal(signal.SIGINT)
    stdout, stderr = begun.communicate(timeout=20)
    assert (begun.returncode, stdout) == (cli.INTERRUPTED, "")
    assert "run it again to go on" in stderr
    assert "Traceback" not in stderr
    parts = list((tmp_path / "many.parquet.parts").glob("part-*.parquet"))
    assert sum(len(pd.read_parquet(part, columns=["id"])) for part in parts) >= 32


def jpegs(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(harness.jpeg("coffee", width=64))
    return folder


ODD = ("1234567890", "a.jpg_large", "b.jpg?w=640", "c.jpg.1", "d.mpo")


def test_a_folder_of_odd_names_is_embedded_and_what_is_left_out_is_printed(inline: Server, tmp_path: Path):
    folder = jpegs(tmp_path / "odd", *ODD, "@eaDir/thumb.jpg", ".hidden.jpg")
    (folder / "notes.txt").write_text("text")
    (folder / ".DS_Store").write_bytes(b"x")
    left_out = "4 files or folders were left out ("
    for arguments in (
        ("embed", folder, "-o", tmp_path / "a.parquet"),
        ("embed", folder, "-o", tmp_path / "a.npz"),
        ("zero-shot", folder, *LABELS, "-o", tmp_path / "a.csv"),
        ("duplicates", folder, "-o", tmp_path / "d.csv"),
    ):
        done = run(inline, *arguments)
        assert done.stderr.count(left_out) == 1, arguments
        assert ".txt files that are no images: 1, the first" in done.stderr
        assert "folders of the system: 1, the first" in done.stderr
    assert sorted(pd.read_parquet(tmp_path / "a.parquet")["id"]) == sorted(ODD)
    assert left_out not in run(inline, "-q", "embed", folder, "-o", tmp_path / "b.npz").stderr


def test_a_folder_without_images_ends_with_an_error_that_names_it(inline: Server, tmp_path: Path):
    folder = jpegs(tmp_path / "none", "@eaDir/thumb.jpg")
    (folder / "notes.txt").write_text("text")
    for arguments in (
        ("embed", folder, "-o", tmp_path / "a.parquet"),
        ("embed", f"{folder}/", "-o", tmp_path / "a.csv"),
        ("zero-shot", folder, *LABELS),
        ("duplicates", folder, "-o", tmp_path / "d.csv"),
        ("train", "nothing", "--folder", folder),
        ("embed", folder, "--video", "-o", tmp_path / "v.npz"),
    ):
        said = run(inline, *arguments, code=2).stderr
        assert str(folder) in said
        assert ".txt files that are no" in said or "files beside the folders of classes: 1" in said
        assert "Usage" not in said


def test_classes_are_folders_of_images_alone(inline: Server, tmp_path: Path):
    names = [f"{label}/{i}.jpg_large" for label in ("cats", "dogs") for i in range(6)]
    folder = jpegs(tmp_path / "coded", *names, "@eaDir/a.jpg", "__MACOSX/b.jpg", ".AppleDouble/c.jpg", "cats/._0.jpg")
    done = run(inline, "train", "folders", "--folder", folder, "--folds", "2")
    assert "4 files or folders were left out (folders of the system: 2" in done.stderr
    assert not any(word in done.stderr.partition("were left out")[2].partition("\n")[2] for word in ("eaDir", "MACOSX"))


@pytest.mark.thorough
def test_broken_files_of_a_training_are_listed_and_end_with_the_status_of_partial_failures(inline, tmp_path):
    names = [f"{split}/{label}/{i}.jpg" for split in ("train", "test") for label in ("cat", "dog") for i in range(3)]
    folder = jpegs(tmp_path / "coded", *names)
    (folder / "train/cat/broken.jpg").write_bytes(b"no image")
    (folder / "test/dog/cut.jpg").write_bytes(harness.jpeg("coffee", width=64)[:300])
    options = ("--folder", folder, "--folds", "2", "--json")
    done = run(inline, "train", "broken", *options, code=cli.SOME_FAILED)
    assert json.loads(done.stdout)["failed"] == 2
    assert "2 could not be used:" in done.stderr
    for name in ("train/cat/broken.jpg", "test/dog/cut.jpg"):
        assert f"  {name}: " in done.stderr

    run(inline, "train", "broken", *options, code=cli.SOME_FAILED)
    head, *lines = run(inline, "classifiers").stdout.splitlines()
    assert head.split() == ["id", "task", "items", "created", "labels"]
    (line,) = [line for line in lines if line.startswith("broken@")]
    assert line.split()[:3] == ["broken@2", "binary", "6"]
    assert line.endswith("cat, dog")
    page, tables = tmp_path / "page.html", tmp_path / "tables"
    run(inline, "classifiers", "--report", "broken", page, "--tables", tables)
    assert any(path.suffix == ".csv" for path in tables.iterdir())
    assert "add --report FILE" in run(inline, "classifiers", "--tables", tables, code=2).stderr
    run(inline, "train", "broken", *options, code=cli.SOME_FAILED)
    assert "deleted: broken@2 (1 version)" in run(inline, "classifiers", "--delete", "broken@2").stdout
    assert "deleted: broken@1, broken@3 (2 versions)" in run(inline, "classifiers", "--delete", "broken").stdout


def test_a_remark_on_animations_is_printed_once(inline, tmp_path):
    folder = jpegs(tmp_path / "animated", *ODD)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 3), np.uint8)
    still, second = map(Image.fromarray, pixels)
    still.save(folder / "moving.gif", save_all=True, append_images=[second])
    for arguments in (
        ("zero-shot", folder, *LABELS, "-o", tmp_path / "z.csv", "--report", tmp_path / "z.html", "--root", folder),
        ("duplicates", folder, "--kind", "semantic", "-o", tmp_path / "d.csv", "--report", tmp_path / "d.html"),
    ):
        assert run(inline, *arguments).stderr.count("hold several pictures") == 1


def test_remarks_on_texts_are_printed_and_have_a_column(inline: Server, tmp_path: Path):
    (tmp_path / "texts.txt").write_text("a cat\n\U0001f600\n" + "word " * 400 + "\n", encoding="utf-8")
    done = run(inline, "zero-shot", "--texts", tmp_path / "texts.txt", *LABELS)
    assert [row["remark"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["", "unknown", "truncated"]
    assert "1 of 3 texts have no token that the model knows" in done.stderr
    assert "1 of 3 texts were cut" in done.stderr
    done = run(inline, "embed", "--texts", tmp_path / "texts.txt", "-o", tmp_path / "t.npz", "--json")
    summary = json.loads(done.stdout)
    assert (summary["unknown"], summary["truncated"], summary["failed"]) == (1, 1, 0)
    assert "1 of 3 texts have no token" in done.stderr
