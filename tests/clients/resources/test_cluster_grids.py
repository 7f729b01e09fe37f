"""A grid of clusterings: each row is that clustering, over HTTP and gRPC, from the SDK and the command line."""

import csv
import io
import json

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from daguerre import Client, ClusterGrid, Embeddings, Errors, InvalidRequestError, NotFoundError, Receipt
from tests.clients.cli.test_group import run
from tests.clients.conftest import address
from tests.models.page_reader import Read


def vectors(n=90, k=3):
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (k, 16))[np.arange(n) % k] + rng.normal(0, 0.3, (n, 16))
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    receipt = Receipt(
        model="m",
        revision="1",
        fingerprint="f" * 32,
        precision="fp32",
        decode="exact",
        provider="CPU",
        demonstration=False,
    )
    return Embeddings(
        ids=[f"{i}.jpg" for i in range(n)],
        errors=Errors(),
        receipt=receipt,
        truncated=[],
        vectors=x,
        tokens=0,
        modality="image",
    )


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_each_row_is_that_clustering(inline, scheme, tmp_path):
    x, known = vectors(), [str(i % 3) for i in range(90)]
    with Client(address(inline, scheme)) as client:
        grid = client.cluster_grid(embeddings=x, k=[2, 3], seed=[1, 2], known=known, resamples=2)
        assert isinstance(grid, ClusterGrid)
        again = client.computed_cluster_grid(grid.id)
        single = client.cluster(embeddings=x, method="kmeans", k=3, seed=2, known=known, resamples=2, projection="none")
        with pytest.raises(NotFoundError, match="job of another kind"):
            client.computed_cluster_grid(single.id)
        grid.report(tmp_path / "grid.html", tables=tmp_path / "tables")
    assert again.rows == grid.rows
    assert [row.parameters for row in grid] == [
        {"method": "kmeans", "k": k, "seed": seed} for k in (2, 3) for seed in (1, 2)
    ]
    row = grid[3]
    assert row.name == "kmeans, k 3, seed 2"
    assert (row.clusters, row.unclustered) == (len(single.clusters), single.unclustered)
    assert row.silhouette == pytest.approx(np.nanmean(single.silhouettes_final), abs=1e-5)
    assert row.stability == pytest.approx(single.stability["mean"])
    assert row.ari == pytest.approx(adjusted_rand_score(known, single.labels))
    sizes = np.bincount(single.labels)
    assert [row.sizes[name] for name in ("smallest", "median", "largest")] == [
        sizes.min(),
        np.median(sizes),
        sizes.max(),
    ]
    table = grid.to_pandas()
    assert table.columns[:2].tolist() == ["method", "k"]
    assert table.loc[row.name, "ari"] == row.ari
    assert Read((tmp_path / "grid.html").read_text("utf-8")).row("k 3, seed 2")[1:3] == ["3", "0"]
    assert {path.name for path in (tmp_path / "tables").iterdir()} >= {"grid-grid.csv", "grid-grid.tex"}
    assert "kmeans, k 3, seed 2: 3 clusters, 0 in none" in repr(grid)


def test_bad_grids_name_the_rule_and_the_way_out(inline):
    x = vectors(20)
    with Client(inline.url) as client:
        with pytest.raises(ValueError, match="no parameters; give lists of values"):
            client.cluster_grid(embeddings=x)
        with pytest.raises(ValueError, match="got k too; put all parameters into the grid"):
            client.cluster_grid(embeddings=x, k=3, grid=[{"method": "hdbscan"}])
        with pytest.raises(InvalidRequestError, match=r"grid\[1\]: is the same as grid\[0\]"):
            client.cluster_grid(embeddings=x, k=[3, 3])
        with pytest.raises(InvalidRequestError, match="k_rule"):
            client.cluster_grid(embeddings=x, method="kmeans", k_rule="gaps")
        with pytest.raises(ValueError, match="known: 3 for 20 items"):
            client.cluster_grid(embeddings=x, k=[2, 3], known=["a", "b", "c"])


def test_the_command_writes_a_row_for_each_combination(inline, tmp_path):
    vectors().to_parquet(tmp_path / "x.parquet")
    done = run(
        *(inline, "cluster", tmp_path / "x.parquet", "--grid", "k=2,3 restarts=1", "--grid", "method=hdbscan"),
        *("--resamples", 0, "--report", tmp_path / "grid.html", "--json", "-o", tmp_path / "grid.csv"),
    )
    with open(tmp_path / "grid.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(io.StringIO(file.read())))
    assert [row["name"] for row in rows[:2]] == ["kmeans, restarts 1, k 2", "kmeans, restarts 1, k 3"]
    assert rows[2]["name"] == "hdbscan"
    assert [row["clusters"] for row in rows[:2]] == ["2", "3"]
    assert rows[0]["stability"] == ""
    assert json.loads(done.stdout)["rows"][1]["clusters"] == 3
    assert "3 clusterings" in (tmp_path / "grid.html").read_text("utf-8").replace("\u00a0", " ")
    refused = run(inline, "cluster", tmp_path / "x.parquet", "--grid", "k", code=2)
    assert "--grid: got 'k'; write parameters as in" in refused.stderr
    refused = run(inline, "cluster", tmp_path / "x.parquet", "--grid", "k=2", "--tables", tmp_path / "t", code=2)
    assert "add --report FILE" in refused.stderr
