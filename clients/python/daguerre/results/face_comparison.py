"""Results of comparisons of faces: persons, matches, errors."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from daguerre.results.base import import_pandas
from daguerre.results.notebook import Shown
from daguerre.results.report import Figure
from daguerre.storage.csv import unformulated, write_table
from daguerre.types.common import Crop

if TYPE_CHECKING:
    import pandas as pd

FACES = ("face", "person", "cosine", "other", "other_cosine", "close", "corrected", "moved")
PERSONS = ("person", "faces", "cohesion", "nearest", "nearest_cosine", "close", "corrected", "typical")
MATCHES = ("target", "rank", "face", "cosine", "distance", "match")
CURVE = tuple(f"{kind}{end}" for kind in ("false_match", "false_non_match") for end in ("", "_low", "_high"))
Fields = Mapping[str, Any]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Compared(Shown):
    """Faces that were compared.

    Attributes
    ----------
    ids : ids of the faces, (n,), such as "photo.jpg#0".
    threshold : cosine from which two faces counted as one person; threshold_origin : "given", or "model" for that of
        the model's card.
    model, receipt, notice : provenance of the vectors, and limits of the numbers.
    answer : the answer of the server.
    source : name of the file of the vectors, which its owner has to delete; None where they came from no file.
    files, boxes : picture of each face on this machine, and where the face is in it, as far as known; by id.
    """

    ids: list[str]
    threshold: float
    threshold_origin: str
    model: str
    receipt: Mapping[str, Any]
    notice: str
    answer: Mapping[str, Any]
    source: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    boxes: Mapping[str, Crop] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Person:
    """A group of faces, which may be of one person.

    Attributes
    ----------
    number : of the person, from 0; the one with the most faces is the first.
    faces : ids of its faces, the most typical first.
    cohesion : mean cosine of all pairs of its faces; None for a single face.
    nearest, nearest_cosine : number of the most similar other person, and the mean cosine of the two; None without one.
    close : whether the two may be one person.
    corrected : whether a correction names one of its faces.
    """

    number: int
    faces: tuple[str, ...]
    cohesion: float | None
    nearest: int | None
    nearest_cosine: float | None
    close: bool
    corrected: bool


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Persons(Compared):
    """Faces in groups, each of which may be one person. Groups have numbers, and no names. `P[0]` has the most faces.

    Attributes
    ----------
    persons : the groups, the largest first.
    labels : (n,) number of the person of each face.
    cosines : (n,) mean cosine to the other faces of the own person; NaN for a single face.
    close : (n,) whether the face may belong to another person: look at it.
    margin : difference of cosines below which a decision is close.
    remarks : limits of the result.
    """

    persons: tuple[Person, ...]
    labels: NDArray[np.int64]
    cosines: NDArray[np.float64]
    close: NDArray[np.bool_]
    margin: float
    remarks: list[str]

    def __len__(self) -> int:
        return len(self.persons)

    def __getitem__(self, number: int) -> Person:
        return self.persons[number]

    def to_pandas(self, of: Literal["faces", "persons"] = "faces") -> "pd.DataFrame":
        """Table with a row for each face, or for each person.

        Columns of faces: face, person, cosine (mean, to the other faces of the person), other and other_cosine (the
        other person that is most similar to the face), close, corrected (a correction names the face), moved (it is
        with other faces than without the corrections). Of persons: person, faces (their number), cohesion, nearest,
        nearest_cosine, close, corrected, typical (the most typical face).
        """
        columns, rows = (FACES, self._face_rows()) if of == "faces" else (PERSONS, self._person_rows())
        if of not in ("faces", "persons"):
            raise ValueError(f'of: got {of!r}, there are "faces" and "persons"')
        pandas = import_pandas()
        table: pd.DataFrame = pandas.DataFrame(rows, columns=columns)
        name = "other" if of == "faces" else "nearest"
        return table.astype({name: "Int64"})

    def to_csv(self, path: "str | os.PathLike[str]", *, overwrite: bool = False) -> None:
        """Write the table of faces, to be corrected by hand. Names that were typed in come back as numbers.

        Give faces of one person the same value in the column `person`, and faces of different people different values;
        an empty cell leaves the decision to the vectors. `client.persons(faces, corrections=path)` keeps it exactly.

        Parameters
        ----------
        overwrite : whether to replace a file that is there, with all corrections in it.

        Raises
        ------
        FileExistsError : the file is there, and may have corrections by hand.
        """
        if not overwrite and os.path.exists(path):
            raise FileExistsError(
                f"path: {os.fspath(path)!r} is there, and its corrections would be lost; name another file, or give "
                "overwrite=True"
            )
        write_table(FACES, self.rows(), os.fspath(path))

    def rows(self) -> list[list[Any]]:
        """The rows of the table of faces for a file, empty texts for missing values, and no formulas."""
        return [["" if each is None else unformulated(each) for each in row] for row in self._face_rows()]

    def _face_rows(self) -> list[list[Any]]:
        return [
            [id, *(face[name] for name in FACES[1:])] for id, face in zip(self.ids, self.answer["faces"], strict=True)
        ]

    def _person_rows(self) -> list[list[Any]]:
        return [
            [
                *(each.number, len(each.faces), each.cohesion, each.nearest, each.nearest_cosine),
                *(each.close, each.corrected, each.faces[0]),
            ]
            for each in self.persons
        ]

    @classmethod
    def fields_of(cls, answer: Fields, ids: Sequence[str], common: Fields) -> dict[str, Any]:
        """The attributes from the server's answer; `ids` are those of this side."""
        faces = answer["faces"]
        return {
            **common,
            "persons": tuple(
                Person(
                    number=each["person"],
                    faces=tuple(ids[i] for i in each["faces"]),
                    **{name: each[name] for name in ("cohesion", "nearest", "nearest_cosine", "close", "corrected")},
                )
                for each in answer["persons"]
            ),
            "labels": np.array([face["person"] for face in faces], np.int64),
            "cosines": np.array([np.nan if face["cosine"] is None else face["cosine"] for face in faces]),
            "close": np.array([face["close"] for face in faces], bool),
            "margin": answer["margin"],
            "remarks": list(answer["remarks"]),
        }

    def __repr__(self) -> str:
        single = sum(len(each.faces) == 1 for each in self.persons)
        return (
            f"<Persons: {len(self.ids):,} faces in {len(self):,} groups, {single:,} with a single face, "
            f"{int(self.close.sum()):,} faces to look at; mean cosine of at least {self.threshold:g}>"
        )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FaceMatches(Compared):
    """The faces nearest to each target face. `M[0]` are those of the first target: id, cosine, whether it matches.

    Attributes
    ----------
    targets : ids of the targets, (m,).
    counts : (m,) number of all faces that match, listed or not, without the target itself.
    itself : (m,) number of faces that are the target itself, on the same picture or an exact copy; not listed.
    target_files, target_boxes : as `files` and `boxes`, of the targets.
    """

    targets: list[str]
    counts: NDArray[np.int64]
    itself: NDArray[np.int64]
    target_files: Mapping[str, str] = field(default_factory=dict)
    target_boxes: Mapping[str, Crop] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, target: int) -> list[tuple[str, float, bool]]:
        rows = self.answer["data"][target]["faces"]
        return [(self.ids[row["index"]], row["cosine"], row["match"]) for row in rows]

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row for each target and listed face: target, rank (from 1), face, cosine, distance, match."""
        table: pd.DataFrame = import_pandas().DataFrame(self.rows(), columns=MATCHES)
        return table

    def to_csv(self, path: "str | os.PathLike[str]") -> None:
        """Write the table of `to_pandas`."""
        write_table(MATCHES, self.file_rows(), os.fspath(path))

    def file_rows(self) -> list[list[Any]]:
        """The rows of the table for a file, without formulas."""
        return [[unformulated(each) for each in row] for row in self.rows()]

    def rows(self) -> list[list[Any]]:
        """The rows of the table."""
        return [
            [target, rank, self.ids[face["index"]], face["cosine"], face["distance"], face["match"]]
            for target, entry in zip(self.targets, self.answer["data"], strict=True)
            for rank, face in enumerate(entry["faces"], 1)
        ]

    def __repr__(self) -> str:
        return (
            f"<FaceMatches: {len(self):,} targets among {len(self.ids):,} faces, {int((self.counts > 0).sum()):,} with "
            f"a cosine of at least {self.threshold:g}>"
        )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FaceVerification(Compared):
    """Errors of the decision that two faces are of one person, with 95 % intervals, on pairs that people coded.

    Attributes
    ----------
    false_match : share of pairs of different people that count as one person.
    false_non_match : share of pairs of one person that count as two.
    equal_error_rate, equal_error_threshold : mean of the two where they are nearest, and the cosine there.
    remarks : limits of the result.
    """

    false_match: Figure
    false_non_match: Figure
    equal_error_rate: float
    equal_error_threshold: float
    remarks: list[str]

    def to_pandas(self, of: Literal["curve", "wished", "groups", "differences", "pairs"] = "curve") -> "pd.DataFrame":
        """A table of error rates.

        Parameters
        ----------
        of : "curve": a row for each threshold; "wished": the thresholds for false match rates; "groups" and
            "differences": by group of people; "pairs": those that fit their codes the least, with same.
        """
        rows = self.rows(of)
        table: pd.DataFrame = import_pandas().DataFrame(rows, columns=list(rows[0]) if rows else None)
        return table

    def to_csv(self, path: "str | os.PathLike[str]") -> None:
        """Write the table of error rates over thresholds."""
        write_table(("threshold", *CURVE), self.table_rows(), os.fspath(path))

    def table_rows(self) -> list[list[Any]]:
        """The rows of the table of error rates over thresholds, empty texts for missing values."""
        return [["" if each is None else each for each in row.values()] for row in self.rows()]

    def lines(self) -> list[str]:
        """The error rates at the threshold, where they are equal, and by group, a line for each."""
        lines = [
            f"at a cosine of {self.threshold:g}: false match rate {_percent(self.answer['false_match'])}",
            f"at a cosine of {self.threshold:g}: false non-match rate {_percent(self.answer['false_non_match'])}",
            f"equal error rate {100 * self.equal_error_rate:.3g} % at a cosine of {self.equal_error_threshold:.3f}",
        ]
        for each in self.answer["wished"]:
            wish = f"false match rate of {100 * each['rate']:g} %"
            some, safe = each["threshold"], each["safe_threshold"]
            few = each["rate"] * self.answer["false_match"]["pairs"] < 1
            none = "cannot be told from so few pairs" if few else "is reached at no cosine"
            known = none if some is None else f"from a cosine of {some:.3f}"
            sure = "" if safe is None else f"; with its upper limit from {safe:.2f}"
            lines.append(f"{wish} {known}{sure}")
        return lines

    def rows(self, of: str = "curve") -> list[dict[str, Any]]:
        """The rows of `to_pandas`."""
        if of == "pairs":
            kinds = (("highest_different", False), ("lowest_same", True))
            return [{**pair, "same": same} for key, same in kinds for pair in self.answer[key]]
        if of not in ("curve", "wished", "groups", "differences"):
            raise ValueError(f'of: got {of!r}, there are "curve", "wished", "groups", "differences" and "pairs"')
        return [_flat(each) for each in self.answer[of]]

    @classmethod
    def fields_of(cls, answer: Fields, common: Fields) -> dict[str, Any]:
        """The attributes from the server's answer."""
        return {
            **common,
            **{name: _figure(answer[name]) for name in ("false_match", "false_non_match")},
            **{name: answer[name] for name in ("equal_error_rate", "equal_error_threshold")},
            "remarks": list(answer["remarks"]),
        }

    def __repr__(self) -> str:
        return (
            f"<FaceVerification at a cosine of {self.threshold:g}: false match {_percent(self.answer['false_match'])}, "
            f"false non-match {_percent(self.answer['false_non_match'])}; equal error rate "
            f"{100 * self.equal_error_rate:.3g} % at {self.equal_error_threshold:.3f}>"
        )


def _figure(rate: Fields) -> Figure:
    return Figure(**{name: rate[name] for name in ("value", "low", "high")})


def _percent(rate: Fields) -> str:
    ends = "" if rate["low"] is None else f" [{100 * rate['low']:.3g}, {100 * rate['high']:.3g}]"
    return f"{100 * rate['value']:.3g} %{ends} of {rate['pairs']:,} pairs of {rate['persons']:,} people"


def _flat(row: Fields) -> dict[str, Any]:
    """A row with the ends of its intervals in columns of their own."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            flat |= {name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
            flat |= {f"{name}_{key}": value[key] for key in ("errors", "pairs", "persons") if key in value}
        else:
            flat[name] = value
    return flat
