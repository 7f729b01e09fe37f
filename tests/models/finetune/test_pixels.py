"""Decoded once: the rows equal those of the server, what cannot be decoded is left out, a second run reads the file."""

from dataclasses import replace

import numpy as np
import pytest

from models.classifiers.folders import read_collection
from models.finetune import pixels as module
from models.finetune.pixels import decode_images
from models.images.decoding import ImageLimits, load_pixels
from models.images.preprocess import Preprocess
from tests.models import coded_images as images

PREPROCESS = Preprocess(size=24, resize="letterbox")
LIMITS = ImageLimits()


@pytest.fixture
def items(tmp_path):
    return read_collection(images.folder(tmp_path / "data", train=30, test=2)).items


@pytest.fixture
def work(tmp_path):
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def never(*_, **__):
    raise AssertionError("it was decoded again")


def test_rows_are_the_pixels_that_the_server_would_make(items, work):
    found = decode_images(items, PREPROCESS, work, limits=LIMITS)
    assert found.rows.shape == (96, 24, 24, 3)
    assert found.kept == tuple(range(96))
    for row, item in zip(found.rows, items, strict=True):
        np.testing.assert_array_equal(row, load_pixels(item.path.read_bytes(), PREPROCESS, limits=LIMITS))


def test_a_corrupt_image_is_left_out_alone(items, work):
    data = items[3].path.read_bytes()
    items[3].path.write_bytes(data[: len(data) // 2])
    items[7].path.unlink()
    found = decode_images(items, PREPROCESS, work, limits=LIMITS)
    assert [(row.name, row.code) for row in found.dropped] == [
        (items[3].name, "invalid_image"),
        (items[7].name, "unreadable"),
    ]
    assert found.kept == tuple(i for i in range(96) if i not in (3, 7))
    wanted = load_pixels(items[8].path.read_bytes(), PREPROCESS, limits=LIMITS)
    np.testing.assert_array_equal(found.rows[6], wanted)


def test_it_is_decoded_once(items, work, monkeypatch):
    (items[0].path).write_bytes(b"\x89PNG\r\n\x1a\n")
    first = decode_images(items, PREPROCESS, work, limits=LIMITS)
    monkeypatch.setattr(module, "load_pixels", never)
    again = decode_images(items, PREPROCESS, work, limits=LIMITS)
    np.testing.assert_array_equal(again.rows, first.rows)
    assert (again.kept, again.dropped) == (first.kept, first.dropped)


@pytest.mark.parametrize("what", ["preprocess", "items", "limits"])
def test_other_images_or_another_size_are_decoded_anew(items, work, what, monkeypatch):
    decode_images(items, PREPROCESS, work, limits=LIMITS)
    monkeypatch.setattr(module, "load_pixels", never)
    with pytest.raises(AssertionError):
        decode_images(
            items[1:] if what == "items" else items,
            replace(PREPROCESS, size=20) if what == "preprocess" else PREPROCESS,
            work,
            limits=ImageLimits(max_bytes=10**6) if what == "limits" else LIMITS,
        )


def test_progress_is_told_and_may_stop_it_and_nothing_half_is_taken_for_whole(items, work):
    said = []

    def report(part):
        said.append(part)
        if len(said) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode_images(items, PREPROCESS, work, limits=LIMITS, report=report)
    assert said == [64 / 96, 1.0]
    found = decode_images(items, PREPROCESS, work, limits=LIMITS, report=said.append)
    assert said[2:] == [64 / 96, 1.0]
    assert found.rows[-1].any()
