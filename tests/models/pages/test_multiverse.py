"""The page of a multiverse: every configuration is there, text of users is escaped, contradictions are refused."""

import re
from typing import Any

import pytest

from models.errors import PageError
from models.pages.items import Items
from models.pages.multiverse import page
from service.pipelines.multiverses import multiverse_of
from service.schemas.multiverses import MultiverseRequest
from tests.models.page_reader import Read
from tests.models.pages.answers import HOSTILE, RECEIPT

N = 60
CODED = 30
TRUE = [int(i % 3 == 0) for i in range(N)]


def answer(name: str = "template", *, codes: bool = True, difference: bool = False, many: int = 4) -> dict[str, Any]:
    """A multiverse of `many` configurations, each wrong about another item in five."""
    request = {
        "corpus": {
            "item": [f"p{i}" for i in range(N)],
            "by": [{"name": name, "values": [name if i % 2 else "right" for i in range(N)]}] if difference else [],
        },
        "configurations": [
            {
                "choices": [{"name": name, "value": f"{name} {k % 2}"}, {"name": "model", "value": f"m{k // 2}"}],
                "values": [1 - y if (i * 7 + k) % (5 + k % 4) == 0 else y for i, y in enumerate(TRUE)],
            }
            for k in range(many)
        ],
        "codes": {"item": [f"p{i}" for i in range(CODED)], "code": ["yes" if y else name for y in TRUE[:CODED]]}
        if codes
        else None,
        "positive": "yes",
        "difference": {"by": name, "a": name, "b": "right"} if difference else None,
        "receipts": [RECEIPT],
    }
    return multiverse_of(MultiverseRequest.model_validate(request), lambda: None).model_dump()


def test_every_configuration_is_in_the_table_and_in_the_curve() -> None:
    made = answer()
    read = Read(page(made, Items()))
    rows = [row for row in read.rows if row and row[0].isdigit()]
    assert sorted(int(row[0]) for row in rows) == [1, 2, 3, 4]
    order = sorted(range(4), key=lambda i: (made["configurations"][i]["uncorrected"], i))
    assert [int(row[0]) - 1 for row in rows] == order
    for row in rows:
        each = made["configurations"][int(row[0]) - 1]
        assert row[1:4] == [*each["choices"].values(), f"{100 * each['uncorrected']:.1f}\u00a0%"]
        assert row[4].startswith(f"{100 * each['corrected']['value']:.1f}\u00a0% [")
    circles = read.all("circle")
    assert sum(each.get("class") == "dot" for each in circles) == 2 * (4 + 1)  # two widths, each with a legend
    assert sum(each.get("class") == "hollow" for each in circles) == 2 * (4 + 1)
    heights = sorted({float(each["cy"]) for each in circles if each.get("class") == "hollow"})
    assert len(heights) == 1 + len({each["uncorrected"] for each in made["configurations"]})
    assert "all 4 configurations are reported" in read.text
    assert "4 of 4 corrected intervals hold the estimate by the codes alone" in read.text
    mean = made["average"]
    assert (
        f"{100 * mean['uncorrected']:.1f}\u00a0%, corrected {100 * mean['corrected']['value']:.1f}\u00a0% ["
        in read.text
    )
    assert RECEIPT["fingerprint"] in read.text


def test_a_difference_counts_signs_and_draws_zero() -> None:
    made = answer(difference=True)
    read = Read(page(made, Items()))
    assert "difference in the share of “yes” between “template” and “right”" in read.text
    assert read.row("uncorrected")[0] == "uncorrected"
    signs = made["signs"]
    [row] = [row for row in read.rows if row and row[0] == "corrected" and len(row) == 5]
    assert row[1:3] == [str(signs["corrected_positive"]), str(signs["corrected_negative"])]
    assert [each for each in read.all("path") if each.get("class") == "zero"]
    assert "In percentage points" in read.text


def test_without_codes_there_is_no_corrected_estimate() -> None:
    read = Read(page(answer(codes=False), Items()))
    assert "corrects nothing" in read.text
    assert "were not corrected" in read.text
    assert not [each for each in read.all("path") if each.get("class") == "spans"]
    assert not [row for row in read.rows if row and row[0] == "corrected"]


@pytest.mark.parametrize("difference", [False, True])
def test_text_of_users_is_escaped(difference: bool) -> None:
    name = HOSTILE.replace("\ud800", "").replace("\x00", "")
    read = Read(page(answer(name, difference=difference), Items(remarks=(HOSTILE,))))
    assert not read.all("script")
    assert not [each for _, each in read.found if "onerror" in each]


def test_many_configurations_are_a_page_of_less_than_a_megabyte() -> None:
    html = page(answer(many=200), Items())
    assert len(html) < 1_000_000
    assert len(re.findall(r"<circle", html)) == 2 * (2 * 200 + 2)


def test_what_contradicts_itself_is_refused() -> None:
    made = answer()
    with pytest.raises(PageError, match="choices: are not those of factors"):
        page({**made, "factors": made["factors"][:1]}, Items())
    with pytest.raises(PageError, match="corrected: is there and classical is null"):
        page({**made, "classical": None}, Items())
    with pytest.raises(PageError, match="configurations: is empty"):
        page({**made, "configurations": []}, Items())
