"""A notebook runs from its first cell to its last in a kernel of Jupyter, and its results are shown as HTML."""

import json
import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

from tests.clients.neighbours.environments import python_of, run
from tests.clients.resources.test_blurred_faces import clear_faces, crowds, pictures_of
from tests.e2e.browser import OPTIONS

pytestmark = [pytest.mark.slow]
assert crowds  # a fixture
CELLS = [
    "import warnings; warnings.simplefilter('ignore')\nfrom daguerre import AsyncClient, Client\nclient = Client()",
    "X = client.embed(images=faces)\nX",
    "P = client.zero_shot(images=corpus, labels=['a cat', 'a cup of <b>coffee</b>', 'a rocket launch'])\nP",
    "V = client.embed(images=corpus).drop_failed()\nC = client.cluster(embeddings=V, method='kmeans', k=3)\nC",
    "C.plot();",
    "client.search('a cat', V, k=5)",
    "client.search('a cat', V, k=5).plot();",
    "client.duplicates(images=corpus, kind='near')",
    "client.sample(6, clusters=C)",
    "client.faces(images=faces)",
    "P.errors",
    "codes = {id: ('a cat' if 'chelsea' in id else 'other') for id in V.ids}\n"
    "clf = client.train_classifier('notebook', embeddings=V, targets=[codes[id] for id in V.ids], folds=2, "
    "inner_folds=2, resamples=100)\nclf.report",
    "clf.predict(embeddings=V)",
    "E = clf.estimate(embeddings=V)\nE",
    "E.plot();",
    "client.validate(clf.predict(embeddings=V), codes)",
    "client.delete_classifier('notebook')",
    "asynchronous = AsyncClient()\nawait asynchronous.zero_shot(texts=['a cat'], labels=['animal', 'machine'])",
    "import asyncio, threading\nfound = []\n"
    "thread = threading.Thread(target=lambda: found.append(asyncio.run(asynchronous.embed(texts=['a cat']))))\n"
    "thread.start(); thread.join()\nfound[0]",
]
RUN = """
import json, sys, nbformat
from nbclient import NotebookClient
cells = json.loads(sys.argv[1])
book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
NotebookClient(book, timeout=300, kernel_name="python3").execute()
nbformat.validate(book)
print(json.dumps([[output.get("data", {"text/plain": output.get("text")}) for output in cell.outputs]
                  for cell in book.cells]))
"""


@pytest.fixture(scope="module")
def outputs(inline, corpus, crowds, tmp_path_factory) -> dict[str, list[dict[str, str]]]:
    """The outputs of each cell, by kind."""
    python = python_of("notebook", "nbclient==0.11.0", "ipykernel==7.4.0")
    cells = [f"corpus, faces = {str(corpus)!r}, {str(crowds)!r}\n{CELLS[0]}", *CELLS[1:]]
    home = str(tmp_path_factory.mktemp("home"))
    said = run(python, RUN, json.dumps(cells), DAGUERRE_URL=inline.url, HOME=home, MPLBACKEND="")
    return dict(zip(CELLS, json.loads(said.splitlines()[-1]), strict=True))


def test_every_result_of_a_notebook_is_shown_and_no_face(outputs):
    shown = {cell: [data["text/html"] for data in each if "text/html" in data] for cell, each in outputs.items()}
    assert sum(map(bool, shown.values())) == 14
    faces = pictures_of(shown[CELLS[1]][0])
    assert len(faces) == 6
    assert not any(map(clear_faces, faces))
    plots = [cell for cell in CELLS if any("image/png" in data for data in outputs[cell])]
    assert plots == [cell for cell in CELLS if ".plot()" in cell]


def test_a_browser_shows_the_notebook_and_fetches_nothing(outputs, tmp_path):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    page = tmp_path / "notebook.html"
    page.write_text(_page(outputs), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        view = browser.new_page(viewport={"width": 1000, "height": 800})
        requests: list[str] = []
        view.on("request", lambda request: requests.append(request.url))
        view.goto(page.as_uri())
        view.screenshot(path=os.environ.get("DAGUERRE_SCREENSHOT", tmp_path / "notebook.png"), full_page=True)
        widths = view.evaluate("[...document.querySelectorAll('figure img')].map(each => each.naturalWidth)")
        assert view.locator("td b, th b, figcaption b").count() == 0  # of a label with a tag
        browser.close()
    assert len(widths) > 40
    assert min(widths) > 0
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


def _page(outputs: dict[str, list[dict[str, str]]]) -> str:
    """The cells and their outputs as one page."""
    parts = ["<meta charset=utf-8><style>body{font-family:sans-serif;font-size:12px}td,th{padding:2px 8px}</style>"]
    for cell, each in outputs.items():
        parts.append(f"<pre style='background:#eee'>{cell.replace('<', '&lt;')}</pre>")
        for data in each:
            if "text/html" in data:
                parts.append(data["text/html"])
            elif "image/png" in data:
                parts.append(f"<img src='data:image/png;base64,{data['image/png']}'>")
    return "\n".join(parts)
