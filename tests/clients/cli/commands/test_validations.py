"""`daguerre validate` at a real server."""

import json
from pathlib import Path

import pandas as pd

from tests.clients.cli.test_group import run
from tests.clients.resources.test_validations import tables  # noqa: F401
from tests.e2e.harness import Server


def test_tables_are_validated_written_and_reported(inline: Server, tables: Path):  # noqa: F811
    out, page = tables / "figures.csv", tables / "page.html"
    files = (tables / "zero-shot.csv", f"again={tables / 'zero-shot.csv'}", tables / "sample.csv")
    done = run(inline, "validate", *files, "--resamples", "20", "-o", out, "--report", page)
    assert "zero-shot minus again" in done.stdout
    assert "since their coders differ" in done.stderr
    assert {"zero-shot", "again"} == set(pd.read_csv(out)["predictions"])
    assert "Agreement" in page.read_text()
    done = run(inline, "validate", files[0], files[2], "--resamples", "20", "--json", "--coder", "anna")
    assert json.loads(done.stdout)["coders"] == ["anna"]


def test_wrong_usage_is_told_before_anything_is_sent(tables: Path):  # noqa: F811
    done = run("http://x", "validate", tables / "sample.csv", code=2)
    assert "--classifier" in done.stderr
    done = run("http://x", "validate", tables / "zero-shot.csv", tables / "sample.csv", "--rename", "cat", code=2)
    assert "write the label" in done.stderr
