"""Bad input of estimates, evaluations, crowds, scales, pairs to compare, groups of coders, presets and captions.

A row has a name, a request, and the status, code and a regexp of the message that it gets.
"""

from collections.abc import Sequence
from typing import Any

from tests.e2e.bad_pages import PHOTO, Request

IDS = [f"p{i}" for i in range(8)]
LABELS = ["yes", "no"] * 4
SET = {"name": "llm", "item": IDS, "value": LABELS}
CODES = {"item": IDS[:6], "code": ["yes", "no", "no", "no", "yes", "yes"]}
NUMBERS = {"item": IDS[:6], "code": [1, 2, 3, 4, 5, 6]}
CORPUS = {"item": IDS}
BOX = {"item": ["a"], "label": ["cat"], "x": [0], "y": [0], "width": [5], "height": [5]}
FOUND = {**BOX, "score": [0.9]}
CODED = {"coder": ["a", "a", "b", "b"], "item": ["1", "2", "1", "2"], "code": ["x", "y", "x", "x"]}


def request(path: str, whole: dict[str, Any], name: str, words: str, code: str | None, status: int, changes: Any,
            ) -> Request:  # fmt: skip
    """A request with some fields changed; those that are None are left out."""
    sent = {key: value for key, value in {**whole, **changes}.items() if value is not None}
    return name, path, sent, status, code, words


def estimate(name: str, words: str = "", code: str | None = "invalid_request", *, status: int = 422, **changes: Any,
             ) -> Request:  # fmt: skip
    """An estimate of eight items, of which six are coded."""
    return request("/v1/estimates", {"predictions": [SET], "codes": CODES}, name, words, code, status, changes)


def covariate(values: Sequence[Any], name: str = "x") -> list[dict[str, Any]]:
    return [{"name": name, "values": values}]


ESTIMATES: Sequence[Request] = (
    estimate("an estimate of eight items", code=None, status=200),
    estimate("an estimate from a convenience sample", "draw a sample", "not_a_sample", sample="convenience"),
    estimate("an estimate of an unknown kind of sample", "sample: got 'quota'", sample="quota"),
    estimate("an estimate without predictions", "predictions: got a list, should have at least 1", predictions=[]),
    estimate("an estimate from predictions without items", r"predictions\[0\]\.item: is missing",
        corpus=CORPUS, predictions=[{"name": "llm", "value": LABELS}]),
    estimate("an estimate from fewer labels than items", "value: got 1 for 8 items", "invalid_codes",
        predictions=[{**SET, "value": ["yes"]}]),
    estimate("an estimate by a classifier that is not there", "'nobody' does not exist", "unknown_classifier",
        status=404,
        predictions=[{**SET, "classifier": "nobody"}]),
    estimate("an estimate with an item of the corpus twice", "item 'p0' appears twice; keep one of its rows",
        "invalid_sample",
        corpus={"item": [*IDS, "p0"]}),
    estimate("an estimate of a corpus of one item", "corpus.item: got a list, should have at least 2",
        corpus={"item": ["p0"]}),
    estimate("an estimate whose codes are of other items", "none of the 2 coded items is in the corpus",
        "invalid_sample",
        codes={"item": ["q1", "q2"], "code": ["yes", "no"]}),
    estimate("an estimate from one code", "1 coded item is too few", "too_few_codes",
        codes={"item": ["p0"], "code": ["yes"]}),
    estimate("an estimate from groups of codes without groups of the corpus", "give the group of every item",
        "no_groups", codes={**CODES, "group": ["g"] * 6}),
    estimate("an estimate with an inclusion probability of 0", "inclusion_prob: got 0; must be above 0", "bad_weights",
        codes={**CODES, "inclusion_prob": [0] * 6}),
    estimate("an estimate with fewer groups than items", "group: got 1 values for 8 items", "lengths_differ",
        corpus={**CORPUS, "group": ["g"]}),
    estimate("an estimate with a stratum without codes", "no item of 's' is coded", "too_few_codes",
        corpus={**CORPUS, "stratum": [*["r"] * 7, "s"]}),
    estimate("an estimate with a column twice", "corpus.by: 'x' appears twice; give each column one name",
        corpus={**CORPUS, "by": covariate(LABELS) * 2}),
    estimate("an estimate with a time that is a word", "corpus: time: got '.*' in row .*; give each", "invalid_sample",
        corpus={**CORPUS, "time": LABELS}),
    estimate("an estimate with a covariate without a value", "give each item of the corpus", "invalid_sample",
        corpus={**CORPUS, "covariates": covariate([*LABELS[:7], None])}),
    estimate("an estimate with a covariate that is constant", "covariates: .*x is a linear combination",
        "invalid_sample",
        corpus={**CORPUS, "covariates": covariate([1] * 8)}),
    estimate("an estimate with more covariates than codes", "are too few for a regression", "too_few_codes",
        corpus={**CORPUS, "covariates": [*covariate(LABELS, "a"), *covariate(list(range(8)), "b"),
            *covariate([i * i for i in range(8)], "c"), *covariate([i**3 for i in range(8)], "d"),
            *covariate([i**4 for i in range(8)], "e")]}),
    estimate("a logistic regression that a covariate separates", "are separated by the covariates", "separated",
        corpus={**CORPUS, "covariates": covariate([9, 1, 2, 3, 8, 7, 4, 5])}),
    estimate("a logistic regression of numbers", "family: logistic needs an outcome of two classes",
        "invalid_sample", codes=NUMBERS, task="continuous",
        predictions=[{**SET, "value": list(range(8))}], family="logistic", corpus={**CORPUS,
        "covariates": covariate([1, 3, 2, 5, 4, 7, 6, 8])}),
    estimate("an estimate of a coded covariate without an outcome", "outcome: is missing; a coded covariate needs",
        "invalid_sample",
        role="covariate", corpus={**CORPUS, "covariates": covariate([1, 3, 2, 5, 4, 7, 6, 8])}),
    estimate("an estimate of an outcome beside a coded one", 'set role="covariate"', "invalid_sample",
        corpus={**CORPUS, "outcome": list(range(8)), "covariates": covariate([1, 3, 2, 5, 4, 7, 6, 8])}),
    estimate("an estimate with a positive label that nobody coded", "'maybe' is not one of the labels no, yes",
        "unknown_label",
        positive="maybe"),
    estimate("an estimate of width 2", "width: got 2; must be above 0 and below 1", "invalid_size", width=2),
    estimate("an estimate of width 0", "width: got 0", width=0),
    estimate("an estimate with a confidence of 2", "confidence: got 2", confidence=2),
    estimate("an estimate of an unknown family", "family: got 'probit'", family="probit"),
)  # fmt: skip


