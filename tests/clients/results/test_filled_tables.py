"""Tables that people have filled in are not overwritten."""

from dataclasses import replace
from pathlib import Path

import pytest

from daguerre.cli.output import _texts_in
from daguerre.results.agreement import Agreement, DifferingItem
from daguerre.results.annotation import Figure, Sample

SAMPLE = Sample(
    **{"design": "simple", "n": 3, "fit_for_inference": True, "remarks": [], "seed": 0, "strata": ()},
    **{"indexes": [0, 2], "ids": ["a", "c"], "inclusion_prob": None, "stratum": None},
)
FIGURE = Figure(0.5, 0.1, 0.9)
AGREEMENT = Agreement(
    **{"coders": ("x", "y"), "items": 2, "level": "nominal", "percent": FIGURE, "kappa": FIGURE, "alpha": FIGURE},
    **{"missing": 0, "remarks": [], "differ": (DifferingItem(item="a", codes={"x": "1", "y": "2"}),), "n_differ": 1},
)


def test_a_sample_is_drawn_again_until_somebody_has_coded(tmp_path: Path):
    path = tmp_path / "sample.csv"
    SAMPLE.save(path, coders=["anna", "ben"])
    SAMPLE.save(path, coders=["anna", "ben"])
    coded = path.read_text().replace("a,,,", "a,,yes,", 1)
    assert coded != path.read_text()
    path.write_text(coded)
    with pytest.raises(ValueError, match="1 codes in its column 'anna', which would be lost"):
        SAMPLE.save(path, coders=["anna", "ben"])
    assert path.read_text() == coded


def test_the_adjudicators_codes_and_those_of_coders_stay(tmp_path: Path):
    path = tmp_path / "differ.csv"
    AGREEMENT.save_differ(path)
    AGREEMENT.save_differ(path)
    decided = path.read_text().replace("1,2,", "1,2,2")
    path.write_text(decided)
    with pytest.raises(ValueError, match="'adjudicator', which would be lost"):
        AGREEMENT.save_differ(path)
    assert path.read_text() == decided
    path.write_text("id,x,y\na,1,2\nb,1,1\n")
    with pytest.raises(ValueError, match="'x', which would be lost"):
        AGREEMENT.save_differ(path)


def test_the_file_of_a_named_input_is_an_input():
    assert list(_texts_in(("p=preds.csv", "codes.csv"))) == ["p=preds.csv", "preds.csv", "codes.csv"]


def test_paths_of_a_sample_are_relative_to_its_folder_or_to_the_folder_that_is_given(tmp_path: Path):
    (tmp_path / "images" / "sub").mkdir(parents=True)
    files = [tmp_path / "images" / "sub" / f"{name}.png" for name in "ac"]
    for file in files:
        file.touch()
    drawn = replace(SAMPLE, files=[str(file) for file in files])
    drawn.save(tmp_path / "near.csv")
    assert [row.split(",")[1] for row in (tmp_path / "near.csv").read_text().splitlines()[1:]] == [
        "images/sub/a.png",
        "images/sub/c.png",
    ]
    drawn.save(tmp_path / "far.csv", root=tmp_path / "images")
    assert [row.split(",")[1] for row in (tmp_path / "far.csv").read_text().splitlines()[1:]] == [
        "sub/a.png",
        "sub/c.png",
    ]
