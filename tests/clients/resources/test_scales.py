"""Pairs to compare and the scale that comparisons give, by the client and by the command line."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from daguerre import Client, ComparisonPairs, DaguerreWarning, Scale
from daguerre.errors import InvalidRequestError
from tests.clients.cli.test_group import run
from tests.clients.conftest import address

IDS = [f"p{i}.jpg" for i in range(8)]


def answered(path: Path, coders=("winner",), seed=0) -> pd.DataFrame:
    """The table of pairs with winners: the item of the higher number mostly wins."""
    rng = np.random.default_rng(seed)
    table = pd.read_csv(path, dtype=str)
    for coder in coders:
        ahead = (table["a"].str[1].astype(int) - table["b"].str[1].astype(int)).to_numpy()
        won = rng.random(len(table)) < 1 / (1 + np.exp(-0.5 * ahead))
        table[coder] = np.where(rng.random(len(table)) < 0.1, "tie", np.where(won, "a", "b"))
    table.to_csv(path, index=False)
    return table


def test_pairs_are_drawn_and_scaled(client: Client, tmp_path: Path):
    drawn = client.draw_comparisons(IDS, per_item=6, seed=1)
    assert isinstance(drawn, ComparisonPairs)
    assert len(drawn) == 24
    assert drawn.per_item == 6
    assert {*drawn.a, *drawn.b} == set(IDS)
    drawn.save(tmp_path / "pairs.csv", coders=["anna", "ben"])
    table = answered(tmp_path / "pairs.csv", ("anna", "ben"))
    with pytest.raises(ValueError, match="would be lost"):
        drawn.save(tmp_path / "pairs.csv", coders=["anna", "ben"])
    with pytest.warns(DaguerreWarning) as told:
        found = client.scale(tmp_path / "pairs.csv", ridge=0.1)
    assert any("are ties, which count as half a win" in str(each.message) for each in told)
    assert isinstance(found, Scale)
    assert (found.comparisons, found.missing) == (48, 0)
    assert found.items[0].item > found.items[-1].item
    assert "comparisons of 2 coders count as independent" in found.remarks[0]
    frame = found.to_pandas()
    assert list(frame.columns) == ["id", "score", "se", "low", "high", "comparisons", "wins"]
    found.save(tmp_path / "scale.csv")
    assert len(pd.read_csv(tmp_path / "scale.csv")) == 8
    with pytest.warns(DaguerreWarning):
        again = client.scale([*table["a"], *table["a"]], [*table["b"]] * 2, [*table["anna"], *table["ben"]], ridge=0.1)
    assert again.answer == found.answer
    assert "reliability" in repr(found)


def test_comparisons_without_a_scale_are_refused(client: Client):
    with pytest.raises(InvalidRequestError, match="x has won all comparisons with the other items"):
        client.scale(["x", "x", "y", "z"], ["y", "z", "z", "y"], ["x", "a", "a", "a"])
    with pytest.raises(InvalidRequestError, match="no comparisons connect 2 sets of items"):
        client.scale(["x", "y", "u", "v"], ["y", "x", "v", "u"], ["a", "a", "a", "a"])
    with pytest.raises(InvalidRequestError, match="got 'z' in row 0"):
        client.scale(["x"], ["y"], ["z"])
    with pytest.raises(InvalidRequestError, match="'x' is there twice"):
        client.draw_comparisons(["x", "y", "x"], per_item=2)
    with pytest.raises(ValueError, match="needs the columns 'a' and 'b'"):
        client.scale(pd.DataFrame({"id": ["x"]}))
    with pytest.raises(ValueError, match="the column 'winner' is empty"):
        client.scale(pd.DataFrame({"a": ["x"], "b": ["y"], "winner": [None]}))


@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
def test_both_transports_give_the_same_scale(inline):
    answers = []
    for scheme in ("http", "grpc"):
        with Client(address(inline, scheme)) as client:
            drawn = client.draw_comparisons(IDS, per_item=3, seed=2**32 - 1)
            found = client.scale(drawn.a, drawn.b, ["tie"] * (len(drawn) - 1) + [None])
            answers.append((drawn.a, drawn.b, drawn.seed, found.answer))
    assert answers[0] == answers[1]


def test_the_command_line_goes_from_items_to_a_scale(inline, tmp_path):
    pd.DataFrame({"id": IDS}).to_csv(tmp_path / "items.csv", index=False)
    pairs, out = tmp_path / "pairs.csv", tmp_path / "scale.csv"
    done = run(inline, "comparisons", tmp_path / "items.csv", "--per-item", "5", "-o", pairs)
    assert "20 pairs of 8 items, 5.0 of each, seed 0" in done.stderr
    answered(pairs)
    done = run(inline, "scale", pairs, "--ridge", "0.1", "-o", out)
    assert "comparisons won" in done.stdout
    assert "scale.csv: 8 items, 20 comparisons" in done.stderr
    assert "ridge of 0.1" in done.stderr
    answer = json.loads(run(inline, "scale", pairs, "--ridge", "0.1", "-o", out, "--json").stdout)
    assert pd.read_csv(out)["score"].tolist() == pytest.approx([each["score"] for each in answer["items"]])
    assert "id,score,se,low,high,comparisons,wins" in run(inline, "scale", pairs, "--ridge", "0.1").stdout
