"""Flashes are no cuts, rapid sequences end where they do, and true cuts stay; in made planes and in made videos."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.video.cuts import MOST_FRAMES, CutFinder
from models.video.opening import VideoLimits
from models.video.policies import Shots
from models.video.sampling import find_shots, sample
from models.video.shots import Detector
from tests.models import clips

LIMITS = VideoLimits()
METHODS = ("adaptive", "content")
GRAIN = np.random.default_rng(0).integers(-2, 3, (7, 3, 9, 16))


def scene(number: int) -> np.ndarray:
    """(3, 9, 16): a picture of its own for each number, as planes."""
    return np.random.default_rng(number).integers(20, 150, (3, 9, 16))


LIGHT, DARK = np.full((3, 9, 16), 250), np.zeros((3, 9, 16), int)


def found(pictures, *, rate=25, stamps=None, **options) -> list[int]:
    """The frames that begin a shot, the first aside; each cut has to bring its own frame's item."""
    finder = CutFinder[int](Detector(**options), Fraction(1, 1000))
    given = []
    times = stamps or [round(1000 * i / rate) for i in range(len(pictures))]
    for i, (picture, pts) in enumerate(zip(pictures, times, strict=True)):
        noisy = np.clip(picture + GRAIN[i % 7], 0, 255).astype(np.uint8)
        given += finder.take(tuple(noisy), pts, i)
        assert len(finder._recent) <= MOST_FRAMES
        assert len(finder._settled) <= MOST_FRAMES
    given += finder.finish(times[-1] + 1000 // rate)
    assert [change.pts for change in given] == [times[change.item] for change in given]
    return [change.item for change in given]


def shown(*parts) -> list[np.ndarray]:
    """Pictures of (picture, number of frames)."""
    return [picture for picture, n in parts for _ in range(n)]


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(20, 60), min_size=1, max_size=4),
    flashes=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 4), st.booleans()), max_size=6),
    method=st.sampled_from(METHODS),
)
def test_flashes_are_no_cuts_and_cuts_stay(lengths, flashes, method):
    pictures = shown(*((scene(i), n) for i, n in enumerate(lengths)))
    cuts = np.cumsum(lengths)[:-1].tolist()
    for where, n, dark in flashes:
        at = round(where * (len(pictures) - n))
        if all(not -8 < cut - at < 8 for cut in cuts):
            pictures[at : at + n] = [DARK if dark else LIGHT] * n
    assert found(pictures, method=method) == cuts


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rate", [6, 10, 12, 15, 24, 30, 60, 120])
def test_a_flash_is_told_by_its_time_at_any_frame_rate(rate, method):
    n = max(1, int(0.12 * rate))
    pictures = shown((scene(0), 3 * rate), (LIGHT, n), (scene(0), 3 * rate), (scene(1), 3 * rate))
    if rate < 120 or n <= MOST_FRAMES:
        assert found(pictures, rate=rate, method=method) == [6 * rate + n]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("where", range(-4, 5))
@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_flash_at_a_cut_leaves_one_cut(where, n, method):
    pictures = shown((scene(0), 40), (scene(1), 40))
    pictures[40 + where : 40 + where + n] = [LIGHT] * n
    (cut,) = found(pictures, method=method)
    assert min(40, 40 + where) <= cut <= max(40, 40 + where + n)


@pytest.mark.parametrize("method", METHODS)
def test_flashes_in_quick_succession_and_strobes_are_no_cuts(method):
    for period, n in ((2, 1), (3, 1), (3, 2), (4, 2), (5, 1), (7, 3)):
        pictures = shown((scene(0), 150))
        for at in range(40, 100, period):
            pictures[at : at + n] = [LIGHT] * n
        assert found(pictures, method=method) == [], (period, n)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_flash_at_the_first_or_last_frame_is_no_cut(n, method):
    assert found(shown((LIGHT, n), (scene(0), 60), (LIGHT, n)), method=method) == []
    assert found(shown((LIGHT, n), (scene(0), 60), (LIGHT, n)), method=method, min_shot=0.0) == []


@pytest.mark.parametrize("method", METHODS)
def test_a_flash_that_comes_on_or_goes_off_little_by_little_is_no_cut(method):
    dim = [scene(0) + (LIGHT - scene(0)) * k / 10 for k in range(10)]
    off = shown((scene(0), 40)) + dim[:0:-1] + shown((scene(0), 40))
    assert found(off, method=method) == []  # an afterglow may last
    on = shown((scene(0), 40)) + dim[2::2] + shown((scene(0), 40))
    assert found(on, method=method) == []


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([50, 5, 5, 5, 5, 5, 50], [50, 75]),  # every 0.2 s from 2 to 3 s
        ([50, 5, 5, 5, 50], [50, 65]),  # exactly 0.6 s
        ([50, 7, 50], [57]),  # the last of two
        ([50, 5, 5, 50], [60]),
        ([5, 5, 5, 5, 50], [20]),  # from the start
        ([5, 50], []),  # the start stays
        ([50, 10, 10, 10, 10, 10, 50], [50, 70, 100]),  # 90 would be too near to 100
        ([50, 20, 20, 50], [50, 70, 90]),
        ([50, 10], [50]),  # 0.4 s before the end
    ],
    ids=str,
)
def test_a_rapid_sequence_ends_at_its_last_cut(pieces, expected, method):
    assert found(shown(*((scene(i), n) for i, n in enumerate(pieces))), method=method) == expected


