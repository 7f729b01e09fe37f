"""A page that the server has made of an answer."""

from dataclasses import dataclass

from daguerre.types.common import Content


@dataclass(frozen=True, kw_only=True)
class AnswerPage:
    """A page, and the ids of the items whose pictures or texts it has, or would have."""

    html: str
    shown: list[str]

    @classmethod
    def read(cls, content: Content, request_id: str | None) -> "AnswerPage":
        return cls(html=str(content["html"]), shown=list(content["shown"]))
