"""The workbench: pages in the browser, which are clients of the same API as all others."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from service.context import Context

FOLDER = Path(__file__).parents[4] / "clients" / "web"
PARTS = ("app", "strings", "style", "vendor")  # what a browser gets; the rest is for development
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "frame-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
VIEWER = "viewer.html"  # the map, whose library (regl) makes functions from texts
VIEWER_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "sandbox allow-scripts",  # no origin: neither cookies nor the API, however it is opened
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "cache-control": "no-cache",  # asked for again, and answered 304 while it is the same
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}
VIEWER_HEADERS = {**HEADERS, "content-security-policy": VIEWER_POLICY, "x-frame-options": "SAMEORIGIN"}


def add(app: FastAPI, context: Context) -> None:
    """Add the pages of the workbench; where their files are not installed, / leads to the API page."""

    @app.get("/", include_in_schema=False)
    async def index(request: Request) -> Response:
        return _shell("index.html") if FOLDER.is_dir() else RedirectResponse("docs")

    if not FOLDER.is_dir():
        return

    @app.get("/code", include_in_schema=False)
    async def code(request: Request) -> Response:
        return _shell("code.html")

    for part in PARTS:
        files = GZipMiddleware(_Files(directory=FOLDER / part), minimum_size=1024)
        app.mount(f"/web/{part}", files, name=f"web-{part}")


def _shell(name: str) -> Response:
    return FileResponse(FOLDER / name, media_type="text/html", headers=HEADERS)


class _Files(StaticFiles):
    """Files with the headers of the pages; the frame of the map has its own."""

    def file_response(self, full_path: Any, *args: Any, **options: Any) -> Response:
        response = super().file_response(full_path, *args, **options)
        response.headers.update(VIEWER_HEADERS if Path(full_path).name == VIEWER else HEADERS)
        return response
