"""Options and answer of a request to a trained classifier."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from daguerre.types.common import Answer, Content, Double, common_fields, succeeded

NO_VALUE = (np.nan, np.nan, np.nan)


@dataclass(frozen=True, kw_only=True)
class PredictAnswer(Answer):
    """Labels of a task `best` and `probabilities`; numbers of a continuous one `values` with their interval.

    `receipt` is NO_MODEL for vectors: their own receipt holds.
    """

    ROWS = ("best", "probabilities", "values", "crossed", "sets")

    classifier: str
    task: str
    labels: Sequence[str]
    best: Sequence[str | None]
    probabilities: Double  # (n, labels)
    values: Double  # (n, 3): value, low, high; NaN where the interval is not known
    crossed: Double  # (n, labels) or (n, 1); (n, 0) where it was not asked for
    sets: Sequence[Sequence[str] | None]  # None where none was asked for
    coverage: float | None = None
    remarks: Sequence[str] = ()

    @classmethod
    def read(cls, content: Content, request_id: str | None) -> "PredictAnswer":
        fields = common_fields(content, request_id)
        data, labels = content["data"], content["labels"]
        good, entries = [i for i in range(len(data)) if i not in fields["failures"]], succeeded(content)

        def array(rows: Sequence[Sequence[float | None]], width: int) -> Double:
            every = np.full((len(data), width), np.nan)
            every[good] = np.array(rows, np.float64).reshape(len(good), width)
            return every

        probabilities = [by_label(entry, labels) if labels else () for entry in entries]
        values = [NO_VALUE if labels else (entry["value"], *entry["interval"]) for entry in entries]
        crossed = [entry.get("crossed") or () for entry in entries]
        return cls(
            classifier=content["classifier"],
            task=content["task"],
            labels=labels,
            best=[entry.get("label") for entry in data],
            probabilities=array(probabilities, len(labels)),
            values=array(values, 3),
            crossed=array(crossed, len(crossed[0]) if crossed else 0),
            sets=_sets(content),
            coverage=content.get("coverage"),
            remarks=content.get("remarks") or (),
            **fields,
        )


def _sets(content: Content) -> list[Sequence[str] | None]:
    """The prediction set of each item; gRPC leaves out an empty one."""
    asked = bool(content.get("coverage") and content["labels"])
    return [list(entry.get("set") or ()) if asked and not entry.get("error") else None for entry in content["data"]]


def by_label(entry: Content, labels: Sequence[str]) -> Sequence[float]:
    """Probabilities of an entry in the order of the labels; gRPC has them in that order."""
    found = entry["probabilities"]
    return [found[label] for label in labels] if isinstance(found, Mapping) else found


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    classifier: str
    crossed: bool = False
    coverage: float | None = None
    each_class: bool = False

    def fields(self) -> Content:
        """The fields of a request."""
        return asdict(self)
