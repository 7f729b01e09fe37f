"""`daguerre collection`, and --collection in other commands."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from daguerre import Client
from daguerre.cli.collection_items import parsed_where
from tests.clients.cli.commands.test_vectors import rows, run, table
from tests.e2e.harness import Server

pytest.importorskip("lancedb")
FIELDS = {"year": "integer", "source": "string", "seen": "boolean"}


@pytest.fixture
def name(inline: Server, photos: Path, tmp_path: Path) -> Iterator[str]:
    """A collection of the photos, two of which have metadata."""
    name = f"cli-{uuid.uuid4().hex[:8]}"
    run(inline, "collection", "create", name, "--field", "year=int", "--field", "source=str")
    (tmp_path / "metadata.csv").write_text("path,year,source,other\ncoffee.jpg,2021,a,x\nrocket.jpg,2023,,y\n")
    done = run(inline, "collection", "add", name, photos, "--metadata", tmp_path / "metadata.csv", "--json")
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["added"], said["rows"], said["failed"]) == (7, 7, 0)
    yield name
    run(inline, "collection", "delete", name, "--all")
    assert "there is no" in run(inline, "collection", "items", name, code=5).output


def test_items_are_listed_searched_and_deleted(inline: Server, name: str, photos: Path, tmp_path: Path):
    assert name in run(inline, "collection", "list").stdout
    listed = table(inline, tmp_path, "collection", "items", name, "--where", "year>=2020")
    assert [(row["id"], row["year"], row["source"]) for row in listed] == [
        ("coffee.jpg", "2021", "a"),
        ("rocket.jpg", "2023", ""),
    ]
    found = rows(run(inline, "collection", "search", name, "a cup of coffee", "-k", "2").stdout)
    assert next((row["query"], row["rank"], row["id"]) for row in found) == ("a cup of coffee", "1", "coffee.jpg")
    known = table(inline, tmp_path, "collection", "duplicates", name, photos / "rocket.jpg")
    assert known[0]["id"] == "rocket.jpg"
    assert "7 there already" in run(inline, "collection", "add", name, photos, "--resume").output
    run(inline, "collection", "items", name, "--vectors", "-o", tmp_path / "x.parquet")
    with Client(inline.url) as client:
        assert client.search("a cup of coffee", tmp_path / "x.parquet", 1).ids == [["coffee.jpg"]]
    assert "deleted 1 items" in run(inline, "collection", "delete", name, "--where", "source exists").stdout


def test_other_commands_take_a_collection(inline: Server, name: str, photos: Path, tmp_path: Path):
    labels = ("--label", "a cup of coffee", "--label", "a rocket launch")
    scored = table(inline, tmp_path, "zero-shot", "--collection", name, "--where", "year exists", *labels)
    assert [(row["id"], row["label"]) for row in scored] == [
        ("coffee.jpg", "a cup of coffee"),
        ("rocket.jpg", "a rocket launch"),
    ]
    (tmp_path / "ids.txt").write_text("rocket.jpg\n")
    chosen = table(inline, tmp_path, "zero-shot", "--collection", name, "--ids", tmp_path / "ids.txt", *labels)
    assert [row["id"] for row in chosen] == ["rocket.jpg"]
    clusters = table(inline, tmp_path, "cluster", "--collection", name, "--method", "kmeans", "--k", "2")
    assert len(clusters) == 7
    for arguments, words in (
        (("zero-shot", photos, "--collection", name, *labels), "takes the place of images"),
        (("zero-shot", photos, "--where", "year=1", *labels), "--where is for the items of a --collection"),
        (("zero-shot", "--collection", name, "--where", "colour=red", *labels), "no field 'colour'"),
        (("zero-shot", "--collection", name, "--model", "embedded", *labels), "leave it out"),
        (("collection", "delete", name), "give one of"),
        (("collection", "create", name, "--field", "year=complex"), "NAME=TYPE"),
    ):
        assert words in run(inline, *arguments, code=2).output


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["year>=2020"], {"year": {"gte": 2020}}),
        (["year > 2020", "year<2030"], {"year": {"gt": 2020, "lt": 2030}}),
        (["source=a=b"], {"source": {"eq": "a=b"}}),
        (["source!=a", "seen=yes"], {"source": {"ne": "a"}, "seen": {"eq": True}}),
        (["source in a, b", "source not in c"], {"source": {"in": ["a", "b"], "not_in": ["c"]}}),
        (["year exists", "source not exists"], {"year": {"exists": True}, "source": {"exists": False}}),
        (["id in t1,t2"], {"id": {"in": ["t1", "t2"]}}),
        ([], None),
    ],
)
def test_conditions_are_read_by_the_types_of_the_fields(texts, expected):
    assert parsed_where(texts, FIELDS) == expected


@pytest.mark.parametrize("text", ["year", "", "year~2", "year>=late", "seen=perhaps"])
def test_conditions_that_are_none_are_refused(text):
    with pytest.raises((click.UsageError, ValueError), match="where"):
        parsed_where([text], FIELDS)
