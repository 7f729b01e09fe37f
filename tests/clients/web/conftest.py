"""A browser, and a server with keys and a folder of pictures."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.clients.web import pictures
from tests.e2e import harness
from tests.e2e.harness import Server
from tests.label_stub import Stub, write_labellers

KEY = "open-sesame"
OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),  # WebGL without a graphics card
]
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that ends with its file: while Playwright runs, no other test can call asyncio.run."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    expect.set_options(timeout=20_000)  # ms: other tests may have the cores
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Stub]:
    """The chat endpoint of the server's labeller."""
    stub = Stub()
    yield stub
    stub.close()


@pytest.fixture(scope="session")
def workbench(home: Path, endpoint: Stub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the key KEY, a labeller, and pictures in the folder `photos` of its DAGUERRE_DATA."""
    folder = tmp_path_factory.mktemp("workbench")
    pictures.write(folder / "data" / "photos", 40)
    settings = {
        **{"DAGUERRE_API_KEYS": KEY, "DAGUERRE_DATA": str(folder / "data"), "DAGUERRE_GRPC_PORT": "0"},
        "BENTOML_HOME": str(folder / "bentoml"),
    }
    labeller = endpoint.labeller(logprobs=True, input_price=2.0, output_price=10.0)
    settings["DAGUERRE_LABELLERS"] = str(write_labellers(folder, {"qwen": labeller}))
    with harness.running(folder, settings=settings) as running:
        yield running


@pytest.fixture
def owner(workbench: Server) -> Iterator[httpx.Client]:
    """The API as the owner of studies uses it."""
    with workbench.client(headers={"authorization": f"Bearer {KEY}"}) as client:
        yield client


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser with nothing in it, which fails the test if a page has an error or asks another host for anything."""
    made = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    errors: list[str] = []
    made.on("weberror", lambda error: errors.append(str(error.error)))
    made.on("console", lambda message: errors.append(message.text) if _is_violation(message.text) else None)
    hosts: set[str] = set()
    made.on("request", lambda request: hosts.add(httpx.URL(request.url).host))
    yield made
    made.close()
    assert not errors, errors
    assert hosts <= {"127.0.0.1", "localhost", ""}, hosts


def _is_violation(text: str) -> bool:
    return "Content Security Policy" in text or "Uncaught" in text


@pytest.fixture
def open_page(context: BrowserContext, workbench: Server) -> Open:
    """A function that opens an address of the workbench, signed in with KEY unless `key` is None."""

    def opened(address: str = "/", *, key: str | None = KEY) -> Page:
        page = context.new_page()
        page.set_default_timeout(15_000)
        if key is not None:
            page.goto(f"{workbench.url}/livez")
            page.evaluate(
                "key => fetch('/v1/session', {method: 'POST', headers: {authorization: 'Bearer ' + key}})", key
            )
        page.goto(f"{workbench.url}{address}")
        return page

    return opened
