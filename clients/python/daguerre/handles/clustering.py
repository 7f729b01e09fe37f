"""Clusters that can ask the server for their report."""

import os
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, TypeVar

from daguerre.results.clusters import Clustered, read_clusters

if TYPE_CHECKING:
    from daguerre.client import Client
    from daguerre.cluster_page import Given, PageMode
    from daguerre.training import Training


@dataclass(frozen=True, eq=False, repr=False)
class AsyncClusters(Clustered):
    __doc__ = Clustered.__doc__

    client: "Training | None" = field(kw_only=True, default=None)

    async def report(
        self,
        path: "str | os.PathLike[str]",
        *,
        images: "Given | None" = None,
        pictures: "PageMode" = "thumbnails",
    ) -> None:
        """Write the report as one HTML page, which needs no network.

        Parameters
        ----------
        images : where the pictures are: a folder that ids are relative to, a mapping from ids to paths or bytes, or a
            list, one for each item. Left out, the files that were clustered.
        pictures : "thumbnails"; "blurred", so that nobody can be recognised; or "none". Small versions of exemplars
            go into the page; the server keeps none of them. A page of texts has none.

        Raises
        ------
        ValueError : none of the pictures is there.

        Examples
        --------
        >>> client.cluster(images="photos/").report("clusters.html", pictures="blurred")
        """
        from daguerre.cluster_page import write

        await write(require_client(self.client), self, path, images, pictures)

    @classmethod
    def load(cls, path: "str | os.PathLike[str]", client: "Training | None" = None) -> "AsyncClusters":
        """What `save` has written; with a client it can `report` again. Raises DaguerreError."""
        return cls.of(**read_clusters(path), client=client)


@dataclass(frozen=True, eq=False, repr=False)
class Clusters(Clustered):
    __doc__ = Clustered.__doc__

    client: "Client | None" = field(kw_only=True, default=None)

    def report(
        self,
        path: "str | os.PathLike[str]",
        *,
        images: "Given | None" = None,
        pictures: "PageMode" = "thumbnails",
    ) -> None:
        from daguerre.cluster_page import write

        client = require_client(self.client)
        client.run(write(client.asynchronous, self, path, images, pictures))

    report.__doc__ = AsyncClusters.report.__doc__

    @classmethod
    def load(cls, path: "str | os.PathLike[str]", client: "Client | None" = None) -> "Clusters":
        """What `save` has written; with a client it can `report` again. Raises DaguerreError."""
        return cls.of(**read_clusters(path), client=client)

    @classmethod
    def waiting(cls, found: AsyncClusters, client: "Client") -> "Clusters":
        """The same, whose report waits."""
        return cls(**{each.name: getattr(found, each.name) for each in fields(Clustered)}, client=client)


T = TypeVar("T")


def require_client(client: T | None) -> T:
    if client is None:
        raise ValueError("report: this was read from a file; give load a client, which asks the server for the page")
    return client
