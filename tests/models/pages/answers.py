"""Answers of operations, as the service gives them, for tests of their pages."""

from typing import Any

HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>\u202e\x00\ud800"
RECEIPT = {
    **{"model": "embedded", "revision": "1", "fingerprint": "0" * 32, "precision": "fp32", "provider": "CPU"},
    **{"decode": "exact", "demonstration": True, "notice": None, "made_with": {"numpy": "2"}},
}


def duplicates(name: str = "a.jpg", **changes: Any) -> dict[str, Any]:
    answer = {
        **{"id": "job_1", "object": "duplicates", "kind": "near", "threshold": 8.0, "linkage": "single", "n": 6},
        "ids": [name, "b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg"],
        "groups": [{"representative": 1, "members": [0, 1, 2], "similarity": [1 - 3 / 64, 1.0, 1.0]}],
        "extra": 2,
        "unusable": [{"index": 5, "id": "f.jpg", "error": {"code": "invalid_image", "message": name}}],
        "remarks": [name],
        **{"model": None, "receipt": None, "threshold_origin": None, "threshold_reason": None},
        "related": [{"members": [3, 4], "contents": 2}],
        "compared": 5,
    }
    return {**answer, **changes}


def zero_shot(name: str = "a cat", **changes: Any) -> dict[str, Any]:
    data: list[dict[str, Any]] = [
        {"index": 0, "id": "x", "label": name, "scores": [0.9, 0.1], "cosines": [0.3, 0.1]},
        {"index": 1, "id": None, "label": "a dog", "scores": [0.48, 0.52], "cosines": [0.2, 0.21]},
        {"index": 2, "id": "y", "label": name, "scores": [0.55, 0.45], "cosines": [0.2, 0.19]},
        {"index": 3, "id": "z", "error": {"code": "invalid_image", "message": "is no image"}},
    ]
    answer = {
        **{"model": "embedded", "labels": [name, "a dog"], "data": data, "templates": ["a photo of {}"]},
        **{"negatives": None, "logit_scale": 100.0, "calibrated": False},
        **{"truncated": [1], "unknown": [], "first_of_many": [0, 2], "receipt": RECEIPT},
    }
    return {**answer, **changes}


def search(name: str = "q.jpg", **changes: Any) -> dict[str, Any]:
    near = [{"index": 3, "id": "c", "cosine": 0.9}, {"index": 7, "id": None, "cosine": 0.1}]
    data = [{"index": 0, "id": name, "neighbours": near}, {"index": 1, "id": None, "neighbours": near[:1]}]
    return {"data": data, "model": "embedded", "receipt": RECEIPT, **changes}


def sample(name: str = "s", **changes: Any) -> dict[str, Any]:
    strata = [
        {"stratum": name, "population": 10, "drawn": 2, "probability": 0.2},
        {"stratum": "t", "population": 1, "drawn": 1, "probability": 1.0},
    ]
    answer = {
        **{"design": "stratified", "n": 11, "indexes": [4, 10, 1], "ids": ["i4", "i10", "i1"]},
        **{"inclusion_prob": [0.2, 1.0, 0.2], "strata": strata, "fit_for_inference": True, "remarks": [name]},
        **{"seed": 7, "candidates": None, "copies": None, "smallest_distance": None, "stratum": [name, "t", name]},
    }
    return {**answer, **changes}


def agreement(name: str = "yes", **changes: Any) -> dict[str, Any]:
    figure = {"value": 0.5, "low": 0.25, "high": 0.75}
    none = {"value": None, "low": None, "high": None}
    table = [{"category": name, "counts": [3, 1]}, {"category": "no", "counts": [0, 2]}]
    answer = {
        **{"coders": ["anna", name], "items": 6, "level": "nominal", "percent": figure, "kappa": none},
        **{"alpha": figure, "missing": 1, "remarks": [name], "n_categories": 2},
        "categories": [{"category": each, "codes": 5, "items": 4, "agreement": figure} for each in (name, "no")],
        "by_coder": [{"coder": each, "codes": 6, "counts": [4, 2]} for each in ("anna", name)],
        "n_pairs": 1,
        "pairs": [{"a": "anna", "b": name, "items": 6, "percent": figure, "kappa": none, "table": table}],
        "n_differ": 1,
        "differ": [{"item": "p1", "coders": ["anna", name], "codes": [name, "no"]}],
        **{"ac1": figure, "kappa_quadratic": figure, "most_common": name, "most_common_share": 0.75},
        "icc": {"items": 5, "agreement": figure, "consistency": none},
    }
    return {**answer, **changes}


