"""Studies by the SDK: coded over HTTP by two coders, and their codes in agreement, estimates and training."""

import json
import random
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from daguerre import Client, CodingStudy, NotFoundError
from daguerre.corpus.code_columns import KNOWN
from daguerre.corpus.codebooks import read_codebook, without_defaults, write_codebook
from service.schemas.assignments import RESERVED
from service.schemas.codebooks import Codebook
from tests.clients.conftest import address, kinds
from tests.e2e.harness import Server

BOOK = {"variables": [{"name": "cat", "kind": "binary"}, {"name": "size", "kind": "continuous", "low": 0, "high": 9}]}


@pytest.fixture
def http(inline: Server) -> Iterator[Client]:
    with Client(inline.url, chunk_items=7) as client:
        yield client


def code(server: Server, token: str, codes: dict[str, dict[str, object]]) -> None:
    """Code all items of a token by the names of pictures, which only this test can tell from their bytes."""
    with server.client(headers={"authorization": f"Bearer {token}"}) as client:
        following = client.get("/v1/coding/next").json()["data"]
        while following:
            unit = following[0]
            picture = client.get(f"/v1/coding/pictures/{unit['pictures'][0]}", params={"size": "full"}).content
            answer = client.put(f"/v1/coding/units/{unit['key']}/codes", json={"codes": codes[str(len(picture))]})
            assert answer.status_code == 200, answer.text
            following = answer.json()["next"]
            assert unit["key"] not in [each["key"] for each in following], "a variable of the codebook has no code"


def coded(http: Client, server: Server, corpus: Path, name: str) -> CodingStudy:
    """A study of the pictures of `corpus`, of which two coders have coded a sample: one errs on few."""
    study = http.create_study(name, title="Cats")
    errors = study.add(corpus)
    assert [error.id for error in errors] == ["broken.jpg"]
    assert study.add(corpus / "chelsea0.jpg", ids=["chelsea0.jpg"]).by_code() == {}  # there already
    assert study.describe()["items"] == 32
    assert study.set_codebook(BOOK) == 1
    items = study.items()
    assert study.set_columns({"id": [item["id"] for item in items], "kind": list(kinds(item["id"] for item in items))})
    made = study.assign(
        "first", ["anna", "ben"], size=24, design="stratified", strata="kind", allocation="equal", adjudicators=["eve"]
    )
    assert made.fit_for_inference
    sizes = {item["id"]: str(len(study.picture(item["key"], "full"))) for item in items}
    assert len(set(sizes.values())) >= 30  # a picture is known by its bytes, but for copies
    truth = {sizes[id]: ("yes" if "chelsea" in id else "no") for id in sizes}
    rng = random.Random(1)
    for coder, share in (("anna", 0.0), ("ben", 0.15)):
        codes = {
            size: {"cat": {"value": "no" if rng.random() < share else value}, "size": {"value": 3}}
            for size, value in truth.items()
        }
        code(server, made.tokens[coder], codes)
    code(server, made.tokens["eve"], {size: {"cat": {"value": value}} for size, value in truth.items()})
    return study


