"""A classifier by the names of its classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from daguerre.client import shared_client
from daguerre.sklearn.items import Items, Kind
from daguerre.types.common import Decode


class ZeroShotClassifier(ClassifierMixin, Items):  # type: ignore[misc]
    """A classifier by the names of its classes: nothing is learned, but which classes there are.

    Parameters
    ----------
    labels : texts of the classes as they are asked, such as {"protest": "a photo of a street protest"}, by the classes
        in y; None: the classes themselves.
    templates : prompt templates, each with one {} for the label; None: the model's own.
    kind, model, decode, url : as for Embedder.

    Attributes
    ----------
    classes_ : (k,) the classes of `fit`, sorted.
    """

    def __init__(
        self,
        kind: Kind = "image",
        *,
        labels: dict[Any, str] | None = None,
        templates: Sequence[str] | None = None,
        model: str | None = None,
        decode: Decode | None = None,
        url: str | None = None,
    ) -> None:
        self.kind, self.labels, self.templates = kind, labels, templates
        self.model, self.decode, self.url = model, decode, url

    def fit(self, X: Any, y: Any) -> "ZeroShotClassifier":
        """Note the classes in y. Raises ValueError for fewer than two, or for one without a text."""
        self._given(X)
        classes = np.unique(np.asarray(y))
        if len(classes) < 2:
            raise ValueError(f"y has {len(classes)} class, and at least 2 are needed")
        missing = [each for each in classes.tolist() if self.labels is not None and each not in self.labels]
        if missing:
            raise ValueError(f"labels: has no text for the class {missing[0]!r}; add it")
        self.classes_ = classes
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Scores of the classes, (n, k), which sum to 1. They are not calibrated."""
        check_is_fitted(self)
        found = shared_client(self.url).zero_shot(
            **self._given(X),
            labels=[str(each) if self.labels is None else self.labels[each] for each in self.classes_.tolist()],
            templates=self.templates,
            model=self.model,
            decode=self.decode,
            on_error="raise",
            progress=False,
        )
        return found.scores

    def predict(self, X: Any) -> NDArray[Any]:
        """The class with the highest score, (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        found: NDArray[Any] = self.classes_[best]
        return found