def coder_groups(name: str = "left", **changes: Any) -> dict[str, Any]:
    figure = {"value": 0.5, "low": 0.25, "high": 0.75}
    lone = {"value": -0.25, "low": None, "high": None}
    pair = {"a": name, "b": "right"}
    values = {"value_a": 0.75, "value_b": 0.25}
    groups = [
        {"group": name, "coders": ["anna", name], "codes": 12, "items": 6, "percent": figure, "alpha": figure},
        {"group": "right", "coders": ["ben"], "codes": 6, "items": 6, "percent": None, "alpha": None},
    ]
    answer = {
        **{"level": "nominal", "groups": groups, "missing": 1, "remarks": [name], "n_items": 2},
        "overall": [
            {**pair, **values, "category": each, "items": 6, "difference": figure, "difference_of_items": lone}
            for each in (name, "no")
        ],
        "between": [{**pair, "items": 6, "percent": figure, "kappa": lone}],
        "items": [
            {**pair, **values, "item": item, "category": name, "codes_a": 2, "codes_b": 1, "difference": lone}
            | {"distance": distance}
            for item, distance in (("p1", 0.5), ("p2", 0.25))
        ],
    }
    return {**answer, **changes}


def analyser(kind: str, **changes: Any) -> dict[str, Any]:
    """The receipt of an analyser."""
    receipt = {"analyser": kind, "kind": kind, "revision": "1", "fingerprint": "0" * 32, "precision": "fp32"}
    rest = {"provider": "CPU", "demonstration": False, "notice": None, "made_with": {"numpy": "2"}}
    return {**receipt, **rest, **changes}


def result(*findings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The result of an analyser for a picture."""
    return {"findings": list(findings), "values": {}, "truncated": False, "remarks": [], **changes}


def boxed(label: str, score: float, x: float = 10, width: float = 50) -> dict[str, Any]:
    return {"label": label, "score": score, "box": {"x": x, "y": 10, "width": width, "height": 40}}


def analyses(name: str = "person", **changes: Any) -> dict[str, Any]:
    line = {"text": name, "score": 0.8, "polygon": [[1, 1], [90, 5], [90, 15], [1, 11]]}
    results = [
        {
            "objects": result(boxed(name, 0.9), boxed(name, 0.5, 70), boxed("dog", 0.4), values={"objects": 3}),
            "text": result(line, values={"text_share": 0.25}, remarks=[f"{name}: 3 lines are left out"]),
            "classes": result({"label": name, "score": 0.7}, {"label": "tabby", "score": 0.2}),
            "visual": result(values={"brightness": 0.5}),
        },
        {
            "objects": result(boxed("dog", 0.6), values={"objects": 1}, truncated=True),
            "text": result(values={"text_share": 0.0}, remarks=[f"{name}: 4 lines are left out"]),
            "classes": result({"label": "tabby", "score": 0.9}),
            "visual": result(values={"brightness": 0.7}),
        },
    ]
    data: list[dict[str, Any]] = [
        {"index": 0, "id": "x", "width": 200, "height": 100, "results": results[0]},
        {"index": 1, "id": None, "width": 100, "height": 200, "results": results[1]},
        {"index": 2, "id": "z", "error": {"code": "invalid_image", "message": name}},
    ]
    answer = {
        "data": data,
        "options": {"objects": {"min_score": 0.35}, "text": {}, "classes": {}, "visual": {}},
        "first_of_many": [1],
        "receipts": {
            **{kind: analyser(kind) for kind in ("text", "classes", "visual")},
            "objects": analyser("objects", notice=name),
        },
    }
    return {**answer, **changes}


def evaluation(name: str = "person", **changes: Any) -> dict[str, Any]:
    figure = {"value": 0.5, "low": 0.25, "high": 0.75}
    figures: dict[str, Any] = {
        **{"label": name, "ap": 0.41, "ap50": 0.72, "precision": figure, "recall": figure},
        "ap_by_size": {"small": None, "medium": 0.3, "large": 0.6},
        "recall_by_size": dict.fromkeys(("small", "medium", "large"), figure),
        **{"coded": 12, "found": 10, "count_error": figure, "count_bias": {**figure, "low": None, "high": None}},
        "suggested": {"threshold": 0.4, "precision": 0.8, "recall": 0.7, "f1": 0.747},
    }
    nothing = {**figures, "label": "cat", "ap": None, "ap50": None, "suggested": None}
    data = [
        {"id": id, "character_edits": edits, "characters": 24, "word_edits": edits, "words": 3}
        | {"character_error_rate": edits / 24, "word_error_rate": edits / 3}
        for id, edits in ((name, 2), ("b.jpg", 0))
    ]
    rates = dict.fromkeys(("character_error_rate", "word_error_rate", "exact"), figure)
    texts = {"pictures": 2, **rates, "ignore_case": False, "whitespace": "collapse", "data": data}
    boxes = {"pictures": 5, "threshold": 0.35, "overlap": 0.5, "labels": [figures, nothing]}
    answer = {"boxes": {**boxes, "overall": {**figures, "label": None}}, "texts": texts, "remarks": [name]}
    return {**answer, "params": {"seed": 0}, **changes}


MAKERS = {
    "analyses": analyses,
    "duplicates": duplicates,
    "zero-shot": zero_shot,
    "search": search,
    "sample": sample,
    "agreement": agreement,
    "coder-groups": coder_groups,
    "evaluation": evaluation,
}
