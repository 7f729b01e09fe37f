"""Analyses of videos from Python, by a real server over both transports; the numbers of persons are known."""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageFont

from daguerre import Client, DaguerreWarning, FingerprintMismatchError, ItemFailedError
from tests.clients.conftest import address
from tests.e2e.harness import Server, jpeg
from tests.models.clips import make

ASKED: dict[str, Any] = {"objects": {"labels": ["person"]}, "text": {}}
TEXT = "Families belong together"
PERSONS = [0, 0, 1, 1, 1, 1, 2, 2]  # in each half second


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds with 0, then 1, then 2 persons, and a line of text where there are any."""
    person = Image.open(io.BytesIO(jpeg("astronaut"))).convert("RGB").resize((256, 256))
    pictures = []
    for n in range(3):
        picture = Image.new("RGB", (512, 256), "grey")
        for i in range(n):
            picture.paste(person, (256 * i, 0))
        if n:
            ImageDraw.Draw(picture).text((40, 10), TEXT, fill="white", font=ImageFont.load_default(28))
        pictures.append(np.asarray(picture))
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    path.write_bytes(make(frames=16, rate=4, size=(512, 256), picture=lambda i, *_: pictures[PERSONS[i // 2]]))
    return path


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:.*of a single colour")
def test_persons_and_text_over_time(client: Client, clip: Path) -> None:
    found = client.analyse(videos=clip, analysers=ASKED, sampling={"every": "0.5s", "find_shots": True})
    assert found.ids == ["clip.mp4"]
    assert found.counts(over="time").person.tolist() == PERSONS
    assert found.counts(over="second").person.tolist() == [0, 1, 1, 2]
    (row,) = found.counts(over="video").to_dict("records")
    assert row == {
        **{"video": "clip.mp4", "sampled": 8, "label": "person", "frames": 6, "seconds": 3.0, "most": 2},
        **{"first": 1.0, "last": 3.5},
    }
    assert found.counts(over="shot").most.tolist() == [0, 1, 2]
    (line,) = found.lines().to_dict("records")
    assert (line["text"], line["first"], line["last"], line["frames"]) == (TEXT, 1.0, 3.5, 6)
    assert found.texts == [TEXT]
    with client.video(clip, every="0.5s") as uploaded:
        assert uploaded.analyse(ASKED).counts(over="time").person.tolist() == PERSONS


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:.*of a single colour")
def test_a_folder_of_videos_continues_where_it_was(inline: Server, clip: Path, tmp_path: Path) -> None:
    """A video that is there is not analysed again, and the files give back what they were made of."""
    folder, out = tmp_path / "videos", tmp_path / "found.parquet"
    (folder / "more").mkdir(parents=True)
    shutil.copy(clip, folder / "more" / "b.mp4")
    (folder / "bad.mp4").write_bytes(clip.read_bytes()[:100])
    given: dict[str, Any] = {"videos": folder, "analysers": {**ASKED, "visual": {}}, "sampling": {"every": 1}}
    with Client(inline.url) as client:
        with pytest.warns(DaguerreWarning, match="1 of 2 videos could not be analysed"):
            first = client.analyse_corpus(out=out, **given)
        assert (first.analysed, first.failed, first.pictures, first.frames) == (1, 1, 2, 4)
        shutil.copy(clip, folder / "a.mp4")
        second = client.analyse_corpus(out=out, **given)
        assert (second.analysed, second.failed, second.reused, second.frames) == (1, 0, 2, 8)
        assert "8 frames of 3 videos" in str(second)
        with pytest.warns(DaguerreWarning, match="1 of 3 videos could not be used"):
            fresh = client.analyse(**given)
        stored = client.read_analyses(out).select(fresh.ids)
        for over in ("item", "time", "second", "video"):
            pd.testing.assert_frame_equal(stored.counts(over=over), fresh.counts(over=over))  # type: ignore[arg-type]
        pd.testing.assert_frame_equal(stored.to_pandas(), fresh.to_pandas())
        pd.testing.assert_frame_equal(stored.frames, fresh.frames)
        pd.testing.assert_frame_equal(stored.values, fresh.values)
        pd.testing.assert_frame_equal(stored.lines(), fresh.lines())
        assert pd.read_parquet(second.frames_out).groupby("video").size().to_dict() == {"a.mp4": 4, "more/b.mp4": 4}
        with pytest.raises(FingerprintMismatchError, match="name another file"):
            client.analyse_corpus(out=out, **{**given, "sampling": {"every": 2}})


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({}, ValueError, "give images or videos"),
        ({"images": "a.jpg", "videos": "b.mp4"}, ValueError, "give images or videos"),
        ({"images": "a.jpg", "sampling": {}}, ValueError, "chooses frames of videos"),
        ({"videos": 5}, TypeError, "videos: got int"),
        ({"videos": []}, ValueError, "there is none"),
        ({"videos": "no.mp4"}, FileNotFoundError, "there is no 'no.mp4'"),
        ({"videos": [b"a"], "ids": ["a", "b"]}, ValueError, "ids: 2 for 1"),
        ({"videos": [b"a", b"b"], "ids": ["a", "a"]}, ValueError, "those of several"),
        ({"videos": b"a", "sampling": {"evry": 1}}, ValueError, "got 'evry', there are every"),
        ({"videos": b"a", "sampling": {"every": 1, "frames": 2}}, ValueError, "only one of every and frames"),
        ({"videos": b"a", "sampling": "1s"}, TypeError, "give a mapping"),
        ({"videos": b"a", "on_error": "skip"}, ValueError, "on_error: got 'skip'"),
    ],
)
def test_wrong_videos_are_refused(inline: Server, given: dict[str, Any], error: type, words: str) -> None:
    with Client(inline.url) as client, pytest.raises(error, match=words):
        client.analyse(analysers=["visual"], **given)


@pytest.mark.filterwarnings("ignore:.*of a single colour")
def test_a_video_that_cannot_be_read_fails_alone(inline: Server, clip: Path) -> None:
    with Client(address(inline, "grpc")) as client:
        with pytest.warns(DaguerreWarning, match="3 of 4 videos"):
            found = client.visual_features(videos={"good": clip, "gone": "no.mp4", "bad": b"no video", "odd": 7})
        assert [error.code for error in found.errors] == ["unreadable_file", "invalid_file", "unsupported_video"]
        assert found.values.brightness.notna().tolist() == [True, False, False, False]
        with pytest.raises(ItemFailedError):
            client.visual_features(videos=[b"no video"], on_error="raise")
