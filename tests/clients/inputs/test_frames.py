"""The choice of frames of a video, and lengths of time."""

import pytest

from daguerre.inputs.frames import sampled, seconds


def test_seconds_are_numbers_or_texts():
    wanted = {2: 2, 0.5: 0.5, "2s": 2, "500ms": 0.5, "1.5 m": 90, "1h": 3600, "3": 3, ".5s": 0.5, "2min": 120}
    assert {given: seconds(given, "every") for given in wanted} == wanted
    for wrong in (0, -1, "2 parsecs", "", "s", "1e3", float("nan"), "25h", None):
        with pytest.raises(ValueError, match=r"every: got .*500ms"):
            seconds(wrong, "every")  # type: ignore[arg-type]


def test_frames_are_chosen_in_one_way():
    assert sampled() == {"policy": "every", "seconds": 1.0}
    assert sampled(shots=True) == {"policy": "shots", "take": "middle"}
    assert sampled(keyframes=True) == {"policy": "keyframes"}
    with pytest.raises(ValueError, match="every and frames"):
        sampled(every=2, frames=3)
    for wrong in ({"frames": 0}, {"frames": 2.5}, {"frames": True}, {"shots": "last"}):
        with pytest.raises(ValueError, match="got"):
            sampled(**wrong)
