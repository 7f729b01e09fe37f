"""The filter of a contact sheet by label and by score, in style sheets alone: pages have no scripts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.pages.html import Html, e, user_text

SCORES = (0.5, 0.7, 0.9)  # lowest scores to choose
LABELS = 12  # labels to choose, the most frequent
Finding = Mapping[str, Any]


class Filter:
    """Classes of findings and tiles by their labels and scores, and the controls that hide those of others."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = list(labels[:LABELS])
        self._places = {label: i for i, label in enumerate(self._labels)}

    @property
    def style(self) -> str:
        """Rules that hide what is not chosen."""
        if not self._labels:
            return ""
        rules = [
            ".filter { display: flex; flex-wrap: wrap; gap: .2rem 1rem; border: 0; margin: .3rem 0; padding: 0; "
            "font-size: .9rem; } .filter legend { float: left; margin-right: 1rem; padding: 0; } "
            "@media print { .filter { display: none; } }"
        ]
        hidden = []
        for name in [f"l{i}" for i in range(len(self._labels))] + [f"s{k}" for k in range(len(SCORES))]:
            page = f"body:has(#only-{name}:checked) .sheet.all"
            hidden += [f"{page} li:not(.{name})", f"{page} .mark:not(.{name})"]
        for i in range(len(self._labels)):
            for k in range(len(SCORES)):
                both = f"body:has(#only-l{i}:checked):has(#only-s{k}:checked) .sheet.all"
                hidden.append(f"{both} li:not(.l{i}s{k})")
        return "\n".join([*rules, f"{', '.join(hidden)} {{ display: none; }}"])

    def controls(self) -> Html | None:
        """Radio buttons for labels and for lowest scores; None where there is nothing to choose."""
        if not self._labels:
            return None
        labels = [("", "all"), *((f"l{i}", label) for i, label in enumerate(self._labels))]
        scores = [("", "all"), *((f"s{k}", f"at least {score:g}") for k, score in enumerate(SCORES))]
        return e("form", _choice("label", "Label", labels), _choice("score", "Score", scores))

    def mark(self, finding: Finding) -> str:
        """The classes of a finding."""
        return ".".join(["mark", *self._classes(finding)])

    def tile(self, findings: Iterable[Finding]) -> str:
        """The classes of a picture with these findings."""
        names: dict[str, None] = {}
        for each in findings:
            own = self._classes(each)
            names |= dict.fromkeys(own)
            if own and own[0].startswith("l"):
                names |= {f"{own[0]}{score}": None for score in own[1:]}
        return "".join(f".{name}" for name in names)

    def _classes(self, finding: Finding) -> list[str]:
        place = self._places.get(finding["label"] or "")
        score = finding["score"] or 0.0
        high = [f"s{k}" for k, least in enumerate(SCORES) if score >= least]
        return ([] if place is None else [f"l{place}"]) + high


def _choice(name: str, legend: str, options: Sequence[tuple[str, str]]) -> Html:
    buttons = []
    for value, text in options:
        at: dict[str, str | float] = {"type": "radio", "name": name, "id": f"only-{value or f'all-{name}'}"}
        checked: dict[str, str | float] = {} if value else {"checked": "checked"}
        buttons.append(e("label", e("input", at={**at, **checked}), " ", user_text(text, 40)))
    return e("fieldset.filter", e("legend", legend), buttons)