def evaluation(name: str, words: str, code: str = "invalid_request", **sent: Any) -> Request:
    return name, "/v1/evaluations", sent, 422, code, words


def boxes(name: str, words: str, code: str = "invalid_request", **changes: Any) -> Request:
    return evaluation(name, words, code, boxes={"pictures": ["a", "b"], "found": FOUND, "coded": BOX, **changes})


EVALUATIONS: Sequence[Request] = (
    evaluation("an evaluation of nothing", "has neither boxes nor texts; send one of them, or both"),
    boxes("an evaluation without pictures", "boxes.pictures: got a list, should have at least 1", pictures=[]),
    boxes("an evaluation with a picture twice", "boxes.pictures: 'a' appears twice", pictures=["a", "a"]),
    boxes("an evaluation of boxes without scores", "boxes.found.score: has 0 values for 1 boxes", found=BOX),
    boxes("an evaluation of boxes without a height", "boxes.coded.height: has 0 values for 1", coded={**BOX,
        "height": []}),
    boxes("an evaluation of a box of width -5", "has no area; x, y, width and height", "invalid_codes",
        coded={**BOX, "width": [-5]}),
    boxes("an evaluation of a score above 1", "score '1.5'", "invalid_codes", found={**FOUND, "score": [1.5]}),
    boxes("an evaluation with a threshold of 2", "boxes.threshold: got 2", threshold=2),
    boxes("an evaluation with an overlap of 0", "boxes.overlap: got 0", overlap=0),
    evaluation("an evaluation of more texts than pictures", "texts.read: has 2 texts for 1 pictures",
        texts={"item": ["a"], "true": ["x"],
        "read": ["x", "y"]}),
    evaluation("an evaluation of texts with an id twice", "appears twice", texts={"item": ["a", "a"],
        "true": ["x", "y"], "read": ["x", "y"]}),
    evaluation("an evaluation with an unknown treatment of spaces", "texts.whitespace: got 'trim'",
        texts={"item": ["a"], "true": ["x"], "read": ["x"], "whitespace": "trim"}),
)  # fmt: skip


def coders(path: str, name: str, words: str, refusal: str = "invalid_codes", **changes: Any) -> Request:
    return request(path, CODED, name, words, refusal, 422, changes)


