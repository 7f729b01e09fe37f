"""Example requests of the OpenAPI document."""

from collections.abc import Mapping
from typing import Any

from service.schemas.example import PHOTO

THREE_VECTORS = "AACAPwAAAAAAAAAAAACAPwAAgD8AAIA/"  # (1, 0), (0, 1) and (1, 1)
THREE_OTHERS = "AACAPwAAAAAAAIA/AACAPwAAAAAAAIA/"  # (1, 0), (1, 1) and (0, 1)
TWO_VECTORS = "AACAPwAAAAAAAAAAAACAPw=="  # (1, 0) and (0, 1)
RECEIPT = {
    "model": "embedded",
    "revision": "1",
    "fingerprint": "0123456789abcdef0123456789abcdef",
    "precision": "fp32",
    "provider": "CPUExecutionProvider",
    "decode": "exact",
    "demonstration": True,
    "notice": None,
    "made_with": {},
}
VIDEO = {
    **{"duration": 4.0, "width": 640, "height": 272, "frame_rate": 25.0, "variable_rate": False, "rotation": 0},
    **{"interlaced": False, "codec": "h264", "container": "MP4 or MOV", "decoder": "PyAV"},
    "sampling": {"policy": "every", "seconds": 2.0},
    "frames": [
        {"index": 0, "timestamp": 0.0, "shot": 0, "dropped": 0, "label": "a car", "scores": [0.3, 0.7]},
        {"index": 1, "timestamp": 2.0, "shot": 1, "dropped": 0, "label": "a bicycle", "scores": [0.9, 0.1]},
    ],
    "shots": [
        {"index": 0, "start": 0.0, "end": 1.2, "frames": 1, "label": "a car", "scores": [0.3, 0.7]},
        {"index": 1, "start": 1.2, "end": 4.0, "frames": 1, "label": "a bicycle", "scores": [0.9, 0.1]},
    ],
    "report": {
        **{"decoded": 60, "damaged_packets": 0, "corrupt_frames": 0, "disordered": 0, "estimated": 0},
        **{"ended_early": False, "fell_back": False},
    },
}
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
    "AnalysesRequest": {
        "objects and their number": {
            "input": [{"image": PHOTO, "id": "photo-1"}],
            "analysers": {"objects": {"labels": ["person", "car"]}},
        },
    },
    "CaptionsRequest": {
        "how captions begin": {"input": [{"image": PHOTO, "id": "photo-1"}], "prompt": "a photo of", "max_tokens": 20},
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
    "ZeroShotAnswer": {
        "a video": {
            "labels": ["a bicycle", "a car"],
            "data": [
                {
                    **{"index": 0, "id": "bikes.mp4", "label": "a bicycle", "scores": [0.6, 0.4]},
                    **{"cosines": [0.21, 0.19], "video": VIDEO},
                }
            ],
            **{"model": "embedded", "templates": ["a photo of {}"], "negatives": None, "logit_scale": 100.0},
            **{"calibrated": False, "truncated": [], "unknown": [], "first_of_many": []},
            "receipt": RECEIPT,
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
    "LabelsRequest": {
        "a photo": {
            "codebook": {
                "variables": [{"name": "people", "kind": "binary", "question": "Are people visible?"}],
            },
            "input": [{"image": PHOTO, "id": "photo-1"}],
        },
    },
    "LabelPlanRequest": {
        "the prompt": {
            "codebook": {
                "variables": [{"name": "people", "kind": "binary", "question": "Are people visible?"}],
            },
        },
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
    "ValidationRequest": {
        "zero-shot scores": {
            "predictions": [
                {
                    "name": "zero-shot",
                    "item": ["p1", "p2", "p3", "p4"],
                    "scores": [
                        {"label": "a cat", "values": [0.9, 0.8, 0.3, 0.2]},
                        {"label": "a dog", "values": [0.1, 0.2, 0.7, 0.8]},
                    ],
                }
            ],
            "codes": {"item": ["p1", "p2", "p3", "p4"], "code": ["cat", "dog", "dog", "dog"]},
            "rename": {"a cat": "cat", "a dog": "dog"},
        },
    },
    "EvaluationRequest": {
        "boxes": {
            "boxes": {
                "pictures": ["a.jpg", "b.jpg"],
                "found": {
                    **{"item": ["a.jpg", "a.jpg"], "label": ["person", "person"], "score": [0.9, 0.4]},
                    **{"x": [10, 200], "y": [20, 30], "width": [50, 60], "height": [120, 110]},
                },
                "coded": {
                    **{"item": ["a.jpg"], "label": ["person"]},
                    **{"x": [12], "y": [18], "width": [52], "height": [118]},
                },
            },
        },
        "texts": {
            "texts": {"item": ["a.jpg", "b.jpg"], "true": ["No war", "Peace"], "read": ["No war", "Pcace"]},
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
    "RepresentationsRequest": {
        "two encoders": {
            "vectors": [
                {"name": "mine", "dimension": 2, "data": THREE_VECTORS},
                {"name": "colours", "model": "colour-histogram", "dimension": 2, "data": THREE_OTHERS},
            ],
            **{"a": [0, 0, 1], "b": [1, 2, 2], "same": [0, 1, 0], "grid": [{"method": "kmeans", "k": 2}]},
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
    "CollectionRequest": {
        "posts with metadata": {"fields": {"year": "integer", "source": "string"}},
        "the same again": {"fields": {"year": "integer", "source": "string"}, "thumbnails": "none"},
    },
    "CollectionItemsRequest": {
        "a photo and a text": {
            "input": [{"image": PHOTO, "id": "photo-1"}, {"text": "a cat asleep on a sofa", "id": "text-1"}],
            "metadata": [{"year": 2021, "source": "a"}, {}],
        },
    },
    "DeleteItemsRequest": {
        "by ids": {"ids": ["text-2"]},
        "by a condition": {"where": {"year": {"lt": 1990}}},
    },
    "CollectionSearchRequest": {
        "by a text": {"input": [{"text": "a cat"}], "k": 5, "where": {"year": {"gte": 2020}}},
        "like an item": {"like": ["photo-1"], "k": 5},
    },
    "CollectionDuplicatesRequest": {"a photo": {"input": [{"image": PHOTO, "id": "photo-2"}]}},
    "EstimateRequest": {"a corpus": {"corpus": {"n": 1000, "mean": [0.7, 0.3], "variance": [0.05, 0.05]}}},
}
