"""Daguerre as the embedding model of BERTopic, for texts and for pictures.

from daguerre.bertopic import Backend

BERTopic(embedding_model=Backend()).fit_transform(texts)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bertopic.backend import BaseEmbedder
from numpy.typing import NDArray

from daguerre.client import Client
from daguerre.results.embeddings import Embeddings


class Backend(BaseEmbedder):  # type: ignore[misc]
    """An embedding model of BERTopic that asks a server for unit vectors.

    Parameters
    ----------
    url : address of the server, as for Client.
    model : name of the model; None: that of the server. For pictures beside texts it must embed both.
    options : further arguments of Client.
    """

    def __init__(self, url: str | None = None, *, model: str | None = None, **options: Any) -> None:
        super().__init__()
        self.client = Client(url, model=model, **options)

    def embed(
        self, documents: Sequence[str | None], images: Sequence[Any] | None = None, verbose: bool = False
    ) -> NDArray[np.float32]:
        """Embed texts, pictures, or posts of both, whose vector is the mean of the two, as BERTopic's own backend does.

        Returns
        -------
        (n, d) float32.

        Raises
        ------
        ItemFailedError : a text or picture that cannot be embedded; BERTopic has no place for missing vectors.
        """
        none = documents is None or not len(documents) or documents[0] is None
        texts = None if none else self.embed_documents(documents, verbose)
        if images is None:
            if texts is None:
                raise ValueError("there are neither documents nor images; give one of them")
            return texts
        pictures = self.embed_images(images, verbose)
        return pictures if texts is None else np.mean([texts, pictures], axis=0)

    def embed_documents(self, document: Sequence[str | None], verbose: bool = False) -> NDArray[np.float32]:
        """Embed texts, (n, d) float32."""
        found: Embeddings = self.client.embed(texts=list(document), on_error="raise", progress=verbose)
        return found.vectors

    def embed_words(self, words: Sequence[str], verbose: bool = False) -> NDArray[np.float32]:
        """Embed words, (n, d) float32."""
        return self.embed_documents(words, verbose)

    def embed_images(self, images: Sequence[Any], verbose: bool = False) -> NDArray[np.float32]:
        """Embed pictures, given as paths, bytes or PIL images, (n, d) float32."""
        found: Embeddings = self.client.embed(images=list(images), on_error="raise", progress=verbose)
        return found.vectors
