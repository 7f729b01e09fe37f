"""Codebook labels of a study: a plan, and the columns that were written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from daguerre.types.common import Content, listed
from daguerre.types.labels import LabelPlan, usage_note


@dataclass(frozen=True, repr=False)
class StudyLabelPlan:
    """The prompt and the estimated cost of labels of a study, of which nothing was sent to the labeller.

    Attributes
    ----------
    host : where items would be sent; None: the server itself labels them.
    prompt, cost : as of `Client.label_plan`; the cost is scaled up from `looked_at` items.
    method : the fields of the request, which `label` sends with the fingerprint.
    """

    labeller: str
    host: str | None
    fingerprint: str
    items: int
    variables: list[str]
    prompt: Mapping[str, Any]
    looked_at: int
    cost: Mapping[str, Any]
    method: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        plan = LabelPlan(labeller=self.labeller, fingerprint=self.fingerprint, prompt=self.prompt, cost=self.cost)
        where = f"sent to {self.host}" if self.host else "labelled on the server"
        scaled = "" if self.looked_at >= self.items else f", estimated from {self.looked_at:,} of them"
        return f"{self.items:,} items, {where}{scaled}: {listed(self.variables)}\n{plan}"

    def __repr__(self) -> str:
        return f"<StudyLabelPlan {self.labeller}: {self.items:,} items, {listed(self.variables)}>"


@dataclass(frozen=True, repr=False)
class StudyLabels:
    """Codebook labels that are columns of a study.

    Attributes
    ----------
    job : id of the job; `client.finished_labels(job)` has the labels with their raw answers.
    columns : kind of each column, "number" or "text", by name.
    counts : number of items by category, by the column of each variable.
    n, failed, errors : numbers of items, of those without labels, and of these by error code.
    """

    study: str
    job: str
    n: int
    failed: int
    errors: Mapping[str, int]
    columns: Mapping[str, str]
    counts: Mapping[str, Mapping[str, int]]
    remarks: list[str]
    receipt: Content
    usage: Content
    answer: Content

    @classmethod
    def of(cls, answer: Content) -> "StudyLabels":
        """The columns of a job's result."""
        names = ("study", "n", "failed", "errors", "remarks", "receipt", "usage")
        every = answer["variables"]
        return cls(
            **{name: answer[name] for name in names},
            job=answer["labels"],
            columns={name: kind for each in every for name, kind in each["columns"].items()},
            counts={each["column"]: each["counts"] for each in every},
            answer=answer,
        )

    def __repr__(self) -> str:
        failed = f", {self.failed:,} without labels" if self.failed else ""
        return (
            f"<StudyLabels of {self.study}: {self.n:,} items{failed}; {listed(self.counts)}; {usage_note(self.usage)}>"
        )
