"""Reports of results over both transports: the pictures that a page shows are sent, and nothing else."""

import asyncio
import copy
import csv
import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from daguerre import Analyses, AsyncClient, Client, DaguerreWarning, Duplicates, Embeddings
from daguerre.handles.reported import BlockingDuplicates
from daguerre_proto.v1.pages_pb2 import AnswerPageRequest
from tests.clients.conftest import address
from tests.e2e import grpc_calls
from tests.e2e.harness import Server
from tests.models.pages.answers import MAKERS


@pytest.fixture(scope="module")
def found(inline: Server, corpus: Path) -> Iterator[BlockingDuplicates]:
    with Client(inline.url) as client:
        result = client.duplicates(images=corpus, kind="exact")
        assert isinstance(result, BlockingDuplicates)
        yield result


def test_duplicates_are_shown_with_their_sizes(client: Client, corpus: Path, tmp_path: Path) -> None:
    with pytest.warns(DaguerreWarning):
        result = client.duplicates(images=corpus)
    assert isinstance(result, Duplicates)
    page = tmp_path / "duplicates.html"
    result.report(page, tables=tmp_path / "tables")
    text = page.read_text(encoding="utf-8")
    assert text.count("<img") >= 2 * len(result.groups)
    assert "150 × 90 pixels" in text
    assert (tmp_path / "tables").is_dir()
    assert str(corpus) not in text
    result.report(page, pictures="none")
    assert "<img" not in page.read_text(encoding="utf-8")


def test_every_result_has_a_report(client: Client, corpus: Path, embedded: Embeddings, tmp_path: Path) -> None:
    good = [id for id, ok in zip(embedded.ids, embedded.ok, strict=True) if ok]
    near = client.search(["a cup of coffee", "<script>"], embedded, k=3)
    near.report(tmp_path / "search.html")
    text = (tmp_path / "search.html").read_text(encoding="utf-8")
    assert "a cup of coffee" in text
    assert "<script" not in text
    assert text.count("<img") == 6
    strata = [Path(id).name[:3] for id in good]
    drawn = client.sample(6, strata=strata, ids=good, allocation="equal")
    drawn.report(tmp_path / "sample.html", images=corpus, pictures="blurred")
    assert (tmp_path / "sample.html").read_text(encoding="utf-8").count("<img") == 6
    agreed = client.agreement(["a", "b"] * 3, [id for id in good[:3] for _ in "ab"], [*"xyxxyx"])
    agreed.report(tmp_path / "agreement.html", images=corpus)
    assert (tmp_path / "agreement.html").read_text(encoding="utf-8").count("<img") == agreed.n_differ == 2


def test_analyses_have_a_contact_sheet(client: Client, corpus: Path, tmp_path: Path) -> None:
    few = {path.name: path for path in [corpus / "chelsea0.jpg", corpus / "rocket0.jpg", corpus / "broken.jpg"]}
    with pytest.warns(DaguerreWarning, match="1 of 3 items could not be used"):
        found = client.analyse(few, {"objects": {"min_score": 0.1}, "visual": {}})
    assert isinstance(found, Analyses)
    assert found.options["objects"]["min_score"] == 0.1
    page = tmp_path / "found.html"
    found.report(page, images=corpus, pictures="blurred", tables=tmp_path / "tables")
    text = page.read_text(encoding="utf-8")
    boxes = sum(len(entry["results"]["objects"]["findings"]) for entry in found.entries if entry)
    assert text.count('class="found') >= boxes > 0
    assert text.count("<img") >= 2
    assert "Faces are blurred" in text
    assert "Dashed: the threshold, 0.1;" in text
    assert "Items that could not be used" in text
    with (tmp_path / "tables" / "found-values.csv").open(encoding="utf-8") as file:
        means = {row["number"]: float(row["mean"]) for row in csv.DictReader(file)}
    assert means["brightness"] == pytest.approx(found.values.brightness.mean(), abs=1e-12)
    held = client.visual_features(few["rocket0.jpg"])
    held.report(page, pictures="none")
    assert "<img" not in page.read_text(encoding="utf-8")


