"""Maps for Embedding Atlas: columns, neighbours as scikit-learn finds them, blurred pictures, errors."""

import io

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from daguerre import Embeddings, Errors, RemarkWarning, write_atlas
from tests.clients.pretended import RECEIPT


def embedded(vectors: np.ndarray, ids: list[str]) -> Embeddings:
    return Embeddings(vectors=vectors, ids=ids, errors=Errors([]), receipt=RECEIPT, truncated=[])


def table(n: int) -> dict[str, list]:
    rng = np.random.default_rng(0)
    return {
        "id": [f"été {i}/ü,'\".jpg" for i in range(n)],
        "cluster": [i % 3 for i in range(n)],
        "name": [f"=name {i}" for i in range(n)],
        "x": rng.normal(size=n).tolist(),
        "y": rng.normal(size=n).tolist(),
    }


def test_a_map_has_the_columns_of_the_table_and_the_nearest_neighbours(tmp_path):
    rng, given = np.random.default_rng(1), table(300)
    vectors = rng.normal(size=(300, 32)).astype(np.float32)
    order = rng.permutation(300)
    made = embedded(vectors[order], [given["id"][i] for i in order])
    said = write_atlas(given, tmp_path / "a.parquet", vectors=made, k=7)
    assert said == f"embedding-atlas {tmp_path / 'a.parquet'} --x x --y y --neighbors neighbors"
    read = pq.read_table(tmp_path / "a.parquet")
    assert {field.name: str(field.type) for field in read.schema} == {
        **{"id": "string", "cluster": "string", "name": "string", "x": "float", "y": "float"},
        "neighbors": "struct<ids: list<element: int64>, distances: list<element: float>>",
    }
    assert read["id"].to_pylist() == given["id"]
    assert read["name"].to_pylist() == given["name"]
    np.testing.assert_allclose(read["x"].to_numpy(), given["x"], rtol=1e-6)
    oracle = NearestNeighbors(n_neighbors=8, metric="cosine", algorithm="brute").fit(vectors)
    distances, places = oracle.kneighbors(vectors)
    found = read["neighbors"].to_pylist()
    assert [each["ids"] for each in found] == places[:, 1:].tolist()
    np.testing.assert_allclose([each["distances"] for each in found], distances[:, 1:], atol=1e-5)


def test_rows_without_a_place_or_a_vector_are_no_neighbours(tmp_path):
    given = table(5)
    given["x"][1] = float("nan")
    vectors = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    vectors[4] = np.nan
    with pytest.warns(RemarkWarning, match="1 rows without coordinates, or with too large ones,"):
        write_atlas(given, tmp_path / "a.parquet", vectors=embedded(vectors, given["id"]))
    read = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert [row["id"] for row in read] == [given["id"][i] for i in (0, 2, 3, 4)]
    assert [sorted(row["neighbors"]["ids"]) for row in read] == [[1, 2], [0, 2], [0, 1], []]


def test_ids_and_codes_keep_their_digits(tmp_path):
    columns = {
        "id": ["007", "7", "1e3", "nan"],
        "code": ["01234", "+4930", "1_000", "1"],
        "large": ["9007199254740993", "1.5", "2", "3"],
        "huge": ["99999999999999999999", "1", "2", "3"],
        "over": ["1e400", "1", "2", "3"],
        "part": ["0.10", "", "2e3", "NaN"],
        "whole": ["1", "", "-2", "0"],
    }
    write_atlas({**columns, "x": [0, 1, 2, 3], "y": [0, 1, 2, 3]}, tmp_path / "a b.parquet")
    read = pq.read_table(tmp_path / "a b.parquet").to_pydict()
    assert {name: read[name] for name in ("id", "code", "large", "huge", "over")} == {
        name: columns[name] for name in ("id", "code", "large", "huge", "over")
    }
    assert read["part"] == [0.1, None, 2000.0, None]
    assert read["whole"] == [1, None, -2, 0]


def test_an_item_without_a_vector_has_no_neighbours(tmp_path):
    given = table(4)
    vectors = embedded(np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32), given["id"][:3])
    with pytest.warns(RemarkWarning, match="1 items have no vector and no neighbours, the first is"):
        said = write_atlas(given, tmp_path / "my map.parquet", vectors=vectors)
    assert "my map.parquet' --x x" in said
    assert [len(each["ids"]) for each in pq.read_table(tmp_path / "my map.parquet")["neighbors"].to_pylist()] == [
        2,
        2,
        2,
        0,
    ]


def test_one_item_has_no_neighbours(tmp_path):
    write_atlas(table(1), tmp_path / "a.parquet", vectors=embedded(np.ones((1, 4), np.float32), table(1)["id"]))
    (row,) = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert row["neighbors"] == {"ids": [], "distances": []}


def test_pictures_of_a_folder_are_blurred_as_a_whole(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8)
    Image.fromarray(noise).save(folder / "a.png")
    (tmp_path / "secret.png").write_bytes((folder / "a.png").read_bytes())
    given = {"id": ["a.png", "../secret.png", "none.jpg"], "x": [0, 1, 2], "y": [0, 1, 2]}
    with pytest.warns(RemarkWarning, match=r"2 items have no picture, the first is '\.\./secret\.png'"):
        write_atlas(given, tmp_path / "a.parquet", pictures=folder)
    shown, outside, missing = pq.read_table(tmp_path / "a.parquet")["image"].to_pylist()
    assert outside is missing is None
    assert shown["path"] == "a.png"
    pixels = np.asarray(Image.open(io.BytesIO(shown["bytes"])), float)
    assert pixels.shape == (120, 160, 3)
    assert np.abs(np.diff(pixels, axis=1)).mean() < 10 < np.abs(np.diff(noise.astype(float), axis=1)).mean()


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"x": None}, {}, r"has no column 'x'; it has id, .*daguerre cluster"),
        ({"y": ["north"] * 5}, {}, "row 1: could not convert string to float: 'north'; coordinates are numbers"),
        ({"x": [None] * 5}, {}, "has no coordinates in x and y"),
        ({"image": ["a"] * 5}, {"pictures": {}}, "has a column 'image', which is added here; rename it"),
        ({}, {"pictures": {}}, "there is none of any item"),
        ({}, {"pictures": "nowhere"}, "nowhere is no folder"),
        ({}, {"k": 0}, "k: got 0, must be at least 1"),
        ({}, {"vectors": embedded(np.ones((1, 2), np.float32), ["other"])}, "vectors: have none of the items"),
        ({}, {"pictures": {table(1)["id"][0]: "cat.jpg"}}, "is no JPEG, as bytes"),
    ],
    ids=str,
)
def test_errors_name_the_way_out(tmp_path, change, options, message):
    given = {name: values for name, values in {**table(5), **change}.items() if values is not None}
    with pytest.raises(ValueError, match=message):
        write_atlas(given, tmp_path / "a.parquet", **options)
    assert not (tmp_path / "a.parquet").exists()


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.csv; name a \.parquet"):
        write_atlas(table(2), tmp_path / "a.csv")
