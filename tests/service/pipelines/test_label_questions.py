"""Questions to a model of this server: steps and bounds that a grammar takes, and the parts of a turn."""

import pytest
from PIL import Image

from service.errors import Unprocessable
from service.pipelines.label_likelihoods import _separated
from service.pipelines.label_questions import check_numbers, step_of
from service.schemas.codebooks import Variable


def number(low: float, high: float, step: float | None = None) -> Variable:
    return Variable(name="x", kind="continuous", low=low, high=high, step=step)


@pytest.mark.parametrize(("low", "high", "step", "written"), [
    (0, 10, None, 0.1), (0, 10, 0.5, 0.5), (0, 10, 3, 0.1), (-2, 2, 0.25, 0.25), (0, 1000, None, 1), (0, 1, 0.01, 0.01),
    (0, 1, 1 / 3, 0.01), (0, 0.7, 0.07, 0.001), (0, 1, 1e-320, 0.01), (0, 1e-4, None, 1e-6),
])  # fmt: skip
def test_the_step_of_written_numbers(low: float, high: float, step: float | None, written: float) -> None:
    variable = number(low, high, step)
    check_numbers([variable])
    assert step_of(variable) == pytest.approx(written, rel=1e-12)


@pytest.mark.parametrize(("low", "high"), [(-1e308, 1e308), (0, 5e-324), (1e300, 1.0000001e300), (1, 1.00001)])
def test_bounds_between_which_no_number_can_be_written(low: float, high: float) -> None:
    with pytest.raises(Unprocessable, match="'x' has numbers from"):
        check_numbers([number(low, high)])


def test_neighbouring_texts_are_one_text_with_a_blank_line() -> None:
    """Templates put nothing between parts: the last word of an item would be one with the question."""
    picture = Image.new("RGB", (2, 2))
    assert _separated(("a", "", "b", picture, "c", "d")) == ("a\n\nb", picture, "c\n\nd")
