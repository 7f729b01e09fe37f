"""Result of an evaluation of findings against human codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from daguerre.results.annotation import figure
from daguerre.results.base import import_pandas
from daguerre.results.notebook import Shown
from daguerre.results.report import Figure

if TYPE_CHECKING:
    import pandas as pd

ENDS = ("precision", "recall", "count_error", "count_bias")
RATES = ("character_error_rate", "word_error_rate", "exact")


@dataclass(frozen=True, kw_only=True)
class EvaluatedBoxes:
    """The figures of boxes of one label, or of all.

    Attributes
    ----------
    label : None for all labels together; average precision is then the mean over them.
    ap, ap50 : COCO's average precision, at overlaps from .5 to .95 and at .5; None without coded boxes.
    precision, recall : at the threshold.
    count_error, count_bias : mean over the pictures of the absolute difference between the numbers of found and coded
        boxes, and of the difference, found minus coded.
    coded, found : numbers of boxes; the latter from the threshold up.
    suggested : threshold with the best F1, with the precision, recall and f1 that it has on the same boxes, which are
        optimistic; None where nothing matches.
    answer : the server's answer, with figures by size.
    """

    label: str | None
    ap: float | None
    ap50: float | None
    precision: Figure
    recall: Figure
    count_error: Figure
    count_bias: Figure
    coded: int
    found: int
    suggested: Mapping[str, float] | None
    answer: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class EvaluatedTexts:
    """Error rates of texts.

    Attributes
    ----------
    character_error_rate, word_error_rate : edits over the lengths of the true texts, over all pictures (CER, WER).
    exact : share of the texts that were read without an error.
    pictures : number of pictures.
    each : errors by picture.
    """

    character_error_rate: Figure
    word_error_rate: Figure
    exact: Figure
    pictures: int
    each: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Evaluation(Shown):
    """Findings, measured by codes that people gave.

    Attributes
    ----------
    boxes : figures of all boxes; None without boxes. labels : the same by label.
    texts : error rates of texts; None without texts.
    threshold : threshold of precision, recall and counts of boxes.
    remarks : limits of the figures.
    answer : the complete answer of the server.
    """

    boxes: EvaluatedBoxes | None
    labels: Mapping[str, EvaluatedBoxes]
    texts: EvaluatedTexts | None
    threshold: float | None
    remarks: list[str]
    answer: Mapping[str, Any]

    @classmethod
    def of(cls, answer: Mapping[str, Any], remarks: Sequence[str]) -> "Evaluation":
        """The result from the server's answer; `remarks` are those of this side."""
        boxes, texts = answer["boxes"], answer["texts"]
        return cls(
            boxes=None if boxes is None else _boxes(boxes["overall"]),
            labels={} if boxes is None else {each["label"]: _boxes(each) for each in boxes["labels"]},
            texts=None
            if texts is None
            else EvaluatedTexts(**_figures(texts, RATES), pictures=texts["pictures"], each=texts["data"]),
            threshold=None if boxes is None else boxes["threshold"],
            remarks=[*remarks, *answer["remarks"]],
            answer=answer,
        )

    def to_pandas(self, of: Literal["figures", "texts"] = "figures") -> "pd.DataFrame":
        """A table: a row for each label and figure of boxes, and for each error rate, with value, low and high.

        Parameters
        ----------
        of : "figures"; "texts": a row for each picture with its edits, lengths and error rates.
        """
        rows = self.rows(of)
        table: pd.DataFrame = import_pandas().DataFrame(rows, columns=list(rows[0]) if rows else None)
        return table

    def rows(self, of: str = "figures") -> list[dict[str, Any]]:
        """The rows of `to_pandas`."""
        if of == "texts":
            return [dict(each) for each in self.texts.each] if self.texts is not None else []
        if of != "figures":
            raise ValueError(f'of: got {of!r}, there are "figures" and "texts"')
        rows = []
        for name, each in {"all": self.boxes, **self.labels}.items():
            if each is None:
                continue
            figures: dict[str, Any] = {"ap": each.ap, "ap50": each.ap50} | {end: getattr(each, end) for end in ENDS}
            figures |= {"coded": each.coded, "found": each.found}
            figures |= {f"suggested_{key}": value for key, value in (each.suggested or {}).items()}
            rows += [_row("boxes", name, key, value) for key, value in figures.items()]
        if self.texts is not None:
            rows += [_row("texts", "all", name, getattr(self.texts, name)) for name in RATES]
        return rows

    def __repr__(self) -> str:
        return "\n".join(["<Evaluation; 95 % intervals", *(f"  {line}" for line in self.lines())]) + ">"

    def lines(self) -> list[str]:
        """The main figures, a line for each label, and of texts."""
        lines = []
        if self.boxes is not None:
            pictures = self.answer["boxes"]["pictures"]
            lines.append(
                f"boxes in {pictures:,} pictures, from a score of {self.threshold:g}, matched from an overlap of "
                f"{self.answer['boxes']['overlap']:g}"
            )
            for name, each in {"all labels": self.boxes, **self.labels}.items():
                lines.append(
                    f"  {name}: AP {_number(each.ap)}, AP at .5 {_number(each.ap50)}, precision {each.precision}, "
                    f"recall {each.recall}, {each.coded:,} coded, {each.found:,} found"
                )
                lines.append(f"    count error {each.count_error}, bias {each.count_bias}{_suggested(each)}")
        if self.texts is not None:
            how = self.answer["texts"]
            case = "without regard to capitals" if how["ignore_case"] else "with capitals"
            lines.append(f"texts of {self.texts.pictures:,} pictures, {case}, whitespace {how['whitespace']}")
            lines += [f"  {name.replace('_', ' ')} {getattr(self.texts, name)}" for name in RATES]
        return lines


def _suggested(each: EvaluatedBoxes) -> str:
    best = each.suggested
    if best is None:
        return ""
    return f"; threshold with the best F1 {best['threshold']:.3g} (F1 {best['f1']:.3f} on the same boxes)"


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _row(kind: str, label: str, name: str, value: Any) -> dict[str, Any]:
    ends = (value.value, value.low, value.high) if isinstance(value, Figure) else (value, None, None)
    return {"findings": kind, "label": label, "figure": name, **dict(zip(("value", "low", "high"), ends, strict=True))}


def _figures(answer: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: figure(answer[name]) for name in names}


def _boxes(answer: Mapping[str, Any]) -> EvaluatedBoxes:
    return EvaluatedBoxes(
        **{name: answer[name] for name in ("label", "ap", "ap50", "coded", "found", "suggested")},
        **_figures(answer, ENDS),
        answer=answer,
    )
