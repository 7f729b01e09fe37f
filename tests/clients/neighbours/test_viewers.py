"""Embedding Atlas and FiftyOne from their packages, unmodified, with files of `daguerre export`."""

import json
import os
import shlex
import shutil
import subprocess
import time

import httpx
import pytest
from click.testing import CliRunner
from playwright.sync_api import sync_playwright

from bench import stamps
from daguerre.cli import main
from tests.clients.neighbours.environments import python_of, run
from tests.e2e import harness
from tests.e2e.browser import OPTIONS

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")]


def daguerre(address: str, *arguments: str) -> str:
    done = CliRunner().invoke(main, [*arguments], env={"DAGUERRE_URL": address}, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def until_it_answers(address: str) -> None:
    for _ in range(1200):  # the first start compiles many packages
        try:
            if httpx.get(address).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"{address} does not answer")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Stamps of all classes, on white."""
    folder = tmp_path_factory.mktemp("stamps")
    try:
        root = stamps.fetch()
    except SystemExit as exc:
        pytest.skip(f"the stamps cannot be fetched: {exc}")
    chosen = stamps.load(root, stamps.LABELS)[::4]
    for stamp in chosen:
        shutil.copy(stamp.path, folder / f"{stamp.folder.replace('/', ' ')} {stamp.path.stem}.png")
    assert len(chosen) > 60
    return folder


def test_embedding_atlas_shows_the_map_and_the_pictures(inline, folder, tmp_path):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    names = {each: str(tmp_path / each) for each in ("vectors.parquet", "clusters.csv", "atlas.parquet")}
    daguerre(inline.url, "embed", str(folder), "-o", names["vectors.parquet"])
    daguerre(
        inline.url, "cluster", names["vectors.parquet"], "--method", "kmeans", "--k", "6", "-o", names["clusters.csv"]
    )
    arguments = ["--for", "embedding-atlas", "--vectors", names["vectors.parquet"], "--root", str(folder)]
    said = daguerre(inline.url, "export", names["clusters.csv"], *arguments, "-o", names["atlas.parquet"])
    command = shlex.split(said.strip().splitlines()[-1].partition("open it with ")[2])
    python = python_of("atlas", "embedding-atlas==0.22.0", alone=True)  # the last one that draws without WebGPU
    port = harness.free_port()
    environment = {**os.environ, "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    program = [
        str(python.parent / command[0]),
        *command[1:],
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-auto-port",
    ]
    with (tmp_path / "atlas.log").open("wb") as log:
        server = subprocess.Popen(program, stdout=log, stderr=log, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        until_it_answers(f"{address}/data/metadata.json")
        with sync_playwright() as playwright:
            swift = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
            options = [option for option in OPTIONS if option != "--disable-gpu"]
            browser = playwright.chromium.launch(executable_path=chromium, args=[*options, *swift])
            view = browser.new_page(viewport={"width": 1400, "height": 860})
            view.goto(address)
            view.get_by_text("silhouette_final").first.wait_for(timeout=60_000)
            view.wait_for_timeout(5000)  # the map is drawn
            view.screenshot(path=os.environ.get("DAGUERRE_SCREENSHOT", tmp_path / "atlas.png"))
            shown = view.inner_text("body")
            browser.close()
    finally:
        server.kill()
        server.wait()
    assert "cluster" in shown
    assert f"{len(list(folder.iterdir()))}" in shown.replace(",", "")


def test_fiftyone_reads_labels_and_pictures(inline, folder, tmp_path):
    """Its database is the one that its package brings."""
    names = {each: str(tmp_path / each) for each in ("labels.csv", "labels.json")}
    chosen = ("a mammal", "a bird", "a vehicle", "a fruit", "a musical instrument")
    labels = [part for label in chosen for part in ("--label", label)]
    daguerre(inline.url, "zero-shot", str(folder), *labels, "-o", names["labels.csv"])
    daguerre(
        inline.url,
        "export",
        names["labels.csv"],
        "--for",
        "fiftyone",
        "--root",
        str(folder),
        "-o",
        names["labels.json"],
    )
    python = python_of("fiftyone", "fiftyone==1.22.0", alone=True)
    code = """
import json, sys
import fiftyone as fo
dataset = fo.Dataset.from_dir(
    dataset_type=fo.types.FiftyOneImageClassificationDataset, data_path=sys.argv[1], labels_path=sys.argv[2]
)
print(json.dumps([[each.filepath, each.ground_truth.label, each.ground_truth.confidence] for each in dataset]))
"""
    paths = str(tmp_path / "labels.paths.json")
    said = run(python, code, paths, names["labels.json"], HOME=str(tmp_path), FIFTYONE_DO_NOT_TRACK="true")
    found = {path: (label, score) for path, label, score in json.loads(said.splitlines()[-1])}
    wanted = json.loads((tmp_path / "labels.json").read_text())["labels"]
    files = json.loads((tmp_path / "labels.paths.json").read_text())
    assert len(found) == len(wanted) == len(list(folder.iterdir()))
    for item, each in wanted.items():
        assert found[files[item]] == (each["label"], pytest.approx(each["confidence"]))
