"""Every method and command gives the same items the same ids."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from daguerre import Client, Clusters, cli
from tests.e2e.harness import Server

SIX = ["a/b/0.png", "a/1.png", "a/2.png", "c/3.png", "c/4.png", "5.png"]
FORMS = {
    "set": SIX,
    "set/": SIX,
    "./set": SIX,
    "set/**/*.png": SIX,
    "link": SIX,
    "set/a set/c": SIX[:5],
    "set/5.png set/a/b": ["5.png", "a/b/0.png"],
    "set/c/*.png": ["3.png", "4.png"],
    "set/c/3.png": ["3.png"],
}
KMEANS = {"method": "kmeans", "k": 1, "resamples": 0, "projection": "none"}
LABELS = ["a cat", "a dog"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("ids")
    rng = np.random.default_rng(0)
    for i, name in enumerate(SIX):
        (top / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((24, 24, 3), 40 * i, np.uint8) + rng.integers(0, 30, (24, 24, 3), np.uint8)
        Image.fromarray(pixels).save(top / "set" / name)
    (top / "link").symlink_to(top / "set", target_is_directory=True)
    return top


@pytest.fixture(scope="module")
def classifier(inline: Server, folder: Path) -> str:
    """A classifier of the six images, by their ids."""
    codes = {name: "xy"[i % 2] for i, name in enumerate([*SIX * 2])}
    ids = [f"{k}/{name}" for k in "ab" for name in SIX]
    with Client(inline.url) as client:
        images = [folder / "set" / name for name in SIX] * 2
        targets = [codes[name] for name in SIX] * 2
        options = {"folds": 2, "inner_folds": 2, "calibrate": False, "resamples": 50}
        return client.train_classifier("ids", images=images, ids=ids, targets=targets, **options).id


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
@pytest.mark.parametrize("form", FORMS)
def test_the_methods_agree(inline: Server, folder: Path, classifier: str, monkeypatch, form):
    monkeypatch.chdir(folder)
    given = form.split() if " " in form else form
    expected = sorted(FORMS[form])
    with Client(inline.url, progress=False) as client:
        X = client.embed(images=given)
        assert sorted(X.ids) == expected
        assert all(Path(file).is_file() and file.endswith(id) for file, id in zip(X.files, X.ids, strict=True))
        found = [
            client.zero_shot(images=given, labels=LABELS),
            client.describe_images(given),
            client.duplicates(images=given, kind="exact"),
            client.duplicates(images=given, kind="near", bits=0),
            client.classifier(classifier).predict(images=given),
            client.classifier(classifier).predict(embeddings=X),
            client.cluster(embeddings=X, **KMEANS),
        ]
        if form == "set":
            found += [client.duplicates(images=given, kind="semantic"), client.cluster(images=given, **KMEANS)]
        for result in found:
            assert result.ids == X.ids
            assert result.files == X.files
        clusters = found[6]
        assert isinstance(clusters, Clusters)
        assert client.clustering(clusters.id).ids == X.ids  # on the server too
        assert sorted(id for id, _ in client.search(LABELS, X, k=len(X))[0]) == expected
        client.embed_corpus(given, folder / "out.parquet")
        (folder / "out.parquet").rename(folder / "last.parquet")
        assert sorted(pd.read_parquet(folder / "last.parquet")["id"]) == expected


@pytest.mark.parametrize("form", ["set/", "set/a set/c", "set/c/3.png"])
def test_the_commands_agree(inline: Server, folder: Path, classifier: str, monkeypatch, tmp_path, form):
    monkeypatch.chdir(folder)
    kept = tmp_path / "kept.txt"
    commands = {
        "embed": ["-o", tmp_path / "x.npz"],
        "zero-shot": ["--label", "a cat", "--label", "a dog", "-o", tmp_path / "zero-shot.csv"],
        "duplicates": ["--kind", "exact", "-o", tmp_path / "duplicates.csv", "--keep-list", kept],
        f"predict {classifier}": ["-o", tmp_path / "predict.csv"],
        "cluster": ["--method", "kmeans", "--k", "1", "--resamples", "0", "-o", tmp_path / "cluster.csv"],
    }
    for command, rest in commands.items():
        run(inline, *command.split(), *form.split(), *rest)
    run(inline, "embed", *form.split(), "-o", tmp_path / "x.parquet")
    expected = sorted(FORMS[form])
    for name in ("zero-shot", "duplicates", "predict", "cluster"):
        assert sorted(pd.read_csv(tmp_path / f"{name}.csv")["id"]) == expected
    assert sorted(pd.read_parquet(tmp_path / "x.parquet")["id"]) == expected
    assert sorted(np.load(tmp_path / "x.npz")["ids"]) == expected
    assert sorted(kept.read_text().split()) == expected


def run(server: Server, *arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(cli.main, ["--url", server.url, *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 else done.output


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_ids_of_a_file_choose_items_in_every_command(inline: Server, folder: Path, classifier, monkeypatch, tmp_path):
    monkeypatch.chdir(folder)
    chosen = ["a/1.png", "5.png", "c/4.png"]
    (tmp_path / "kept.txt").write_text("\n".join(chosen) + "\n\n5.png\n")
    table = pd.DataFrame({"path": ["set/a/1.png", "set/5.png", "set/c/3.png", "set/c/4.png"], "kept": [1, 1, 0, 1]})
    table.to_csv(tmp_path / "table.csv", index=False)
    table.rename(columns={"path": "id"})[table.kept == 1].to_parquet(tmp_path / "table.parquet")
    run(inline, "embed", "set", "-o", tmp_path / "x.parquet")
    labels = ["--label", "a cat", "--label", "a dog"]
    for file in ("kept.txt", "table.csv", "table.parquet"):
        ids = ["--ids", tmp_path / file]
        for source in ("set", tmp_path / "x.parquet"):
            assert sorted(row["id"] for row in rows(run(inline, "zero-shot", source, *labels, *ids))) == sorted(chosen)
    ids = ["--ids", tmp_path / "kept.txt"]
    options = ["--method", "kmeans", "--k", "1", "--resamples", "0"]
    for source in ("set", tmp_path / "x.parquet"):
        assert [row["id"] for row in rows(run(inline, "predict", classifier, source, *ids))] == chosen
        assert [row["id"] for row in rows(run(inline, "cluster", source, *options, *ids))] == chosen
        found = rows(run(inline, "search", "a cat", "--in", source, *ids))
        assert sorted(row["id"] for row in found) == sorted(chosen)
    assert [row["id"] for row in rows(run(inline, "duplicates", "set", *ids))] == chosen
    run(inline, "embed", "set", "-o", tmp_path / "few.parquet", *ids)
    assert sorted(pd.read_parquet(tmp_path / "few.parquet")["id"]) == sorted(chosen)
    (tmp_path / "texts.csv").write_text("id,text\n7,a cat\n8,a dog\n9,a house\n")
    (tmp_path / "two.txt").write_text("9\n7\n")
    texts = ["--texts", tmp_path / "texts.csv", "--ids", tmp_path / "two.txt"]
    assert [row["id"] for row in rows(run(inline, "zero-shot", *texts, *labels))] == ["9", "7"]


def test_ids_of_a_file_that_are_of_no_item_are_named(inline: Server, folder: Path, monkeypatch, tmp_path):
    monkeypatch.chdir(folder)
    labels = ["--label", "a cat", "--label", "a dog"]
    for name, text, said in (
        ("no.txt", "a/1.png\nnowhere.png\n", "1 of 2 are the ids of no item: 'nowhere.png'"),
        ("empty.txt", "\n", "names no item"),
        ("none.csv", "id,kept\na/1.png,0\n", "names no item"),
        ("other.csv", "name\na/1.png\n", "needs a column id or path; it has name"),
        ("odd.csv", "id,kept\na/1.png,perhaps\n", "column kept: 'perhaps'"),
    ):
        (tmp_path / name).write_text(text)
        said_now = run(inline, "zero-shot", "set", *labels, "--ids", tmp_path / name, code=2)
        assert said in said_now.replace("\n", " ")


def test_an_image_as_a_query_is_searched_as_an_image(inline: Server, folder: Path, monkeypatch, tmp_path):
    monkeypatch.chdir(folder)
    run(inline, "embed", "set", "-o", tmp_path / "x.parquet")
    there = ["--in", tmp_path / "x.parquet", "-k", "1"]
    found = rows(run(inline, "search", "set/a/1.png", "set/5.png", *there))
    assert [(row["query"], row["id"]) for row in found] == [("set/a/1.png", "a/1.png"), ("set/5.png", "5.png")]
    assert found == rows(run(inline, "search", "--image", "set/a/1.png", "--image", "set/5.png", *there))
    done = CliRunner().invoke(cli.main, ["--url", inline.url, "search", "nowhere.webp", *map(str, there)])
    assert (
        "'nowhere.webp' looks like the name of a file, and there is none here: it is searched as a text" in done.stderr
    )
    assert "is an image and 'a cat' a text" in run(inline, "search", "set/5.png", "a cat", *there, code=2)


def test_a_video_without_video_is_named_before_anything_is_sent(folder: Path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("film.mp4").touch()
    for command in (
        ["embed", "-o", "x.npz"],
        ["zero-shot", "--label", "a"],
        ["predict", "c"],
        ["cluster"],
        ["duplicates"],
    ):
        for source in ("film.mp4", ".", "*.mp4"):
            done = CliRunner().invoke(cli.main, ["--url", "http://127.0.0.1:9", *command, source])
            assert done.exit_code == 2
            way = (
                "`daguerre embed --video`" if command[0] in ("cluster", "duplicates") else "give --video for its frames"
            )
            assert "film.mp4" in done.output
            assert way in " ".join(done.output.split())


def test_jobs_and_classifiers_are_listed_deleted_and_reported(inline: Server, folder: Path, classifier, tmp_path):
    head, *lines = run(inline, "jobs").splitlines()
    assert head.split() == ["id", "kind", "name", "items", "state", "submitted", "took"]
    (line,) = [line for line in lines if classifier in line]
    assert line.split()[1:5] == ["train", classifier, "12", "succeeded"]
    assert {"name": "ids", "n": 12}.items() <= next(
        job for job in json.loads(run(inline, "jobs", "--json")) if job["kind"] == "train" and job["name"] == "ids"
    ).items()
    page = tmp_path / "again.html"
    run(inline, "classifiers", "--report", classifier, page)
    assert "<html" in page.read_text()
    assert f"deleted: {classifier}" in run(inline, "classifiers", "--delete", classifier)
    assert "does not exist" in run(inline, "classifiers", "--delete", classifier, code=5)


def test_a_sample_and_a_training_take_the_rows_of_the_items(inline: Server, folder: Path, monkeypatch, tmp_path):
    monkeypatch.chdir(folder)
    pd.DataFrame({"id": SIX, "cluster": [0, 0, 0, 1, 1, 1]}).to_csv(tmp_path / "clusters.csv", index=False)
    (tmp_path / "kept.txt").write_text("a/1.png\nc/3.png\nc/4.png\nnowhere.png\n")
    ids = ["--ids", tmp_path / "kept.txt"]
    done = CliRunner().invoke(
        cli.main, ["--url", inline.url, "sample", *map(str, [tmp_path / "clusters.csv", "--size", 3, *ids])]
    )
    assert sorted(row["id"] for row in rows(done.stdout)) == ["a/1.png", "c/3.png", "c/4.png"]
    assert "1 of 4 have no row in the table, the first is 'nowhere.png'" in done.stderr
    (tmp_path / "other.txt").write_text("nowhere.png\n")
    refused = run(inline, "sample", tmp_path / "clusters.csv", "--size", 3, "--ids", tmp_path / "other.txt", code=2)
    assert "none of the 1 is in the table" in " ".join(refused.split())
    for i in range(24):
        path = tmp_path / "coded" / "train" / "xy"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((24, 24, 3), 120 * (i % 2) + i, np.uint8)).save(path)
    (tmp_path / "some.txt").write_text("".join(f"train/{'xy'[i % 2]}/{i}.png\n" for i in range(20)))
    train = ["train", "some-items", "--folds", 2, "--json", "--ids", tmp_path / "some.txt"]
    run(inline, *train, "--folder", tmp_path / "coded")
    table = pd.DataFrame({"path": [f"train/{'xy'[i % 2]}/{i}.png" for i in range(24)], "target": ["x", "y"] * 12})
    table.to_csv(tmp_path / "coded" / "codes.csv", index=False)
    done = CliRunner().invoke(
        cli.main, ["--url", inline.url, *map(str, [*train, tmp_path / "coded" / "codes.csv"])], catch_exceptions=False
    )
    assert "20 of 24 rows are used" in done.stderr
    assert "have no row in the table" not in done.stderr
    with Client(inline.url) as client:
        for version in (1, 2):
            report = client.classifier(f"some-items@{version}").report
            assert report["n"] == 20
            assert all(id.endswith(".png") and "/" in id for id in report.ids)
        assert "train/x/0.png" in client.classifier("some-items@1").report.ids
        client.delete_classifier("some-items")
