"""Samples and pairs that people code, and comparisons of clusterings by coded pairs."""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from daguerre.inputs.alignment import string_list
from daguerre.inputs.files import require_folder
from daguerre.results.base import import_pandas
from daguerre.results.notebook import Gallery, Shown
from daguerre.results.report import Figure
from daguerre.storage.csv import write_table
from daguerre.storage.tables import refuse_filled
from daguerre.types.common import Double

if TYPE_CHECKING:
    import pandas as pd


Int = NDArray[np.int64]
PAIR_COLUMNS = ("a_id", "b_id", "same", "a", "b", "stratum", "cluster", "inclusion_prob")
FIGURES = ("precision", "recall", "f1")


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """A stratum: number of its items, number of those drawn, probability of each to be drawn."""

    stratum: str
    population: int
    drawn: int
    probability: float


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Sample(Shown):
    """A sample of items to code.

    Attributes
    ----------
    indexes, ids : (m,) the drawn items, in random order; by score for a purposive sample, in the order of drawing with
        diversity.
    inclusion_prob : (m,) probability of each item to be drawn, to weight figures by; None for a purposive sample.
    stratum : stratum of each item, if there are strata.
    files : path of each image on this machine; None where items are no files.
    group : group of each item; None without groups.
    n : number of items that could be drawn.
    fit_for_inference : whether figures of the sample are valid for the corpus.
    candidates, copies, smallest_distance : with diversity: number of items that were compared, number of those left out
        as copies of a drawn item, smallest cosine distance between two drawn items. Otherwise None.
    """

    design: str
    n: int
    indexes: Int
    ids: list[str]
    inclusion_prob: Double | None
    stratum: list[str] | None
    strata: tuple[Stratum, ...]
    fit_for_inference: bool
    remarks: list[str]
    seed: int
    candidates: int | None = None
    copies: int | None = None
    smallest_distance: float | None = None
    files: list[str] | None = None
    group: list[str] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def save(
        self,
        path: "str | os.PathLike[str]",
        coders: Sequence[str] = (),
        *,
        scores: Sequence[Any] | None = None,
        root: "str | os.PathLike[str] | None" = None,
    ) -> None:
        """Write a .csv: id, path (of images), stratum or score, inclusion_prob, group, an empty column for each coder.

        `train_classifier(…, table=path)` and `agreement(path)` read it once the columns are filled in. Paths are
        relative to the file's folder, or to `root`, which training then takes as the folder of the images. Raises
        ValueError for a file in which coders have filled in their columns.
        """
        if path != "-":
            require_folder(path)
        names = string_list(coders, "coders")
        columns: dict[str, Sequence[Any]] = {"id": self.ids}
        if self.files is not None:
            folder = "." if path == "-" else os.path.dirname(os.path.abspath(path))
            folder = folder if root is None else os.path.abspath(root)
            columns["path"] = [table_path(file, folder) for file in self.files]
        if self.stratum is not None:
            columns["stratum"] = self.stratum
        if scores is not None:
            columns["score"] = scores
        probability = None if self.inclusion_prob is None else self.inclusion_prob.tolist()
        columns["inclusion_prob"] = [""] * len(self) if probability is None else probability
        if self.group is not None:
            columns["group"] = self.group
        if clash := [name for name in names if name.casefold() in columns or names.count(name) > 1]:
            raise ValueError(f"coders: {clash[0]!r} is a column already; give each coder a name of their own")
        refuse_filled(path, names)
        columns |= {name: [""] * len(self) for name in names}
        write_table(list(columns), zip(*columns.values(), strict=True), os.fspath(path))

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row per item: index id, columns index, stratum and group (if there are any), inclusion_prob."""
        pandas = import_pandas()
        columns: dict[str, Any] = {"index": self.indexes}
        if self.stratum is not None:
            columns["stratum"] = self.stratum
        columns["inclusion_prob"] = np.full(len(self), np.nan) if self.inclusion_prob is None else self.inclusion_prob
        if self.group is not None:
            columns["group"] = self.group
        table: pd.DataFrame = pandas.DataFrame(columns, index=pandas.Index(self.ids, name="id"))
        return table

    def _gallery(self) -> Gallery:
        lines = self.ids if self.stratum is None else map("{} ({})".format, self.ids, self.stratum)
        return zip(self.files or (), lines, strict=False)

    def __repr__(self) -> str:
        strata = f" in {len(self.strata)} strata" if self.strata else ""
        use = "" if self.fit_for_inference else ", not fit for inference"
        return f"<Sample ({self.design}): {len(self):,} of {self.n:,} items{strata}, seed {self.seed}{use}>"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Pairs(Shown):
    """Pairs of items to code: do the two belong together?

    Attributes
    ----------
    a, b : (m,) items by index, in random order; a_ids, b_ids : their ids.
    stratum : within, between or disputed.
    cluster : cluster of a within pair of a single clustering, otherwise None.
    inclusion_prob : (m,) probability of the pair to be drawn.
    unclustered : treatment of items in no cluster.
    """

    a: Int
    b: Int
    a_ids: list[str]
    b_ids: list[str]
    stratum: list[str]
    cluster: list[int | None]
    inclusion_prob: Double
    n: int
    strata: tuple[Stratum, ...]
    remarks: list[str]
    seed: int
    unclustered: str

    def __len__(self) -> int:
        return len(self.a)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Rows as `save` writes them, with an empty column `same` for the coders."""
        empty = [""] * len(self)
        columns = (self.a.tolist(), self.b.tolist(), self.stratum, self.cluster, self.inclusion_prob.tolist())
        return zip(self.a_ids, self.b_ids, empty, *columns, strict=True)

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row per pair: a_id, b_id, a, b, stratum, cluster, inclusion_prob."""
        pandas = import_pandas()
        columns = {
            "a_id": self.a_ids,
            "b_id": self.b_ids,
            "a": self.a,
            "b": self.b,
            "stratum": self.stratum,
            "cluster": pandas.array(self.cluster, dtype="Int64"),
            "inclusion_prob": self.inclusion_prob,
        }
        table: pd.DataFrame = pandas.DataFrame(columns)
        return table

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Write a .csv with a column `same`, to be filled in with 1 and 0."""
        require_folder(path)
        with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(PAIR_COLUMNS)
            writer.writerows(self.rows())

    def __repr__(self) -> str:
        drawn = ", ".join(f"{each.drawn:,} {each.stratum}" for each in self.strata)
        return f"<Pairs: {len(self):,} of {self.n:,} items ({drawn}), seed {self.seed}>"


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Figures of a clustering against coded pairs; None if they are not defined."""

    name: str
    pairs: int
    precision: Figure | None
    recall: Figure | None
    f1: Figure | None


@dataclass(frozen=True, repr=False, kw_only=True)
class Comparison(Shown):
    """Clusterings, judged by pairs that people have coded.

    Attributes
    ----------
    winner : the best by F1, chosen on one part of the pairs and scored on the other, or None; as the server says it.
    left_out : number of pairs that are not coded.
    answer : the complete answer of the server.
    """

    n_pairs: int
    left_out: int
    configurations: tuple[Configuration, ...]
    winner: Mapping[str, Any] | None
    remarks: list[str]
    answer: Mapping[str, Any]

    @classmethod
    def of(cls, answer: Mapping[str, Any], left_out: int) -> "Comparison":
        """Build the result from the server's answer."""
        return cls(
            n_pairs=answer["n_pairs"],
            left_out=left_out,
            configurations=tuple(
                Configuration(
                    name=each["name"],
                    pairs=each["pairs"],
                    **{name: figure(each.get(name)) for name in FIGURES},
                )
                for each in answer["configurations"]
            ),
            winner=answer["winner"],
            remarks=list(answer["remarks"]),
            answer=answer,
        )

    def to_pandas(self) -> "pd.DataFrame":
        """Table by clustering: index name, columns pairs, and value, low and high of precision, recall and f1."""
        pandas = import_pandas()
        rows = []
        for each in self.configurations:
            row: dict[str, Any] = {"pairs": each.pairs}
            for name in FIGURES:
                estimate = getattr(each, name)
                ends = {"": "value", "_low": "low", "_high": "high"}
                row |= {name + end: getattr(estimate, attribute, None) for end, attribute in ends.items()}
            rows.append(row)
        index = pandas.Index([each.name for each in self.configurations], name="name")
        table: pd.DataFrame = pandas.DataFrame(rows, index=index)
        return table

    def __repr__(self) -> str:
        lines = [f"<Comparison: {self.n_pairs:,} coded pairs"]
        for each in self.configurations:
            figures = ", ".join(f"{name} {getattr(each, name) or 'not defined'}" for name in FIGURES)
            lines.append(f"  {each.name}: {figures}")
        lines.append(f"  winner: {self.winner['name'] if self.winner else 'none'}>")
        return "\n".join(lines)


def table_path(file: str, folder: str) -> str:
    """The path of a file as a table in `folder` has it: relative where the file is there, with forward slashes."""
    if not os.path.exists(file):
        return file
    try:
        return os.path.relpath(os.path.abspath(file), folder).replace(os.sep, "/")
    except ValueError:  # on another drive
        return file


def figure(answer: Mapping[str, Any] | None) -> Figure | None:
    """A number with its interval, from an answer."""
    if answer is None:
        return None
    return Figure(answer.get("value"), answer.get("low"), answer.get("high"), answer.get("undefined") or 0)
