"""Samples, pairs, agreement and comparison over gRPC."""

import json
from collections.abc import Mapping
from typing import Any

from daguerre.transport.grpc.connection import GrpcConnection
from daguerre.transport.grpc.errors import encodable, expect_answer
from daguerre.transport.grpc.messages import (
    code_message,
    field_or_none,
    labels_request,
)
from daguerre_proto.v1 import corpus_pb2 as pb


class AnnotationCalls(GrpcConnection):
    """Annotation."""

    async def sample(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        with encodable():
            request = pb.SampleRequest(**fields)
        said, _ = await self._call("DrawSample", request, pb.Sample)
        return {
            **{name: getattr(said, name) for name in ("design", "n", "fit_for_inference", "seed")},
            "indexes": list(said.indexes),
            "ids": list(said.ids) or None,
            "inclusion_prob": list(said.inclusion_prob) or None,
            "strata": [_stratum(each) for each in said.strata],
            "remarks": list(said.remarks),
        }

    async def pairs(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        request = labels_request(pb.PairsRequest, fields)
        said, _ = await self._call("DrawPairs", request, pb.PairsResponse)
        plain, optional = ("a", "b", "stratum", "inclusion_prob"), ("a_id", "b_id", "cluster")
        pairs = [
            {name: getattr(each, name) for name in plain} | {name: field_or_none(each, name) for name in optional}
            for each in said.pairs
        ]
        strata = [_stratum(each) for each in said.strata]
        return {"pairs": pairs, "n": said.n, "strata": strata, "remarks": list(said.remarks), "seed": said.seed}

    async def agreement(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        with encodable():
            rest = {name: value for name, value in fields.items() if name != "code"}
            request = pb.AgreementRequest(**rest, code=[code_message(each) for each in fields["code"]])
        said, _ = await self._call("MeasureAgreement", request, pb.AgreementResponse)
        return {
            "coders": list(said.coders),
            "items": said.items,
            "level": said.level,
            "percent": _coefficient(said.percent),
            "kappa": _coefficient(said.kappa) if said.HasField("kappa") else None,
            "alpha": _coefficient(said.alpha),
        }

    async def compare(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        request = labels_request(pb.ComparisonRequest, fields)
        said, _ = await self._call("CompareClusterings", request, pb.ComparisonResponse)
        with expect_answer(self._url):
            found: Mapping[str, Any] = json.loads(said.answer_json)
        return found


def _stratum(said: pb.Stratum) -> dict[str, Any]:
    return {name: getattr(said, name) for name in ("stratum", "population", "drawn", "probability")}


def _coefficient(said: pb.Coefficient) -> dict[str, Any]:
    return {name: field_or_none(said, name) for name in ("value", "low", "high")}
