"""Classifiers over HTTP."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daguerre.transport.http.body import entries, expect_answer, failures_of, form
from daguerre.transport.http.connection import JSON, HttpConnection, classifier_path
from daguerre.types.common import Double, Payload, Receipt, receipt
from daguerre.types.embeddings import VectorBlock
from daguerre.types.jobs import Job, job
from daguerre.types.predictions import PredictAnswer, PredictOptions


class ClassifierCalls(HttpConnection):
    """Trained classifiers."""

    async def train(self, fields: Mapping[str, Any], vectors: Sequence[VectorBlock]) -> Job:
        said, _ = await self._with_vectors("/v1/classifiers", {**fields, "mode": "job"}, vectors)
        with expect_answer(self._url):
            return job(said)

    async def predict(self, items: Sequence[Payload], options: PredictOptions) -> PredictAnswer:
        fields = {"on_error": "skip", "crossed": options.crossed}
        path = f"{classifier_path(options.classifier)}/predict"
        if any(item.image is not None and item.text is not None for item in items):
            body = await asyncio.to_thread(lambda: json.dumps({**fields, "input": [_post(i) for i in items]}).encode())
            said, request_id = await self._ask("POST", path, content=body, headers=JSON)
        else:
            content, kind = await asyncio.to_thread(form, {"request": json.dumps(fields)}, items)
            said, request_id = await self._ask("POST", path, content=content, headers={"content-type": kind})
        with expect_answer(self._url):
            entries(said, items)
            return _answer(said, receipt(said["receipt"]), request_id)

    async def predict_vectors(self, vectors: Sequence[VectorBlock], options: PredictOptions) -> PredictAnswer:
        fields = {"on_error": "skip", "crossed": options.crossed}
        said, request_id = await self._with_vectors(f"{classifier_path(options.classifier)}/predict", fields, vectors)
        with expect_answer(self._url):
            return _answer(said, vectors[0].receipt, request_id)

    async def classifiers(self) -> Sequence[Mapping[str, Any]]:
        return await self._every("/v1/classifiers")

    async def classifier(self, label: str) -> Mapping[str, Any]:
        return (await self._ask("GET", classifier_path(label)))[0]

    async def delete_classifier(self, label: str) -> Sequence[str]:
        said, _ = await self._ask("DELETE", classifier_path(label))
        with expect_answer(self._url):
            return list(said["deleted"])

    async def estimate(self, label: str, corpus: Mapping[str, Any], confidence: float) -> Mapping[str, Any]:
        body = json.dumps({"corpus": corpus, "confidence": confidence}).encode()
        return (await self._ask("POST", f"{classifier_path(label)}/estimate", content=body, headers=JSON))[0]

    async def onnx(self, label: str) -> bytes:
        return (await self._good("GET", f"{classifier_path(label)}/onnx")).content

    async def page(self, label: str, pictures: Mapping[str, bytes]) -> str:
        path = f"{classifier_path(label)}/report.html"
        if not pictures:
            return (await self._good("GET", path)).text
        posts = [{"id": id, "image": b64encode(image).decode()} for id, image in pictures.items()]
        return (await self._good("POST", path, content=json.dumps({"input": posts}).encode(), headers=JSON)).text

    async def fine_tune(self, fields: Mapping[str, Any]) -> Job:
        said, _ = await self._ask("POST", "/v1/fine-tunings", content=json.dumps(fields).encode(), headers=JSON)
        with expect_answer(self._url):
            return job(said)


def _post(item: Payload) -> dict[str, str]:
    found = {} if item.text is None else {"text": item.text}
    return found if item.image is None else {**found, "image": b64encode(item.image).decode()}


def _answer(said: Mapping[str, Any], made: Receipt, request_id: str | None) -> PredictAnswer:
    data = said["data"]
    labels = said["labels"]
    n, good = len(data), [i for i, entry in enumerate(data) if not entry.get("error")]
    probabilities, values = np.full((n, len(labels)), np.nan), np.full((n, 3), np.nan)
    if labels:
        for i in good:
            probabilities[i] = [data[i]["probabilities"][label] for label in labels]
    else:
        for i in good:
            values[i] = [data[i]["value"], *(np.nan if end is None else end for end in data[i]["interval"])]
    crossed: Double = np.full((n, len(labels) or 1 if any("crossed" in data[i] for i in good) else 0), np.nan)
    for i in good if crossed.size else ():
        crossed[i] = data[i]["crossed"]
    return PredictAnswer(
        classifier=said["classifier"],
        task=said["task"],
        labels=labels,
        best=[entry.get("label") for entry in data],
        probabilities=probabilities,
        values=values,
        crossed=crossed,
        receipt=made,
        failures=failures_of(data),
        truncated=said["truncated"],
        request_id=request_id,
    )
