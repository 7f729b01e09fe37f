"""Clusterings of the same items, aligned."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from daguerre.inputs.alignment import item_ids
from daguerre.results.clusters import Clustered

Labels: TypeAlias = Clustered | Sequence[int] | NDArray[np.integer[Any]]
Labellings: TypeAlias = Labels | Mapping[str, Labels]


def aligned_labels(
    clusterings: Labellings, ids: Sequence[str] | None
) -> tuple[dict[str, NDArray[np.int64]], list[str], NDArray[np.bool_]]:
    """Labels by name, ids, and which items have a result in all of them. Raises ValueError."""
    given = clusterings if isinstance(clusterings, Mapping) else {"clusters": clusterings}
    if not given:
        raise ValueError("clusterings: got none; give clusters, or a mapping of them by name")
    labels: dict[str, NDArray[np.int64]] = {}
    clustered = [each for each in given.values() if isinstance(each, Clustered)]
    for name, each in given.items():
        array = each.labels if isinstance(each, Clustered) else np.asarray(each)
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise ValueError(
                f"clusterings: {name!r} has {array.dtype} {array.shape}; give a whole number for each item"
            )
        labels[name] = array.astype(np.int64)
    if len({len(each) for each in labels.values()}) > 1:
        sizes = ", ".join(f"{name!r} {len(each):,}" for name, each in labels.items())
        raise ValueError(f"clusterings: of different numbers of items ({sizes}); they have to be of the same items")
    if any(each.ids != clustered[0].ids for each in clustered):
        raise ValueError("clusterings: their ids differ; cluster the same items, in the same order")
    n = len(next(iter(labels.values())))
    good = np.ones(n, bool)
    for each in clustered:
        good &= each.ok
    return labels, item_ids(ids, clustered[0].ids if clustered else [str(i) for i in range(n)]), good
