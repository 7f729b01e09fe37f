"""What users have, as items: found lazily, in order, with ids."""

import io
import os
from decimal import Decimal
from pathlib import Path

import hypothesis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import strategies as st
from PIL import Image, ImageOps

from daguerre.inputs.files import walk
from daguerre.inputs.items import count_items, image_sources, text_sources
from daguerre.inputs.source import Unreadable


def ids(given, **options):
    sources = image_sources(given, **options)
    assert len(list(sources)) == len(sources.files())
    return sources.ids()


def paths(given):
    return [source.path for source in image_sources(given)]


def read(given):
    return [source.read().image for source in image_sources(given)]


def test_a_folder_is_walked_sorted_without_what_is_hidden_or_no_image(mixed: Path):
    found = [Path(name).relative_to(mixed).as_posix() for name in paths(mixed)]
    assert found == [
        "astronaut.jpg",
        "chelsea.jpg",
        "coffee.jpg",
        "hubble_deep_field.jpg",
        "more/Ünïcode, näme.JPG",
        "motorcycle_left.jpg",
        "rocket.jpg",
    ]
    assert ids(str(mixed)) == ids(mixed) == ids([mixed])


def test_a_folder_is_walked_only_as_far_as_one_looks(tmp_path: Path):
    for i in range(3):
        (tmp_path / str(i)).mkdir()
        (tmp_path / str(i) / "a.png").write_bytes(b"")
    found = walk(str(tmp_path))
    assert next(found) == str(tmp_path / "0" / "a.png")
    (tmp_path / "2" / "b.png").write_bytes(b"")  # not read yet
    assert [os.path.relpath(path, tmp_path) for path in found] == ["1/a.png", "2/a.png", "2/b.png"]


