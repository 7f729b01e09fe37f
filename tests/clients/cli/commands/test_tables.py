"""Sheets that people bring to the command line."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from daguerre import cli
from tests.clients.cli.test_group import run

ITEMS = range(6)


def sheet(path: Path, ben: list[object], **options: object) -> Path:
    rows = [("anna", i, i % 2) for i in ITEMS] + [("ben", i, code) for i, code in zip(ITEMS, ben, strict=True)]
    pd.DataFrame(rows, columns=["Coder", "item ", "code"]).to_csv(path, index=False, **options)
    return path


def test_coders_agree_whatever_program_wrote_their_sheet(inline, tmp_path):
    for ben, options in (
        ([0.0, 1.0] * 3, {}),
        (["0.0", "1.0"] * 3, {"sep": ";"}),
        ([False, True] * 3, {"sep": "\t", "encoding": "utf-16"}),
        ([0.0, 1.0] * 3, {"sep": ";", "decimal": ","}),
    ):
        done = run(inline, "agreement", sheet(tmp_path / "a.csv", ben, **options), "--resamples", "5")
        assert "percent  1.000" in done.stdout
        assert "2 coders, 6 items" in done.stdout


def test_codes_that_are_missing_are_printed(inline, tmp_path):
    table = sheet(tmp_path / "a.csv", [0, 1, 0, 1, "NA", "NA"])
    done = run(inline, "agreement", table, "--resamples", "5")
    assert "2 of 12 codes are missing" in done.stdout
    assert "2 of 12 codes count as missing: 2 'NA'; if such a text is a code" in done.stderr
    done = run(inline, "agreement", table, "--resamples", "5", "--missing", "")
    assert "missing" not in done.stdout + done.stderr
    assert "6 items" in done.stdout
    done = run(
        inline, "agreement", sheet(tmp_path / "b.csv", [0, 1, -9, 1, 0, 1]), "--missing", "-9", "--level", "ordinal"
    )
    assert "5 items" in done.stdout
    assert "1 of 12 codes are missing" in done.stdout
    done = run(inline, "agreement", sheet(tmp_path / "c.csv", [0, 1, "x", 1, 0, 1]), "--level", "interval", code=2)
    assert "could not convert string to float: 'x'; codes have to be numbers" in done.stderr


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Six red and six blue pictures, in folders."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for kind, channel in (("red", 0), ("blue", 2)):
        (folder / kind).mkdir()
        for i in ITEMS:
            pixels = rng.integers(0, 60, (32, 32, 3), dtype=np.uint8)
            pixels[..., channel] += 180
            Image.fromarray(pixels).save(folder / kind / unicodedata.normalize("NFC", f"é{i}.png"))
    return folder


WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "a.csv": lambda table, path: table.to_csv(path, index=False),
    "semicolons.csv": lambda table, path: table.to_csv(path, index=False, sep=";", lineterminator="\r\n"),
    "backslashes.csv": lambda table, path: table.assign(path=table["path"].str.replace("/", "\\", regex=False)).to_csv(
        path, index=False
    ),
    "apart.csv": lambda table, path: table.map(lambda x: unicodedata.normalize("NFD", str(x))).to_csv(
        path, index=False
    ),
    "a.xlsx": lambda table, path: table.to_excel(path, index=False),
    "a.parquet": lambda table, path: table.to_parquet(path, index=False),
    "floats.csv": lambda table, path: table.assign(target=[1.0, 0.0] * 6).to_csv(path, index=False),
    "mixed.csv": lambda table, path: table.assign(target=[1, 0, "1.0", "0.0"] * 3).to_csv(path, index=False),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", WRITERS)
def test_a_classifier_is_trained_on_a_sheet_of_any_program(inline, pictures, name):
    rows = [(f"{kind}/é{i}.png", kind) for i in ITEMS for kind in ("red", "blue")]
    WRITERS[name](pd.DataFrame(rows, columns=["path", "target"]), pictures / name)
    done = run(inline, "train", "sheet", pictures / name, "--folds", "2")
    assert "binary, 12 items" in done.stderr
    assert "accuracy           1.000" in done.stderr


def test_files_that_are_not_there_are_counted_before_anything_is_sent(inline, pictures, tmp_path):
    rows = [(pictures / f"{kind}/é{i}.png", kind) for i in ITEMS for kind in ("red", "blue")]
    table = pd.DataFrame([(tmp_path / "gone.png", "red"), *rows], columns=["path", "target"])
    table.to_csv(tmp_path / "a.csv", index=False)
    done = run(inline, "train", "sheet", tmp_path / "a.csv", "--folds", "2", code=cli.SOME_FAILED)
    assert f"1 of 13 files are not there, the first is {tmp_path / 'gone.png'}" in done.stderr
    assert "1 could not be used:" in done.stderr
    table[:1].to_csv(tmp_path / "b.csv", index=False)
    done = run(inline, "train", "sheet", tmp_path / "b.csv", code=2)
    assert "1 of 1 files are not there" in done.stderr
    assert "paths are relative to the table" in done.stderr
    table["target"] = "NA"
    table[1:].to_csv(tmp_path / "c.csv", index=False)
    assert "of 12 items, 0 have a code" in run(inline, "train", "sheet", tmp_path / "c.csv", code=5).stderr
