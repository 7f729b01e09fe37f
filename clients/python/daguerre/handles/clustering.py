"""Clusters that can ask the server for their report."""

import os
from dataclasses import dataclass, field, fields
from typing import Protocol, TypeVar

from daguerre.blocking import Runner, blocking
from daguerre.handles.cluster_report import PageMode, ReportImages, write_report
from daguerre.results.clusters import Clustered, read_clusters
from daguerre.session import Session

T = TypeVar("T")


class BlockingClient(Runner, Protocol):
    """A client that runs the methods of `asynchronous` and waits for them."""

    @property
    def asynchronous(self) -> Session: ...


@dataclass(frozen=True, eq=False, repr=False)
class AsyncClusters(Clustered):
    __doc__ = Clustered.__doc__

    client: Session | None = field(kw_only=True, default=None)

    async def report(
        self,
        path: "str | os.PathLike[str]",
        *,
        images: ReportImages | None = None,
        pictures: PageMode = "thumbnails",
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
        await write_report(require_client(self.client), self, path, images, pictures)

    @classmethod
    def load(cls, path: "str | os.PathLike[str]", client: Session | None = None) -> "AsyncClusters":
        """What `save` has written; with a client it can `report` again. Raises DaguerreError."""
        return cls.of(**read_clusters(path), client=client)


@dataclass(frozen=True, eq=False, repr=False)
class Clusters(Clustered):
    __doc__ = Clustered.__doc__

    client: BlockingClient | None = field(kw_only=True, default=None)

    @property
    def asynchronous(self) -> AsyncClusters:
        """The same with asynchronous methods."""
        session = None if self.client is None else self.client.asynchronous
        return AsyncClusters(**{each.name: getattr(self, each.name) for each in fields(Clustered)}, client=session)

    @property
    def _runner(self) -> Runner:
        return require_client(self.client)

    report = blocking(AsyncClusters.report)

    @classmethod
    def load(cls, path: "str | os.PathLike[str]", client: BlockingClient | None = None) -> "Clusters":
        """What `save` has written; with a client it can `report` again. Raises DaguerreError."""
        return cls.of(**read_clusters(path), client=client)

    @classmethod
    def waiting(cls, client: BlockingClient, found: AsyncClusters) -> "Clusters":
        """The same, whose report waits."""
        return cls(**{each.name: getattr(found, each.name) for each in fields(Clustered)}, client=client)


def require_client(client: T | None) -> T:
    """The client. Raises ValueError where there is none."""
    if client is None:
        raise ValueError("report: this was read from a file; give load a client, which asks the server for the page")
    return client
