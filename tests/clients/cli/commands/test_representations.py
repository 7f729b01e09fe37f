"""`daguerre representations` at a real server."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from daguerre import Client, cli
from daguerre.cli.grids import combination
from tests.clients.cli.test_group import run
from tests.clients.resources.test_representations import GOOD, IDS, POOR, TRUTH, embeddings
from tests.e2e.harness import Server


@pytest.fixture
def coded(inline: Server, tmp_path: Path) -> Path:
    with Client(inline.url) as client:
        pairs = client.draw_pairs({"c": TRUTH}, 40, 40, ids=IDS)
    table = pairs.to_pandas()
    table["same"] = (TRUTH[pairs.a] == TRUTH[pairs.b]).astype(int)
    table.loc[0, "same"] = np.nan
    table.to_csv(tmp_path / "pairs.csv", index=False)
    embeddings(GOOD).to_parquet(tmp_path / "good.parquet")
    embeddings(POOR, "colour-histogram").to_parquet(tmp_path / "poor.parquet")
    return tmp_path / "pairs.csv"


def test_vectors_are_compared_written_and_reported(inline: Server, coded: Path):
    out, page = coded.with_name("ranking.csv"), coded.with_name("page.html")
    files = (coded.with_name("good.parquet"), f"colours={coded.with_name('poor.parquet')}")
    grid = ("--grid", "method=kmeans k=2,3", "--grid", "method=hdbscan min-cluster-size=5")
    done = run(inline, "representations", coded, *files, *grid, "-o", out, "--report", page, "--json")
    table = pd.read_csv(out)
    assert len(table) == 6
    assert list(table["f1"]) == sorted(table["f1"], reverse=True)
    assert table["representation"][0] == "good"
    assert "colours (baseline)" in page.read_text()
    assert json.loads(done.stdout)["left_out"] == 1
    assert "1 pairs are left out: nobody has coded them" in done.stderr
    assert "good: AUC" in done.stderr
    done = run(inline, "representations", coded, *files, "--cosines-only")
    assert done.stdout.splitlines()[0] == "name,model,dimension,baseline,auc,auc_low,auc_high," + (
        "difference,difference_low,difference_high"
    )
    run(inline, "representations", coded, *files, *grid, "-o", coded.with_name("ranking.parquet"))
    assert len(pd.read_parquet(coded.with_name("ranking.parquet"))) == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("good.parquet", "good.parquet"), "another representation is named 'good'"),
        (("pairs.csv",), "vectors are a .parquet or .npz"),
        (("good.parquet", "--grid", "kmeans"), "--grid: got 'kmeans'"),
        (("good.parquet", "--grid", " "), "--grid: is empty"),
        (("good.parquet", "--grid", "method=kmeans k="), "--grid: got 'k='"),
        (("good.parquet", "--report", "x.csv"), "--report"),
    ],
)
def test_what_cannot_be_read_is_refused(inline: Server, coded: Path, arguments, message):
    given = [
        coded.parent / each if each.endswith((".parquet", ".csv")) and each != "x.csv" else each for each in arguments
    ]
    done = run(inline, "representations", coded, *given, code=2)
    assert message in done.stderr


def test_an_unknown_parameter_is_refused_by_the_server(inline: Server, coded: Path):
    good = coded.with_name("good.parquet")
    done = run(inline, "representations", coded, good, "--grid", "method=kmeans clusters=3", code=cli.REFUSED)
    assert "clusters" in done.stderr


def test_values_are_numbers_truths_or_texts():
    assert combination("method=kmeans k=10,20 normalize=false threshold=0.1 k-rule=best") == {
        "method": ["kmeans"],
        "k": [10, 20],
        "normalize": [False],
        "threshold": [0.1],
        "k_rule": ["best"],
    }
