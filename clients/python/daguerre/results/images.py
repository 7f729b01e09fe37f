"""Descriptions of images without a model."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from daguerre.results.base import ItemResults, import_pandas, item_remarks
from daguerre.types.images import ImageDescription

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Descriptions(ItemResults):
    """Descriptions of images: an ImageDescription for each, None for those in `.errors`."""

    ROWS = ("images",)

    images: list[ImageDescription | None] = field(kw_only=True)
    first_of_many: list[int] = field(kw_only=True, default_factory=list)

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row per image: index id, columns sha256, phash, width, height, blank, remark, error (a code).

        blank : whether the image is of a single colour; missing where it could not be read.
        remark : "first_of_many" where the file holds several pictures, of which the first was read.
        """
        pandas = import_pandas()
        columns: dict[str, Any] = {
            name: [getattr(image, name, None) for image in self.images] for name in ("sha256", "phash")
        }
        for name in ("width", "height"):
            columns[name] = pandas.array([getattr(image, name, None) for image in self.images], dtype="Int64")
        columns["blank"] = pandas.array([None if each is None else each.blank for each in self.images], dtype="boolean")
        table: pd.DataFrame = pandas.DataFrame(
            {**columns, "remark": item_remarks(self), "error": self.codes}, index=pandas.Index(self.ids, name="id")
        )
        return table

    def __repr__(self) -> str:
        failed = f", {len(self.errors)} without a result" if self.errors else ""
        blank = sum(each is not None and each.blank for each in self.images)
        single = f", {blank:,} of a single colour" if blank else ""
        return f"<Descriptions: {len(self):,} images{failed}{single}>"
