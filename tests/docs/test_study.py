"""The example of a whole study, as commands and in Python, on stamps of Tux Paint: no step needs a table mended."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from daguerre import Client
from tests.e2e import harness
from tests.e2e.harness import ROOT, Server

EXAMPLES = ROOT / "clients" / "python" / "examples"
SIZE = "80"  # items to code
PAGES = ("duplicates", "clusters", "agreement", "animal", "estimate", "zero-shot", "validation", "found")


@pytest.fixture(scope="module")
def studies(pictures: Path, documented: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of results of both runs."""
    folder = tmp_path_factory.mktemp("results")
    variables = {
        **harness.environment(),
        "HOME": str(folder),
        "DAGUERRE_URL": documented.url,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    made = {}
    for name, command in (("commands", ["bash", "study.sh"]), ("python", [sys.executable, "study.py"])):
        made[name] = folder / name
        done = subprocess.run(
            [*command, str(pictures), str(made[name]), SIZE],
            cwd=EXAMPLES,
            env=variables,
            capture_output=True,
            text=True,
            timeout=400,
        )
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        (made[name] / "printed.txt").write_text(done.stdout + done.stderr)
    return made


def rows_of(table: Path) -> dict[str, dict[str, str]]:
    with table.open(newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("name", ["commands", "python"])
def test_every_step_takes_what_the_one_before_has_made(studies, pictures, name):
    results = studies[name]
    every = {str(path.relative_to(pictures)) for path in pictures.rglob("*.png")}
    predictions, sample = rows_of(results / "predictions.csv"), rows_of(results / "sample.csv")
    assert 0 < len(predictions) <= len(every)
    assert set(predictions) <= every
    assert len(sample) == int(SIZE)
    assert set(sample) <= set(predictions)
    assert all(0 < float(row["inclusion_prob"]) <= 1 for row in sample.values())
    assert {row[coder] for row in sample.values() for coder in ("anna", "ben")} == {"a thing", "an animal"}
    differ = {id for id, row in sample.items() if row["anna"] != row["ben"]}
    assert set(rows_of(results / "differ.csv")) == differ
    right = [(row["label"] == "an animal") == id.startswith("animals/") for id, row in predictions.items()]
    assert sum(right) > 0.85 * len(right)
    for page in PAGES:
        assert (results / f"{page}.html").read_text().startswith("<!doctype html>"), page
    assert {path.suffix for path in (results / "tables").iterdir()} == {".csv", ".tex", ".svg"}


def test_the_study_is_replicated_from_its_bundle(studies, pictures, documented):
    """That of the commands; tests/clients/replication has one of the SDK."""
    with Client(documented.url, progress=False) as client:
        replication = client.replicate(studies["commands"] / "study.zip", pictures)
    assert replication.agrees, replication.lines()
    operations = {figure.operation for figure in replication.figures}
    assert operations >= {"embed_corpus", "duplicates", "cluster", "sample", "agreement", "train_classifier", "predict"}
    assert operations >= {"estimate", "zero_shot", "validate", "search"}


def test_commands_and_python_have_the_same_results(studies):
    tables = [rows_of(results / "predictions.csv") for results in studies.values()]
    assert list(tables[0]) == list(tables[1])
    ours, theirs = ([float(row["an animal"]) for row in table.values()] for table in tables)
    assert ours == pytest.approx(theirs, abs=1e-5)
    assert len({tuple(rows_of(results / "sample.csv")) for results in studies.values()}) == 1


def test_all_commands_name_pictures_alike(studies):
    results = studies["commands"]
    kept = set((results / "kept.txt").read_text().split("\n")) - {""}
    for table in ("clusters", "predictions", "zero-shot"):
        assert set(rows_of(results / f"{table}.csv")) == kept, table
    with (results / "found.csv").open(newline="") as file:
        assert {row["id"] for row in csv.DictReader(file)} <= set(rows_of(results / "duplicates.csv"))
