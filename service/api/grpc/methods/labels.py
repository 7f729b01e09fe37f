"""gRPC methods of codebook labels."""

from collections.abc import Iterator
from typing import Any, TypeVar

import orjson
from google.protobuf.message import Message
from pydantic import BaseModel

from daguerre_proto.v1 import labels_pb2 as pb
from models.errors import quoted
from service.api.grpc.inputs import fields_of, items_without_video
from service.api.grpc.messages import job
from service.api.grpc.methods.base import Method
from service.context import Context
from service.errors import Unprocessable
from service.pipelines import jobs as jobs_pipeline
from service.pipelines import label_jobs, labels, positions
from service.pipelines.answers import to_json
from service.pipelines.label_results import cards
from service.schemas import labels as schema
from service.schemas import positions as positions_schema
from service.schemas.validation import require_whole_characters, validated_in_pieces
from service.stores.label_answers import AnswerJournal

S = TypeVar("S", bound=BaseModel)
AS_JSON = ("codebook", "examples", "variables")


class LabelMethods:
    """Methods for labellers and labels."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "Label", "labels", pb.LabelRequest, self._label
        yield "PlanLabels", "labels", pb.PlanLabelsRequest, self._plan
        yield "GetLabels", "labels", pb.GetLabelsRequest, self._get
        yield "ListLabellers", "labellers", pb.ListLabellersRequest, self._list
        yield "MeasurePositionBias", "position_bias", pb.PositionBiasRequest, self._positions
        yield "DeleteLabelRun", "labels", pb.DeleteLabelRunRequest, self._delete_run

    async def _read(self, kind: type[S], request: Message) -> S:
        def read() -> S:
            fields = fields_of(request)
            for name in AS_JSON:
                if (text := fields.pop(f"{name}_json", None)) is not None:
                    fields[name] = _parsed(text, f"{name}_json")
            return validated_in_pieces(kind, fields)

        return await self._context.parsing.compute(lambda check: read())

    async def _label(self, request: pb.LabelRequest, owner: str | None) -> Message:
        context = self._context
        checked = await self._read(schema.LabelsRequest, request)
        items = items_without_video(request.input)
        if checked.mode == "job":
            begun = await label_jobs.submit(
                context.engine(), context.labellers, context.jobs, checked, items, owner=owner
            )
            return pb.LabelResponse(job=job(jobs_pipeline.job_record(begun)))
        journal = AnswerJournal(None) if checked.run is None else context.label_runs.open(checked.run, owner)
        answer = await labels.label(context.engine(), context.labellers, checked, items, journal, owner=owner)
        text = await context.engine().compute(lambda check: to_json(answer).decode())
        return pb.LabelResponse(labels=pb.CodebookLabels(answer_json=text))

    async def _plan(self, request: pb.PlanLabelsRequest, owner: str | None) -> Message:
        checked = await self._read(schema.LabelPlanRequest, request)
        items = items_without_video(request.input) or None
        made = await labels.plan(self._context.engine(), self._context.labellers, checked, items)
        return pb.PlanLabelsResponse(answer_json=made.model_dump_json())

    async def _get(self, request: pb.GetLabelsRequest, owner: str | None) -> Message:
        raw = await label_jobs.read_answer(self._context.jobs, request.id, owner=owner)
        return pb.CodebookLabels(answer_json=raw.decode())

    async def _positions(self, request: pb.PositionBiasRequest, owner: str | None) -> Message:
        checked = await self._read(positions_schema.PositionBiasRequest, request)
        answer = await self._context.engine().compute(lambda check: positions.measure(checked, check))
        return pb.PositionBiasResponse(answer_json=answer.model_dump_json())

    async def _list(self, request: pb.ListLabellersRequest, owner: str | None) -> Message:
        return pb.ListLabellersResponse(answer_json=cards(self._context.labellers).model_dump_json())

    async def _delete_run(self, request: pb.DeleteLabelRunRequest, owner: str | None) -> Message:
        if not schema.RUN.fullmatch(request.run):
            raise Unprocessable(
                f"run: got {quoted(request.run)}; a key has 8 to 64 letters, digits, - and _", param="run"
            )
        runs = self._context.label_runs
        deleted = await self._context.engine().in_thread(lambda: runs.delete(request.run, owner))
        return pb.DeleteLabelRunResponse(run=request.run, deleted=deleted)


def _parsed(text: str, name: str) -> Any:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise Unprocessable(f"{name}: got {quoted(text)}, which is not JSON; send it as JSON", param=name) from exc
    require_whole_characters(value)
    return value
