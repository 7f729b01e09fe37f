"""Faces from Python and from the command line, by a real server."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import daguerre
from daguerre import cli
from tests.e2e import harness
from tests.models.clips import make
from tests.models.face_samples import crowd
from tests.models.image_samples import photo

NUMBERS = {"many.png": 4, "none.png": 0, "one.png": 1}


@pytest.fixture(scope="module")
def crowds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of four faces, of one and of none."""
    folder = tmp_path_factory.mktemp("crowds")
    for name, n in NUMBERS.items():
        crowd(*(140, 90, 60, 48)[:n]).save(folder / name)
    return folder


@pytest.fixture(scope="module", params=["http", "grpc"])
def connected(request, analysing_server):
    target = analysing_server.url if request.param == "http" else f"grpc://{analysing_server.grpc_target}"
    with daguerre.Client(target) as client:
        yield client


def test_faces_as_tables_and_as_crops(connected, crowds):
    found = connected.faces(crowds, size=960)
    assert found.values.faces.to_dict() == NUMBERS
    assert found.counts()["face"].to_dict() == NUMBERS
    table = found.to_pandas()
    assert (table.share == table.width * table.height / (600 * 400)).all()
    assert (table.right_eye_x < table.left_eye_x).all()
    assert table.nose_y.between(table.y, table.y + table.height).all()
    with pytest.warns(daguerre.DaguerreWarning, match="1 of 3 images have no row in the table"):
        embedded = connected.embed(images=crowds, crops=found.crops())
    assert embedded.ids == list(found.crops().item)
    assert len(embedded) == 5
    assert found.crops("face", analyser="faces").equals(found.crops())
    none = connected.faces(crowds / "none.png")
    assert none.counts()["face"].tolist() == [0]


def test_the_numbers_of_faces_in_a_video(connected):
    frames = [np.asarray(crowd(*[80] * n, size=(640, 360), seed=1)) for n in (1, 3, 0, 2)]
    clip = make(frames=4, rate=2, size=(640, 360), picture=lambda k, width, height: frames[k])
    found = connected.faces(videos={"clip": clip}, sampling={"every": "0.5s"})
    assert found.counts(over="time")["face"].tolist() == [1, 3, 0, 2]
    assert found.counts(over="second")["face"].tolist() == [2, 1]
    (row,) = found.counts(over="video").to_dict("records")
    assert (row["label"], row["frames"], row["most"]) == ("face", 3, 3)


def test_the_command_writes_a_table_that_can_be_continued_and_read(analysing_server: harness.Server, crowds, tmp_path):
    def ran(*arguments: object):
        given = ["--url", analysing_server.url, "faces", *map(str, arguments)]
        done = CliRunner().invoke(cli.main, given)
        assert done.exit_code == 0, done.output
        return done

    out, counts = tmp_path / "faces.parquet", tmp_path / "counts.csv"
    ran(crowds, "-o", out, "--counts", counts)
    assert "0 analysed" in ran(crowds, "-o", out).stderr
    with daguerre.Client(analysing_server.url) as client:
        pd.testing.assert_frame_equal(client.read_analyses(out).to_pandas(), client.faces(crowds).to_pandas())
    assert pd.read_csv(counts, index_col="id").face.to_dict() == NUMBERS
    ran(crowds, "-o", tmp_path / "faces.csv", "--size", 1280, "--limit", 1, "--min-score", 0.5)
    table = pd.read_csv(tmp_path / "faces.csv")
    assert table.groupby("id").size().to_dict() == {"many.png": 1, "one.png": 1}
    assert {"share", "nose_x", "left_mouth_corner_y"} <= set(table.columns)


def test_a_picture_without_faces_has_the_columns_of_faces(connected, tmp_path):
    from PIL import Image

    Image.fromarray(photo("coffee")).save(tmp_path / "coffee.png")
    table = connected.faces(tmp_path).to_pandas()
    assert len(table) == 0
    assert "right_eye_x" in table.columns