def test_a_link_back_ends_the_walk(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert paths(tmp_path) == [str(tmp_path / "a.png")]


def test_globs_are_sorted_and_may_cross_folders(photos: Path):
    assert [Path(name).name for name in ids(f"{photos}/c*.jpg")] == ["chelsea.jpg", "coffee.jpg"]
    assert [Path(name).name for name in ids(f"{photos}/**/*.JPG")] == ["Ünïcode, näme.JPG"]
    assert paths(photos.glob("c*.jpg")) == [str(path) for path in photos.glob("c*.jpg")]


@pytest.mark.parametrize(("given", "said"), [("nowhere/", "there is no 'nowhere/'"), ("no/*.jpg", "no file matches")])
def test_what_is_not_there_is_said_at_once(given, said):
    with pytest.raises(FileNotFoundError, match=said):
        ids(given)


def test_a_missing_file_among_others_is_that_items_error(photos: Path):
    good, missing = image_sources([photos / "coffee.jpg", "nowhere.jpg"])
    assert good.read().image == (photos / "coffee.jpg").read_bytes()
    with pytest.raises(Unreadable, match="No such file") as caught:
        missing.read()
    assert (caught.value.code, missing.id) == ("unreadable_file", "nowhere.jpg")


def test_a_name_with_the_signs_of_a_glob_is_a_file_where_it_is_one(tmp_path: Path):
    (tmp_path / "a[1].jpg").write_bytes(b"x")
    assert ids(str(tmp_path / "a[1].jpg")) == ["a[1].jpg"]


def test_bytes_files_pictures_and_arrays_are_taken_as_they_are(photos: Path):
    data = (photos / "coffee.jpg").read_bytes()
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    given = [data, bytearray(data), memoryview(data), io.BytesIO(data), Image.fromarray(pixels), pixels, pixels[..., 0]]
    sent = read(given)
    assert sent[:4] == [data] * 4
    for back in sent[4:6]:
        assert (np.asarray(Image.open(io.BytesIO(back))) == pixels).all()
    assert (np.asarray(Image.open(io.BytesIO(sent[6]))) == pixels[..., 0]).all()
    assert ids(given) == [str(i) for i in range(7)]
    with (photos / "coffee.jpg").open("rb") as file:
        assert ids(file) == ["coffee.jpg"]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_pictures_of_every_mode_become_files(mode):
    picture = Image.new("I;16", (4, 3), 500) if mode == "I;16" else Image.new("RGB", (4, 3), "teal").convert(mode)
    assert Image.open(io.BytesIO(read(picture)[0])).size == (4, 3)


def test_an_array_of_four_dimensions_is_so_many_images():
    assert len(read(np.zeros((5, 4, 4, 3), np.uint8))) == 5
    assert count_items(np.zeros((5, 4, 4, 3), np.uint8)) == 5
    assert count_items(np.zeros((4, 4, 3), np.uint8)) == 1


@pytest.mark.parametrize(
    "array",
    [
        *(np.full((4, 4, 3), -0.1), np.full((4, 4, 3), 2.5), np.full((4, 4, 3), np.nan), np.full((4, 4, 3), 256.0)),
        *(np.zeros((4, 4, 7), np.uint8), np.zeros((2, 4, 4, 3), np.uint8), np.zeros((1, 1, 4, 4, 3), np.uint8)),
        *(np.zeros((4, 4), np.uint16), np.eye(4, dtype=int), np.zeros((4, 4), complex), np.full((4, 4), -1)),
        *(np.zeros((0, 4, 3), np.uint8), np.ma.masked_equal(np.zeros((4, 4), np.uint8), 0), np.zeros(9, np.uint8)),
    ],
)
def test_an_array_that_is_no_image_says_the_rule(array):
    (source,) = image_sources([array])
    with pytest.raises(Unreadable, match=r"^is an array .*(;|\(h, w\))"):
        source.read()


@pytest.mark.parametrize("given", [7, [7], object(), [["a"]], [np.int64(1)], [{"pixels": b""}], [np.array("a.jpg")]])
def test_what_can_be_no_image_is_a_type_error(given):
    with pytest.raises(TypeError, match="PIL image"):
        ids(given)


def test_a_text_file_handle_says_how_to_open_it(mixed: Path):
    with (mixed / "notes.txt").open() as file:
        (source,) = image_sources(file)
        with pytest.raises(Unreadable, match='mode "rb"'):
            source.read()


def test_ids_take_the_place_of_paths_and_must_be_as_many(photos: Path):
    two = [photos / "coffee.jpg", photos / "rocket.jpg"]
    assert ids(two, ids=["a", "b"]) == ["a", "b"]
    assert ids(iter(two), ids=["a", "a"]) == ["a", "a"]
    for wrong in (["a"], ["a", "b", "c"]):
        with pytest.raises(ValueError, match=f"ids: {len(wrong)} for"):
            ids(two, ids=wrong)


def test_texts_are_numbered_and_what_is_none_fails_alone():
    found = list(text_sources(["a", None, float("nan"), "\ud800", "ä"]))
    assert [source.id for source in found] == list("01234")
    assert found[0].read().text == "a"
    assert found[4].read().text == "ä"
    for bad in found[1:4]:
        with pytest.raises(Unreadable) as caught:
            bad.read()
        assert caught.value.code == "not_a_text"
    assert [source.read().text for source in text_sources("one text")] == ["one text"]
    with pytest.raises(TypeError, match="decode"):
        list(text_sources(b"bytes"))


def test_counts_are_told_where_they_are_known(photos: Path):
    assert count_items(photos) == count_items(f"{photos}/**/*.[jJ][pP][gG]") == 7
    assert count_items([photos, "a.jpg", b"x"]) == 9
    assert count_items(photos.glob("*")) is None
    assert count_items(b"x") == count_items(Image.new("RGB", (1, 1))) == count_items("a.jpg") == 1


def test_a_generator_may_use_its_buffer_again():
    def frames():
        buffer = np.zeros((4, 4, 3), np.uint8)
        for shade in (10, 200):
            buffer[:] = shade
            yield buffer

    read = [np.asarray(Image.open(io.BytesIO(source.read().image))) for source in list(image_sources(frames()))]
    assert [int(picture.max()) for picture in read] == [10, 200]


@pytest.mark.parametrize("opened", [Path.open, Image.open])
def test_a_generator_may_close_its_files(photos, opened):
    def files():
        for _ in range(2):
            with opened(photos / "coffee.jpg", "r" if opened is Image.open else "rb") as file:
                yield file

    assert [len(source.read().image) > 1000 for source in list(image_sources(files()))] == [True, True]


@pytest.mark.parametrize("mode", ["F", "I"])
def test_a_picture_whose_numbers_no_file_holds_is_refused(mode):
    (source,) = image_sources(Image.new(mode, (4, 4)))
    with pytest.raises(Unreadable, match="mode"):
        source.read()


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (source,) = image_sources(tmp_path / "pipe.jpg")
    with pytest.raises(Unreadable, match="regular file"):
        source.read()


def test_a_glob_does_not_follow_a_link_back(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(b"x")
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    (tmp_path / "a" / "gone.jpg").symlink_to("nowhere")
    (tmp_path / ".hidden.jpg").write_bytes(b"x")
    found = [os.path.relpath(source.path, tmp_path) for source in image_sources(f"{tmp_path}/**/*.jpg")]
    assert found == ["a/1.jpg", "a/gone.jpg"]


# arrays and tensors


RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (6, 8, 3), np.uint8)
GREY = RGB[..., 0]


def pixels(given):
    """The pixels that are sent, of each image."""
    return [np.asarray(Image.open(io.BytesIO(data))) for data in read(given)]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (GREY[..., None], GREY),
        (GREY[None], GREY),
        (RGB[None], RGB),
        (RGB[::-1], RGB[::-1]),
        (RGB[None].astype(np.int64), RGB),
        (RGB.astype(np.float32), RGB),
        (RGB / 255, RGB),
        ((RGB / 255).astype(np.float32), RGB),
        (RGB + 0.25, RGB),
        (np.moveaxis(RGB, -1, 0)[None], RGB),
        (GREY > 127, np.where(GREY > 127, 255, 0)),
        ((GREY > 127)[..., None], np.where(GREY > 127, 255, 0)),
        (np.dstack([RGB, GREY]), np.dstack([RGB, GREY])),
        (np.dstack([GREY, GREY]), np.dstack([GREY, GREY])),
        (np.zeros((4, 4, 3)), np.zeros((4, 4, 3))),
    ],
)
def test_one_array_is_one_image_with_the_same_pixels(array, expected):
    for given in (array, [array]):
        (sent,) = pixels(given)
        assert sent.shape == expected.shape
        assert (sent == expected).all()
        assert len(ids(given)) == count_items(given) == 1


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.stack([RGB, RGB // 2]), [RGB, RGB // 2]),
        (np.stack([GREY, GREY // 2])[..., None], [GREY, GREY // 2]),
        (np.stack([GREY] * 5), [GREY] * 5),
        (np.moveaxis(np.stack([RGB, RGB // 2]), -1, 1), [RGB, RGB // 2]),
        (np.stack([RGB, RGB * 0 + 1]).astype(float), [RGB, RGB * 0 + 1]),
    ],
)
def test_an_array_of_n_images_is_n_items_of_one_range(array, expected):
    sent = pixels(array)
    assert len(sent) == count_items(array) == len(expected)
    for mine, theirs in zip(sent, expected, strict=True):
        assert (mine == theirs).all()


def test_an_array_that_may_be_one_image_or_three_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 6, 8\) may be one image .* or 3 grey images; give numpy.moveaxis"):
        ids(np.moveaxis(RGB, -1, 0))
    assert (pixels([np.moveaxis(RGB, -1, 0)])[0] == RGB).all()  # an item of a list is one image
    assert len(pixels(list(np.stack([GREY] * 3)))) == 3


def test_tensors_of_torch_have_their_channels_first():
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(np.moveaxis(RGB, -1, 0).copy())
    for given in (tensor, [tensor], tensor[None], tensor / 255, (tensor / 255).requires_grad_()):
        (sent,) = pixels(given)
        assert (sent == RGB).all()
    rough = pixels((tensor / 255).to(torch.bfloat16))[0]
    assert np.abs(rough.astype(int) - RGB).max() <= 1
    assert count_items(torch.stack([tensor] * 5)) == len(pixels(torch.stack([tensor] * 5))) == 5


@pytest.mark.parametrize("array", [RGB.astype(np.uint16), np.full((2, 4, 4, 3), -1.0), np.zeros((2, 3, 4, 5, 6))])
def test_an_array_alone_that_is_no_image_is_an_error_at_once(array):
    with pytest.raises(ValueError, match="images: got an array"):
        ids(array)


@hypothesis.given(st.integers(1, 4), st.integers(2, 9), st.integers(5, 9), st.sampled_from([None, 1, 3, 4]))
def test_images_of_a_stack_are_those_of_its_list(n, height, width, channels):
    shape = (n, height, width) if channels is None else (n, height, width, channels)
    stack = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    if channels is None and n in (1, 3):
        return  # may be one image
    for alone, listed in zip(pixels(stack), pixels(list(stack)), strict=True):
        assert (alone == listed).all()


# columns, and what is missing in them


MISSING = [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), Decimal("NaN")]


@pytest.mark.parametrize("missing", MISSING, ids=repr)
def test_a_missing_image_or_text_is_an_item_with_an_error(photos: Path, missing):
    for sources in (image_sources([photos / "coffee.jpg", missing, b"x"]), text_sources(["a", missing, "b"])):
        good, bad, last = sources
        good.read(), last.read()
        with pytest.raises(Unreadable, match="a missing value; leave the item out, or fill it in"):
            bad.read()


@pytest.mark.parametrize(
    "column",
    [
        pd.Series,
        pd.Index,
        pd.Categorical,
        lambda names: pd.array(names, dtype="string"),
        lambda names: pd.Series(names, dtype="string[pyarrow]"),
        lambda names: pd.Series(names).to_numpy(),
        lambda names: np.array(names, object),
        pa.array,
        lambda names: pa.chunked_array([names]),
        lambda names: pa.table({"a": names})["a"],
        iter,
        tuple,
        lambda names: (each for each in names),
        lambda names: dict.fromkeys(names).keys() if None not in names else iter(names),
    ],
)
def test_columns_of_every_kind_are_read(photos: Path, column):
    names = [str(photos / "coffee.jpg"), None, str(photos / "rocket.jpg")]
    images, texts = list(image_sources(column(names))), list(text_sources(column(names)))
    for first, missing, last in (images, texts):
        first.read(), last.read()
        with pytest.raises(Unreadable):
            missing.read()
    assert [images[0].path, images[2].path] == [names[0], names[2]]


@pytest.mark.parametrize("table", [pd.DataFrame, pa.table])
@pytest.mark.parametrize("sources", [text_sources, image_sources])
def test_a_whole_table_is_refused_with_the_way_to_one_column(table, sources):
    with pytest.raises(
        TypeError, match=r"got a (DataFrame|Table) with the columns t, u; give one of them.*table\['t'\]"
    ):
        sources(table({"t": ["a"], "u": ["b"]}))


def test_a_mapping_has_the_ids(photos: Path):
    assert ids({"x": photos / "coffee.jpg", 7: b"x"}) == ["x", "7"]
    assert [source.id for source in text_sources({"t1": "a", 2: "b"})] == ["t1", "2"]
    assert [source.read().text for source in text_sources({"t1": "a", 2: "b"})] == ["a", "b"]
    assert [source.id for source in text_sources({"t1": "a"}, ids=["mine"])] == ["mine"]
    assert count_items({"x": photos / "coffee.jpg", 7: b"x"}) == 2


def test_the_index_of_a_series_of_texts_has_the_ids_if_it_is_more_than_numbers():
    assert [source.id for source in text_sources(pd.Series(["a", "b"]))] == ["0", "1"]
    assert [source.id for source in text_sources(pd.Series(["a", "b", "c"])[[0, 2]])] == ["0", "2"]
    assert [source.id for source in text_sources(pd.Series({"x": "a", "y": "b"}))] == ["x", "y"]
    assert [source.id for source in text_sources(pd.Series(["a", "b"], index=["x", "x"]))] == ["0", "1"]


@pytest.mark.parametrize("given", [{"a", "b"}, frozenset("a")])
def test_a_set_is_refused_because_it_has_no_order(given):
    for sources in (text_sources, image_sources):
        with pytest.raises(TypeError, match="has no order"):
            sources(given)


@pytest.mark.parametrize("given", [b"a", bytearray(b"a"), Path("a.txt"), 7, np.array([["a", "b"]])])
def test_what_can_be_no_texts_is_a_type_error(given):
    with pytest.raises(TypeError, match=r"^texts: got"):
        list(text_sources(given))
    assert [source.read().text for source in text_sources(np.array("one text"))] == ["one text"]


# files and paths


def test_an_open_file_at_its_end_says_so(photos: Path):
    with (photos / "coffee.jpg").open("rb") as file:
        file.read()
        (source,) = image_sources(file)
    with pytest.raises(Unreadable, match=r"is at its end, at byte [\d,]+: it was read already; call seek\(0\) first"):
        source.read()
    for nothing in (io.BytesIO(), io.BytesIO(b"x")):
        nothing.seek(0, io.SEEK_END)
        (source,) = image_sources([nothing])
        with pytest.raises(Unreadable, match=r"seek\(0\)|nothing to read"):
            source.read()


def test_a_path_may_end_in_a_slash(photos: Path):
    assert ids(f"{photos}/") == ids(f"{photos}//") == ids(photos)
    assert paths(f"{photos}/coffee.jpg/") == paths([f"{photos}/coffee.jpg/"]) == [f"{photos}/coffee.jpg"]


@pytest.mark.parametrize(
    "url", ["http://x/a.jpg", "https://x/a.jpg", "HTTPS://x/*.jpg", "s3://b/a.jpg", "data:image/png;base64,AA"]
)
def test_a_url_is_refused_as_one(url):
    with pytest.raises(ValueError, match="is a URL, and none is fetched; download it"):
        ids(url)
    (source,) = image_sources([url])
    with pytest.raises(Unreadable) as caught:
        source.read()
    assert caught.value.code == "url_not_fetched"


@pytest.mark.parametrize("path", ["", "a\0b.jpg", "x" * 5000, "~/nothing.jpg", "no/such/folder/*.jpg"])
def test_a_path_that_cannot_be_is_one_items_error(photos: Path, path):
    good, bad = image_sources([photos / "coffee.jpg", path])
    good.read()
    with pytest.raises(Unreadable) as caught:
        bad.read()
    assert caught.value.code == "unreadable_file"
    with pytest.raises(FileNotFoundError):
        ids(path)


def test_the_bytes_of_a_file_in_an_array_are_that_file(photos: Path):
    data = np.fromfile(photos / "coffee.jpg", np.uint8)
    for given in (data, [data]):
        assert read(given) == [(photos / "coffee.jpg").read_bytes()]
        assert count_items(given) == 1


# PIL


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_picture_is_turned_as_its_file_is(tmp_path: Path, orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{kind.lower()}"
    lossless = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(RGB).resize((80, 60)).save(path, kind, exif=exif, **lossless)
    with Image.open(path) as picture:
        (sent,) = read(picture)
    upright = Image.open(io.BytesIO(sent))
    assert upright.getexif().get(0x0112, 1) == 1
    with Image.open(path) as picture:
        expected = ImageOps.exif_transpose(picture).convert("RGB")
    assert upright.size == expected.size
    assert np.abs(np.asarray(upright.convert("RGB")).astype(int) - np.asarray(expected)).max() == 0


def test_damaged_exif_data_is_no_error():
    picture = Image.fromarray(RGB)
    picture.info["exif"] = b"Exif\0\0MM\0*garbage"
    assert (pixels(picture)[0] == RGB).all()
    with pytest.raises(Unreadable, match="0 × 0 pixels"):
        read(Image.new("RGB", (0, 0)))
