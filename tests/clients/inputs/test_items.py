"""What users have, as items: found lazily, in order, with ids."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daguerre.inputs.files import walk
from daguerre.inputs.items import count_items, image_sources, text_sources
from daguerre.inputs.source import Unreadable


def ids(given, **options):
    return [source.id for source in image_sources(given, **options)]


def read(given):
    return [source.read().image for source in image_sources(given)]


def test_a_folder_is_walked_sorted_without_what_is_hidden_or_no_image(photos: Path):
    found = [Path(name).relative_to(photos).as_posix() for name in ids(photos)]
    assert found == [
        "astronaut.jpg",
        "chelsea.jpg",
        "coffee.jpg",
        "hubble_deep_field.jpg",
        "more/Ünïcode, näme.JPG",
        "motorcycle_left.jpg",
        "rocket.jpg",
    ]
    assert ids(str(photos)) == ids(photos) == ids([photos])


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
    assert ids(tmp_path) == [str(tmp_path / "a.png")]


def test_globs_are_sorted_and_may_cross_folders(photos: Path):
    assert [Path(name).name for name in ids(f"{photos}/c*.jpg")] == ["chelsea.jpg", "coffee.jpg"]
    assert [Path(name).name for name in ids(f"{photos}/**/*.JPG")] == ["Ünïcode, näme.JPG"]
    assert ids(photos.glob("c*.jpg")) == [str(path) for path in photos.glob("c*.jpg")]


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
    assert ids(str(tmp_path / "a[1].jpg")) == [str(tmp_path / "a[1].jpg")]


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
        assert ids(file) == [str(photos / "coffee.jpg")]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_pictures_of_every_mode_become_files(mode):
    picture = Image.new("I;16", (4, 3), 500) if mode == "I;16" else Image.new("RGB", (4, 3), "teal").convert(mode)
    assert Image.open(io.BytesIO(read(picture)[0])).size == (4, 3)


def test_an_array_of_four_dimensions_is_so_many_images():
    assert len(read(np.zeros((5, 4, 4, 3), np.uint8))) == 5
    assert count_items(np.zeros((5, 4, 4, 3), np.uint8)) == 5
    assert count_items(np.zeros((4, 4, 3), np.uint8)) == 1


@pytest.mark.parametrize("array", [np.zeros((4, 4, 3)), np.zeros((4, 4, 7), np.uint8), np.zeros((2, 2), bool)])
def test_an_array_that_is_no_image_says_the_rule(array):
    (source,) = image_sources([array])
    with pytest.raises(Unreadable, match="uint8"):
        source.read()


@pytest.mark.parametrize("given", [7, [7], [None], object(), [["a"]]])
def test_what_can_be_no_image_is_a_type_error(given):
    with pytest.raises(TypeError, match="PIL image"):
        ids(given)


def test_a_text_file_handle_says_how_to_open_it(photos: Path):
    with (photos / "notes.txt").open() as file:
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
    found = [os.path.relpath(source.id, tmp_path) for source in image_sources(f"{tmp_path}/**/*.jpg")]
    assert found == ["a/1.jpg", "a/gone.jpg"]
