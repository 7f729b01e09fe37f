"""The example from labels to results, on a few stamps: estimates that hold the known truth, and pages."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e import harness
from tests.e2e.harness import ROOT, Server

EXAMPLE = ROOT / "clients" / "python" / "examples" / "labels_to_results.py"
PAGES = ("duplicates", "agreement", "classifier", "estimates")


@pytest.mark.thorough
def test_the_example_ends_with_estimates_that_hold_the_truth(
    pictures: Path, documented: Server, tmp_path: Path
) -> None:
    few = tmp_path / "stamps"
    for name in ("animals/birds", "animals/mammals", "vehicles", "household"):
        (few / name).mkdir(parents=True)
        for picture in sorted((pictures / name).rglob("*.png"))[:14]:
            shutil.copy(picture, few / name)
    variables = {
        **harness.environment(),
        "HOME": str(tmp_path),
        "DAGUERRE_URL": documented.url,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), str(few), str(tmp_path / "results"), "40"],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert re.search(r"an interval of width 0\.12 with predictions: code (\d+|more than)", done.stdout)
    results = tmp_path / "results"
    with (results / "estimates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    every = sorted(few.rglob("*.png"))
    truth = sum("animals" in path.parts for path in every) / len(every)
    whole = {row["predictions"]: row for row in rows if not row["by"]}
    assert set(whole) == {"classifier", "mean of prompts", "prompt 1", "prompt 2"}
    for row in whole.values():
        assert float(row["low"]) <= truth <= float(row["high"])
        corrected, alone = (float(row[f"{of}high"]) - float(row[f"{of}low"]) for of in ("", "classical_"))
        assert corrected <= alone
    assert {row["of"] for row in rows if row["by"]} == {"colourful", "dull"}
    with (results / "regression.csv").open(newline="") as file:
        assert {"(constant)", "brightness", "colours=dull"} == {row["name"] for row in csv.DictReader(file)}
    for page in PAGES:
        assert (results / f"{page}.html").read_text().startswith("<!doctype html>"), page
