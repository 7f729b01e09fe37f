"""The command line about clusters and corpora."""

import csv
import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from daguerre import Client, cli
from tests.clients.cli.test_group import run
from tests.clients.conftest import KINDS, kinds
from tests.clients.pretended import COMPARED, PAIRS, SAMPLE, server
from tests.e2e.harness import Server

COMMANDS = ("cluster", "duplicates", "sample", "pairs", "agreement", "compare", "search")
KMEANS = ("--method", "agglomerative", "--k", "3")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.fixture
def pretended(monkeypatch):
    """The command line in this process, at a server that is none."""

    def ask(there, *arguments: object):
        monkeypatch.setattr("daguerre.cli.group.Client", lambda *_, **__: there.client())
        return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])

    return ask


def test_help_names_the_commands():
    said = run("http://x", "--help").stdout
    for command in COMMANDS:
        assert command in said
        assert "Usage:" in run("http://x", command, "--help").stdout


def test_photos_are_clustered_and_reported(inline: Server, corpus, tmp_path):
    names = sorted(path.name for path in corpus.iterdir() if path.name != "broken.jpg")
    known = "path,kind\n" + "".join(f"{name},{kind}\n" for name, kind in zip(names, kinds(names), strict=True))
    table, out, page = written(tmp_path / "known.csv", known), tmp_path / "clusters.csv", tmp_path / "clusters.html"
    words = written(tmp_path / "words.txt", "a cat\n\na rocket\n")
    done = run(
        *(inline, "cluster", corpus, "-o", out, "--report", page, "--pictures", "blurred", "--json", *KMEANS),
        *("--known", table, "kind", "--vocabulary", words, "--name", "a cup of coffee"),
        code=cli.SOME_FAILED,
    )
    said = json.loads(done.stdout)
    assert (said["items"], said["clusters"], said["failed"], said["comparison"]["ari"]) == (33, 3, 1, 1)
    assert "clusters.html: the report" in done.stderr
    assert "broken.jpg" in done.stderr
    found = rows(out.read_text())
    assert list(found[0]) == ["id", "cluster", "silhouette", "silhouette_final", "pass", "error", "x", "y"]
    assert [row["error"] for row in found if "broken" in row["id"]] == ["unsupported_image"]
    assert "data:image/jpeg" in page.read_text()
    assert "a cup of coffee" in page.read_text()


def test_vectors_are_clustered_as_photos_are(inline: Server, corpus, tmp_path):
    for kind in ("parquet", "npz"):
        vectors = tmp_path / f"v.{kind}"
        run(inline, "embed", corpus, "-o", vectors, code=cli.SOME_FAILED)
        out = tmp_path / f"{kind}.parquet"
        page = tmp_path / "p.html"
        run(inline, "cluster", vectors, "-o", out, *KMEANS, "--report", page, "--root", corpus, code=cli.SOME_FAILED)
        table = pd.read_parquet(out)
        assert table["cluster"].nunique() == 4
        assert list(table.columns) == ["id", "cluster", "silhouette", "silhouette_final", "pass", "error", "x", "y"]
        assert "data:image/jpeg" in page.read_text()


