"""The report of a clustering as a page, with small versions of the exemplars' pictures."""

import os

from daguerre.handles.pictures import PageMode, ReportImages, require_mode, small_pictures
from daguerre.inputs.files import require_folder
from daguerre.results.clusters import Clustered
from daguerre.session import Session
from daguerre.storage.page_tables import require_tables, write_page, write_tables
from daguerre.transport.operations import CLUSTER_PAGE


async def write_report(
    session: Session,
    clusters: Clustered,
    path: str | os.PathLike[str],
    images: ReportImages | None,
    mode: PageMode,
    tables: str | os.PathLike[str] | None,
) -> None:
    """See AsyncClusters.report."""
    require_mode(mode)
    require_folder(path)
    require_tables(tables)
    if clusters.modality == "text" and images is None:
        mode = "none"
    pictures = {} if mode == "none" else await _pictures(session, clusters, images, mode=mode)
    items = [{"id": name, "image": image} for name, image in pictures.items()]
    html = await session.ask(CLUSTER_PAGE, {"id": clusters.id, "pictures": mode, "input": items})
    write_page(path, html, tables)


async def write_report_tables(session: Session, clusters: Clustered, folder: str | os.PathLike[str]) -> None:
    """See AsyncClusters.tables."""
    require_tables(folder)
    write_tables(await session.ask(CLUSTER_PAGE, {"id": clusters.id, "pictures": "none"}), folder, "clusters")


async def _pictures(
    session: Session, clusters: Clustered, images: ReportImages | None, *, mode: PageMode
) -> dict[str, bytes]:
    """JPEGs by the server's ids of the items."""
    names = clusters.answer["ids"]
    places = clusters.sent.tolist()
    shown = clusters.answer["shown"]
    own = [clusters.ids[places[i]] for i in shown]
    small = await small_pictures(session, own, clusters.ids, clusters.files, images, mode=mode)
    return {names[i]: small[id] for i, id in zip(shown, own, strict=True) if id in small}
