"""The report of a comparison of representations: one file that runs nothing and loads nothing, whatever names are."""

import re
from typing import Any

import pytest

from models.pages.representations import page, paragraph
from tests.models.page_reader import Read

HOSTILE = "</svg><script>alert(1)</script> & 中文"


def interval(value: float | None, half: float = 0.05) -> dict[str, Any]:
    return {"value": value, "low": value and value - half, "high": value and value + half}


def answer(names: tuple[str, ...] = ("clip", "colours"), runs: int = 3, **changes: Any) -> dict[str, Any]:
    kinds = [
        {
            **{"name": name, "model": "colour-histogram" if name == "colours" else "m", "fingerprint": "f"},
            **{"dimension": 512, "baseline": name == "colours", "auc": interval(0.9 - 0.1 * i)},
            "difference": interval(-0.1 * i) if i else None,
        }
        for i, name in enumerate(names)
    ]
    tried = [
        {
            **{"name": f"{name}, kmeans, k {k}", "representation": name, "parameters": {"method": "kmeans", "k": k}},
            **{"clusters": k, "unclustered": 2, "precision": interval(0.5), "recall": interval(0.4)},
            "f1": interval(0.6 - 0.01 * k),
        }
        for name in names
        for k in range(2, 2 + runs)
    ]
    winner = {
        **{"name": f"{names[0]}, kmeans, k 2", "criterion": "f1", "selected_on": {"pairs": 100, "value": 0.6}},
        **{"held_out": {"pairs": 100, **interval(0.5)}, "difference": {"to": "another", **interval(0.02)}},
    }
    return {
        **{"id": "job_1", "n": 300, "n_pairs": 200, "together": 60, "criterion": "f1", "representations": kinds},
        **{"configurations": sorted(tried, key=lambda run: -run["f1"]["value"]), "winner": winner if runs else None},
        "params": {"unclustered": "singletons", "held_out": 0.5, "resamples": 1000, "confidence": 0.95, "seed": 0},
        **{"remarks": ["a <remark>"], "unusable": [], "created": "2026-01-01T10:00:00", "libraries": {"numpy": "2"}},
        **changes,
    }


def test_the_page_is_one_file_without_scripts() -> None:
    html = page(answer((HOSTILE, "colours")))
    read = Read(html)
    assert "<script" not in html
    assert not [link for tag in ("img", "link", "iframe") for link in read.all(tag)]
    assert "alert(1)" in read.text
    assert "a <remark>" in read.text


def test_the_ranking_is_a_table_and_a_plot_with_an_interval_for_each() -> None:
    read = Read(re.sub(r'<div class="slim">.*?</div>', "", page(answer()), flags=re.DOTALL))
    assert read.row("clip")[3] == "0.900 [0.850,\u00a00.950]"
    assert read.row("colours")[4].startswith("\u22120.100")
    assert [row[0].split(".")[0] for row in read.rows if row and row[0][0:1].isdigit()] == list("123456")
    spans = [path for path in read.all("path") if path.get("class", "").startswith("span")]
    points = [path for path in read.all("path") if path.get("class", "").startswith("point")]
    assert len(spans) == len(points) == 2 + 6
    assert sum("baseline" in path["class"] for path in spans) == 1 + 3
    assert "colours (baseline)" in read.text
    assert "may be due to chance" in read.text


def test_many_configurations_are_drawn_in_part_and_listed_whole() -> None:
    read = Read(page(answer(("clip",), runs=30)))
    assert "18 others are in the table alone" in read.text
    assert sum(row[0][0:1].isdigit() for row in read.rows if row) == 30


@pytest.mark.parametrize("runs", [0, 1])
def test_what_is_not_defined_is_a_dash(runs: int) -> None:
    none = {"value": None, "low": None, "high": None}
    given = answer(("clip",), runs=runs, winner=None)
    given["representations"][0]["auc"] = none
    for run in given["configurations"]:
        run |= {"recall": None, "f1": None, "precision": none}
    given["criterion"] = "precision"
    read = Read(page(given))
    assert read.row("clip")[3] == "–"
    assert "nan" not in page(given)


def test_the_paragraph_has_the_figures() -> None:
    text = paragraph(answer())
    for part in (
        "2\u00a0representations of 300\u00a0items",
        "0.900 [0.850",
        "colours",
        "95 % percentile",
        "100 others",
    ):
        assert part in text


def test_a_single_representation_is_not_called_best_and_a_tie_no_lead() -> None:
    assert "put together from the others best: AUC" in Read(page(answer())).text
    given = answer(("clip",))
    given["representations"][0]["auc"] = interval(0.52)
    given["winner"]["difference"] = {"to": "another", **interval(0.0, half=0.0)}
    read = Read(page(given))
    assert "from the others: AUC 0.520 [0.470,\u00a00.570]. The interval includes 0.5" in read.text
    assert "On these it is equal to another." in read.text
    assert "due to chance" not in read.text
