"""CVAT for images 1.1: XML with tags of pictures and boxes.

A code is a tag whose label is the variable, with the attributes `code`, `coder` and, of pre-labels, `score`. A tag
without the attribute `code` is a code of the variable `tag`, and its label the value.
"""

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from daguerre.corpus.exchange.marks import Mark
from daguerre.errors import RemarkWarning
from daguerre.types.common import listed

SEVERAL = "\n"  # between the codes of a variable with several
ALLOWED = r"\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff"  # characters of XML 1.0
INVALID = re.compile(f"[^{ALLOWED}]")
READ = frozenset({"tag", "box"})
PLAIN = "tag"  # the variable of tags without an attribute `code`


def write(marks: Iterable[Mark]) -> str:
    """The marks as XML. Raises ValueError for a character that XML does not have, such as NUL."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    images: dict[str, ElementTree.Element] = {}
    for mark in marks:
        image = images.get(mark.item)
        if image is None:
            about = {"id": str(len(images)), "name": mark.item}
            image = images[mark.item] = ElementTree.SubElement(root, "image", about)
        if mark.size is not None:
            image.set("width", str(mark.size[0]))
            image.set("height", str(mark.size[1]))
        about = {"source": "auto" if mark.predicted else "manual"}
        attributes: dict[str, Any] = {"coder": mark.by, "score": mark.score}
        if mark.box is None:
            element = ElementTree.SubElement(image, "tag", {"label": mark.variable, **about})
            value = mark.value if isinstance(mark.value, list) else [mark.value]
            attributes = {"code": SEVERAL.join(map(str, value)), **attributes}
        else:
            x, y, width, height = mark.box
            corners = {"xtl": x, "ytl": y, "xbr": x + width, "ybr": y + height}
            places = {name: f"{value:.2f}" for name, value in corners.items()}
            about = {"label": str(mark.value), **about, "occluded": "0", "z_order": "0", **places}
            element = ElementTree.SubElement(image, "box", about)
            attributes = {"variable": mark.variable, **attributes}
        for name, value in attributes.items():
            if value is not None:
                ElementTree.SubElement(element, "attribute", {"name": name}).text = str(value)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    if (invalid := INVALID.search(text)) is not None:
        around = text[max(invalid.start() - 40, 0) : invalid.end() + 40]
        raise ValueError(f"{around!r}: has {invalid[0]!r}, which no XML file can hold; change it, or write a .json")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def read(text: str) -> Iterator[Mark]:
    """The tags and boxes of an export, with a remark on how many other shapes there are.

    Raises ValueError for other files, and for those with a document type.
    """
    root = _root(text)
    others = Counter(each.tag for image in root.iter("image") for each in image if each.tag not in READ)
    others += Counter({"track": sum(1 for _ in root.iter("track"))})
    if others:
        told = listed(f"{n:,} of {kind}" for kind, n in sorted(others.items()))
        warnings.warn(
            RemarkWarning(f"shapes that are not read: {told}; tags and boxes of pictures alone are codes"), stacklevel=2
        )
    for image in root.iter("image"):
        item, size = image.get("name", ""), None
        if image.get("width") and image.get("height"):
            size = (int(image.get("width", "")), int(image.get("height", "")))
        for element in image:
            has = {each.get("name"): each.text or "" for each in element.findall("attribute")}
            about: dict[str, Any] = {"item": item, "by": has.get("coder", "cvat")}
            about |= {
                "predicted": element.get("source") == "auto",
                "score": float(has["score"]) if "score" in has else None,
            }
            label = element.get("label", "")
            if element.tag == "tag" and "code" in has:
                codes = has["code"].split(SEVERAL)
                yield Mark(**about, variable=label, value=codes if len(codes) > 1 else codes[0])
            elif element.tag == "tag":
                yield Mark(**about, variable=PLAIN, value=label)
            elif element.tag == "box":
                x, y, right, below = (float(element.get(name, "")) for name in ("xtl", "ytl", "xbr", "ybr"))
                variable = has.get("variable", "box")
                yield Mark(**about, variable=variable, value=label, box=(x, y, right - x, below - y), size=size)


def _root(text: str) -> ElementTree.Element:
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise ValueError("has a document type, which CVAT does not write; export CVAT for images 1.1")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda name, about: builder.start(name, about)
    parser.EndElementHandler = lambda name: builder.end(name)
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(text, True)
    except expat.ExpatError as exc:
        raise ValueError(f"is no XML ({exc}); export CVAT for images 1.1") from exc
    root = builder.close()
    if root.tag != "annotations":
        raise ValueError(f"begins with <{root.tag}>; export CVAT for images 1.1, which begins with <annotations>")
    return root
