"""The wheels of the Python SDK, so that another machine installs the version that fits this server."""

import html
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse

from models.errors import quoted
from service.api.http.responses import page_response
from service.context import Context
from service.errors import NotFound

WHEELS = Path(__file__).parents[4] / "build" / "client"  # scripts/wheels writes them
MAKE = "scripts/wheels makes the wheels, in the folder of the server"


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of the wheels, which need no key: pip sends none."""

    @app.get("/client/", include_in_schema=False)
    async def index(request: Request) -> Response:
        request.state.operation = "client"
        return page_response(_page(f"{request.url.scheme}://{request.url.netloc}", _names()))

    @app.get("/client/{name}", include_in_schema=False)
    async def wheel(request: Request, name: str) -> Response:
        request.state.operation = "client"
        if name not in _names():
            raise NotFound(f"client: {quoted(name)} is not there; /client/ lists the wheels, and {MAKE}")
        return FileResponse(WHEELS / name, media_type="application/octet-stream")


def _names() -> list[str]:
    return sorted(path.name for path in WHEELS.glob("*.whl"))


def _page(url: str, names: list[str]) -> str:
    """A page with the command, and links that pip's --find-links reads."""
    links = "".join(f'<li><a href="{html.escape(name)}">{html.escape(name)}</a></li>' for name in names)
    sdk = next((name for name in names if name.startswith("daguerre-")), None)
    command = f'pip install "daguerre[all] @ {url}/client/{sdk}"' if sdk else MAKE
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Daguerre: the Python package</title>"
        f"<h1>The Python package of this server</h1><pre>{html.escape(command)}</pre><ul>{links}</ul></html>"
    )
