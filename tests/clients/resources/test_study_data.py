"""Items of a study by the SDK and on the command line: vectors as of `embed`, search, tables, columns, collections."""

import asyncio
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from daguerre import APIError, AsyncClient, Client, CodingStudy, InvalidRequestError, ItemFailedError, NotFoundError
from daguerre.types.jobs import Job
from tests.clients.cli.test_group import run
from tests.e2e.harness import Server


@pytest.fixture
def http(inline: Server) -> Iterator[Client]:
    with Client(inline.url, chunk_items=7) as client:
        yield client


@pytest.fixture
def study(http: Client, corpus: Path) -> Iterator[CodingStudy]:
    """A study of 32 pictures with the column size."""
    made = http.create_study("data")
    made.add(corpus)
    items = made.items()
    made.set_columns({"id": [item["id"] for item in items], "size": [item["bytes"] for item in items]})
    yield made
    made.delete()


def test_vectors_of_a_study_are_searched_as_those_of_embed(http: Client, study: CodingStudy, corpus: Path) -> None:
    job = study.embed(wait=False)
    assert isinstance(job, Job)
    assert (job.kind, job.name, job.n) == ("study_embeddings", "data", 32)
    result = http.wait(job.id).result
    assert result is not None
    assert (result["embedded"], result["already"], result["failed"]) == (32, 0, 0)
    again = study.embed()
    assert not isinstance(again, Job)
    assert (again["embedded"], again["already"]) == (0, 32)
    (card,) = study.embeddings()
    assert (card["items"], card["missing"], card["job"]) == (32, 0, None)

    ids = [item["id"] for item in study.items()]
    vectors = http.embed(images=[corpus / id for id in ids], ids=ids)
    expected = http.search(Path(corpus / ids[3]), vectors, k=32)
    found = study.search(Path(corpus / ids[3]), k=32)
    assert (found.model, found.fingerprint, found.compared) == (vectors.model, vectors.fingerprint, 32)
    assert list(found.ids) == expected.ids[0]
    np.testing.assert_allclose(found.cosines, expected.cosines[0], atol=1e-6)
    assert list(study.search(like=ids[3], k=31).ids) == [id for id in found.ids if id != ids[3]]
    text = study.search("a cat", k=5, filters=["size>1"])
    assert list(text) == list(zip(text.ids, text.cosines, strict=True))
    assert list(text.to_pandas().columns) == ["id", "key", "cosine"]
    with pytest.raises(ItemFailedError, match="image looks like plain text"):
        study.search(b"no picture")
    with pytest.raises(ValueError, match="give either a query"):
        study.search("a cat", like=ids[3])
    with pytest.raises(ValueError, match="a str is a text"):
        study.search(str(corpus / ids[3]))
    assert study.delete_embeddings(card["model"]) == 32
    with pytest.raises(NotFoundError):
        study.delete_embeddings(card["model"])


def test_a_table_has_the_columns_and_their_figures(study: CodingStudy, tmp_path: Path) -> None:
    sizes = {item["id"]: item["bytes"] for item in study.items()}
    table = study.table(["size"], ["size>=4000"], sort="size", descending=True)
    kept = sorted((size for size in sizes.values() if size >= 4000), reverse=True)
    assert table.columns["size"] == kept
    assert table.to_pandas()["size"].to_dict() == {id: sizes[id] for id in table.ids}
    table.save(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        assert {row["id"]: float(row["size"]) for row in csv.DictReader(file)} == {id: sizes[id] for id in table.ids}
    (column,) = study.columns()
    assert (column["min"], column["max"], column["items"]) == (min(sizes.values()), max(sizes.values()), 32)
    some = study.lookup(keys=[table.keys[1], table.keys[0]])
    assert [item["id"] for item in some] == [table.ids[1], table.ids[0]]
    assert study.lookup([table.ids[1]])[0]["key"] == table.keys[1]
    study.set_columns({"id": list(table.ids), "a/b": ["x"] * len(table)})
    assert study.delete_column("a/b") == len(table)
    assert [each["name"] for each in study.columns()] == ["size"]


def test_a_study_without_items_has_nothing_to_embed(inline: Server) -> None:
    async def ask() -> None:
        async with AsyncClient(inline.url) as client:
            study = await client.create_study("later")
            try:
                with pytest.raises(InvalidRequestError, match="no items to embed"):
                    await study.embed()
                assert len(await study.table()) == 0
            finally:
                await study.delete()

    asyncio.run(ask())


def test_items_and_vectors_on_the_command_line(inline: Server, study: CodingStudy, tmp_path: Path) -> None:
    assert "32 of 32 items embedded" in run(inline, "study", "embed", "data").stderr
    listed = run(inline, "study", "embeddings", "data").stdout
    assert listed.split()[:6] == ["model", "items", "failed", "missing", "dimension", "job"]
    found = run(inline, "study", "search", "data", "a cup of coffee", "-k", "3").stdout.splitlines()
    assert (found[0], len(found)) == ("rank,id,cosine", 4)
    run(inline, "study", "table", "data", "--sort", "size", "-o", str(tmp_path / "t.csv"))
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 33
    tokens = str(tmp_path / "tokens.csv")
    ids = study.table().ids
    study.set_columns({"id": list(ids), "score": [0.5] * 32})
    draw = ("study", "assign", "data", "one", "--coder", "anna", "--size", "9", "--scores", "score", "--uniform", "0.5")
    assert "9 items; " in run(inline, *draw, "--tokens", tokens).stderr
    (card,) = study.assignments()
    assert (card["design"], card["uniform"], card["fit_for_inference"]) == ("active", 0.5, True)


def test_a_study_of_a_collection(http: Client, corpus: Path) -> None:
    posts = http.create_collection("sdk-posts", fields={"year": "integer"})
    posts.add(texts=["a cat", "a rocket"], ids=["a", "b"], metadata={"year": [2020, 2021]})
    study = http.create_study("sdk-posts", collection="sdk-posts")
    try:
        assert (study.card["items"], study.card["pictures"]) == (2, False)
        assert [(item["id"], item["text"]) for item in study.items()] == [("a", "a cat"), ("b", "a rocket")]
        assert list(study.search("a rocket", k=1).ids) == ["b"]
        with pytest.raises(APIError, match="no pictures to embed"):
            study.embed()
    finally:
        study.delete()
        posts.drop()
