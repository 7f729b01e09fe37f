"""The page of a validation is made of its answer, and of nothing that contradicts it."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from models.errors import PageError
from models.pages.items import Items
from models.pages.validation import page
from models.validations.tables import CodeTable, Labeller
from models.validations.validations import validate
from service.pipelines.validations import _answer
from service.schemas.validations import ValidationAnswer

RNG = np.random.default_rng(5)
IDS = [f"i{i}.png" for i in range(40)]
OTHERS = (None, -1)


def answer(kind: str) -> dict[str, Any]:
    """A real answer: two sets of predictions of labels with scores, or one of numbers."""
    if kind == "numbers":
        codes: list[Any] = RNG.normal(3, 1, 40).tolist()
        sets = [Labeller(name="m", item=IDS, value=RNG.normal(3, 1, 40).tolist())]
    else:
        codes = RNG.choice(["cat", "dog", "owl"], 40).tolist()
        scores = RNG.dirichlet([1, 1, 1], 40)
        by_label = {label: scores[:, c].tolist() for c, label in enumerate(("cat", "dog", "owl"))}
        value = RNG.choice(["cat", "dog", "owl"], 40).tolist()
        sets = [Labeller(name="a", item=IDS, scores=by_label), Labeller(name="b", item=IDS, value=value)]
    two = {"item": IDS * 2, "code": codes * 2, "coder": ["anna"] * 40 + ["ben"] * 40}
    table = CodeTable(item=IDS, code=codes) if kind == "numbers" else CodeTable(**two)
    return _answer(validate(sets, table, resamples=20), {"recall": 0.8, "resamples": 20, "seed": 0}).model_dump()


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of an answer; of a list the first item stands for all."""
    if at:
        yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*at, key))
    elif isinstance(value, list | tuple) and value:
        yield from paths(value[0], (*at, 0))


def altered(value: Any, at: tuple[Any, ...], change: Any) -> Any:
    """A copy of an answer with another value, or none, at a place."""
    first, *rest = at
    copied = list(value) if isinstance(value, list | tuple) else dict(value)
    if rest:
        copied[first] = altered(copied[first], tuple(rest), change)
    elif change is Ellipsis:
        del copied[first]
    else:
        copied[first] = copy.deepcopy(change)
    return copied


def test_the_page_of_numbers_has_a_scatter_plot_of_each_item_and_no_share_of_equal_codes() -> None:
    whole = answer("numbers")
    (only,) = whole["predictions"]
    assert len(only["points"]) == only["n"] == 40
    html = page(whole, Items(mode="none"))
    assert html.count("Predicted against coded, 40\xa0items") == 2  # for a wide screen and for a narrow one
    drawn = [len(re.findall("M", path)) for path in re.findall(r'<path class="points" d="([^"]*)"', html)]
    assert drawn == [40] * 4
    assert "Cohen’s kappa" not in html
    assert "Cohen’s kappa" in page(answer("labels"), Items(mode="none"))


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["labels", "numbers"])
def test_an_altered_answer_has_a_page_or_a_reason(kind: str) -> None:
    whole = answer(kind)
    assert page(whole, Items(mode="none")).startswith("<!doctype html>")
    refused: list[str] = []
    for at in paths(whole):
        for change in (*OTHERS, ...):
            try:
                checked = ValidationAnswer.model_validate(altered(whole, at, change)).model_dump()
            except ValidationError:
                continue
            try:
                assert page(checked, Items(mode="none")).startswith("<!doctype html>")
            except PageError as exc:
                refused.append(str(exc))
            except Exception as exc:
                raise AssertionError(f"{at} = {change!r}") from exc
    assert len(refused) > 1
    assert all(message.startswith("answer.") for message in refused)
