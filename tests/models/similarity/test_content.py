"""Groups are split by content, and nothing of another content can go."""

from random import Random

import numpy as np
import pytest

from bench.copies import COPIES, tweet
from models.images.miniature import BYTES, miniature
from models.similarity.duplicates import near, semantic


def small(image):
    return np.frombuffer(miniature(image), np.uint8)


POSTS = [tweet(Random(seed)) for seed in range(3)]
PICTURES = np.stack([small(each) for post in POSTS for each in (post, COPIES["JPEG 30"](post, Random(0)))])
ROWS = np.ones((6, 8), np.float32)


@pytest.mark.parametrize("linkage", ["single", "star"])
def test_posts_in_one_layout_are_related_and_their_copies_duplicates(linkage):
    for found in (
        near([7] * 6, linkage=linkage, miniatures=PICTURES),
        semantic(ROWS, threshold=0.9, linkage=linkage, miniatures=PICTURES),
    ):
        assert [group.members for group in found.groups] == [(0, 1), (2, 3), (4, 5)]
        assert [(group.members, group.contents) for group in found.related] == [(tuple(range(6)), 3)]
        assert found.compared == 6


def test_the_preferred_copy_is_kept():
    found = near([7] * 6, miniatures=PICTURES, preference=[0, 1] * 3)
    assert np.flatnonzero(found.kept).tolist() == [1, 3, 5]


def test_without_miniatures_groups_stay():
    assert [group.members for group in near([7] * 6).groups] == [tuple(range(6))]
    nothing = near([7] * 6, miniatures=np.zeros((6, BYTES), np.uint8))
    assert ([group.members for group in nothing.groups], nothing.compared) == ([tuple(range(6))], 0)


def test_pictures_beyond_the_comparisons_are_kept(monkeypatch):
    monkeypatch.setattr("models.similarity.content.MOST", 1)
    monkeypatch.setattr("models.similarity.groups.MOST", 1)
    found = near([7] * 6, miniatures=PICTURES)
    assert [group.members for group in found.groups] == [(0, 1), (2, 3), (4, 5)]
    assert "most similar" in found.remarks[0]