def test_two_pictures_by_turns_are_a_sequence_and_a_short_insert_is_part_of_its_shot():
    turns = shown((scene(0), 50), *((scene(1 + i % 2), 5) for i in range(5)), (scene(3), 50))
    assert found(turns) == [50, 75]
    assert found(shown((scene(0), 50), (scene(1), 10), (scene(0), 50))) == []
    assert found(shown((scene(0), 50), (scene(1), 15), (scene(0), 50))) == [50, 65]


@settings(max_examples=60, deadline=None)
@given(lengths=st.lists(st.integers(6, 40), min_size=2, max_size=12), method=st.sampled_from(METHODS))
def test_shots_are_long_enough_and_every_sequence_keeps_its_last_cut(lengths, method):
    cuts = np.cumsum(lengths)[:-1].tolist()
    kept = found(shown(*((scene(i), n) for i, n in enumerate([*lengths[:-1], 40]))), method=method)
    assert set(kept) <= set(cuts)
    assert all(b - a >= 15 for a, b in zip([0, *kept], kept, strict=False))
    last = [cut for cut, after in zip(cuts, [*cuts[1:], 10**9], strict=True) if after - cut >= 15]
    assert {cut for cut in last if cut >= 15} <= set(kept)


def test_at_variable_frame_rates_time_counts_and_not_frames():
    slides = [scene(0), scene(0), scene(0), scene(1), scene(0), scene(0), scene(0), scene(0)]
    stamps = [0, 1000, 2000, 3000, 5000, 6000, 7000, 8000]
    assert found(slides, stamps=stamps, method="content") == [3, 4]  # a slide of 2 s is a shot
    stamps = [0, 1000, 2000, 3000, 3100, 4000, 5000, 6000]
    assert found(slides, stamps=stamps, method="content") == []  # a frame of 0.1 s is none


def test_frames_of_another_size_are_no_return():
    finder = CutFinder[int](Detector(), Fraction(1, 25))
    pictures = [*shown((scene(0), 40), (scene(1), 2)), *[np.kron(scene(1), np.ones((1, 2, 2), int))] * 40]
    given = [cut for i, picture in enumerate(pictures) for cut in finder.take(tuple(picture.astype(np.uint8)), i, i)]
    assert [cut.item for cut in given + finder.finish(len(pictures))] == [40]


def test_without_the_rule_for_flashes_every_change_counts():
    pictures = shown((scene(0), 40), (LIGHT, 1), (scene(0), 40))
    assert found(pictures, flash=0.0, min_shot=0.0) == [40, 41]
    assert found(pictures, flash=0.03, min_shot=0.0) == [40, 41]  # shorter than the frame


@settings(max_examples=100, deadline=None)
@given(
    levels=st.lists(st.tuples(st.integers(0, 250), st.integers(1, 6)), min_size=1, max_size=25),
    rate=st.sampled_from([3, 8, 25, 100]),
    min_shot=st.sampled_from([0.0, 0.6]),
    method=st.sampled_from(METHODS),
)
def test_each_cut_has_its_frame_whatever_the_pictures(levels, rate, min_shot, method):
    pictures = shown(*((np.full((3, 9, 16), level), n) for level, n in levels))
    kept = found(pictures, rate=rate, min_shot=min_shot, method=method)
    assert kept == sorted(set(kept))
    assert 0 not in kept


@pytest.fixture(scope="module")
def flashing() -> bytes:
    """12 s: cuts at 2.0, 2.2, … 3.0 and at 8 s, and flashes at 5, 6, 6.2, 9 s, the last of three frames."""
    begins = [0, 50, 55, 60, 65, 70, 75, 200]
    light = {125, 150, 155, 225, 226, 227}

    def picture(k: int, width: int, height: int) -> np.ndarray:
        number = sum(k >= begin for begin in begins)
        base = np.random.default_rng(number).integers(20, 150, (height // 8, width // 8, 3))
        pixels = np.kron(base, np.ones((8, 8, 1)))
        return np.clip(pixels * 0.2 + 200 if k in light else pixels, 0, 255).astype(np.uint8)

    return clips.make(frames=300, size=(128, 72), picture=picture)


@pytest.mark.parametrize("method", METHODS)
def test_a_video_with_flashes_and_a_rapid_sequence(flashing, method):
    shots = find_shots(flashing, Detector(method=method), limits=LIMITS)
    assert [(shot.start, shot.end) for shot in shots] == [(0.0, 2.0), (2.0, 3.0), (3.0, 8.0), (8.0, 12.0)]


def test_the_first_frame_of_each_shot_is_given_in_one_pass(flashing):
    frames = list(sample(flashing, Shots(take="first"), limits=LIMITS))
    assert [(frame.timestamp, frame.shot) for frame in frames] == [(0.0, 0), (2.0, 1), (3.0, 2), (8.0, 3)]
