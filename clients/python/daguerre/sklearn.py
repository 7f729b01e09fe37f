"""Daguerre in pipelines of scikit-learn: a transformer that embeds items, and a classifier by labels.

from daguerre.sklearn import Embedder

make_pipeline(Embedder(), LogisticRegression()).fit(paths, codes)
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from daguerre.client import shared_client
from daguerre.types.common import Decode

Kind = Literal["image", "text"]


class _Items(BaseEstimator):  # type: ignore[misc]
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
        return {f"{self.kind}s": list(X) if hasattr(X, "tolist") and getattr(X, "ndim", 1) == 1 else X}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = False, True
        tags.no_validation = True
        return tags


class Embedder(TransformerMixin, _Items):  # type: ignore[misc]
    """A transformer of items to unit vectors.

    Parameters
    ----------
    kind : "image": X has paths, bytes, PIL images or arrays; "text": X has texts.
    model : name of the model; None: that of the server.
    decode : "exact" or "scaled", as for `Client.embed`.
    dimensions : length of the vectors, for models that can be cut.
    url : address of the server; None: DAGUERRE_URL, or this machine. The key of a server is that of DAGUERRE_API_KEY,
        and no parameter, since parameters are printed and stored.

    Attributes
    ----------
    fingerprint_ : of the model that embedded the items of `fit`; `transform` refuses vectors of another one.
    n_features_out_ : length of the vectors.

    Notes
    -----
    Nothing is learned from X. An item that cannot be embedded raises ItemFailedError. A search over parameters of later
    steps embeds the same items again for each fold, unless the pipeline has a `memory`.
    """

    def __init__(
        self,
        kind: Kind = "image",
        *,
        model: str | None = None,
        decode: Decode | None = None,
        dimensions: int | None = None,
        url: str | None = None,
    ) -> None:
        self.kind, self.model, self.decode, self.dimensions, self.url = kind, model, decode, dimensions, url

    def fit(self, X: Any, y: Any = None) -> "Embedder":
        """Ask the server which model it has."""
        self._given(X)
        cards = {card.id: card for card in shared_client(self.url).models()}
        card = next(iter(cards.values())) if self.model is None else cards.get(self.model)
        if card is None:
            raise ValueError(f"model: there is no {self.model!r:.200} on the server; there are {', '.join(cards)}")
        self.fingerprint_ = card.receipt(self.decode).fingerprint
        self.n_features_out_ = self.dimensions or card.dimension
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """The vectors, (n, d) float32."""
        check_is_fitted(self)
        found = shared_client(self.url).embed(
            **self._given(X),
            model=self.model,
            decode=self.decode,
            dimensions=self.dimensions,
            fingerprint=self.fingerprint_,
            on_error="raise",
            progress=False,
        )
        return found.vectors

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the columns: embedder0, embedder1, …"""
        check_is_fitted(self)
        return np.array([f"embedder{i}" for i in range(self.n_features_out_)], object)


class ZeroShotClassifier(ClassifierMixin, _Items):  # type: ignore[misc]
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
        found: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return found
