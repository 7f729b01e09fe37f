"""`daguerre sample`, `agreement` and `train`: each takes the table that the one before wrote, filled in by people."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.clients.cli.test_group import run


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """24 pictures of two colours, and their clusters."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "stamps").mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for i in range(24):
        pixels = rng.integers(0, 60, (32, 32, 3), dtype=np.uint8)
        pixels[..., 2 * (i % 2)] = 220
        Image.fromarray(pixels).save(folder / "stamps" / f"{i:02}.png")
        rows.append((f"{i:02}.png", i % 2, i // 2))
    pd.DataFrame(rows, columns=["id", "cluster", "group"]).to_csv(folder / "clusters.csv", index=False)
    return folder


@pytest.mark.thorough
def test_each_step_takes_the_table_of_the_one_before(inline, study):
    sample = study / "sample.csv"
    done = run(
        *(inline, "sample", study / "clusters.csv", "--size", "20", "--allocation", "equal"),
        *("--coder", "anna", "--coder", "ben", "--root", study / "stamps", "-o", sample),
    )
    assert "20 of 24 items" in done.stderr
    table = pd.read_csv(sample, dtype=str)
    assert list(table.columns) == ["id", "path", "stratum", "inclusion_prob", "group", "anna", "ben"]
    assert all((study / path).is_file() for path in table["path"])
    assert table["anna"].isna().all()
    table["anna"] = table["stratum"].map({"0": "red", "1": "blue"})
    table["ben"] = table["anna"].where(table.index >= 2, "red")
    different = int((table["anna"] != table["ben"]).sum())
    table.to_csv(sample, index=False)

    done = run(inline, "agreement", sample, "--differ", study / "differ.csv", "--resamples", "50")
    assert "2 coders, 20 items" in done.stdout
    assert f"coders differ on {different} items" in done.stdout
    assert "blue: agreement" in done.stdout
    assert list(pd.read_csv(study / "differ.csv").columns) == ["id", "anna", "ben", "adjudicator"]
    answer = json.loads(run(inline, "agreement", sample, "--json", "--resamples", "50").stdout)
    assert answer["n_differ"] == different
    for coder in ("anna", "ben"):
        table[["id", coder]].to_csv(study / f"{coder}.csv", index=False)
    files = [study / "anna.csv", study / "ben.csv"]
    assert json.loads(run(inline, "agreement", *files, "--json", "--resamples", "50").stdout) == answer

    options = ("--rule", "both", "--folds", "2", "--root", study / "stamps", "--report", study / "animal.html")
    done = run(inline, "train", "tables", sample, *options)
    assert "The coders are anna, ben" in done.stderr
    assert "20 items" in done.stderr
    page = (study / "animal.html").read_text()
    assert "Items on which coders differ" in page
    run(inline, "embed", study / "stamps", "-o", study / "corpus.parquet")
    vectors = pd.read_parquet(study / "corpus.parquet")
    assert vectors["id"].str.endswith("00.png").any()
    done = run(inline, "train", "tables", sample, "--folds", "2", "--embeddings", study / "corpus.parquet")
    if different:
        assert f"{different} of 20 coded items are left out because their coders differ (rule majority)" in done.stderr


def test_an_option_of_tables_is_refused_with_a_folder(inline, study):
    done = run(inline, "train", "tables", "--folder", study, "--coder", "anna", code=2)
    assert "--coder is for a table of codes; leave it out with --folder" in done.stderr
    done = run(
        inline, "sample", study / "clusters.csv", "--size", "2", "--coder", "stratum", "-o", study / "x.csv", code=2
    )
    assert "--coder: got 'stratum', which is a column already" in done.stderr
