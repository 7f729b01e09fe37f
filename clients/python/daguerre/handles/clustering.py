"""Clusters as objects that get their report from the server."""

import os
from dataclasses import dataclass, field, fields
from typing import TypeVar

from daguerre.blocking import Runner, blocking
from daguerre.handles.cluster_report import write_report, write_report_tables
from daguerre.handles.pages import BlockingClient, Pictured
from daguerre.handles.pictures import PageMode, ReportImages
from daguerre.results.clusters import Clustered, read_clusters
from daguerre.session import Session

T = TypeVar("T")


@dataclass(frozen=True, eq=False, repr=False)
class AsyncClusters(Clustered):
    __doc__ = Clustered.__doc__

    client: Session | None = field(kw_only=True, default=None)

    async def report(
        self,
        path: "str | os.PathLike[str]",
        *,
        images: ReportImages | None = None,
        pictures: PageMode = "blurred",
        tables: "str | os.PathLike[str] | None" = None,
    ) -> None:
        """Write the report as one HTML page, which needs no network.

        Parameters
        ----------
        images : the images: a folder that ids are relative to, a mapping from ids to paths or bytes, or a list with one
            for each item. None: the files that were clustered.
        pictures : "blurred", the faces that the server's detector finds, or the whole picture where it has no detector;
            "blurred_whole", the whole picture; "thumbnails", as they are; or "none". The page has thumbnails of
            exemplars; the server keeps no image.
        tables : a folder, into which each table of the page goes as CSV and LaTeX, and each figure as SVG.

        Raises
        ------
        ValueError : none of the images exists.

        Examples
        --------
        >>> client.cluster(images="photos/").report("clusters.html")
        """
        await write_report(require_client(self.client), self, path, images, pictures, tables)

    async def tables(self, folder: "str | os.PathLike[str]") -> None:
        """Write the tables of the report as CSV and LaTeX, and its figures as SVG, into a folder, which is made.

        CSV files have numbers with all their digits, LaTeX files as they are printed.

        Examples
        --------
        >>> C.tables("tables/")  # tables/clusters-passes.csv, tables/clusters-passes.tex, …
        """
        await write_report_tables(require_client(self.client), self, folder)

    @classmethod
    def load(cls, path: "str | os.PathLike[str]", client: Session | None = None) -> "AsyncClusters":
        """Read a file of `save`; `report` needs a client. Raises DaguerreError."""
        return cls.of(**read_clusters(path), client=client)


@dataclass(frozen=True, eq=False, repr=False)
class Clusters(Pictured, Clustered):
    __doc__ = Clustered.__doc__

    @property
    def asynchronous(self) -> AsyncClusters:
        """The same with asynchronous methods."""
        session = None if self.client is None else self.client.asynchronous
        return AsyncClusters(**{each.name: getattr(self, each.name) for each in fields(Clustered)}, client=session)

    @property
    def _runner(self) -> Runner:
        return require_client(self.client)

    report = blocking(AsyncClusters.report)
    tables = blocking(AsyncClusters.tables)

    @classmethod
    def load(cls, path: "str | os.PathLike[str]", client: BlockingClient | None = None) -> "Clusters":
        """Read a file of `save`; `report` needs a client. Raises DaguerreError."""
        return cls.of(**read_clusters(path), client=client)

    @classmethod
    def waiting(cls, client: BlockingClient, clusters: AsyncClusters) -> "Clusters":
        """The blocking twin of `clusters`."""
        return cls(**{each.name: getattr(clusters, each.name) for each in fields(Clustered)}, client=client)


def require_client(client: T | None) -> T:
    """Return the client. Raises ValueError if there is none."""
    if client is None:
        raise ValueError("report needs a client for clusters read from a file; call load(path, client)")
    return client