def test_codes_feed_agreement_estimates_and_training(
    http: Client, inline: Server, corpus: Path, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    study = coded(http, inline, corpus, "feeds")
    progress = study.progress()
    assert progress == study.progress("first")
    assert (progress["complete"], progress["differing"]) == (24, progress["adjudicated"])
    assert progress["differing"] > 0
    wide = study.codes("cat")
    assert list(wide.columns) == ["id", "inclusion_prob", "stratum", "anna", "ben", "adjudicator"]
    live, offline = study.agreement("cat", resamples=100), http.agreement(wide.columns, resamples=100)
    assert live.alpha.value == pytest.approx(offline.alpha.value)
    assert live.percent.value == pytest.approx(offline.percent.value)
    wide.save(tmp_path / "wide.csv")
    assert http.agreement(tmp_path / "wide.csv").percent.value == pytest.approx(live.percent.value)
    long = study.codes("cat", layout="long")
    assert http.agreement(long.columns, resamples=100).alpha.value == pytest.approx(live.alpha.value)

    ids = [item["id"] for item in study.items()]
    predicted = ["yes" if "chelsea" in id else "no" for id in ids]
    corpus_table = {"id": ids, "label": predicted, "kind": list(kinds(ids))}
    found = http.estimate(corpus_table, wide.columns, rule="adjudicated", positive="yes")
    assert found.value == pytest.approx(10 / 32, abs=0.02)
    final = study.codes("cat", layout="final")
    assert set(final.columns["rule"]) == {"adjudicated", "unanimous"}
    again = http.estimate(corpus_table, final.columns, code="target", positive="yes")
    assert again.value == pytest.approx(found.value)

    wide.save(tmp_path / "codes.csv")
    table = {**final.columns, "path": [str(corpus / id) for id in final.columns["id"]]}
    clf = http.train_classifier("feeds", table["path"], targets=table["target"], seed=0)
    assert clf.labels == ["no", "yes"]
    assert study.delete()["codes"] > 48
    with pytest.raises(NotFoundError):
        http.study("feeds")


def test_a_study_over_grpc_says_that_it_needs_http(inline: Server) -> None:
    with Client(address(inline, "grpc")) as client, pytest.raises(ValueError, match="HTTP alone"):
        client.studies()


def test_tokens_are_written_for_you_alone_and_samples_are_assigned(http: Client, corpus: Path, tmp_path: Path) -> None:
    study = http.create_study("tokens")
    study.add(corpus)
    sample = http.sample(5, ids=[item["id"] for item in study.items()], seed=2)
    made = study.assign("one", ["anna"], items=sample)
    assert (made.units, made.fit_for_inference) == (5, True)
    assert not study.assign("two", ["anna"], items=["coffee0.jpg"]).fit_for_inference
    made.save_tokens(tmp_path / "tokens.csv")
    assert stat.S_IMODE((tmp_path / "tokens.csv").stat().st_mode) == 0o600
    assert (tmp_path / "tokens.csv").read_text().splitlines() == ["name,token", f"anna,{made.tokens['anna']}"]
    assert study.new_token("one", "anna") != made.tokens["anna"]
    assert study.revoke("one", "anna")
    assert [each["name"] for each in http.studies() if each["name"] == "tokens"] == ["tokens"]
    http.delete_study("tokens")


def test_names_of_coders_are_not_those_of_other_columns() -> None:
    """So that every other column of a wide table is a coder's: the service and the SDK have one list."""
    assert RESERVED == KNOWN


NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
CATEGORY = st.fixed_dictionaries({"name": NAMES}, optional={"definition": TEXTS})
CATEGORIES = st.lists(CATEGORY, min_size=2, max_size=4, unique_by=lambda each: each["name"])
COMMON = {"question": TEXTS, "definition": TEXTS, "cannot_tell": st.booleans(), "required": st.none() | st.booleans()}
VARIABLE = st.one_of(
    st.fixed_dictionaries({"kind": st.sampled_from(["text", "same", "binary"])}, optional=COMMON),
    st.fixed_dictionaries({"kind": st.just("more"), "ties": st.booleans()}, optional=COMMON),
    st.fixed_dictionaries({"kind": st.just("ordinal"), "categories": CATEGORIES}, optional=COMMON),
    st.fixed_dictionaries(
        {"kind": st.just("categorical"), "categories": CATEGORIES, "multiple": st.booleans()}, optional=COMMON
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("continuous"),
            "low": st.floats(-5, 0),
            "high": st.floats(1, 5),
            "step": st.none() | st.just(0.5),
        },
        optional=COMMON,
    ),
)
BOOKS = st.fixed_dictionaries(
    {"variables": st.lists(VARIABLE, min_size=1, max_size=4), "title": TEXTS, "instructions": TEXTS}
)


@hypothesis_settings(max_examples=60)
@given(book=BOOKS)
def test_a_codebook_survives_json_and_yaml(book: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> None:
    variables = [{"name": f"v{i}", **each} for i, each in enumerate(book["variables"])]  # type: ignore[arg-type]
    whole = Codebook.model_validate({**book, "variables": variables})
    folder = tmp_path_factory.mktemp("books", numbered=True)
    for content in (whole.model_dump(), without_defaults(whole.model_dump())):
        for name in ("book.json", "book.yaml"):
            write_codebook(content, folder / name)
            assert Codebook.model_validate(read_codebook(folder / name)) == whole


def test_yaml_is_data_alone_and_yes_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "book.yaml"
    path.write_text("variables:\n- name: cat\n  kind: binary\n  categories:\n  - name: yes\n  - name: no\n")
    assert [each.name for each in Codebook.model_validate(read_codebook(path)).variables[0].categories] == ["yes", "no"]
    path.write_text("variables: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(ValueError, match="YAML"):
        read_codebook(path)


def test_a_codebook_of_the_server_is_written_as_it_was(http: Client, tmp_path: Path) -> None:
    study = http.create_study("books")
    assert study.set_codebook(BOOK) == 1
    assert study.codebook(save=tmp_path / "book.json") == BOOK
    assert json.loads((tmp_path / "book.json").read_text()) == BOOK
    study.delete()
    assert httpx.get(f"{http.asynchronous.url}/v1/studies/books", trust_env=False).status_code == 404
