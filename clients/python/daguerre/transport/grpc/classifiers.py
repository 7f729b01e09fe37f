"""Classifiers over gRPC."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daguerre.transport.grpc.connection import PAGE, GrpcConnection
from daguerre.transport.grpc.errors import encodable, expect_answer
from daguerre.transport.grpc.messages import code_message, job_of, made_receipt, vectors_message
from daguerre.types.common import Double, Failure, Payload
from daguerre.types.embeddings import VectorBlock
from daguerre.types.jobs import Job
from daguerre.types.predictions import PredictAnswer, PredictOptions
from daguerre_proto.v1 import classifiers_pb2 as pb
from daguerre_proto.v1 import common_pb2, jobs_pb2


class ClassifierCalls(GrpcConnection):
    """Trained classifiers."""

    async def train(self, fields: Mapping[str, Any], vectors: Sequence[VectorBlock]) -> Job:
        with encodable():
            rest = {
                name: value for name, value in fields.items() if name not in ("targets", "codes", "bounds", "on_error")
            }
            request = pb.TrainRequest(
                **rest,
                on_error=common_pb2.ON_ERROR_SKIP,
                vectors=[vectors_message(each) for each in vectors],
                as_job=True,
            )
            if "bounds" in fields:
                request.bounds.CopyFrom(pb.Bounds(low=fields["bounds"][0], high=fields["bounds"][1]))
            if "targets" in fields:
                request.targets.CopyFrom(pb.Targets(values=[code_message(each) for each in fields["targets"]]))
            if "codes" in fields:
                table = dict(fields["codes"])
                table["code"] = [code_message(each) for each in table["code"]]
                request.codes.CopyFrom(pb.Codes(**table))
        said, _ = await self._call("TrainClassifier", request, pb.TrainResponse)
        return job_of(said.job)

    async def predict(self, items: Sequence[Payload], options: PredictOptions) -> PredictAnswer:
        with encodable():
            request = pb.PredictRequest(
                classifier=options.classifier,
                crossed=options.crossed,
                on_error=common_pb2.ON_ERROR_SKIP,
                input=[pb.Post(text=item.text, image=item.image) for item in items],
            )
        said, request_id = await self._call("Predict", request, pb.PredictResponse)
        with expect_answer(self._url):
            if len(said.data) != len(items):
                raise ValueError(f"{len(said.data)} results for {len(items)} items")
            return _answer(said, None, request_id)

    async def predict_vectors(self, vectors: Sequence[VectorBlock], options: PredictOptions) -> PredictAnswer:
        with encodable():
            request = pb.PredictRequest(
                classifier=options.classifier,
                crossed=options.crossed,
                on_error=common_pb2.ON_ERROR_SKIP,
                vectors=[vectors_message(each) for each in vectors],
            )
        said, request_id = await self._call("Predict", request, pb.PredictResponse)
        with expect_answer(self._url):
            return _answer(said, vectors[0], request_id)

    async def classifiers(self) -> Sequence[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursor = None
        while True:
            request = pb.ListClassifiersRequest(limit=PAGE, cursor=cursor)
            said, _ = await self._call("ListClassifiers", request, pb.ListClassifiersResponse)
            found += [_card(each) for each in said.classifiers]
            if not said.HasField("next_cursor"):
                return found
            cursor = said.next_cursor

    async def classifier(self, label: str) -> Mapping[str, Any]:
        with encodable():
            request = pb.GetClassifierRequest(name=label)
        said, _ = await self._call("GetClassifier", request, pb.Classifier)
        with expect_answer(self._url):
            return {**_card(said), "report": json.loads(said.report_json), "worst": json.loads(said.worst_json)}

    async def delete_classifier(self, label: str) -> Sequence[str]:
        with encodable():
            request = pb.DeleteClassifierRequest(name=label)
        said, _ = await self._call("DeleteClassifier", request, pb.DeleteClassifierResponse)
        return list(said.deleted)

    async def estimate(self, label: str, corpus: Mapping[str, Any], confidence: float) -> Mapping[str, Any]:
        with encodable():
            request = pb.EstimateRequest(classifier=label, confidence=confidence, **corpus)
        said, _ = await self._call("Estimate", request, pb.EstimateResponse)
        names = ("value", "low", "high", "naive", "n_coded", "n_corpus")
        estimates = {
            each.label: {**{name: getattr(each, name) for name in names}, "classical": list(each.classical)}
            for each in said.estimates
        }
        return {"classifier": said.classifier, "confidence": said.confidence, "estimates": estimates}

    async def onnx(self, label: str) -> bytes:
        with encodable():
            request = pb.ExportClassifierRequest(name=label)
        said, _ = await self._call("ExportClassifier", request, pb.ExportClassifierResponse)
        return bytes(said.onnx)

    async def page(self, label: str, pictures: Mapping[str, bytes]) -> str:
        with encodable():
            posts = [pb.Post(id=id, image=image) for id, image in pictures.items()]
            request = pb.ReportPageRequest(name=label, input=posts)
        said, _ = await self._call("ReportPage", request, pb.ReportPageResponse)
        return str(said.html)

    async def fine_tune(self, fields: Mapping[str, Any]) -> Job:
        with encodable():
            rest = {name: value for name, value in fields.items() if name != "bounds"}
            request = pb.FineTuneRequest(**rest)
            if "bounds" in fields:
                request.bounds.CopyFrom(pb.Bounds(low=fields["bounds"][0], high=fields["bounds"][1]))
        said, _ = await self._call("FineTune", request, jobs_pb2.Job)
        return job_of(said)


def _card(said: pb.Classifier) -> dict[str, Any]:
    """As over HTTP."""
    names = ("id", "name", "version", "kind", "task", "threshold", "partial", "created", "usable")
    return {
        **{name: getattr(said, name) for name in names},
        "object": "classifier",
        "labels": list(said.labels),
        "encoders": [
            {name: getattr(each, name) for name in ("modality", "model", "fingerprint", "dimension")}
            for each in said.encoders
        ],
        "fingerprint": said.fingerprint if said.HasField("fingerprint") else None,
        "bounds": [said.bounds.low, said.bounds.high] if said.HasField("bounds") else None,
        "owner": said.owner if said.HasField("owner") else None,
        "versions": list(said.versions),
        "made_with": json.loads(said.made_with_json),
    }


def _answer(said: pb.PredictResponse, sent: VectorBlock | None, request_id: str | None) -> PredictAnswer:
    data, labels = said.data, list(said.labels)
    n, good = len(data), [i for i, entry in enumerate(data) if not entry.HasField("error")]
    probabilities, values = np.full((n, len(labels)), np.nan), np.full((n, 3), np.nan)
    width = len(data[good[0]].crossed) if good else 0
    crossed: Double = np.full((n, width), np.nan)
    for i in good:
        entry = data[i]
        crossed[i] = entry.crossed
        if labels:
            probabilities[i] = entry.probabilities
        else:
            ends = [getattr(entry, name) if entry.HasField(name) else np.nan for name in ("low", "high")]
            values[i] = [entry.value, *ends]
    return PredictAnswer(
        classifier=said.classifier,
        task=said.task,
        labels=labels,
        best=[entry.label if entry.HasField("label") else None for entry in data],
        probabilities=probabilities,
        values=values,
        crossed=crossed,
        receipt=made_receipt(said.receipt) if sent is None else sent.receipt,
        failures={
            i: Failure(entry.error.code, entry.error.message) for i, entry in enumerate(data) if entry.HasField("error")
        },
        truncated=list(said.truncated),
        request_id=request_id,
    )