def test_texts_are_shown_where_they_are_given(client: Client, tmp_path: Path) -> None:
    texts = ["a cat on a sofa", "a rocket <b>launch</b>"]
    scores = client.zero_shot(texts=texts, labels=["an animal", "a machine"])
    page = tmp_path / "scores.html"
    scores.report(page, texts=texts)
    text = page.read_text(encoding="utf-8")
    assert "a rocket &lt;b&gt;launch" in text
    scores.report(page)
    assert "a cat on a sofa" not in page.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="texts: 1 for 2 items"):
        scores.report(page, texts=texts[:1])


def test_pictures_that_are_not_there_are_told(inline: Server, found: BlockingDuplicates, tmp_path: Path) -> None:
    assert found.groups
    with pytest.raises(ValueError, match="pictures: none of the items is in images="):
        replace(found, files=found.ids).report(tmp_path / "a.html", images=tmp_path)
    with pytest.raises(ValueError, match="pictures: got 'big'"):
        found.report(tmp_path / "a.html", pictures="big")  # type: ignore[arg-type]
    assert not (tmp_path / "a.html").exists()


def test_a_copy_of_a_result_needs_a_client(found: BlockingDuplicates, tmp_path: Path) -> None:
    for copied in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert copied.groups == found.groups
        with pytest.raises(ValueError, match="report needs a client"):
            copied.report(tmp_path / "a.html")


def test_the_asynchronous_client_awaits_a_report(inline: Server, corpus: Path, tmp_path: Path) -> None:
    async def ask() -> None:
        async with AsyncClient(address(inline, "grpc")) as client:
            result = await client.duplicates(images=corpus, kind="exact")
            assert isinstance(result, Duplicates)
            await result.report(tmp_path / "a.html")

    asyncio.run(ask())
    assert (tmp_path / "a.html").read_text(encoding="utf-8").count("<img") == 2


@pytest.mark.parametrize("kind", MAKERS)
def test_both_transports_make_the_same_page(inline: Server, kind: str) -> None:
    answer = MAKERS[kind]()
    with inline.client() as http:
        page = http.post(f"/v1/pages/{kind}", json={"answer": answer, "captions": {"b.jpg": "640 × 480"}})
    assert page.status_code == 200, page.text
    assert page.json()["shown"]
    request = AnswerPageRequest(kind=kind, answer_json=json.dumps(answer), captions={"b.jpg": "640 × 480"})
    with grpc_calls.stub(inline) as daguerre:
        made = daguerre.AnswerPage(request, timeout=30)
    assert {"html": made.html, "shown": list(made.shown)} == page.json()


def test_what_is_no_answer_is_refused(inline: Server) -> None:
    answer = MAKERS["duplicates"]()
    with inline.client() as http:
        refused = {
            name: http.post(f"/v1/pages/{kind}", json=body).json()["error"]
            for name, kind, body in (
                ("kind", "posters", {"answer": answer}),
                ("answer", "duplicates", {}),
                ("form", "zero-shot", {"answer": answer}),
                ("id", "duplicates", {"answer": answer, "input": [{"id": "other", "text": "x"}]}),
                ("no id", "duplicates", {"answer": answer, "input": [{"text": "x"}]}),
                ("image", "duplicates", {"answer": answer, "input": [{"id": "b.jpg", "image": "bm8="}]}),
                ("contradiction", "duplicates", {"answer": {**answer, "n": 3}}),
            )
        }
    assert refused["kind"]["code"] == "unknown_page"
    assert "duplicates, zero-shot" in refused["kind"]["message"]
    assert refused["answer"]["message"].startswith("answer: is missing")
    assert refused["form"]["message"].startswith("answer.")
    assert "'other' is the id of no item" in refused["id"]["message"]
    assert "has no id" in refused["no id"]["message"]
    assert refused["image"]["code"] == "unsupported_image"
    assert refused["contradiction"]["code"] == "invalid_answer"


def test_zero_shot_of_many_items_is_shown_by_a_part(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("daguerre.handles.page_sources.MOST_ITEMS", 3)
    scores = client.zero_shot(texts=[f"text {i}" for i in range(5)], labels=["one", "two"])
    scores.report(tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "3 items, drawn at random from 5" in text
    assert np.isfinite(scores.scores).all()