def test_duplicates_are_listed_and_what_to_keep(inline: Server, corpus, tmp_path):
    keep = tmp_path / "kept.txt"
    out = rows(run(inline, "duplicates", corpus, "--kind", "exact", "--keep-list", keep).stdout)
    extra = [row["id"] for row in out if row["kept"] == "0"]
    assert len(extra) == 1
    assert len(keep.read_text().splitlines()) == 32
    assert extra[0] not in keep.read_text().splitlines()
    near = tmp_path / "near.csv"
    done = run(inline, "duplicates", corpus, "-o", near, "--prefer", "size", "--json", code=cli.SOME_FAILED)
    assert json.loads(done.stdout)["failed"] == 1
    small = next(row for row in rows(near.read_text()) if "small" in row["id"])
    assert (small["kept"], small["representative"] != small["id"]) == ("0", True)
    some = run(inline, "duplicates", corpus, "-o", near, "--keep-list", keep, code=cli.SOME_FAILED)
    assert "1 that cannot be read are left out" in some.stderr
    assert "broken.jpg" not in keep.read_text().splitlines()
    semantic = rows(
        run(inline, "duplicates", corpus, "--kind", "semantic", "--threshold", "0.9", code=cli.SOME_FAILED).stdout
    )
    assert Counter(row["group"] for row in semantic)["0"] > 2
    options = ("--kind", "semantic", "--threshold", "0.9", "--method", "approximate")
    fast = run(inline, "duplicates", corpus, "-o", near, *options, "--json", code=cli.SOME_FAILED)
    assert rows(near.read_text()) == semantic
    assert json.loads(fast.stdout)["method"] == "approximate"
    assert "random rows" in fast.stderr


def test_texts_and_images_are_searched_for(inline: Server, corpus, tmp_path):
    found = rows(run(inline, "search", "a cat", "a rocket", "--in", corpus, "-k", "2").stdout)
    assert [(row["query"], row["rank"]) for row in found] == [
        ("a cat", "1"),
        ("a cat", "2"),
        ("a rocket", "1"),
        ("a rocket", "2"),
    ]
    assert "chelsea" in found[0]["id"]
    with Client(inline.url) as client:
        made = client.embed(images=[str(corpus / f"{kind}0.jpg") for kind in KINDS])
    np.save(tmp_path / "v.npy", made.vectors)
    image = ("--image", corpus / "rocket0.jpg", "--in", tmp_path / "v.npy", "-k", "1")
    assert rows(run(inline, "search", *image, "--model", "embedded").stdout)[0]["id"] == "2"
    assert "does not state which model made it" in run(inline, "search", *image, code=2).stderr
    assert "to look for" in run(inline, "search", "--in", corpus, code=2).stderr


def test_coders_agreement_is_measured(inline: Server, tmp_path):
    table = written(tmp_path / "codes.csv", "coder,item,code\na,1,x\nb,1,x\na,2,y\nb,2,x\na,3,y\nb,3,y\na,4,\n")
    assert "percent  0.667" in run(inline, "agreement", table).stdout
    assert json.loads(run(inline, "agreement", table, "--json").stdout)["items"] == 3
    assert "codes have to be numbers" in run(inline, "agreement", table, "--level", "ordinal", code=2).stderr
    other = written(tmp_path / "other.csv", "who,item\na,1\n")
    assert "agreement needs two coders" in run(inline, "agreement", other, code=5).stderr


CLUSTERS = "id,cluster,error\na,0,\nbroken,-1,invalid_image\nb,0,\nc,-1,\n"


def test_a_sample_is_drawn_of_a_table(pretended, tmp_path):
    there = server(samples=SAMPLE)
    done = pretended(there, "-q", "sample", written(tmp_path / "c.csv", CLUSTERS), "--size", 2, "--allocation", "equal")
    assert done.exit_code == 0
    assert rows(done.stdout) == [
        {"id": "c", "stratum": "-1", "inclusion_prob": "0.5"},
        {"id": "a", "stratum": "0", "inclusion_prob": "1.0"},
    ]
    assert there.fields("/v1/samples")["strata"] == ["0", "0", "-1"]
    simple = server(samples=SAMPLE)
    pretended(simple, "sample", tmp_path / "c.csv", "--size", 2, "--simple")
    assert simple.fields("/v1/samples")["n"] == 3
    for text, why in (
        ("id,cluster\na,0\na,1\n", "twice"),
        ("id,kind\na,0\n", "needs a column 'cluster'"),
        ("id\n", "no rows"),
    ):
        refused = pretended(there, "sample", written(tmp_path / "bad.csv", text), "--size", 2)
        assert refused.exit_code == 2
        assert why in refused.output


