"""Methods of the client for collections."""

from collections.abc import Mapping
from typing import Any, Literal

from daguerre.handles.collection import AsyncCollection
from daguerre.inputs.metadata import field_types
from daguerre.results.embeddings import Embeddings
from daguerre.session import Session
from daguerre.transport.operations import COLLECTION, COLLECTIONS, CREATE_COLLECTION
from daguerre.types.collections import CollectionCard
from daguerre.types.common import Decode


class CollectionMethods(Session):
    """Collections on the server."""

    async def create_collection(
        self,
        name: str,
        *,
        model: str | None = None,
        fields: Mapping[str, Any] | None = None,
        thumbnails: Literal["none", "small", "blurred"] | None = None,
        decode: Decode | None = None,
        like: Embeddings | None = None,
    ) -> AsyncCollection:
        """Create a collection: items with vectors and metadata that stay on the server until they are deleted.

        A collection of that name with the same properties is returned as it is.

        Parameters
        ----------
        name : small letters, digits, "-", "_" and ".".
        model : model of the vectors, in place of the client's.
        fields : type of each metadata field: int, float, str, bool or datetime.
        thumbnails : small JPEGs of images to keep: "small"; "blurred", so that people cannot be recognised; None: none.
        decode : decoding of JPEGs, as for `embed`.
        like : embeddings whose model, fingerprint and dimension the collection has, in place of a model; it need not be
            a model of the server.

        Returns
        -------
        Collection : `.add(…)`, `.search(…)`, `.items()`, `.where(…)`; other methods take it in place of embeddings.

        Raises
        ------
        DaguerreError : there is a collection of that name with other properties; any subclass in daguerre.errors.

        Examples
        --------
        >>> posts = client.create_collection("posts", fields={"year": int, "source": str})
        >>> posts.add(images="photos/")
        """
        asked: dict[str, Any] = {"name": name, "model": model or (self.default_model if like is None else None)}
        if like is not None:
            if model is not None or decode is not None:
                raise ValueError("like: states the model and the decode setting; leave model and decode out")
            asked |= {"model": like.model, "fingerprint": like.fingerprint, "dimension": like.vectors.shape[1]}
        asked |= {"decode": decode, "thumbnails": thumbnails, "fields": field_types(fields or {})}
        return AsyncCollection(self, await self.ask(CREATE_COLLECTION, asked))

    async def collection(self, name: str) -> AsyncCollection:
        """Get a collection by its name. Raises NotFoundError.

        Examples
        --------
        >>> client.cluster(embeddings=client.collection("posts").where(year=2020))
        """
        return AsyncCollection(self, await self.ask(COLLECTION, {"name": name}))

    async def collections(self) -> list[CollectionCard]:
        """List your collections on the server, by name: rows, model, fields, bytes, …"""
        return await self.entries(COLLECTIONS)
