"""Groups of duplicates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from daguerre.errors import ItemError
from daguerre.results.base import Errors, ItemResults, import_pandas
from daguerre.results.notebook import Gallery

if TYPE_CHECKING:
    import pandas as pd


Int = NDArray[np.int64]


NOT_COMPARED = ("blank_image", "unknown_text")  # errors of items that embeddings are made of nevertheless


@dataclass(frozen=True, kw_only=True)
class DuplicateGroup:
    """Duplicates of each other, by index and id.

    Attributes
    ----------
    representative : the one to keep, one of the `members`.
    similarity : of each member to the representative: a cosine, 1 - bits / 64, or 1. In a selection that lacks the
        representative, to that of the whole group.
    """

    representative: int
    members: tuple[int, ...]
    ids: tuple[str, ...]
    similarity: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class RelatedGroup:
    """Pictures of one layout with different content, by index and id.

    Attributes
    ----------
    contents : number of different contents among them.
    """

    members: tuple[int, ...]
    ids: tuple[str, ...]
    contents: int


@dataclass(frozen=True, eq=False, repr=False)
class Duplicates(ItemResults):
    """Groups of duplicates, the biggest first.

    Attributes
    ----------
    kind, threshold, linkage : what counted as a duplicate; bits of near, cosine of semantic.
    threshold_origin, threshold_reason : for semantic, how the threshold came about: "given", "corpus", "model" or
        "fallback", and a sentence.
    related : pictures of one layout with different content; an item may also be in a group.
    compared : number of members of groups whose pixels were compared block by block.
    method : for semantic, "exact", or "approximate", which can miss pairs.
    recall : for approximate, how many of the `pairs` of a sample of `rows` items were `found`.
    remarks : sentences on limits of the result.
    model, receipt : provenance of the vectors, for semantic.
    errors : items that could not be compared, blank images among them.
    """

    id: str = field(kw_only=True)
    kind: str = field(kw_only=True)
    threshold: float | None = field(kw_only=True)
    linkage: str = field(kw_only=True)
    groups: tuple[DuplicateGroup, ...] = field(kw_only=True)
    threshold_origin: str | None = field(kw_only=True, default=None)
    threshold_reason: str | None = field(kw_only=True, default=None)
    related: tuple[RelatedGroup, ...] = field(kw_only=True, default=())
    compared: int = field(kw_only=True, default=0)
    method: str | None = field(kw_only=True, default=None)
    recall: Mapping[str, int] | None = field(kw_only=True, default=None)
    remarks: list[str] = field(kw_only=True, default_factory=list)
    model: str | None = field(kw_only=True, default=None)
    receipt: Mapping[str, Any] | None = field(kw_only=True, default=None)

    @classmethod
    def of(
        cls,
        answer: Mapping[str, Any],
        *,
        ids: Sequence[str],
        files: Sequence[str] = (),
        sent: Int,
        errors: Sequence[ItemError],
    ) -> "Duplicates":
        """Build the result from the answer about the items `sent` of all that were given."""
        place = sent.tolist()
        failed = {error.index: error for error in errors}
        for each in answer["unusable"]:
            i = place[each["index"]]
            failed[i] = ItemError(i, ids[i], each["error"]["code"], each["error"]["message"])
        groups = []
        for each in answer["groups"]:
            members = tuple(place[i] for i in each["members"])
            groups.append(
                DuplicateGroup(
                    representative=place[each["representative"]],
                    members=members,
                    ids=tuple(ids[i] for i in members),
                    similarity=tuple(each["similarity"]),
                )
            )
        return cls(
            ids=list(ids),
            files=list(files),
            errors=Errors([failed[i] for i in sorted(failed)]),
            **{name: answer[name] for name in ("id", "kind", "threshold", "linkage")},
            groups=tuple(groups),
            related=tuple(_related(each, place, ids) for each in answer.get("related", ())),
            remarks=list(answer["remarks"]),
            **{name: answer[name] for name in ("threshold_origin", "threshold_reason", "compared") if name in answer},
            **{name: answer[name] for name in ("model", "receipt", "method", "recall") if answer.get(name)},
        )

    @property
    def kept(self) -> NDArray[np.bool_]:
        """(n,) representatives, what is in no group, and what could not be compared: nothing is known against it."""
        kept = np.ones(len(self), bool)
        for group in self.groups:
            kept[list(group.members)] = False
            kept[group.representative] = True
        return kept

    @property
    def kept_ids(self) -> list[str]:
        """Ids of the items to keep, as for `X.select(D.kept_ids)`, without those that cannot be read.

        Items that can be used and not be compared, such as images of a single colour, are among them.
        """
        unread = {each.index for each in self.errors if each.code not in NOT_COMPARED}
        return [self.ids[i] for i in np.flatnonzero(self.kept).tolist() if i not in unread]

    def _at(self, places: NDArray[np.int64]) -> "Duplicates":
        """The duplicates among some of the items.

        Where the representative of a group is not among them, the member that is most similar to it stands for it.
        """
        chosen = super()._at(places)
        new = {place: i for i, place in enumerate(places.tolist())}
        groups = []
        for group in self.groups:
            members = [(new[i], near, i) for i, near in zip(group.members, group.similarity, strict=True) if i in new]
            if len(members) > 1:
                first = next((m for m in members if m[2] == group.representative), max(members, key=lambda m: m[1]))
                groups.append(
                    DuplicateGroup(
                        representative=first[0],
                        members=tuple(i for i, _, _ in members),
                        ids=tuple(chosen.ids[i] for i, _, _ in members),
                        similarity=tuple(near for _, near, _ in members),
                    )
                )
        related = []
        for each in self.related:
            at = tuple(new[i] for i in each.members if i in new)
            if len(at) > 1:
                ids = tuple(chosen.ids[i] for i in at)
                related.append(RelatedGroup(members=at, ids=ids, contents=min(each.contents, len(at))))
        return replace(chosen, groups=tuple(groups), related=tuple(related))

    @property
    def extra(self) -> list[str]:
        """Ids of the items that could go."""
        return [self.ids[i] for i in np.flatnonzero(~self.kept).tolist()]

    def rows(self) -> Iterator[tuple[int | None, str | None, float | None]]:
        """Group, id of the representative and similarity to it for each item; None for items in no group."""
        of_item: dict[int, tuple[int, str, float]] = {}
        for number, group in enumerate(self.groups):
            for i, similarity in zip(group.members, group.similarity, strict=True):
                of_item[i] = number, self.ids[group.representative], similarity
        return (of_item.get(i, (None, None, None)) for i in range(len(self)))

    def related_numbers(self) -> list[int | None]:
        """The number of the related group of each item, None for items in none."""
        numbers: list[int | None] = [None] * len(self)
        for number, group in enumerate(self.related):
            for i in group.members:
                numbers[i] = number
        return numbers

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row per item: index id, columns group, representative, similarity, kept, error (a code),
        related (the number of the group of pictures of one layout with different content)."""
        pandas = import_pandas()
        group, representative, similarity = zip(*self.rows(), strict=True) if len(self) else ((), (), ())
        columns = {
            "group": pandas.array(list(group), dtype="Int64"),
            "representative": list(representative),
            "similarity": pandas.array(list(similarity), dtype="Float64"),
            "kept": self.kept,
            "error": self.codes,
            "related": pandas.array(self.related_numbers(), dtype="Int64"),
        }
        table: pd.DataFrame = pandas.DataFrame(columns, index=pandas.Index(self.ids, name="id"))
        return table

    def _gallery(self) -> Gallery:
        for number, group in enumerate(self.groups if self.has_files else ()):
            for i, id, similarity in zip(group.members, group.ids, group.similarity, strict=True):
                yield self.files[i], f"group {number}: {id} {similarity:.3f}"

    def _table(self) -> Any:
        rows = [(self.ids[each.representative], len(each.ids), min(each.similarity)) for each in self.groups]
        return import_pandas().DataFrame(rows, columns=["representative", "items", "lowest similarity"])

    def __repr__(self) -> str:
        failed = f", {len(self.errors)} could not be compared" if self.errors else ""
        groups = f"{len(self.groups):,} groups, {len(self.extra):,} items could go"
        related = f", {len(self.related):,} groups of one layout with different content" if self.related else ""
        remarks = f", {len(self.remarks):,} remarks: .remarks" if self.remarks else ""
        return f"<Duplicates ({self.kind}): {len(self):,} items, {groups}{related}{failed}{remarks}>"


def _related(group: Mapping[str, Any], place: Sequence[int], ids: Sequence[str]) -> RelatedGroup:
    at = tuple(place[i] for i in group["members"])
    return RelatedGroup(members=at, ids=tuple(ids[i] for i in at), contents=group["contents"])
