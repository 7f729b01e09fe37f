"""Example requests of the OpenAPI document."""

from collections.abc import Mapping
from typing import Any

from service.schemas.example import PHOTO

TWO_VECTORS = "AACAPwAAAAAAAAAAAACAPw=="  # (1, 0) and (0, 1)
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "EmbeddingsRequest": {
        "texts": {"input": ["a cat asleep on a sofa", "a rocket on its launch pad"]},
        "a photo and a text": {"model": "embedded", "input": [{"image": PHOTO, "id": "photo-1"}, "a cat"]},
        "base64 answer, bad items skipped": {
            "input": [{"text": "a cat"}, {"image": "bm90IGFuIGltYWdl"}],
            "encoding_format": "base64",
            "on_error": "skip",
        },
    },
    "ZeroShotRequest": {
        "labels you made up": {
            "input": [{"image": PHOTO, "id": "photo-1"}],
            "labels": ["a cat", "a cup of coffee", "a rocket launch"],
        },
        "each label by itself": {
            "input": [{"image": PHOTO}],
            "labels": ["a cat", "an animal", "a vehicle"],
            "multi_label": True,
            "negatives": ["something else"],
        },
        "none of these": {
            "input": [{"image": PHOTO}],
            "labels": ["a motorcycle", "a cup of coffee"],
            "none_of_these": {"min_cosine": 0.1},
        },
    },
    "TrainRequest": {
        "texts": {
            "name": "mood",
            "task": "binary",
            "input": [{"text": text} for text in ("a happy day", "a sad day", "joy", "grief") * 3],
            "targets": ["glad", "sad", "glad", "sad"] * 3,
            "folds": 3,
        },
    },
    "PredictRequest": {"a text": {"input": [{"text": "what a lovely morning", "id": "post-1"}]}},
    "ClusterRequest": {
        "texts": {
            "input": [
                {"text": text}
                for text in ("it rains", "heavy rain", "a rainy day", "a cake", "chocolate cake", "a slice of cake")
            ],
            "method": "kmeans",
            "k": 2,
            "vocabulary": ["rain", "cake"],
        },
    },
    "ImagesRequest": {"a photo": {"input": [{"image": PHOTO, "id": "photo-1"}], "thumbnail": 64}},
    "DuplicatesRequest": {
        "photos": {"kind": "near", "input": [{"image": PHOTO, "id": "photo-1"}, {"image": PHOTO, "id": "photo-2"}]},
        "texts": {"kind": "semantic", "input": [{"text": "a cat"}, {"text": "one cat"}, {"text": "a war"}]},
    },
    "SampleRequest": {
        "as many of each cluster": {
            "design": "stratified",
            "strata": [0, 0, 0, 0, 1, 1, 1, -1, -1],
            "size": 6,
            "allocation": "equal",
        },
    },
    "PairsRequest": {
        "of one clustering": {"clusterings": {"kmeans": [0, 0, 0, 1, 1, 1, -1]}, "within": 3, "between": 3},
    },
    "AgreementRequest": {
        "two coders": {
            "coder": ["anna", "ben"] * 4,
            "item": ["p1", "p1", "p2", "p2", "p3", "p3", "p4", "p4"],
            "code": ["yes", "yes", "no", "no", "yes", "no", "no", "no"],
        },
    },
    "ComparisonRequest": {
        "two clusterings": {
            "a": [0, 0, 1, 2, 3, 0, 1, 4],
            "b": [1, 3, 4, 5, 4, 2, 2, 5],
            "same": [1, 0, 0, 0, 1, 1, 0, 1],
            "clusterings": {"one": [0, 0, 0, 1, 1, 1], "two": [0, 0, 1, 1, 2, 2]},
        },
    },
    "SearchRequest": {
        "vectors": {
            "vectors": [
                {"modality": "image", "model": "mine", "fingerprint": "mine", "dimension": 2, "data": TWO_VECTORS}
            ],
            "queries": {
                "modality": "image",
                "model": "mine",
                "fingerprint": "mine",
                "dimension": 2,
                "data": TWO_VECTORS,
            },
            "k": 1,
        },
    },
    "EstimateRequest": {"a corpus": {"corpus": {"n": 1000, "mean": [0.7, 0.3], "variance": [0.05, 0.05]}}},
}
