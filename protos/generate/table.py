"""The whole table: all .proto files, and the differences of gRPC from HTTP that hold for all messages."""

from typing import Literal

from protos.generate.build import Rules
from protos.generate.declarations import override
from protos.generate.tables import (
    analyses,
    captions,
    classifiers,
    collections,
    corpus,
    estimates,
    evaluations,
    face_comparison,
    items,
    labels,
    pages,
    representations,
    service,
    validations,
)

FILES = (
    items.COMMON,
    items.VIDEO,
    items.EMBEDDINGS,
    items.ZERO_SHOT,
    items.MODELS,
    classifiers.CLASSIFIERS,
    classifiers.JOBS,
    analyses.ANALYSES,
    captions.CAPTIONS,
    classifiers.JOB_ANSWERS,
    corpus.CLUSTERS,
    corpus.CORPUS,
    collections.COLLECTIONS,
    representations.REPRESENTATIONS,
    pages.PAGES,
    validations.VALIDATIONS,
    estimates.ESTIMATES,
    evaluations.EVALUATIONS,
    labels.LABELS,
    face_comparison.FACE_COMPARISON,
    service.DAGUERRE,
)

RULES = Rules(
    types={
        Literal["fail", "skip"]: "OnError",
        Literal["exact", "scaled"]: "Decode",
        str | bool | int | float: "Code",
        tuple[float, float]: "Bounds",
    },
    fields={
        "as_job": override("=mode bool // Answer with a job, to be asked for later, in place of the result."),
        "index": override("// The item's position in the request, from 0."),
        "on_error": override("// Effect of one unusable item: the request fails, or the item is skipped."),
    },
    without=("object",),
    words=(
        ("GET /v1/models", "ListModels"),
        ("GET /v1/analysers", "ListAnalysers"),
        ("GET /v1/labellers", "ListLabellers"),
        ("POST /v1/files", "UploadFile"),
        ("POST /v1/images", "DescribeImages"),
        ("POST /v1/search", "Search"),
        ('on_error="skip"', "ON_ERROR_SKIP"),
        ('decode="scaled"', "DECODE_SCALED"),
        ("`estimate`", "Estimate"),
    ),
)
