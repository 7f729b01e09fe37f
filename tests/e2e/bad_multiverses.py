"""Bad input of multiverses, for the table of bad input: a name, a request, and the status, code and message it gets."""

from collections.abc import Sequence
from typing import Any

PATH = "/v1/multiverses"
ITEMS = [f"p{i}" for i in range(8)]
VALUES = [1, 0, 1, 0, 1, 0, 1, 0]
CODES = {"item": ITEMS[:6], "code": ["yes", "no", "yes", "no", "no", "yes"]}
TEMPLATES = ("{}", "a photo of {}")
CONFIGURATIONS = [
    {"choices": [{"name": "template", "value": template}], "values": values}
    for template, values in zip(TEMPLATES, (VALUES, VALUES[::-1]), strict=True)
]
WELL: dict[str, Any] = {
    "corpus": {"item": ITEMS},
    "configurations": CONFIGURATIONS,
    "codes": CODES,
    "positive": "yes",
}
BY = {"item": ITEMS, "by": [{"name": "party", "values": ["a", "b"] * 4}]}
Request = tuple[str, str, Any, int, str | None, str]  # name, path, JSON body, status, code, regexp of the message


def bad(name: str, words: str, code: str = "invalid_sample", **fields: Any) -> Request:
    return name, PATH, {**WELL, **fields}, 422, code, words


def second(**fields: Any) -> list[dict[str, Any]]:
    """The two configurations, the second with other fields."""
    return [CONFIGURATIONS[0], {**CONFIGURATIONS[1], **fields}]


REQUESTS: Sequence[Request] = (
    ("a multiverse", PATH, WELL, 200, None, ""),
    bad("a multiverse of one configuration", r"configurations: got a list, should have at least 2 items, not 1",
        "invalid_request", configurations=CONFIGURATIONS[:1]),
    bad("a multiverse with a configuration twice", r"configurations\[1\].choices: are those of configurations\[0\]",
        "invalid_choices", configurations=[CONFIGURATIONS[0]] * 2),
    bad("a multiverse with another choice", "give every configuration a value of each choice", "invalid_choices",
        configurations=second(choices=[{"name": "model", "value": "m"}])),
    bad("a multiverse with a choice twice", "'model' appears twice; give each choice one value", "invalid_request",
        configurations=second(choices=[{"name": "model", "value": "m"}] * 2)),
    bad("a multiverse with a prediction too few", r"configurations\[1\].values: got 7 for 8 items", "lengths_differ",
        configurations=second(values=VALUES[:7])),
    bad("a multiverse with predictions of 2", "got 2; the prediction of a share is 1, 0 or a score between",
        configurations=second(values=[2] * 8)),
    bad("a multiverse with codes of other items", "none of the 1 coded items is in the corpus",
        codes={"item": ["q"], "code": ["yes"]}),
    bad("a multiverse of a label that is no code", "positive: 'maybe' is not one of the labels", "unknown_label",
        positive="maybe"),
    bad("a multiverse of a difference without its column", "'party' is not a column of corpus.by",
        difference={"by": "party", "a": "a", "b": "b"}),
    bad("a multiverse of a difference of a value that is not there", "no item has 'c' in 'party'", corpus=BY,
        difference={"by": "party", "a": "a", "b": "c"}),
    bad("a multiverse of a coefficient without covariates", "needs `covariates` or `outcome` of the corpus",
        coefficient="x"),
    bad("a multiverse of two quantities", "a multiverse is of one quantity", corpus={**BY, "time": list(range(8))},
        difference={"by": "party", "a": "a", "b": "b"}),
    bad("a multiverse of items that were not drawn by chance", "were not drawn by chance", "not_a_sample",
        sample="convenience"),
)  # fmt: skip
