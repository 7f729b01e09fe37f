"""The items of a fit or a transformation: X has paths, bytes, PIL images, arrays or texts, and no numbers."""

from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator

Kind = Literal["image", "text"]


class Items(BaseEstimator):  # type: ignore[misc]
    """An estimator whose X has items: a list, an array, a column of a table, or a table of one column."""

    def _given(self, X: Any) -> dict[str, Any]:
        """The items as arguments of the client. Raises ValueError for several columns, and without items."""
        if self.kind not in ("image", "text"):
            raise ValueError(f"kind: got {self.kind!r:.60}, it must be 'image' or 'text'")
        shape = getattr(X, "shape", None)
        if shape is not None and len(shape) == 2:
            if shape[1] != 1:
                raise ValueError(
                    f"X has {shape[1]} columns, and items are one; choose it by name with a ColumnTransformer"
                )
            X = X.iloc[:, 0] if hasattr(X, "iloc") else np.asarray(X)[:, 0]
        if isinstance(X, str | bytes) or not hasattr(X, "__len__"):
            raise ValueError(
                f"X is a {type(X).__name__}; give a list, an array or a column with an entry for each item"
            )
        if not len(X):
            raise ValueError("X has 0 items, and at least one is needed")
        return {f"{self.kind}s": list(X)}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = False, True
        tags.no_validation = True
        return tags
