"""Vectors of a few items of a study, without those of the others. Call all functions in a thread."""

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.stores.studies import Study
from service.stores.study_items import StudyItem, item_by_key
from service.stores.study_vectors import BYTES, VectorSet


def some_items(study: Study, keys: Sequence[str] | None, size: int, seed: int) -> list[StudyItem]:
    """The items of `keys`, or up to `size` of all, drawn by a seed. Raises NotFound."""
    if keys is None:
        with study.database.reading() as db:
            (count,) = db.execute("SELECT count(*) FROM items").fetchone()
            drawn = random.Random(seed).sample(range(count), min(size, count))
            keys = [
                db.execute("SELECT key FROM items ORDER BY place LIMIT 1 OFFSET ?", (i,)).fetchone()["key"]
                for i in drawn
            ]
    return [item_by_key(study.database, key) for key in keys]


def rows_of(study: Study, vectors: VectorSet, places: Sequence[int]) -> dict[int, NDArray[np.float32]]:
    """The vectors of items by place, (d,) each; without those that have none."""
    found: dict[int, NDArray[np.float32]] = {}
    with study.database.reading() as db:
        for place in places:
            row = db.execute(
                "SELECT row FROM vector_rows WHERE vectors = ? AND item = ? AND row IS NOT NULL",
                (vectors.number, place),
            ).fetchone()
            if row is None:
                continue
            start = row["row"] * BYTES * vectors.dimension
            content = np.fromfile(study.vectors / f"{vectors.number}.f32", "<f4", count=vectors.dimension, offset=start)
            if len(content) == vectors.dimension:
                found[place] = content
    return found