@pytest.mark.thorough
def test_a_diverse_sample_is_drawn_by_scores_and_vectors(inline: Server, corpus, tmp_path):
    vectors, found = tmp_path / "x.parquet", tmp_path / "found.csv"
    run(inline, "embed", corpus, "-o", vectors, code=cli.SOME_FAILED)
    run(inline, "search", "a rocket", "--in", vectors, "-k", "32", "-o", found)
    best = rows(run(inline, "sample", found, "--size", "5", "--scores", "cosine").stdout)
    assert set(kinds([row["id"] for row in best])) == {"rocket"}
    assert list(best[0]) == ["id", "path", "score", "inclusion_prob"]
    diverse = ("--scores", "cosine", "--vectors", vectors, "--diversity", "1")
    done = run(inline, "sample", found, "--size", "5", *diverse)
    drawn = rows(done.stdout)
    assert drawn[0]["id"] == best[0]["id"]
    assert set(kinds([row["id"] for row in drawn])) == {"chelsea", "coffee", "rocket"}
    assert "The smallest cosine distance between two drawn items is" in done.stderr
    for arguments, why in (
        (("--diversity", "1"), "--diversity and --vectors need each other"),
        (("--vectors", vectors), "--diversity and --vectors need each other"),
        (("--vectors", found, "--diversity", "1"), "has no ids; give the .parquet"),
        (("--scores", "id"), "a score is a number"),
        (("--scores", "cosine", "--simple"), "--simple draws at random"),
    ):
        assert why in run(inline, "sample", found, "--size", "5", *arguments, code=2).stderr
    other = written(tmp_path / "other.csv", "id,cosine\nnowhere.jpg,0.5\n")
    assert "has no vector of 'nowhere.jpg'" in run(inline, "sample", other, "--size", "1", *diverse, code=2).stderr


def test_pairs_are_drawn_of_tables(pretended, tmp_path):
    one, two = written(tmp_path / "one.csv", CLUSTERS), written(tmp_path / "2.csv", "id,cluster\nc,4\nb,5\na,5\nd,1\n")
    there = server(pairs=PAIRS)
    done = pretended(there, "pairs", one, f"other={two}", "--within", 1, "--between", 1, "-o", tmp_path / "pairs.csv")
    assert done.exit_code == 0
    assert there.fields("/v1/pairs")["clusterings"] == {"one": [0, 0, -1], "other": [5, 5, 4]}
    assert "1 items are left out: they are not in all tables" in done.stderr
    found = rows((tmp_path / "pairs.csv").read_text())
    assert [(row["a_id"], row["b_id"], row["same"], row["cluster"]) for row in found] == [
        ("a", "c", "", "0"),
        ("a", "b", "", ""),
    ]
    refused = pretended(
        there, "pairs", one, written(tmp_path / "x.csv", "id,cluster\nz,1\n"), "--within", 1, "--between", 1
    )
    assert (refused.exit_code, "no id in common" in refused.output) == (2, True)


HEAD = "a_id,b_id,same,a,b,stratum,cluster,inclusion_prob"