GROUPS = {"a": "left", "b": "right"}
CODERS: Sequence[Request] = (
    coders("/v1/coder-groups", "groups of coders without a name", r"groups", "invalid_request", groups={"a": ""}),
    coders("/v1/coder-groups", "groups of coders who coded nothing", "groups: ", groups={"x": "left", "y": "right"}),
    coders("/v1/coder-groups", "groups of coders of words as numbers", "code", level="interval", groups=GROUPS),
    coders("/v1/coder-groups", "groups of coders with an unknown level", "level: got 'ratio'", "invalid_request",
        level="ratio", groups=GROUPS),
    coders("/v1/coder-groups", "groups of coders with no resample", "resamples: got 0", "invalid_request",
        resamples=0, groups=GROUPS),
    coders("/v1/coder-groups", "groups of coders with two codes of an item", "two codes for item",
        item=["1", "1", "1", "2"], groups=GROUPS),
    coders("/v1/coder-groups", "groups of coders with fewer codes than items", "4 items and 1 codes", code=["x"],
        groups=GROUPS),
    coders("/v1/crowds", "a crowd with fewer coders than codes", "got 1 coders, 4 items", coder=["a"]),
    coders("/v1/crowds", "a crowd of one coder", "got 1 coders; codes of two or more", coder=["a"] * 4,
        item=["1", "2", "3", "4"]),
    coders("/v1/crowds", "a crowd without codes", "got 0 different codes", coder=[], item=[], code=[]),
    coders("/v1/crowds", "a crowd whose coder codes an item twice", "two codes for item", item=["1", "1", "1", "2"]),
)  # fmt: skip


def scale(name: str, words: str, code: str = "invalid_codes", **changes: Any) -> Request:
    whole = {"a": ["x", "y", "z"], "b": ["y", "z", "x"], "winner": ["x", "y", "z"]}
    return request("/v1/scales", whole, name, words, code, 422, changes)


def pairs(name: str, words: str, code: str = "invalid_request", **changes: Any) -> Request:
    whole = {"ids": ["x", "y", "z", "u"], "per_item": 2}
    return request("/v1/comparison-pairs", whole, name, words, code, 422, changes)


SCALES: Sequence[Request] = (
    scale("a scale of fewer winners than pairs", "3 second items and 1 winners", winner=["x"]),
    scale("a scale of an item against itself", "row 0 compares 'x' with itself", b=["x", "z", "x"]),
    scale("a scale of items that nothing connects", "no comparisons connect 2 sets of items", a=["x", "y", "u", "v"],
        b=["y", "x", "v", "u"],
        winner=["x", "y", "u", "v"]),
    scale("a scale without comparisons", "got 0 items with comparisons", a=[], b=[], winner=[]),
    scale("a scale without a winner", "got 0 items with comparisons", winner=[None] * 3),
    scale("a scale with a ridge of -1", "ridge: got -1", "invalid_request", ridge=-1),
    scale("a scale of an item without a name", "1 of 3 are missing", "missing_id", a=["x", " ", "z"]),
    pairs("pairs to compare of two items", "ids: got a list, should have at least 3", ids=["x", "y"]),
    pairs("pairs to compare with one of each item", "per_item: got 1", per_item=1),
    pairs("pairs to compare with more of each than there are", "per_item: got 9; give from 2 to 3", "invalid_codes",
        per_item=9),
)  # fmt: skip


def preset(name: str, words: str, **sent: Any) -> Request:
    return name, "/v1/zero-shot", {"input": "a cat", **sent}, 422, "invalid_request", words


PRESETS: Sequence[Request] = (
    preset("a preset that is not there", "preset: got 'violence'", preset="violence"),
    preset("a preset beside labels", "send either labels or a preset", preset="protest", labels=["a", "b"]),
    preset("a preset beside templates", "send either templates or a preset", preset="protest", templates=["{}"]),
    preset("neither labels nor a preset", "labels: "),
)  # fmt: skip


def captions(name: str, words: str, code: str, status: int = 422, **options: Any) -> Request:
    sent = {"input": [{"image": PHOTO}], "analysers": {"captions": options}}
    return name, "/v1/analyses", sent, status, code, words


def caption(name: str, words: str, code: str, status: int = 422, **options: Any) -> Request:
    return name, "/v1/captions", {"input": [{"image": PHOTO}], **options}, status, code, words


CAPTIONS: Sequence[Request] = (
    captions("captions where no network was imported", "DAGUERRE_ANALYSERS", "unknown_model", 404),
    captions("captions by a network that is not there", "blip", "unknown_model", 404, model="blip"),
    captions("captions of a prompt that is too long", "prompt", "invalid_request", prompt="a " * 2500),
    captions("an unknown option of captions", "no such field", "invalid_request", length=5),
    caption("captions of their own where no network was imported", "model: there is none", "unknown_model", 404),
    caption("captions of their own by another analyser", "no 'objects'", "unknown_model", 404, model="objects"),
    caption("captions of their own with a long prompt", "prompt: got", "invalid_request", prompt="a " * 2500),
    caption("captions of no tokens", "max_tokens: got 0", "invalid_request", max_tokens=0),
    caption("an unknown option of captions of their own", "no such field", "invalid_request", length=5),
    caption("a prompt of captions that is a list", "prompt: got a list", "invalid_request", prompt=["a photo of"]),
)  # fmt: skip
REQUESTS = (*ESTIMATES, *EVALUATIONS, *CODERS, *SCALES, *PRESETS, *CAPTIONS)
