"""gRPC methods of classifiers: training, prediction, reports, fine-tuning."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.message import Message

from daguerre_proto.v1 import classifiers_pb2 as pb
from service.api.grpc import inputs, messages
from service.api.grpc.answers import operation_response
from service.api.grpc.inputs import items_without_video, vectors_or_collection
from service.api.grpc.messages import job, limit
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines import classifiers as trained
from service.pipelines import fine_tune, jobs, predict, train
from service.pipelines.corpus_moments import with_moments
from service.pipelines.operation import Call
from service.schemas import classifiers as schema
from service.schemas.items import Post
from service.schemas.validation import validated, validated_in_pieces


class ClassifierMethods:
    """Methods for classifiers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "TrainClassifier", "train", pb.TrainRequest, self._train
        yield "ListClassifiers", "classifiers", pb.ListClassifiersRequest, self._list
        yield "GetClassifier", "classifiers", pb.GetClassifierRequest, self._get
        yield "DeleteClassifier", "classifiers", pb.DeleteClassifierRequest, self._delete
        yield "Predict", "predict", pb.PredictRequest, self._predict
        yield "Estimate", "estimate", pb.EstimateRequest, self._estimate
        yield "ExportClassifier", "classifiers", pb.ExportClassifierRequest, self._export
        yield "ReportPage", "classifiers", pb.ReportPageRequest, self._page
        yield "FineTune", "fine_tune", pb.FineTuneRequest, self._fine_tune

    async def _train(self, request: pb.TrainRequest, owner: str | None) -> Message:
        engine = self._context.engine()
        checked = await self._context.parsing.compute(lambda check: _train_request(request))
        checked, vectors = await vectors_or_collection(self._context, checked, request.vectors, owner)
        begun = await train.submit(
            engine,
            self._context.classifiers,
            self._context.jobs,
            checked,
            items=items_without_video(request.input) or None,
            vectors=vectors,
            owner=owner,
        )
        if request.as_job:
            return pb.TrainResponse(job=job(jobs.job_record(begun)))
        made = await trained.wait_for_result(engine, self._context.classifiers, self._context.jobs, begun, owner=owner)
        return await engine.compute(lambda check: pb.TrainResponse(classifier=classifier(made)))

    async def _list(self, request: pb.ListClassifiersRequest, owner: str | None) -> Message:
        cursor = request.cursor if request.HasField("cursor") else None
        found = await trained.cards(
            self._context.engine(), self._context.classifiers, limit=limit(request.limit), cursor=cursor
        )
        return pb.ListClassifiersResponse(
            classifiers=[classifier(each) for each in found.data],
            damaged=[pb.DamagedClassifier(**each.model_dump()) for each in found.damaged],
            next_cursor=found.next_cursor,
        )

    async def _get(self, request: pb.GetClassifierRequest, owner: str | None) -> Message:
        engine = self._context.engine()
        found = await trained.answer(engine, self._context.classifiers, request.name, owner=owner)
        return await engine.compute(lambda check: classifier(found))

    async def _delete(self, request: pb.DeleteClassifierRequest, owner: str | None) -> Message:
        gone = await self._context.engine().in_thread(lambda: self._context.classifiers.delete(request.name, owner))
        return pb.DeleteClassifierResponse(deleted=gone)

    async def _predict(self, request: pb.PredictRequest, owner: str | None) -> Message:
        engine = self._context.engine()
        stored = await engine.in_thread(lambda: self._context.classifiers.open(request.classifier))
        items = inputs.items(request.input, Post, inputs.sampling(request), self._context.files, owner) or None
        options = validated(
            schema.PredictRequest,
            {
                "on_error": messages.on_error(request.on_error),
                "mode": "job" if request.as_job else "sync",
                "crossed": request.crossed,
                "ids": list(request.ids) or None,
                "features": _features(request.features),
                "coverage": request.coverage if request.HasField("coverage") else None,
                "each_class": request.each_class,
                **inputs.reference_fields(request),
            },
        )
        options, vectors = await vectors_or_collection(self._context, options, request.vectors, owner)
        call = Call(
            engine=engine,
            classifiers=self._context.classifiers,
            options=options,
            items=items,
            vectors=vectors,
            stored=stored,
        )
        return await operation_response(self._context, predict.OPERATION, call, owner)

    async def _estimate(self, request: pb.EstimateRequest, owner: str | None) -> Message:
        fields: dict[str, Any] = inputs.reference_fields(request)
        if request.n or not (request.vectors or fields):
            fields["corpus"] = {"n": request.n, "mean": list(request.mean), "variance": list(request.variance)}
        if request.HasField("confidence"):
            fields["confidence"] = request.confidence
        asked = validated(schema.EstimateRequest, fields)
        engine, classifiers = self._context.engine(), self._context.classifiers
        asked, vectors = await vectors_or_collection(self._context, asked, request.vectors, owner)
        asked = await with_moments(engine, classifiers, request.classifier, asked, vectors)
        found = await trained.estimate(engine, classifiers, request.classifier, asked)
        return pb.EstimateResponse(
            classifier=found.classifier,
            confidence=found.confidence,
            estimates=[pb.Estimated(label=label, **each.model_dump()) for label, each in found.estimates.items()],
            remarks=found.remarks,
        )

    async def _export(self, request: pb.ExportClassifierRequest, owner: str | None) -> Message:
        label, graph = await trained.onnx(self._context.engine(), self._context.classifiers, request.name)
        return pb.ExportClassifierResponse(classifier=label, onnx=graph)

    async def _page(self, request: pb.ReportPageRequest, owner: str | None) -> Message:
        given = {"pictures": request.pictures} if request.HasField("pictures") else {}
        checked = validated(schema.PageRequest, {"input": [], **given})
        items = items_without_video(request.input)
        html = await trained.page(
            self._context.engine(), self._context.classifiers, request.name, items, mode=checked.pictures, owner=owner
        )
        return pb.ReportPageResponse(html=html)

    async def _fine_tune(self, request: pb.FineTuneRequest, owner: str | None) -> Message:
        fields = {field.name: value for field, value in request.ListFields() if field.name != "bounds"}
        if request.HasField("bounds"):
            fields["bounds"] = (request.bounds.low, request.bounds.high)
        asked = validated(schema.FineTuneRequest, fields)
        begun = await fine_tune.submit(
            self._context.engine(), self._context.classifiers, self._context.jobs, asked, owner=owner
        )
        return job(jobs.job_record(begun))


