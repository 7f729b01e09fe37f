"""A small study by commands, recorded and bundled."""

import csv
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daguerre.cli import main
from tests.e2e.harness import Server

Edit = Callable[[dict[str, bytes]], None]


@dataclass(frozen=True)
class RecordedStudy:
    """A study: the folders of its pictures and results, and its bundle."""

    server: Server
    pictures: Path
    folder: Path
    bundle: Path


def run(server: Server, *arguments: object, code: int = 0, study: Path | None = None) -> Result:
    """Run a command in this process."""
    variables = {"DAGUERRE_URL": server.url, "DAGUERRE_STUDY": None if study is None else str(study)}
    result = CliRunner().invoke(main, [str(each) for each in arguments], env=variables)
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


def edited(bundle: Path, out: Path, edit: Edit, *, steps: tuple[int, ...] | None = None) -> Path:
    """A bundle with other members, and of some of its steps."""
    with zipfile.ZipFile(bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members["manifest.json"])
    if steps is not None:
        manifest["steps"] = [each for each in manifest["steps"] if int(each[:4]) in steps]
        members["manifest.json"] = json.dumps(manifest).encode()
    edit(members)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out


@pytest.fixture(scope="session")
def recorded(inline: Server, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> RecordedStudy:
    """Embed, drop copies, cluster, draw, code, train, predict, estimate and validate 20 pictures, by commands."""
    root = tmp_path_factory.mktemp("recorded")
    pictures, folder = root / "pictures", root / "study"
    for kind, many in (("chelsea", 8), ("coffee", 8), ("rocket", 3)):
        (pictures / kind).mkdir(parents=True)
        for i in range(many):
            shutil.copy(corpus / f"{kind}{i}.jpg", pictures / kind)
    shutil.copy(corpus / "rocket0.jpg", pictures / "rocket" / "copy.jpg")
    folder.mkdir()

    def step(*arguments: object) -> None:
        run(inline, "-q", *arguments, study=folder)

    vectors, kept, sample, labels = (folder / name for name in ("v.parquet", "kept.txt", "sample.csv", "labels.csv"))
    step("embed", pictures, "-o", vectors)
    step("duplicates", pictures, "--kind", "exact", "-o", folder / "duplicates.csv", "--keep-list", kept)
    clusters = folder / "clusters.csv"
    step("cluster", vectors, "--ids", kept, "--method", "kmeans", "--k", 3, "--seed", 1, "-o", clusters)
    step("sample", clusters, "--size", 16, "--root", pictures, "--coder", "anna", "--coder", "ben", "-o", sample)
    with sample.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for i, row in enumerate(rows):
        row["anna"] = "cat" if row["id"].startswith("chelsea") else "thing"
        row["ben"] = row["anna"] if i else ("thing" if row["anna"] == "cat" else "cat")
    with sample.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    page = folder / "agreement.html"
    step("agreement", sample, "--report", page, "--root", pictures)
    step("train", "kinds", sample, "--coder", "anna", "--embeddings", vectors, "--folds", 2)
    step("predict", "kinds", vectors, "--ids", kept, "-o", labels)
    step("estimate", "kinds", vectors, "--ids", kept, "--report", folder / "estimate.html")
    step("validate", labels, sample, "--coder", "anna", "--classifier", "kinds")
    bundle = root / "study.zip"
    run(inline, "-q", "bundle", folder, "-o", bundle)
    return RecordedStudy(inline, pictures, folder, bundle)


@pytest.fixture
def photos_copy(recorded: RecordedStudy, tmp_path: Path) -> Path:
    """A copy of the pictures that a test may change."""
    return Path(shutil.copytree(recorded.pictures, tmp_path / "photos", copy_function=os.link))
