"""`daguerre analyse --report` with a real server."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from daguerre import Client, DaguerreWarning, cli
from tests.e2e.harness import Server
from tests.models.clips import make


def ran(server: Server, *arguments: object) -> Result:
    return CliRunner().invoke(cli.main, ["--url", server.url, "analyse", *map(str, arguments)])


@pytest.mark.thorough
def test_a_report_is_written_beside_the_table(inline: Server, photos: Path, tmp_path: Path) -> None:
    page, tables = tmp_path / "page.html", tmp_path / "tables"
    where = ("-o", tmp_path / "found.csv", "--report", page, "--root", photos, "--pictures", "blurred")
    done = ran(inline, photos / "chelsea.jpg", photos / "rocket.jpg", "--objects", *where, "--tables", tables)
    assert done.exit_code == 0, done.output
    assert f"{page}: the report" in done.stderr
    text = page.read_text(encoding="utf-8")
    assert text.count("<img") >= 2
    assert "Faces are blurred" in text
    assert list(tables.glob("page-*.csv"))


def test_a_run_into_parquet_has_the_report_of_all_its_pictures(inline: Server, photos: Path, tmp_path: Path) -> None:
    folder, page, out = tmp_path / "photos", tmp_path / "page.html", tmp_path / "found.parquet"
    folder.mkdir()
    for name in ("chelsea.jpg", "rocket.jpg"):
        shutil.copy(photos / name, folder)
    (folder / "broken.jpg").write_bytes(b"no image")
    given = (folder, "--objects", "--visual", "--min-score", "0.1", "-o", out)
    assert ran(inline, *given).exit_code == 3
    done = ran(inline, *given, "--report", page)  # nothing is left to be analysed
    assert "0 analysed" in done.stderr
    text = page.read_text(encoding="utf-8")
    assert "Dashed: the threshold, 0.1;" in text
    assert "Items that could not be used" in text
    assert text.count("<img") >= 2
    with Client(inline.url) as client:
        stored = client.read_analyses(out)
        with pytest.warns(DaguerreWarning):
            fresh = client.analyse(folder, {"objects": {"min_score": 0.1}, "visual": {}})
        assert stored.receipts == fresh.receipts
        assert stored.options == fresh.options
        pd.testing.assert_frame_equal(stored.to_pandas(), fresh.to_pandas())
        pd.testing.assert_frame_equal(stored.values, fresh.values)
        with pytest.raises(ValueError, match="are not both there; analyse_corpus writes them"):
            client.read_analyses(tmp_path / "none.parquet")


def test_options_of_a_report_need_one(inline: Server, photos: Path, tmp_path: Path) -> None:
    out = ("-o", tmp_path / "found.csv")
    done = ran(inline, photos, "--visual", *out, "--pictures", "none")
    assert done.exit_code == 2
    assert "add --report FILE" in done.stderr


def test_videos_are_analysed_into_tables(inline: Server, tmp_path: Path) -> None:
    """A file that is a video needs no --video."""
    (tmp_path / "clip.mp4").write_bytes(make(frames=4, rate=2, size=(64, 64)))
    out, counts, values = (tmp_path / name for name in ("found.csv", "counts.csv", "values.csv"))
    where = ("-o", out, "--counts", counts, "--values", values, "--every", "0.5s")
    done = ran(inline, tmp_path / "clip.mp4", "--objects", "--visual", *where)
    assert done.exit_code == 0, done.output
    assert "4 frames of 1 videos" in done.stderr
    assert pd.read_csv(values).time.tolist() == [0.0, 0.5, 1.0, 1.5]
    assert pd.read_csv(counts).id.tolist() == [f"clip.mp4@{t:.3f}" for t in (0, 0.5, 1, 1.5)]
    assert {"video", "time", "frame"} <= set(out.read_text().splitlines()[0].split(","))
    corpus = (tmp_path / "clip.mp4", "--video", "--objects", "-o", tmp_path / "found.parquet")
    assert ran(inline, *corpus).exit_code == 0
    assert "0 analysed" in ran(inline, *corpus).stderr
    page = tmp_path / "page.html"
    assert ran(inline, *corpus, "--report", page).exit_code == 0
    assert "1\u00a0video" in page.read_text(encoding="utf-8")


def test_a_table_of_findings_is_one_of_crops(inline: Server, photos: Path, tmp_path: Path) -> None:
    found = tmp_path / "found.csv"
    assert ran(inline, photos / "chelsea.jpg", "--objects", "--classes", "-o", found).exit_code == 0
    done = ran(inline, photos / "chelsea.jpg", "--visual", "--crops", found, "-o", tmp_path / "crops.csv")
    assert done.exit_code == 0, done.output
    assert "findings without a box" in done.output
    command = ["zero-shot", photos / "chelsea.jpg", "--crops", found, "--label", "a cat", "--label", "a dog"]
    scored = CliRunner().invoke(cli.main, ["--url", inline.url, *map(str, command)])
    assert scored.exit_code == 0, scored.output
    assert "chelsea.jpg#0,a cat" in scored.stdout


def test_tables_that_do_not_fit_are_refused(inline: Server, photos: Path, tmp_path: Path) -> None:
    for options, words in (
        (("--visual", "--counts", tmp_path / "c.csv"), "counts labels"),
        (("--objects", "--lines", tmp_path / "l.csv"), "add --text"),
        (("--objects", "--over", "time"), "add --counts FILE"),
        (("--objects", "--counts", tmp_path / "c.csv", "--over", "time"), "which is for videos"),
        (("--objects", "--every", "2s"), "--every needs --video"),
    ):
        done = ran(inline, photos / "chelsea.jpg", *options)
        assert done.exit_code == 2, done.output
        assert words in done.stderr
