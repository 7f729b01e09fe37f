"""The gRPC method of pages of answers."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

from daguerre_proto.v1 import pages_pb2
from service.api.grpc.inputs import fields_of, items_without_video
from service.api.grpc.methods.base import Method
from service.api.json_body import Counter, parse
from service.context import Context
from service.errors import Unprocessable
from service.pipelines import pages
from service.schemas.pages import AnswerPageRequest
from service.schemas.validation import require_whole_characters, validated

APART = ("kind", "answer_json")


class PageMethods:
    """Methods for pages of answers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "AnswerPage", "pages", pages_pb2.AnswerPageRequest, self._page

    async def _page(self, request: pages_pb2.AnswerPageRequest, owner: str | None) -> Message:
        fields = fields_of(request, without=APART)
        answer = await self._context.parsing.compute(lambda check: _answer(request.answer_json))
        checked = validated(AnswerPageRequest, {**fields, "answer": answer})
        items = items_without_video(request.input)
        made = await pages.page(self._context.engine(), request.kind, checked, items)
        return pages_pb2.AnswerPageResponse(html=made.html, shown=made.shown)


def _answer(text: str) -> Any:
    """The answer from its JSON, within the limits of HTTP's bodies. Raises BadRequest, TooLarge, Unprocessable."""
    if not text:
        raise Unprocessable("answer_json: is missing; it is required", param="answer_json")
    body, counter = text.encode(), Counter()
    counter.add(body)
    fields, cut = parse(body)
    if cut:
        require_whole_characters(fields)
    return fields
