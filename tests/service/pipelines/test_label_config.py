"""Labelling configurations of Label Studio, hostile and odd ones among them."""

from types import SimpleNamespace
from typing import Any

import pytest

from service.errors import TooLarge, Unprocessable
from service.pipelines.label_config import read_config
from service.pipelines.label_studio_backend import Source

IMAGE = '<Image name="i" value="$image"/>'
TWO = '<Choice value="a"/><Choice value="b"/>'

ENGINE: Any = SimpleNamespace(settings=SimpleNamespace(max_labels=4))
SOURCE = Source(ENGINE, ENGINE)


def choices(inner: str, about: str = 'name="c" toName="i"') -> str:
    return f"<Choices {about}>{inner}</Choices>"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "big5", "no-such"])
def test_a_declared_encoding_means_nothing_in_a_text(encoding):
    config = f"<View>{IMAGE}{choices(TWO)}</View>".replace('value="a"', 'value="ü"')
    (control,) = read_config(f'<?xml version="1.0" encoding="{encoding}"?>{config}')
    assert control.labels == ["ü", "b"]


@pytest.mark.parametrize(
    "config",
    [
        '<Image value="$image"/>' + choices(TWO, 'name="c"'),
        '<Image name="" value="$image"/>' + choices(TWO, 'name="c" toName=""'),
        IMAGE + choices(TWO, 'toName="i"'),
        IMAGE + TWO,
    ],
    ids=["no names", "empty names", "no name of the control", "choices of nothing"],
)
def test_controls_without_names_are_none(config):
    with pytest.raises(Unprocessable, match="has no Choices or Number"):
        read_config(f"<View>{config}</View>")


def test_a_choice_is_of_the_innermost_choices_around_it():
    inner = choices('<Choice value="x"/><Choice value="y"/>', 'name="d" toName="i"')
    number = '<Number name="n" toName="i"/>'
    content = choices(f'{number}<Choice value="a"/>{inner}<Choice value="b"/>')
    found = read_config(f"<View>{IMAGE}{content}</View>")
    assert {each.name: each.labels for each in found} == {"c": ["a", "b"], "n": [], "d": ["x", "y"]}


def test_choices_of_one_value_are_one_choice_with_the_labels_of_both():
    same = choices(TWO.replace("/>", ' alias="x"/>'))
    (control,) = read_config(f"<View>{IMAGE}{same}</View>")
    assert control.choices == {"x": ("a", "b")}


def test_thousands_of_choices_and_deep_elements_are_read():
    """In time that is linear in both: quadratic, it takes half a minute, in which the server answers nobody."""
    many = choices("".join(f'<Choice value="{i}"/>' for i in range(18_000)))
    deep = "<a>" * 40_000 + '<Choice value=""/>' * 10_000 + "</a>" * 40_000
    (control,) = read_config(f"<View>{IMAGE}{many}{deep}</View>")
    assert len(control.labels) == 18_000


def test_controls_of_another_picture_are_not_predicted_from_the_first():
    other = choices(TWO, 'name="d" toName="j"')
    found = SOURCE.controls(f'<View>{IMAGE}{choices(TWO)}<Image name="j" value="$other"/>{other}</View>')
    assert [each.name for each in found] == ["c"]


def test_the_labels_of_all_controls_count():
    controls = "".join(choices(TWO, f'name="c{i}" toName="i"') for i in range(3))
    with pytest.raises(TooLarge, match="has 6 labels in all, the limit is 4"):
        SOURCE.controls(f"<View>{IMAGE}{controls}</View>")