@pytest.mark.parametrize(
    ("table", "same", "said"),
    [
        (f"{HEAD}\na,c,1,0,2,within,0,0.25\na,b,no,0,1,between,,0.5\n", [True, False], ""),
        (f"{HEAD}\na,c,1,0,2,within,0,0.25\na,b,,0,1,between,,0.5\n", [True], "1 pairs are left out: nobody"),
        (
            f"{HEAD},anna,ben\na,c,,0,2,within,0,0.25,1,1\na,b,,0,1,between,,0.5,1,0\n",
            [True],
            "1 pairs are left out: as many",
        ),
        (
            f"{HEAD},coder\na,c,1,0,2,within,0,0.25,x\na,c,0,0,2,within,0,0.25,y\na,c,0,0,2,within,0,0.25,z\n",
            [False],
            "",
        ),
    ],
)
def test_coded_pairs_judge_clusterings(pretended, tmp_path, table, same, said):
    there = server(comparisons=COMPARED)
    done = pretended(
        there, "compare", written(tmp_path / "coded.csv", table), f"a={written(tmp_path / 'c.csv', CLUSTERS)}"
    )
    assert done.exit_code == 0
    asked = there.fields("/v1/comparisons")
    assert asked["same"] == same
    assert (asked["a"][0], asked["b"][0], asked["inclusion_prob"][0]) == (0, 2, 0.25)
    assert said in done.stderr
    assert "winner: a" in done.stdout
    answer = pretended(there, "compare", tmp_path / "coded.csv", f"a={tmp_path / 'c.csv'}", "--json")
    assert json.loads(answer.stdout)["configurations"][0]["name"] == "a"


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (f"{HEAD}\na,c,maybe,0,2,within,0,0.25\n", "row 2, column same: 'maybe'"),
        (f"{HEAD}\na,z,1,0,2,within,0,0.25\n", "'z' is not in every table"),
        (f"{HEAD}\na,c,1,0,2,within,0,x\n", "column inclusion_prob"),
        (f"{HEAD}\na,c,1,0,2,within,0,1\na,c,0,0,2,within,0,1\n", "the pair a, c twice"),
        ("a_id,b_id,stratum,inclusion_prob\na,c,within,1\n", "needs a column `same`"),
    ],
)
def test_coded_pairs_that_make_no_sense_are_refused(pretended, tmp_path, table, why):
    clusters = written(tmp_path / "c.csv", CLUSTERS)
    done = pretended(server(), "compare", written(tmp_path / "coded.csv", table), clusters)
    assert done.exit_code == 2
    assert why in done.output


def test_wrong_usage_is_one_line(inline: Server, corpus, tmp_path):
    words = written(tmp_path / "words.csv", "word\na cat\n")
    for arguments, why in (
        (("cluster", corpus, "--json"), "standard output already has the table"),
        (("cluster", corpus, "-o", "c.txt"), "ends in .txt"),
        (("cluster", corpus, "--report", "c.pdf"), "ends in .pdf"),
        (("cluster", corpus, "--known", words, "x"), "needs a column id or path"),
        (("cluster", "nowhere"), "there is no 'nowhere'"),
        (("duplicates", corpus, "--model", "embedded"), "need --kind semantic"),
        (("duplicates", corpus, "--kind", "exact", "--bits", "3"), "leave it out"),
        (("sample", tmp_path / "nowhere.csv", "--size", "3"), "does not exist"),
    ):
        assert why in run(inline, *arguments, code=2).stderr
    assert "--k-max" in run(inline, "cluster", corpus, "--k-min", "9", "--k-max", "3", code=cli.REFUSED).stderr


def test_a_study_from_clusters_to_a_winner(inline: Server, corpus, tmp_path):
    for name, options in (("three", KMEANS), ("eight", ("--method", "agglomerative", "--k", "8"))):
        run(inline, "cluster", corpus, "-o", tmp_path / f"{name}.csv", *options, code=cli.SOME_FAILED)
    tables = (tmp_path / "three.csv", f"eight={tmp_path / 'eight.csv'}")
    drawn = rows(run(inline, "sample", tables[0], "--size", "9", "--allocation", "equal").stdout)
    assert Counter(row["stratum"] for row in drawn) == {"0": 3, "1": 3, "2": 3}
    pairs = tmp_path / "pairs.csv"
    run(inline, "pairs", *tables, "--within", "30", "--between", "30", "--disputed", "5", "-o", pairs)
    table = pd.read_csv(pairs)
    table["same"] = [int(a == b) for a, b in zip(kinds(table["a_id"]), kinds(table["b_id"]), strict=True)]
    table.to_csv(pairs, index=False)
    said = json.loads(run(inline, "compare", pairs, *tables, "--json", "--resamples", "100").stdout)
    found = {each["name"]: each for each in said["configurations"]}
    assert found["three"]["f1"]["value"] == 1
    assert found["eight"]["recall"]["value"] < 1
