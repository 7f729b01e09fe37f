"""Codebook labels: a label for each item and variable, with the answers that they were read from."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from daguerre.results.base import ItemResults, failure_note, import_pandas
from daguerre.storage.whole import whole_file
from daguerre.types.common import Content, listed

OWN = ("id", "cannot_tell", "error", "message")  # columns of `wide` that are no variables
FRAME = re.compile(r"(.+)@([0-9]+\.[0-9]{3})", re.DOTALL)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class VariablePredictions:
    """The labels of one variable as predictions, which `validate`, `estimate` and `compare_labellers` take.

    Attributes
    ----------
    ids : of the items with a label, (n,).
    values : categories, numbers or texts, (n,); with `category`, 1 where it was chosen and 0 elsewhere.
    scores : by category, its probabilities, (n,); empty where not all labels have some.
    failed : number of items without a label, those included of which the labeller could not tell.
    """

    name: str
    ids: list[str]
    values: list[Any]
    scores: dict[str, list[float]]
    failed: int
    continuous: bool


@dataclass(frozen=True, eq=False, repr=False)
class CodebookLabels(ItemResults):
    """Labels of items by the variables of a codebook.

    Attributes
    ----------
    entries : the server's entry of each item, (n,): labels, raw answers, the order of what was asked.
    receipt : labeller, host, model as told, fingerprint, prompt's hash, seed, temperature, pictures, dates.
    prompt : the exact prompt.
    usage : numbers of answers and tokens, and the price by the owner's prices; empty for labels that are read back.
    """

    ROWS: ClassVar[tuple[str, ...]] = ("entries",)

    entries: list[Content]
    codebook: Content = field(kw_only=True)
    prompt: Content = field(kw_only=True)
    receipt: Content = field(kw_only=True)
    usage: Content = field(kw_only=True, default_factory=dict)
    remarks: Sequence[str] = field(kw_only=True, default=())

    @property
    def variables(self) -> list[str]:
        """The names of the variables, in the order of the codebook."""
        return [each["name"] for each in self.codebook["variables"]]

    @property
    def fingerprint(self) -> str:
        """Labels of equal fingerprints were made in the same way."""
        return str(self.receipt["fingerprint"])

    @property
    def answers(self) -> list[list[Content]]:
        """The raw answers about each item, (n,), the usable one last."""
        return [list(entry.get("answers") or ()) for entry in self.entries]

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens of all prompts and of all answers, as told; identical items count once."""
        every = [each for entry in self.entries if entry.get("same_as") is None for each in entry.get("answers") or ()]
        return sum(a["prompt_tokens"] or 0 for a in every), sum(a["completion_tokens"] or 0 for a in every)

    def __getitem__(self, key: Any) -> Any:
        """The predictions of a variable, `L["protest"]`; or the result for some of the items, as of `embed`."""
        if isinstance(key, str) and key in self.variables:
            return self.of(key)
        return super().__getitem__(key)

    def of(self, variable: str | None = None, category: str | None = None) -> VariablePredictions:
        """The labels of one variable as predictions.

        Parameters
        ----------
        variable : None: the only one of the codebook.
        category : a category, for 1 where it was chosen and 0 elsewhere; needed where several may be chosen.

        Raises
        ------
        ValueError : there is no such variable or category.
        """
        names = self.variables
        if variable is None and len(names) == 1:
            variable = names[0]
        if variable not in names:
            raise ValueError(f"variable: got {variable!r}, the codebook has {listed(names)}; name one of them")
        rule = self.codebook["variables"][names.index(variable)]
        categories = self.categories(rule)
        if category is not None and category not in categories:
            raise ValueError(f"category: got {category!r}, {variable!r} has {listed(categories) or 'none'}")
        if category is None and rule["multiple"]:
            raise ValueError(f"category: {variable!r} has several at once; name one of {listed(categories)}")
        ids, values, shares = [], [], []
        for id, entry in zip(self.ids, self.entries, strict=True):
            label = (entry.get("labels") or {}).get(variable)
            if label is None or label["value"] is None:
                continue
            value = label["value"]
            ids.append(id)
            if category is not None:
                value = int(category in value if isinstance(value, list) else category == value)
            values.append(value)
            shares.append(label["probabilities"])
        scores: dict[str, list[float]] = {}
        if category is None and categories and shares and all(shares):
            scores = {each: [share[each] for share in shares] for each in categories}
        name = variable if category is None else f"{variable}: {category}"
        return VariablePredictions(name, ids, values, scores, len(self.ids) - len(ids), rule["kind"] == "continuous")

    @staticmethod
    def categories(rule: Content) -> list[str]:
        """The categories of a variable of the codebook; none for numbers and texts."""
        names = [each["name"] for each in rule["categories"]]
        return names or (["yes", "no"] if rule["kind"] == "binary" else [])

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row for each item and variable: id, variable, value, cannot_tell, probability, error, message."""
        errors = {item.index: item for item in self.errors}
        for i, (id, entry) in enumerate(zip(self.ids, self.entries, strict=True)):
            for name in self.variables:
                label = (entry.get("labels") or {}).get(name) or {}
                value, shares = label.get("value"), label.get("probabilities")
                yield {
                    "id": id,
                    "variable": name,
                    "value": "; ".join(value) if isinstance(value, list) else value,
                    "cannot_tell": bool(label.get("cannot_tell")),
                    "probability": shares.get(value) if shares and isinstance(value, str) else None,
                    "error": errors[i].code if i in errors else None,
                    "message": errors[i].message if i in errors else None,
                }

    def frames(self) -> list[tuple[str, float] | None]:
        """Video and second of each item, (n,), by ids such as "clip.mp4@12.480"; None for others."""
        found = (FRAME.fullmatch(id) for id in self.ids)
        return [None if match is None else (match[1], float(match[2])) for match in found]

    def wide_columns(self) -> dict[str, str]:
        """The column of each variable in `wide`: its name, or `label_NAME` where another column has this name."""
        found = {name: name for name in self.variables if name not in OWN}
        for name in self.variables:
            column = name
            while column in OWN or (column in found.values() and name not in found):
                column = f"label_{column}"
            found[name] = column
        return {name: found[name] for name in self.variables}

    def wide(self) -> list[dict[str, Any]]:
        """A row for each item: id, a column for each variable, cannot_tell (names of variables), error, message."""
        columns = self.wide_columns()
        table: dict[int, dict[str, Any]] = {}
        for place, row in enumerate(self.rows()):
            mine = table.setdefault(
                place // len(columns),
                {
                    "id": row["id"],
                    **dict.fromkeys(columns.values()),
                    "cannot_tell": None,
                    "error": None,
                    "message": None,
                },
            )
            mine[columns[row["variable"]]] = row["value"]
            if row["cannot_tell"]:
                mine["cannot_tell"] = "; ".join(filter(None, (mine["cannot_tell"], row["variable"])))
            mine |= {"error": row["error"], "message": row["message"]}
        return list(table.values())

    def to_pandas(self, variable: str | None = None) -> "pd.DataFrame":
        """A table with a row for each item and variable; of one `variable`: id, label, a score for each category."""
        pandas = import_pandas()
        if variable is None:
            table: pd.DataFrame = pandas.DataFrame(list(self.rows()))
            return table
        own = self.of(variable)
        return pandas.DataFrame({"id": own.ids, "label": own.values, **own.scores})  # type: ignore[no-any-return]

    def write_answers(self, out: "str | os.PathLike[str]") -> None:
        """Write receipt, prompt, codebook and the raw answers of each item as lines of JSON."""
        with whole_file(out) as path, open(path, "w", encoding="utf-8") as file:
            about = {"receipt": self.receipt, "prompt": self.prompt, "codebook": self.codebook}
            file.write(json.dumps(about, ensure_ascii=False) + "\n")
            for id, entry in zip(self.ids, self.entries, strict=True):
                file.write(json.dumps({**entry, "id": id}, ensure_ascii=False) + "\n")

    def __repr__(self) -> str:
        told = ", ".join(self.receipt["models"]) or self.receipt["model"]
        return (
            f"CodebookLabels({len(self):,} items, {listed(self.variables)}, {self.receipt['labeller']}: {told}"
            f"{failure_note(self.errors)})"
        )


def merged_receipt(receipts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The receipt of several answers of one method: all models and fingerprints that were told, and the whole time."""
    first = receipts[0]
    told = {
        name: sorted({each for receipt in receipts for each in receipt[name]})
        for name in ("models", "system_fingerprints")
    }
    begins = [receipt["first"] for receipt in receipts if receipt["first"]]
    ends = [receipt["last"] for receipt in receipts if receipt["last"]]
    return {**first, **told, "first": min(begins, default=None), "last": max(ends, default=None)}
