"""Limits of the space that codes of a study take, codes from Label Studio, and codes as CSV."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.annotation.active import active
from service.auth import CODER_TOKEN
from service.errors import TooLarge, Unauthorized, Unprocessable
from service.pipelines import coding, label_studio, studies, study_codes
from service.pipelines.assignments import assign
from service.pipelines.codebooks import save_codebook
from service.schemas.assignments import AssignmentRequest, LabelStudioTasks
from service.schemas.codebooks import Codebook
from service.schemas.coding import CodesRequest
from service.schemas.studies import ColumnsRequest
from service.schemas.validation import validated
from service.settings import Settings
from service.stores import codes, study_items
from service.stores import studies as studies_store
from service.stores.studies import Studies, Study
from service.stores.study_items import NewItem

BOOK = Codebook.model_validate(
    {
        "variables": [
            {"name": "cat", "kind": "categorical", "categories": [{"name": "-1"}, {"name": "0"}]},
            {"name": "size", "kind": "continuous", "low": 0, "high": 9},
            {"name": "text", "kind": "text"},
        ]
    }
)


class Running:
    """A study of one item =a.jpg, with a coder @anna and an adjudicator eve; the store, and tokens by name."""

    def __init__(self, home: Path, limit: int = 2**30) -> None:
        self.store = Studies(Settings(home=home, max_files_bytes=limit))
        self.study: Study = self.store.create("s", None, title="", folder=None)
        study_items.add_items(self.study.database, [NewItem(id="=a.jpg", bytes=1)])
        save_codebook(self.study, BOOK)
        request = {"name": "a", "items": [{"id": "=a.jpg"}], "coders": ["@anna"], "adjudicators": ["eve"]}
        made = assign(self.study, AssignmentRequest.model_validate(request))
        self.tokens = {each.name: each.token for each in made.tokens}
        desk = coding.enter(self.store, self.tokens["@anna"])
        (self.unit,) = coding.following(desk, 3).data

    def code(self, note: str | None = None, **values: Any) -> Any:
        sent = {"codes": {name: {"value": value} for name, value in values.items()}, "note": note}
        request = CodesRequest.model_validate(sent)
        return coding.save(self.store, self.tokens["@anna"], self.unit.key, request)

    def add(self, *results: dict[str, Any], by: str = "@anna", image: str = "=a.jpg") -> Any:
        task = {"data": {"image": image}, "annotations": [{"completed_by": by, "result": list(results)}]}
        return label_studio.imported(self.study, "a", LabelStudioTasks.model_validate({"tasks": [task]}))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path)
    yield made
    made.store.close()


def test_the_history_keeps_the_first_and_the_last_changes(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "KEPT", 5)
    for i in range(9):
        running.code(text=f"t{i}")
    with running.study.database.reading() as db:
        kept = [row["value"] for row in db.execute("SELECT value FROM history ORDER BY seq")]
    assert kept == [f'"t{i}"' for i in (0, 4, 5, 6, 7, 8)]
    for _ in range(9):  # a code that is saved and undone again and again does not push out the one that holds
        running.code(text="other")
        back = coding.undo(running.store, running.tokens["@anna"])
        assert back.unit is not None
        assert back.unit.codes["text"].value == "t8"


def test_a_text_has_at_most_ten_thousand_characters(running: Running) -> None:
    assert running.code(text="t" * 10_000).saved == 1
    with pytest.raises(Unprocessable, match="1 to 10,000 characters"):
        running.code(text="t" * 10_001)


@pytest.mark.parametrize(("largest", "code"), [(None, "files_full"), (2**18, "study_full")])
def test_the_database_counts_in_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest: int | None, code: str
) -> None:
    running = Running(tmp_path, limit=2**19)
    monkeypatch.setattr(studies_store, "LARGEST", largest or 2**40)
    columns = {"ids": ["=a.jpg"], "columns": {f"c{i}": ["t" * 10_000] for i in range(30)}}
    with pytest.raises(TooLarge) as refused:
        studies.put_columns(running.study, ColumnsRequest.model_validate(columns))
    assert refused.value.code == code
    refusals = []
    for i in range(100):
        try:
            running.code(text=f"{i:10000}")
        except TooLarge as exc:
            refusals.append(exc.code)
    assert len(refusals) > 10
    assert set(refusals) == {code}
    running.store.close()


def test_label_studio_is_as_strict_as_coders_are(running: Running) -> None:
    size = {"from_name": "size", "type": "number", "value": {"number": True}}
    text = {"from_name": "text", "type": "textarea", "value": {"text": [{"a": 1}]}}
    answer = running.add(size, text)
    assert answer.codes == 0
    assert "codes.size: got 'True'; give a number from 0 to 9" in answer.remarks[0]
    assert "codes.text: give a text" in answer.remarks[1]
    for image in ("http://[bad", "http://a\u2100b/"):
        with pytest.raises(Unprocessable, match=r"^tasks\[0\]: its image 'http.* is no address"):
            running.add(image=image)


def test_decisions_are_left_out_and_strangers_are_named(running: Running) -> None:
    size = {"from_name": "size", "type": "number", "value": {"number": 1}}
    assert running.add(size, by="eve").remarks == [
        "1 annotations of 'eve', an adjudicator, are left out; adjudicators decide with their token"
    ]
    (remark,) = running.add(size, by="7").remarks
    assert "'7' is no coder of the assignment, whose coders are" in remark


def test_a_csv_has_no_formulas(running: Running) -> None:
    running.code(note="=1+1", text='=HYPERLINK("x")', cat="-1", size=2)
    rows = study_codes.csv_text(study_codes.table(running.study, "long")).splitlines()[1:]
    cells = [row.split(",") for row in rows]
    assert {(row[0], row[1]) for row in cells} == {("=a.jpg", "'@anna")}
    assert sorted(row[4] for row in cells) == ['"\'=HYPERLINK(""x"")"', "-1", "2.0"]
    assert {row[8] for row in cells} == {"'=1+1"}
    wide = study_codes.csv_text(study_codes.table(running.study, "wide", variable="text"))
    assert wide.splitlines()[0].endswith(",'@anna")


def test_an_active_draw_is_of_the_filtered_items_with_its_probabilities(running: Running) -> None:
    study = running.study
    study_items.add_items(study.database, [NewItem(id=str(i), bytes=1) for i in range(40)])
    scores = {"score": [i / 40 for i in range(40)], "word": ["w"] * 40}
    study_items.put_columns(study.database, [str(i) for i in range(40)], scores)

    def draw(**changes: Any) -> Any:
        sample = {"design": "active", "size": 10, "scores": "score", "filters": ["score<0.75"], "uniform": 0.4}
        request = {"name": "active", "coders": ["ben"], "seed": 7, "sample": {**sample, **changes}}
        return assign(study, AssignmentRequest.model_validate(request))

    with pytest.raises(Unprocessable, match="1 of 41 items have no value of 'score'"):
        draw(filters=[])
    with pytest.raises(Unprocessable, match="scores: is needed with design active"):
        draw(scores=None)
    with pytest.raises(Unprocessable, match="the column 'word' has texts"):
        draw(scores="word")
    made = draw()
    assert (made.design, made.n, made.uniform, made.scores, made.fit_for_inference) == (
        "active",
        30,
        0.4,
        "score",
        True,
    )
    with study.database.reading() as db:
        rows = db.execute(
            "SELECT i.id, u.inclusion_prob FROM units u JOIN items i ON i.place = u.item WHERE u.assignment = 2"
        ).fetchall()
    expected = active([i / 40 for i in range(30)], 10, uniform=0.4, seed=7)
    assert [int(row["id"]) for row in rows] == expected.indexes.tolist()
    assert [row["inclusion_prob"] for row in rows] == expected.inclusion_prob.tolist()


@pytest.mark.parametrize("token", ["x" * 250, "x" * 32 + "_" + "y" * 250, "../" * 80, "_" * 250])
def test_a_token_of_250_characters_is_unknown(tmp_path, token: str):
    with pytest.raises(Unauthorized, match="not valid"):
        coding.enter(Studies(Settings(home=tmp_path)), f"{CODER_TOKEN}{token}")


def test_folders_are_listed_by_name_one_level_deep_and_nothing_outside(tmp_path):
    for name in ("data/b/deep", "data/a", "data/.hidden", "outside"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data" / "file.jpg").touch()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "outside")
    settings = Settings(home=tmp_path, data=tmp_path / "data")
    assert studies.folders_in(settings, "").data == ["a", "b"]
    assert studies.folders_in(settings, "b").data == ["deep"]
    for within in ("..", "link", "/", "file.jpg", "nothing", "a/../../outside"):
        with pytest.raises(Unprocessable, match="within"):
            studies.folders_in(settings, within)


def test_errors_of_a_codebook_name_the_variable_and_the_category():
    categories = [{"name": "calm"}, {"name": "wild", "definition": 3}]
    with pytest.raises(Unprocessable, match=r"^variable 'mood', category 'wild', definition: got 3") as caught:
        validated(Codebook, {"variables": [{"name": "mood", "kind": "ordinal", "categories": categories}]})
    assert caught.value.param == "variables[0].categories[1].definition"
