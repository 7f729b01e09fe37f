"""A transformer of items to vectors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from daguerre.client import shared_client
from daguerre.sklearn.items import Items, Kind
from daguerre.types.common import Decode


class Embedder(TransformerMixin, Items):  # type: ignore[misc]
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
