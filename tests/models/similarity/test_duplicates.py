"""Duplicates against scipy's components of the whole matrix; groups the same whatever the size of a block."""

import hashlib
import io

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from scipy.sparse.csgraph import connected_components
from skimage import data

from models.errors import ClusteringError
from models.images.perceptual import distance, hashes, perceptual_hash
from models.similarity.duplicates import exact, near, semantic

BLOCKS = [1, 100 * 3**2, 2**20]  # bytes: blocks of one item, of three, and of all
LINKAGES = ["single", "star"]


def corpus(seed, n=60, d=16):
    """(n, d) of which a third are near-copies of others, some of them of copies."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, d)).astype(np.float32)
    for at in rng.permutation(n)[: n // 3]:
        rows[at] = rows[rng.integers(n)] + rng.uniform(0, 0.5) * rng.standard_normal(d)
    return rows


def cosines(rows):
    unit = rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return (unit @ unit.T).round(7)


def components(within):
    """Groups of two and more in a boolean matrix (n, n), as sets."""
    _, labels = connected_components(within, directed=False)
    found = [frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())]
    return {members for members in found if len(members) > 1}


def stars(within, preference):
    """By the definition, one item at a time: {representative: members}."""
    free, found = set(range(len(within))), {}
    for item in sorted(free, key=lambda i: (-preference[i], i)):
        if item in free:
            found[item] = sorted(j for j in free if within[item, j])
            free -= set(found[item])
    return {item: tuple(members) for item, members in found.items() if len(members) > 1}


def check(found, within, similarity, preference):
    """Properties of all groups, of either kind and linkage."""
    n = len(within)
    sizes = [(-len(group.members), group.members[0]) for group in found.groups]
    assert sizes == sorted(sizes)
    kept = np.flatnonzero(found.kept)
    assert not np.triu(within[np.ix_(kept, kept)], 1).any()  # no duplicates are left
    assert len(kept) == n - sum(len(group.members) - 1 for group in found.groups)
    for group in found.groups:
        members = list(group.members)
        assert members == sorted(set(members))
        assert preference[group.representative] == max(preference[members]) or found.linkage == "star"
        np.testing.assert_allclose(group.similarity, similarity[group.representative, members], atol=1e-7)
    if found.linkage == "single":
        assert {frozenset(group.members) for group in found.groups} == components(within)
    else:
        assert {group.representative: group.members for group in found.groups} == stars(within, preference)


@given(
    seed=st.integers(0, 10**6),
    threshold=st.sampled_from([0.5, 0.8, 0.95, 1.0]),
    linkage=st.sampled_from(LINKAGES),
    block_bytes=st.sampled_from(BLOCKS),
    preferred=st.booleans(),
)
@settings(deadline=None)
def test_semantic_groups_are_those_of_the_whole_matrix(seed, threshold, linkage, block_bytes, preferred):
    rows = corpus(seed)
    preference = np.random.default_rng(seed).integers(0, 3, len(rows)) if preferred else np.zeros(len(rows))
    found = semantic(rows, threshold=threshold, linkage=linkage, preference=preference, block_bytes=block_bytes)
    check(found, cosines(rows) >= threshold, cosines(rows), preference)
    assert (found.kind, found.threshold, found.n, found.unusable) == ("semantic", threshold, 60, ())


@given(
    values=st.lists(
        st.none() | st.integers(0, 15) | st.integers(0, 2**64 - 1) | st.integers(2**64 - 16, 2**64 - 1), max_size=40
    ),
    bits=st.integers(0, 3),
    linkage=st.sampled_from(LINKAGES),
    block_bytes=st.sampled_from(BLOCKS),
)
@settings(deadline=None)
def test_near_groups_are_those_of_the_whole_matrix(values, bits, linkage, block_bytes):
    found = near(values, bits=bits, linkage=linkage, block_bytes=block_bytes)
    flat = [at for at, value in enumerate(values) if value is None]
    apart = np.array([[64 if None in (a, b) else (a ^ b).bit_count() for b in values] for a in values])
    apart = apart.reshape(len(values), len(values))
    check(found, apart <= bits, 1 - apart / 64, np.zeros(len(values)))
    assert found.unusable == tuple(flat)
    assert found.kept[flat].all()


@given(st.lists(st.sampled_from("abcdef"), max_size=30))
def test_exact_groups_have_the_same_digest(letters):
    digests = [hashlib.sha256(letter.encode()).hexdigest() for letter in letters]
    found = exact(digests)
    same = np.array([[a == b for b in letters] for a in letters], bool).reshape(len(letters), len(letters))
    check(found, same, same.astype(float), np.zeros(len(letters)))
    assert all(group.representative == group.members[0] for group in found.groups)
    assert exact([bytes.fromhex(digest) for digest in digests]) == found


def test_the_largest_image_of_a_group_is_kept():
    areas = [100, 400, 400, 50, 900]
    found = exact(["a", "a", "a", "b", "b"], preference=areas)
    assert [(group.representative, group.members) for group in found.groups] == [(1, (0, 1, 2)), (4, (3, 4))]
    assert found.kept.tolist() == [False, True, False, False, True]


def arc(degrees):
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_single_linkage_chains_and_a_star_does_not():
    rows = arc([0, 15, 30, 45, 60])
    chain = semantic(rows, threshold=0.96)  # 16.3 degrees
    assert [group.members for group in chain.groups] == [(0, 1, 2, 3, 4)]
    assert chain.groups[0].representative == 2  # the most central
    assert min(chain.groups[0].similarity) == pytest.approx(np.cos(np.radians(30)), abs=1e-6)
    star = semantic(rows, threshold=0.96, linkage="star")
    assert [(group.representative, group.members) for group in star.groups] == [(0, (0, 1)), (2, (2, 3))]
    star = semantic(rows, threshold=0.96, linkage="star", preference=[0, 1, 0, 0, 0])
    assert [(group.representative, group.members) for group in star.groups] == [(1, (0, 1, 2)), (3, (3, 4))]


def test_in_a_large_group_the_lowest_index_represents():
    rows = arc(np.linspace(0, 10, 300))
    assert semantic(rows).groups[0].representative == 0
    assert semantic(rows[:256]).groups[0].representative == 127
    assert semantic(rows, preference=np.arange(300) % 2).groups[0].representative in (149, 151)


@pytest.mark.parametrize("linkage", LINKAGES)
def test_a_pair_at_the_threshold_is_decided_alike_in_every_block(linkage):
    """Pairs so close to it that float32 products, whose last digits depend on the block, would fall on both sides."""
    rng = np.random.default_rng(0)
    base = rng.standard_normal(512)
    rows = (base + 0.2 * rng.standard_normal((150, 512))).astype(np.float32)
    for threshold in np.sort(cosines(rows)[0])[10:140:10]:
        found = [semantic(rows, threshold=threshold, linkage=linkage, block_bytes=b) for b in (5000, 250_000, 2**26)]
        assert found[0] == found[1] == found[2]
        check(found[0], cosines(rows) >= threshold, cosines(rows), np.zeros(150))
        if linkage == "star":
            assert all(min(group.similarity) >= threshold for group in found[0].groups)


def test_a_corpus_of_one_image_is_one_group():
    rows = np.tile(np.random.default_rng(0).standard_normal(32).astype(np.float32), (3000, 1))
    for linkage in LINKAGES:
        for found in (
            semantic(rows, threshold=1, linkage=linkage, block_bytes=2**20),
            near([5] * 3000, linkage=linkage, block_bytes=2**20),
        ):
            assert len(found.groups) == 1
            assert found.groups[0].similarity == (1.0,) * 3000
            assert np.flatnonzero(found.kept).tolist() == [0]


def test_length_does_not_matter_and_opposites_differ():
    rows = corpus(1)
    assert semantic(rows * np.linspace(1e-20, 1e15, 60, dtype=np.float32)[:, None]).groups == semantic(rows).groups
    assert semantic(np.array([[1, 0], [-1, 0]], np.float32), threshold=0).groups == ()


@pytest.mark.parametrize("found", [exact([]), near([]), semantic(np.zeros((0, 4), np.float32))])
def test_nothing_has_no_duplicates(found):
    assert (found.n, found.groups, found.kept.shape) == (0, (), (0,))


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        (lambda: exact(["a", b"a"]), "bad_digests", "bytes', 'str"),
        (lambda: exact(["a", ""]), "bad_digests", "item 1 has none"),
        (lambda: exact(["a", "b"], preference=[1]), "bad_option", "for 2 items"),
        (lambda: exact(["a", "b"], preference=[1, np.nan]), "bad_option", "NaN"),
        (lambda: near([1, 2], bits=-1), "bad_option", "got -1"),
        (lambda: near([1, 2], bits=40), "bad_option", "got 40"),
        (lambda: near([1, 2**64]), "bad_hashes", "for item 1"),
        (lambda: near([1.5, 2]), "bad_hashes", "1.5 for item 0"),
        (lambda: near([1, 2], linkage="complete"), "bad_option", "'complete'"),
        (lambda: semantic(np.ones((2, 2)), threshold=1.1), "bad_option", "got 1.1"),
        (lambda: semantic(np.ones((2, 2)), threshold=np.nan), "bad_option", "got nan"),
        (lambda: semantic(np.array([[1, 1], [0, 0]])), "zero_vectors", "row 1 "),
        (lambda: semantic(np.array([[1, np.nan], [0, 0]])), "nan_vectors", "row 0 "),
    ],
)
def test_what_cannot_be_grouped_is_refused(call, code, said):
    with pytest.raises(ClusteringError, match=said) as caught:
        call()
    assert caught.value.code == code


PHOTOS = [Image.fromarray(photo()) for photo in (data.astronaut, data.chelsea, data.coffee, data.rocket)]


def jpeg(image, quality=75):
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def test_the_hash_is_imagehashs():
    for photo in PHOTOS:
        assert perceptual_hash(photo) == int(str(imagehash.phash(photo)), 16)
        assert perceptual_hash(photo.convert("L")) == perceptual_hash(photo)


def test_copies_of_a_photo_are_near_and_other_photos_are_not():
    copies = [
        lambda photo: photo,
        jpeg,
        lambda photo: photo.resize((photo.width // 2, photo.height // 2)),
        lambda photo: ImageEnhance.Brightness(photo).enhance(1.2),
        lambda photo: photo.crop((photo.width // 100, photo.height // 100, photo.width, photo.height)),
    ]
    values = [perceptual_hash(copy(photo)) for photo in PHOTOS for copy in copies]
    found = near(values, preference=[photo.width * photo.height * (at == 0) for photo in PHOTOS for at in range(5)])
    assert [group.members for group in found.groups] == [tuple(range(at, at + 5)) for at in (0, 5, 10, 15)]
    assert np.flatnonzero(found.kept).tolist() == [0, 5, 10, 15]


def test_flat_images_are_unusable_and_in_no_group():
    flat = [Image.new("RGB", (300, 200), colour) for colour in ("white", "black", "teal", "white")]
    noise = np.random.default_rng(0).normal(200, 10, (600, 400, 3)).clip(0, 255).astype(np.uint8)
    values = [perceptual_hash(image) for image in [*flat, jpeg(flat[2], 30), Image.fromarray(noise), PHOTOS[0]]]
    assert values[:6] == [None] * 6
    found = near(values)
    assert (found.groups, found.unusable) == ((), (0, 1, 2, 3, 4, 5))
    assert found.kept.all()


def test_a_small_mark_on_white_is_not_flat():
    image = Image.new("RGB", (600, 400), "white")
    image.paste("black", (300, 200, 330, 230))
    assert perceptual_hash(image) is not None


def test_a_transparent_image_has_no_hash_before_it_is_flattened():
    with pytest.raises(ClusteringError, match="RGBA"):
        perceptual_hash(Image.new("RGBA", (9, 9)))


def test_bits_between_hashes_are_counted():
    a, known = hashes([0, None, 2**64 - 1])
    assert known.tolist() == [True, False, True]
    assert distance(a[known], np.array([1, 3], np.uint64)).tolist() == [[1, 2], [63, 62]]
