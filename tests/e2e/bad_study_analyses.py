"""Bad input of analyses of a study, in the form of bad_coding.py: the study has no items, no vectors, no codebook."""

from collections.abc import Sequence
from typing import Any

NAME = "bad-input"
LABELS = ["a cat", "a dog"]
Row = tuple[str, str, str, Any, int, str | None, str]


def post(about: str, path: str, words: str, code: str = "invalid_request", status: int = 422, **sent: Any) -> Row:
    return about, "POST", f"/{NAME}/{path}", sent, status, code, words


ROWS: Sequence[Row] = (
    post("labels of a study without vectors", "zero-shot", "has no vectors", "no_vectors", labels=LABELS),
    post("no labels of a study", "zero-shot", "labels: is missing"),
    post("a prefix that is a filter", "zero-shot", "prefix: got 'a=b'", labels=LABELS, prefix="a=b"),
    post("a preview of no items", "zero-shot/preview", "no items yet", "no_items", variants=[{"labels": LABELS}]),
    post("a preview of seven variants", "zero-shot/preview", "at most 6", variants=[{"labels": LABELS}] * 7),
    post("a preview of no variant", "zero-shot/preview", "at least 1", variants=[]),
    post("a preview of an unknown item", "zero-shot/preview", "there is no 'abc'", "unknown_item", 404,
         variants=[{"labels": LABELS}], keys=["abc"]),
    post("a plan of labels where no labeller is set up", "labels/plan", "DAGUERRE_LABELLERS", "switched_off", 403),
    post("labels of a study without a plan", "labels", "fingerprint: is missing"),
    post("labels of a study with a prefix that is a filter", "labels", "prefix: got 'a=b'", fingerprint="x",
         prefix="a=b"),
    post("clusters of a study without vectors", "clusters", "has no vectors", "no_vectors", method="kmeans", k=3),
    post("clusters of a study by an unknown method", "clusters", "method: got 'birch'", method="birch"),
    post("duplicates of a study without items", "duplicates", "no items yet", "no_items", kind="exact"),
    post("near duplicates of a study by a cosine", "duplicates", "threshold: is for kind semantic", kind="near",
         threshold=0.9),
    post("training from a study without a codebook", "train", "has none yet", "no_codebook", 404, name="probe"),
    post("predictions of a study by an unknown classifier", "predict", "'nobody' does not exist",
         "unknown_classifier", 404, classifier="nobody"),
    post("an estimate of a study by nothing", "estimates", "send either a classifier or predictions"),
    post("an estimate of a study without a codebook", "estimates", "has none yet", "no_codebook", 404,
         predictions=[{"column": "label"}]),
    post("an estimate of a study with a confidence of 2", "estimates", "confidence: got 2", classifier="x",
         confidence=2),
    ("an archive of a study that is not there", "GET", "/nothing/export", None, 404, "unknown_study", "'nothing'"),
)  # fmt: skip
