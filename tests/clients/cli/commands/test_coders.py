"""`daguerre coder-groups`, `daguerre reconcile`, and the figures of `daguerre agreement`."""

import json

import pandas as pd
import pytest

from tests.clients.cli.test_group import run
from tests.clients.resources.test_coders import CODERS, table


@pytest.fixture
def codes(tmp_path):
    path = tmp_path / "codes.csv"
    table().to_csv(path, index=False)
    return path


def test_groups_of_coders_are_compared(inline, codes, tmp_path):
    groups = [part for coder, group in CODERS.items() for part in ("--group", f"{coder}={group}")]
    files = ("--items", tmp_path / "items.csv", "--report", tmp_path / "groups.html")
    done = run(inline, "coder-groups", codes, *groups, "--resamples", "20", *files)
    assert "left: 2 coders, 16 codes of 8 items" in done.stdout
    assert "anger: left 0." in done.stdout
    assert "left with right, 8 items: percent" in done.stdout
    assert "fewer than five coders" in done.stderr
    assert list(pd.read_csv(tmp_path / "items.csv").columns)[:4] == ["id", "a", "b", "category"]
    assert "Overall differences" in (tmp_path / "groups.html").read_text()
    pd.DataFrame(CODERS.items(), columns=["coder", "group"]).to_csv(tmp_path / "groups.csv", index=False)
    answers = [
        json.loads(run(inline, "coder-groups", codes, *given, "--resamples", "20", "--json").stdout)
        for given in (groups, ["--group", tmp_path / "groups.csv"])
    ]
    assert answers[0] == answers[1]
    done = run(inline, "coder-groups", codes, "--group", "anna=left", "--group", "ben", code=2)
    assert "'ben' is no CODER=GROUP" in done.stderr


def test_a_crowd_is_reconciled(inline, codes, tmp_path):
    done = run(inline, "reconcile", codes, "-o", tmp_path / "labels.csv")
    assert "anger: share 0." in done.stdout
    assert "anna: 8 codes, accuracy 0." in done.stdout
    assert "labels.csv: 8 items" in done.stderr
    assert len(pd.read_csv(tmp_path / "labels.csv")) == 8
    assert "id,label,probability,majority,tied,n_codes" in run(inline, "reconcile", codes).stdout


def test_agreement_prints_the_codes_of_each_coder(inline, tmp_path):
    wide = pd.DataFrame({"id": [f"i{i}" for i in range(6)], "a": [1, 2, 3, 1, 2, 3], "b": [1, 2, 3, 2, 2, 3]})
    wide.to_csv(tmp_path / "wide.csv", index=False)
    done = run(inline, "agreement", tmp_path / "wide.csv", "--level", "interval", "--resamples", "20")
    assert "  a: 6 codes (1 2, 2 2, 3 2)" in done.stdout
    for name in ("kappa linear", "kappa quadratic", "ac1", "ac2 quadratic", "icc agreement", "icc consistency"):
        assert name in done.stdout
