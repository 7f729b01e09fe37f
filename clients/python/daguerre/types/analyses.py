"""Analyses of pictures: the answer, and the cards of analysers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daguerre.types.common import NO_MODEL, Answer, Content, failures

Analysers = Sequence[str] | Mapping[str, Mapping[str, Any] | None]  # names of kinds, or their options by kind
KINDS = ("text", "objects", "classes", "captions", "visual", "sensitive", "faces", "face_vectors", "face_attributes")

FORMS: Mapping[str, Mapping[str, Any]] = {"face_vectors": {"encoding_format": "base64"}}  # unless the caller says more


@dataclass(frozen=True, kw_only=True)
class AnalysesAnswer(Answer):
    ROWS = ("entries",)

    entries: Sequence[Content | None]  # None for items that failed
    receipts: Mapping[str, Content]
    options: Mapping[str, Content] = field(default_factory=dict)

    @classmethod
    def read(cls, content: Content, request_id: str | None) -> "AnalysesAnswer":
        return cls(
            entries=[None if entry.get("error") else entry for entry in content["data"]],
            receipts=content["receipts"],
            options=content.get("options") or {},
            receipt=NO_MODEL,
            failures=failures(content),
            truncated=[],
            first_of_many=content.get("first_of_many", ()),
            request_id=request_id,
        )


@dataclass(frozen=True, kw_only=True)
class AnalyseOptions:
    """Options of a request for analyses.

    Attributes
    ----------
    analysers : options by kind, as `requested` gives them.
    """

    analysers: Mapping[str, Mapping[str, Any]]

    def fields(self) -> Content:
        """The options as fields of the request."""
        return {"analysers": self.analysers}


@dataclass(frozen=True, kw_only=True)
class AnalyserCard:
    """An analyser of the server.

    Attributes
    ----------
    kind : the name by which `analyse` asks for it.
    options : with their defaults.
    receipt : the revision and fingerprint of its results.
    """

    name: str
    kind: str
    default: bool
    description: str
    licence: str
    labels: Sequence[str] = field(repr=False)
    languages: str | None
    options: Mapping[str, Any]
    receipt: Mapping[str, Any] = field(repr=False)


def requested(analysers: Analysers) -> dict[str, dict[str, Any]]:
    """The options of each kind, as a request has them. Raises ValueError, TypeError."""
    if isinstance(analysers, str):
        raise TypeError(f"analysers: got the text {analysers!r:.60}; give a list, such as [{analysers!r:.60}]")
    given = dict(analysers) if isinstance(analysers, Mapping) else dict.fromkeys(analysers)
    if not given:
        raise ValueError(f"analysers: names none; choose some of {', '.join(KINDS)}")
    for kind in given:
        if kind not in KINDS:
            raise ValueError(f"analysers: got {kind!r:.60}, there are {', '.join(KINDS)}")
    return {
        kind: {**FORMS.get(kind, {}), **{name: value for name, value in (options or {}).items() if value is not None}}
        for kind, options in given.items()
    }