def classifier(of: schema.ClassifierCard) -> pb.Classifier:
    """Convert a card, with its report if it has one."""
    made = pb.Classifier(
        id=of.id,
        name=of.name,
        version=of.version,
        kind=of.kind,
        task=of.task,
        labels=of.labels,
        encoders=[pb.Encoder(**each.model_dump()) for each in of.encoders],
        features=of.features,
        fingerprint=of.fingerprint,
        threshold=of.threshold,
        bounds=None if of.bounds is None else pb.Bounds(low=of.bounds[0], high=of.bounds[1]),
        partial=of.partial,
        created=of.created,
        owner=of.owner,
        versions=of.versions,
        usable=of.usable,
        coded=of.coded,
        made_with_json=json.dumps(of.made_with, ensure_ascii=False),
    )
    if isinstance(of, schema.ClassifierAnswer):
        made.report_json = json.dumps(of.report, ensure_ascii=False)
        made.worst_json = json.dumps(of.worst, ensure_ascii=False)
    return made


def _train_request(request: pb.TrainRequest) -> schema.TrainRequest:
    fields: dict[str, Any] = {
        "name": request.name,
        "on_error": messages.on_error(request.on_error),
        "decode": messages.decode(request.decode),
        "partial": request.partial,
        "balanced": request.balanced,
        "seed": request.seed,
        **inputs.reference_fields(request),
    }
    for name in (
        "ids",
        "groups",
        "sample_weight",
        "inclusion_prob",
        "strata",
        "split",
        "labels",
        "strengths",
        "missing",
    ):
        if given := list(getattr(request, name)):
            fields[name] = given
    for name in (
        "text",
        "text_fingerprint",
        "model",
        "folds",
        "inner_folds",
        "calibrate",
        "resamples",
        "repeats",
        "rare",
        "design",
    ):
        if request.HasField(name):
            fields[name] = getattr(request, name)
    if request.HasField("zero_shot"):
        asked = request.zero_shot
        fields["zero_shot"] = {
            **{name: list(given) for name in ("labels", "prompts", "templates") if (given := getattr(asked, name))},
            **({"preset": asked.preset} if asked.HasField("preset") else {}),
        }
    if request.task:
        fields["task"] = request.task
    if request.HasField("bounds"):
        fields["bounds"] = (request.bounds.low, request.bounds.high)
    if request.HasField("targets"):
        fields["targets"] = [_code(each) for each in request.targets.values]
    if request.HasField("codes"):
        table = request.codes
        fields["codes"] = {
            "coder": list(table.coder),
            "item": list(table.item),
            "code": [_code(each) for each in table.code],
            **{name: getattr(table, name) for name in ("rule", "level", "adjudicator") if table.HasField(name)},
        }
    fields["features"] = _features(request.features)
    return validated_in_pieces(schema.TrainRequest, fields)


def _features(given: Sequence[pb.FeatureColumn]) -> list[Any] | None:
    return [{"name": each.name, "values": [_code(value) for value in each.values]} for each in given] or None


def _code(given: pb.Code) -> Any:
    kind = given.WhichOneof("value")
    return None if kind is None else getattr(given, kind)
