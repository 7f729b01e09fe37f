"""Crops of images over both transports. Oracle: the same pixels, cut by Pillow and sent as PNG."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner
from PIL import Image

from daguerre import Client, Crop, RemarkWarning, image
from daguerre.cli import main
from daguerre.inputs.crops import to_crop
from tests.e2e.harness import Server

BOXES = [(20, 10, 150, 100), (0, 0, 64, 64), (100, 50, 90, 120)]
PATHS = ["chelsea.jpg", "coffee.jpg", "chelsea.jpg"]
TABLE = {"id": PATHS, **{name: [box[i] for box in BOXES] for i, name in enumerate(["x", "y", "width", "height"])}}


def cut(photos: Path, path: str, box) -> Image.Image:
    x, y, width, height = box
    return Image.open(photos / path).convert("RGB").crop((x, y, x + width, y + height))


@pytest.fixture
def expected(client: Client, photos: Path) -> np.ndarray:
    pieces = [cut(photos, path, box) for path, box in zip(PATHS, BOXES, strict=True)]
    return client.embed(images=pieces).vectors


def test_a_table_gives_one_item_for_each_row(client: Client, photos: Path, expected: np.ndarray):
    for table in (TABLE, pd.DataFrame(TABLE), pa.table(TABLE), pd.DataFrame(TABLE).to_dict("records")):
        with pytest.warns(RemarkWarning, match=r"5 of 7 images have no row in the table.*'astronaut.jpg'"):
            made = client.embed(images=photos, crops=table)
        assert list(made.ids) == ["chelsea.jpg#0", "coffee.jpg#0", "chelsea.jpg#1"]
        assert list(made.files) == [str(photos / path) for path in PATHS]
        assert (made.vectors == expected).all()
    assert made.fingerprint == client.embed(texts="a").fingerprint


def test_one_crop_for_each_image(client: Client, photos: Path, expected: np.ndarray):
    files = [photos / path for path in PATHS]
    crops = [Crop(*BOXES[0]), {"x": 0, "y": 0, "width": 64, "height": 64}, np.array(BOXES[2])]
    assert (client.embed(images=files, crops=crops).vectors == expected).all()
    mixed = client.embed(images=files[:2], crops=[None, BOXES[1]])
    assert (mixed.vectors[0] == client.embed(images=files[0]).vectors[0]).all()
    assert (mixed.vectors[1] == expected[1]).all()


def test_a_cropped_image_goes_wherever_an_image_goes(client: Client, photos: Path, expected: np.ndarray):
    given = [
        image(photos / "chelsea.jpg", crop=BOXES[0]),
        image((photos / "coffee.jpg").read_bytes(), crop=BOXES[1]),
        image(Image.open(photos / "chelsea.jpg"), crop=BOXES[2]),
    ]
    assert (client.embed(images=given).vectors == expected).all()
    assert client.embed(images=given[0]).vectors.shape == (1, 1280)
    labels = ["a cat", "a cup of coffee"]
    whole = client.zero_shot(images=[cut(photos, "chelsea.jpg", BOXES[0])], labels=labels).scores
    assert (client.zero_shot(images=given[:1], labels=labels).scores == whole).all()
    described = client.describe_images(given)
    assert [(each.width, each.height) for each in described.images] == [box[2:] for box in BOXES]
    assert image("a.jpg") == "a.jpg"


def test_bad_crops_fail_alone(client: Client, photos: Path):
    files = [photos / "chelsea.jpg"] * 3
    with pytest.warns(match="2 of 3"):
        made = client.embed(images=files, crops=[(0, 0, 0.5, 0.5), (1000, 0, 10, 10), BOXES[0]])
    assert [(each.index, each.code) for each in made.errors] == [(0, "invalid_crop"), (1, "invalid_crop")]
    assert not np.isnan(made.vectors[2]).any()


def test_a_video_has_no_crop(client: Client, photos: Path):
    video = b"\0\0\0\x18ftypmp42" + bytes(100)
    with pytest.warns(match="1 of 1"):
        made = client.embed(images=[image(video, crop=BOXES[0])])
    assert made.errors[0].code == "unsupported_image"


@pytest.mark.parametrize(
    ("crops", "message"),
    [
        ([BOXES[0]] * 2, "crops: 2 for 1 items"),
        ([BOXES[0][:3]], "got 3 numbers"),
        ([{"x": 1, "y": 2, "width": 3}], "has no height"),
        ([{"x": 1, "y": 2, "w": 3}], "has 'w'"),
        ([(1, 2, "three", 4)], "its width is 'three'"),
        ([(1, 2, float("inf"), 4)], "finite"),
        ([(1, 2, 3, 4, 5)], "margin: got 5"),
        ({**TABLE, "id": ["no.jpg", *PATHS[1:]]}, "row 0: 'no.jpg' names no image"),
        ({"x": [1], "y": [1], "width": [4], "height": [4]}, "row 0 has no id or path"),
        ({"id": ["chelsea.jpg"], "x": [None], "y": [1], "width": [4], "height": [4]}, "row 0: has no x"),
        ({"id": ["chelsea.jpg"], "x": [1, 2]}, "give as many of each"),
        ({**TABLE, "id": ["chelsea.jpg"] * 3, "finding": [1, 2, 1]}, "row 2: finding 1 of 'chelsea.jpg' is in the"),
        ({**TABLE, "id": ["chelsea.jpg"] * 3, "finding": [-1, 2, 1]}, "row 0: its finding is -1"),
    ],
)
def test_wrong_crops_are_refused(inline: Server, photos: Path, crops, message: str):
    with Client(inline.url) as client, pytest.raises((ValueError, TypeError), match=message):
        client.embed(images=photos / "chelsea.jpg", crops=crops)


def test_crops_of_findings_have_the_number_of_the_finding(client: Client, photos: Path) -> None:
    """Tables of findings are tables of crops, rows without a box are left out, and every method takes them."""
    found = client.analyse(photos / "chelsea.jpg", {"objects": {"min_score": 0.3}, "classes": {"top": 1}})
    table, crops = found.to_pandas(), found.crops()
    assert len(crops) >= 2
    assert crops.item.tolist() == [f"{id}#{n}" for id, n in zip(table.id, table.finding, strict=True)][: len(crops)]
    where = {"images": photos / "chelsea.jpg", "crops": crops}
    embedded = client.embed(**where)
    assert list(embedded.ids) == crops.item.tolist()
    with pytest.warns(RemarkWarning, match="1 of .* rows are findings without a box"):
        assert (client.embed(images=photos / "chelsea.jpg", crops=table).vectors == embedded.vectors).all()
    labels = ["a cat", "a dog"]
    scores = client.zero_shot(**where, labels=labels).scores
    np.testing.assert_array_equal(scores, client.zero_shot(embeddings=embedded, labels=labels).scores)
    assert list(client.duplicates(**where, kind="exact").ids) == crops.item.tolist()
    boxes = crops[["x", "y", "width", "height"]].drop_duplicates()  # two labels may share a box
    assert len(client.duplicates(**where, kind="exact").extra) == len(crops) - len(boxes)
    assert list(client.describe_images(photos / "chelsea.jpg", crops=crops).ids) == crops.item.tolist()
    near = client.search(str(photos / "chelsea.jpg"), embedded, k=1, crops=[tuple(crops.iloc[0, 3:7])])
    assert near[0][0][0] == crops.item[0]
    again = client.detect(**where, min_score=0.3)
    assert again.ids == crops.item.tolist()
    inner = again.crops()
    assert set(inner.id) <= set(crops.item)
    nested = inner[inner.id == inner.id[0]]
    assert list(client.embed(images=photos / "chelsea.jpg", crops=nested).ids) == nested.item.tolist()


def test_a_corpus_of_crops_is_continued(inline: Server, photos: Path, tmp_path: Path) -> None:
    """A crop that has changed is embedded and analysed again, and the others are not."""
    out, files = tmp_path / "crops.parquet", [photos / path for path in ("chelsea.jpg", "coffee.jpg")]
    changed = {**TABLE, "width": [140, *TABLE["width"][1:]]}
    with Client(inline.url) as client:
        assert client.embed_corpus(files, out, crops=TABLE).embedded == 3
        assert client.embed_corpus(files, out, crops=TABLE).reused == 3
        third = client.embed_corpus(files, out, crops=changed)
        assert (third.embedded, third.reused) == (1, 2)
        stored = pd.read_parquet(out).set_index("id")
        fresh = client.embed(images=files, crops=changed)
        np.testing.assert_allclose(np.stack(stored.loc[fresh.ids].vector), fresh.vectors, atol=1e-6)
        found = tmp_path / "found.parquet"
        assert client.analyse_corpus(files, found, ["visual"], crops=TABLE).analysed == 3
        assert client.analyse_corpus(files, found, ["visual"], crops=changed).analysed == 1
        read = client.read_analyses(found).select(fresh.ids)
        wanted = client.analyse(files, ["visual"], crops=changed)
        pd.testing.assert_frame_equal(read.values, wanted.values)
        assert [entry["crop"]["width"] for entry in read.entries if entry] == [140, 64, 90]


def test_an_unusable_item_names_its_crop(client: Client, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    files = [tmp_path / "bad.jpg", photos / "chelsea.jpg", photos / "coffee.jpg"]
    with pytest.warns(match="1 of 3"):
        made = client.embed(images=files, crops=[BOXES[0], None, BOXES[1]])
    assert "(its crop: x 20, y 10, 150 x 100 pixels)" in made.errors[0].message


def test_crops_are_of_images(inline: Server):
    with Client(inline.url) as client, pytest.raises(ValueError, match="crops: are of images"):
        client.embed(texts="a", crops=[BOXES[0]])
    with pytest.raises(TypeError, match="give a Crop"):
        to_crop("1,2,3,4", "crop")  # type: ignore[arg-type]


def test_the_command_line_reads_a_table(inline: Server, photos: Path, tmp_path: Path):
    table, out = tmp_path / "crops.csv", tmp_path / "out.parquet"
    command = ["--url", inline.url, "embed", str(photos), "--crops", str(table), "-o", str(out)]
    pd.DataFrame({**TABLE, "label": "cat"}).to_csv(table, index=False)
    ran = CliRunner().invoke(main, command)
    assert ran.exit_code == 0, ran.output
    assert "5 of 7 images have no row" in ran.output
    assert pd.read_parquet(out)["id"].tolist() == ["chelsea.jpg#0", "coffee.jpg#0", "chelsea.jpg#1"]
    pd.DataFrame({"id": PATHS}).to_csv(table, index=False)
    ran = CliRunner().invoke(main, command)
    assert ran.exit_code != 0
    assert "has no column x" in ran.output + str(ran.exception)
