"""Figures of a page as SVG files of their own: with the page's style for paper, and without what only a page needs."""

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from xml.etree.ElementTree import Element, SubElement, tostring

CAMEL = (
    "viewBox",
    "preserveAspectRatio",
    "clipPath",
    "gradientUnits",
    "gradientTransform",
    "patternUnits",
    "textLength",
)
ATTRIBUTES = {name.lower(): name for name in CAMEL}
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
DRAWN = re.compile(r"(fill|stroke|opacity|font|paint-order|letter-spacing|visibility)")  # properties of a drawing
COMPOUND = re.compile(r"(\*|[a-z][a-z0-9]*)?((?:\.[\w-]+)*)")


class Stylesheet:
    """The rules of a page for paper: without those for screens, and with variables replaced by their values."""

    def __init__(self, css: str) -> None:
        css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
        blocks = [(selectors, body) for selectors, body in _blocks(css) if not selectors.startswith("@")]
        variables: dict[str, str] = {}
        for selectors, body in blocks:
            if selectors == ":root":
                variables |= {name: value for name, value in _declarations(body) if name.startswith("--")}
        self.rules: list[tuple[list[str], list[tuple[str, str]]]] = []
        self.font = "serif"
        for selectors, body in blocks:
            declared = [(name, _filled(value, variables)) for name, value in _declarations(body)]
            font = next((value for name, value in declared if name == "font" and selectors == "body"), None)
            if font is not None:
                self.font = re.sub(r"^\S+\s+", "", font)
            self.rules.append(([each.strip() for each in selectors.split(",")], declared))

    def of(self, ancestors: Sequence[Element], figure: Element) -> str:
        """The rules that hold for the figure and its parts, with selectors that need no ancestor outside of it."""
        elements = list(_with_ancestors(ancestors, figure))
        lines = [f"svg {{ font-family: {self.font}; font-size: 11px; }}"]
        for selectors, declared in self.rules:
            drawn = [f"{name}: {value}" for name, value in declared if DRAWN.match(name) and value != "inherit"]
            if not drawn:
                continue
            for selector in selectors:
                parts = selector.replace(">", " ").split()
                if parts and all(map(COMPOUND.fullmatch, parts)) and any(_fits(parts, *each) for each in elements):
                    lines.append(f"{parts[-1]} {{ {'; '.join(drawn)} }}")
        return "\n".join(lines)


def standalone(figure: Element, ancestors: Sequence[Element], style: Stylesheet) -> str:
    """An SVG file of the figure, which browsers, Inkscape and LaTeX (package svg) read."""
    css = style.of(ancestors, figure)
    svg = deepcopy(figure)
    svg.tail = None
    for element in svg.iter():
        if element.tag == "a":  # it leads to a place on the page
            element.tag = "g"
            element.attrib.clear()
        for name in list(element.attrib):
            if name in ATTRIBUTES:
                element.set(ATTRIBUTES[name], element.attrib.pop(name))
            elif name == "href":
                element.set("xlink:href", element.attrib.pop(name))
    svg.attrib = {"xmlns": "http://www.w3.org/2000/svg", "xmlns:xlink": "http://www.w3.org/1999/xlink", **svg.attrib}
    inner = SubElement(svg, "style")
    inner.text = css
    svg.remove(inner)
    svg.insert(1 if len(svg) and svg[0].tag == "title" else 0, inner)
    text = NOT_XML.sub("\ufffd", tostring(svg, encoding="unicode"))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _blocks(css: str) -> Iterator[tuple[str, str]]:
    """Selectors and bodies of the outermost blocks."""
    depth, start, selectors = 0, 0, ""
    for place in (match.start() for match in re.finditer(r"[{}]", css)):
        if css[place] == "{":
            if depth == 0:
                selectors, start = css[start:place].strip(), place + 1
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                yield selectors, css[start:place]
                start = place + 1


def _declarations(body: str) -> list[tuple[str, str]]:
    parts = (part.partition(":") for part in body.split(";"))
    return [(name.strip(), " ".join(value.split())) for name, colon, value in parts if colon]


def _filled(value: str, variables: dict[str, str]) -> str:
    return re.sub(r"var\((--[\w-]+)\)", lambda match: variables.get(match[1], "currentColor"), value)


def _with_ancestors(ancestors: Sequence[Element], element: Element) -> Iterator[tuple[list[Element], Element]]:
    yield list(ancestors), element
    for child in element:
        yield from _with_ancestors([*ancestors, element], child)


def _fits(parts: Sequence[str], ancestors: Sequence[Element], element: Element) -> bool:
    """Whether the parts of a selector match the element and, in their order, some of its ancestors."""
    *outer, last = parts
    if not _matches(last, element):
        return False
    rest = iter(ancestors)
    return all(any(_matches(part, each) for each in rest) for part in outer)


def _matches(compound: str, element: Element) -> bool:
    match = COMPOUND.fullmatch(compound)
    if match is None:
        return False
    tag, classes = match[1], set(match[2].split(".")) - {""}
    return tag in (None, "*", element.tag) and classes <= set(element.get("class", "").split())
