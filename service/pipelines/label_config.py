"""The labelling configuration of a project of Label Studio: its picture, and the controls that are predicted.

The XML is read by expat. A document type, and with it every entity of its own, is refused.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from xml.parsers import expat

from models.errors import quoted
from service.errors import Unprocessable

EXAMPLE = '<Choices name="animal" toName="image"><Choice value="a cat"/><Choice value="a dog"/></Choices>'


@dataclass(frozen=True, kw_only=True)
class Control:
    """A control of pictures: choices, or a number.

    Attributes
    ----------
    name, picture : names of the control and of its Image.
    column : name of the picture in the data of a task.
    choices : the labels of the model by the choices that they mean, none for a number.
    multiple : whether several choices may hold.
    """

    name: str
    picture: str
    column: str
    choices: Mapping[str, tuple[str, ...]]
    multiple: bool

    @property
    def labels(self) -> list[str]:
        return [label for labels in self.choices.values() for label in labels]

    def choice_of(self, label: str) -> str:
        """The choice that a label of the model means."""
        return next(choice for choice, labels in self.choices.items() if label in labels)


def read_config(text: str) -> list[Control]:
    """The Choices and Number controls of pictures in a configuration. Raises Unprocessable."""
    pictures: dict[str, str] = {}
    controls: list[tuple[str, dict[str, str], dict[str, tuple[str, ...]]]] = []
    inside: list[dict[str, tuple[str, ...]] | None] = []  # of each open element, the choices that it is in

    def begin(name: str, about: dict[str, str]) -> None:
        within = inside[-1] if inside else None
        if name == "Image":
            pictures[about.get("name", "")] = about.get("value", "")
        elif name in ("Choices", "Number"):
            controls.append((name, about, {}))
            within = controls[-1][2] if name == "Choices" else within
        elif name == "Choice" and within is not None:
            value = about.get("alias") or about.get("value", "")
            given = about.get("predicted_values")
            labels = [about.get("value", "")] if given is None else given.split(",")
            meant = filter(None, (label.strip() for label in labels))
            within[value] = tuple(dict.fromkeys([*within.get(value, ()), *meant]))
        inside.append(within)

    def refuse_types(*_: object) -> NoReturn:
        raise _invalid("has a document type, which is not read; leave it out")

    parser = expat.ParserCreate("utf-8")  # whatever encoding a declaration names: the text is decoded already
    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda name: inside.pop()
    parser.StartDoctypeDeclHandler = refuse_types
    try:
        parser.Parse(text.encode(), True)
    except (expat.ExpatError, UnicodeEncodeError) as exc:
        raise _invalid(f"is no XML ({exc}); send the configuration of the project") from exc
    made = []
    for kind, about, choices in controls:
        name, picture = about.get("name", ""), about.get("toName", "")
        column = pictures.get(picture, "")
        if name and picture and len(column) > 1 and column[0] == "$" and (kind == "Number" or any(choices.values())):
            multiple = about.get("choice", "single") == "multiple"
            made.append(Control(name=name, picture=picture, column=column[1:], choices=choices, multiple=multiple))
    if not made:
        raise _invalid(f'has no Choices or Number of an Image with value="$…"; add for example {EXAMPLE}')
    for control in made:
        twice = next((label for label, count in Counter(control.labels).items() if count > 1), None)
        if twice is not None:
            raise _invalid(f"has {quoted(twice)} in two choices of {quoted(control.name)}; keep one of them")
    return made


def _invalid(problem: str) -> Unprocessable:
    return Unprocessable(f"label_config: {problem}", param="label_config")
