"""Random changes to training images: what they do, and that they depend on nothing else. Oracle: numpy."""

import numpy as np
import pytest
import torch

from models.finetune.augment import augment, draw
from models.finetune.options import Augmentation
from tests.models.image_samples import photo, scene

OFF = Augmentation(flip=False, crop=0, colour=0)
KEY = (0, 1, 2)


def batch(n=6, side=48):
    return torch.from_numpy(np.stack([scene(side, side, seed) for seed in range(n)]))


def test_with_all_of_it_off_nothing_changes():
    pixels = batch()
    np.testing.assert_array_equal(augment(pixels, OFF, KEY, range(6)).numpy(), pixels.numpy())


def test_a_flip_is_a_mirror_image_for_about_half():
    pixels = batch(1, 33).repeat(200, 1, 1, 1)
    found = augment(pixels, Augmentation(flip=True, crop=0, colour=0), KEY, range(200)).numpy()
    image, mirrored = pixels[0].numpy(), pixels[0].numpy()[:, ::-1]
    same = np.abs(found - image).max((1, 2, 3)) < 0.01
    turned = np.abs(found - mirrored).max((1, 2, 3)) < 0.01
    assert (same ^ turned).all()
    assert 80 < turned.sum() < 120


def test_a_crop_shows_a_part_at_full_size():
    """A ramp: what is at each edge tells which part is shown."""
    ramp = torch.arange(100.0).repeat(100, 1)[None, :, :, None].repeat(50, 1, 1, 3)
    found = augment(ramp, Augmentation(flip=False, crop=0.3, colour=0), KEY, range(50)).numpy()
    left, right = found[:, 50, 0, 0], found[:, 50, -1, 0]
    shown = (right - left) / 99
    assert shown.min() > 0.69
    assert shown.max() <= 1.001
    assert shown.min() < 0.75  # the range is used
    assert left.min() >= 0
    assert right.max() <= 99
    np.testing.assert_allclose(np.diff(found[7, 50, 1:-1, 0]), np.diff(found[7, 50, 1:-1, 0]).mean(), atol=1e-3)


def test_colours_stay_in_range_and_near_what_they_were():
    pixels = torch.from_numpy(photo("chelsea")[None, :256, :256].copy()).repeat(20, 1, 1, 1)
    found = augment(pixels, Augmentation(flip=False, crop=0, colour=0.2), KEY, range(20)).numpy()
    assert found.min() >= 0
    assert found.max() <= 255
    means = found.mean((1, 2, 3)) / pixels.numpy().mean()
    assert 0.79 < means.min() < 0.9
    assert 1.1 < means.max() < 1.21


def test_saturation_and_contrast_leave_a_grey_image_grey():
    grey = torch.full((4, 8, 8, 3), 100.0)
    found = augment(grey, Augmentation(flip=False, crop=0, colour=0.5), KEY, range(4))
    assert float((found.amax((1, 2, 3)) - found.amin((1, 2, 3))).max()) < 1e-3


def test_what_happens_to_an_image_does_not_depend_on_its_batch():
    pixels, options = batch(), Augmentation()
    together = augment(pixels, options, KEY, range(6))
    for i in range(6):
        alone = augment(pixels[i : i + 1], options, KEY, [i])
        torch.testing.assert_close(alone[0], together[i], atol=1e-3, rtol=0)


@pytest.mark.parametrize("key", [(1, 1, 2), (0, 2, 2), (0, 1, 3)], ids=["seed", "stage", "epoch"])
def test_each_epoch_changes_it_anew_and_the_same_epoch_alike(key):
    options = Augmentation()
    assert (draw(options, KEY, 3) == draw(options, KEY, 3)).all()
    assert (draw(options, KEY, 3) != draw(options, key, 3)).any()
    assert (draw(options, KEY, 3) != draw(options, KEY, 4)).any()
