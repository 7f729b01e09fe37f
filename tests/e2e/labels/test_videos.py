"""Codebook labels of the frames of a video, by a real server and a stub endpoint."""

import pytest

from daguerre import Client
from tests.e2e.labels.common import PEOPLE
from tests.label_stub import Stub
from tests.models.clips import cut_clip

pytestmark = pytest.mark.filterwarnings("ignore")


def test_each_frame_is_labelled_with_its_time(client: Client, stub: Stub) -> None:
    data = cut_clip([(200, 30, 30), (30, 200, 30), (30, 30, 200)], 10)
    with client.video(data, frames=3, name="cuts.mp4") as clip:
        L = clip.label(codebook=PEOPLE, labeller="qwen")
    assert len(L) == len(stub.asked) == 3
    frames = L.frames()
    assert [name for name, _ in frames] == ["cuts.mp4"] * 3
    times = [time for _, time in frames]
    assert times == sorted(times)
    assert len(set(times)) == 3
    assert L.ids == [f"cuts.mp4@{time:.3f}" for time in times]
    assert set(L["people"].values) <= {"yes", "no"}
