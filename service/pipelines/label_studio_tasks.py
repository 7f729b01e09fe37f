"""Pictures of tasks of Label Studio: data URIs, and files below DAGUERRE_DATA. No address is fetched."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from models.errors import quoted
from service.errors import ItemFailure, Unprocessable
from service.pipelines.items import Item
from service.schemas.label_studio import LabelStudioTask
from service.settings import Settings
from service.stores.data_folder import inside

Reserve = Callable[[int], None]  # reserves memory for bytes


def pictures_of(
    settings: Settings, tasks: Sequence[LabelStudioTask], column: str, reserve: Reserve
) -> tuple[list[Item], dict[int, ItemFailure]]:
    """The pictures of tasks, and those that have none. Blocks: it reads files."""
    items: list[Item] = []
    refused: dict[int, ItemFailure] = {}
    for i, task in enumerate(tasks):
        try:
            items.append(Item(image=_picture(settings, task.data.get(column), column, reserve)))
        except Unprocessable as exc:
            refused[i] = ItemFailure(i, None, exc.code, exc.message)
    return items, refused


def _picture(settings: Settings, given: Any, column: str, reserve: Reserve) -> bytes | str:
    """A data URI as it is, or the file below DAGUERRE_DATA that an address of Label Studio names."""
    if not isinstance(given, str) or not given:
        raise Unprocessable(f"data: has no {quoted(column)}; send the picture as a data URI", code="missing_modality")
    if given[:5].lower() == "data:":
        return given
    try:
        address = urlsplit(given)
    except ValueError as exc:
        raise Unprocessable(f"{column}: {quoted(given)} is no address ({exc}); send a data URI") from exc
    if not address.path.startswith("/data/") or address.scheme not in ("", "http", "https"):
        raise Unprocessable(
            f"{column}: {quoted(given)} is not fetched; send a data URI, or serve the files to Label Studio from the "
            "server's folder DAGUERRE_DATA, as /data/local-files/?d=PATH",
            code="url_not_fetched",
        )
    local = address.path.rstrip("/") == "/data/local-files"
    relative = parse_qs(address.query).get("d", [""])[0] if local else unquote(address.path.removeprefix("/data/"))
    path, most = inside(settings.data, relative, column), settings.max_image_bytes
    try:
        size = path.stat().st_size
        if not path.is_file() or size > most:
            raise Unprocessable(f"{column}: {quoted(relative)} is no file of at most {most:,} bytes; send another one")
        reserve(size)
        return path.read_bytes()
    except OSError as exc:
        raise Unprocessable(f"{column}: {quoted(relative)} cannot be read ({exc.strerror}); send another one") from exc
