"""The SDK looks at videos, over HTTP and gRPC."""

import asyncio
import io
import pickle
import re
import time
import uuid
from base64 import b64decode
from dataclasses import replace

import httpx
import numpy as np
import pytest

from daguerre import (
    AsyncClient,
    Client,
    DaguerreWarning,
    ItemFailedError,
    NotFoundError,
    OverloadedError,
    RemarkWarning,
)
from models.images.thumbnail import is_blurred
from models.pages.html import number
from models.video.opening import VideoLimits
from models.video.policies import Every
from models.video.sampling import sample
from tests.clients.conftest import address
from tests.e2e import harness
from tests.models.clips import cut_clip, fetch, make, numbered

LABELS = ["a person riding a bicycle", "a cat", "a rocket launch"]
COLOURS = [(200, 30, 30), (20, 160, 40), (30, 40, 200)]
QUICK = {"strengths": [10.0], "folds": 2, "inner_folds": 2, "resamples": 50}


@pytest.fixture(scope="module")
def cuts() -> bytes:
    """Three shots of a second."""
    return cut_clip(COLOURS, 25, size=(96, 64))


def videos(client: Client) -> dict:
    """Those on the server: the home outlives a run of the tests."""
    return {card["id"]: card for card in client.files() if card["video"] is not None}


@pytest.fixture(scope="module")
def classifiers(inline) -> tuple[str, str]:
    """A binary and a continuous one."""
    names = [f"v-{uuid.uuid4().hex[:12]}" for _ in range(2)]
    photos = [harness.jpeg(kind, width=64 + 8 * i) for i in range(4) for kind in ("coffee", "chelsea")]
    with Client(inline.url) as client:
        made = client.embed(images=photos)
        client.train_classifier(names[0], embeddings=made, targets=["cup", "cat"] * 4, **QUICK)
        amounts = [0.1, 0.9, 0.2, 0.8, 0.15, 0.95, 0.25, 0.85]
        client.train_classifier(names[1], embeddings=made, targets=amounts, task="continuous", **QUICK)
    return names[0], names[1]


def test_frames_are_scored_and_embedded_as_the_same_pictures_are(client: Client):
    path = fetch("bikes")
    pictures = list(sample(path, Every(seconds=2.0), limits=VideoLimits()))
    arrays = [frame.image for frame in pictures]
    wanted = client.zero_shot(images=arrays, labels=LABELS, none_of_these="something else")
    with client.video(path, every="2s") as clip:
        assert (clip.facts["width"], clip.facts["height"], clip.facts["codec"]) == (640, 272, "h264")
        told = clip.zero_shot(LABELS, none_of_these="something else")
        vectors = clip.embed()
    assert told.timestamps.tolist() == [frame.timestamp for frame in pictures]
    assert told.scores == pytest.approx(wanted.scores, abs=1e-5)
    assert told.cosines == pytest.approx(wanted.cosines, abs=1e-5)
    assert told.none_scores == pytest.approx(wanted.none_scores, abs=1e-5)
    assert told.best == wanted.best
    assert told.receipt.fingerprint == wanted.fingerprint
    images = client.embed(images=arrays)
    assert (vectors.vectors * images.vectors).sum(axis=1) == pytest.approx(np.ones(len(arrays)), abs=1e-6)
    mean = images.vectors.mean(axis=0)
    assert vectors.vector == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)
    assert (told.shot, told.shots, vectors.shot_vectors) == (None, None, None)
    with pytest.raises(ValueError, match="find_shots=True"):
        told.shots_to_pandas()


def test_both_transports_give_the_same(inline, cuts, classifiers):
    found = []
    for scheme in ("http", "grpc"):
        with Client(address(inline, scheme)) as client, client.video(cuts, every=0.4, find_shots=True) as clip:
            told = clip.zero_shot(LABELS, templates=["a photo of {}"], multi_label=True, negatives=["nothing"])
            predicted, measured = (clip.predict(client.classifier(name)) for name in classifiers)
            found.append((clip, told, clip.embed(), predicted, measured))
    (clip, told, vectors, predicted, measured), (other, *others) = found
    assert clip.facts == other.facts
    for mine, theirs in zip((told, vectors, predicted, measured), others, strict=True):
        assert (mine.facts, mine.sampling, mine.report) == (theirs.facts, theirs.sampling, theirs.report)
        assert (mine.shots, mine.thumbnails, mine.ids) == (theirs.shots, theirs.thumbnails, theirs.ids)
        assert (mine.decoder, mine.receipt) == (theirs.decoder, theirs.receipt)
        for name in ("timestamps", "shot", "dropped"):
            assert np.array_equal(getattr(mine, name), getattr(theirs, name))
    for mine, theirs, names in (
        (told, others[0], ("scores", "cosines", "pooled")),
        (vectors, others[1], ("vectors", "vector", "shot_vectors")),
        (predicted, others[2], ("probabilities", "pooled", "values")),
        (measured, others[3], ("values", "low", "high", "pooled")),
    ):
        for name in names:
            assert np.array_equal(getattr(mine, name), getattr(theirs, name), equal_nan=True), name
    assert (told.best, told.label, told.templates) == (others[0].best, others[0].label, ["a photo of {}"])
    assert (predicted.predicted, predicted.label) == (others[2].predicted, others[2].label)
    assert (predicted.labels, measured.labels) == (["cat", "cup"], [])
    assert predicted.probabilities.sum(axis=1) == pytest.approx(np.ones(8))
    assert measured.pooled[0] == pytest.approx(measured.values.mean())
    frame, origin = ["video", "timestamp", "shot"], ["classifier", "fingerprint", "remarks"]
    assert list(predicted.to_pandas().columns) == [*frame, "label", "cat", "cup", *origin]
    assert list(measured.to_pandas().columns) == [*frame, "value", "low", "high", *origin]
    assert set(predicted.to_pandas()["classifier"]) == {predicted.classifier}
    assert measured.shots_to_pandas()["value"].notna().all()


def test_what_limits_a_result_is_warned_of_and_in_every_table_and_page(client: Client, classifiers, tmp_path):
    """A download that was cut, whose first second is black."""

    def picture(k: int, width: int, height: int) -> np.ndarray:
        return numbered(k, width, height) if k >= 25 else np.zeros((height, width, 3), np.uint8)

    data = make(frames=150, size=(96, 64), container="matroska", picture=picture, options={"g": "25"})
    said = r"c ends early: .* of 6\.0 s\); it has 1 of \d sampled frames of a single colour, the first one \(black\)"
    with client.video(io.BytesIO(data[: 3 * len(data) // 4]), name="c", find_shots=True) as clip:
        with pytest.warns(DaguerreWarning, match=said):
            told = clip.zero_shot(LABELS)
        with pytest.warns(DaguerreWarning, match=said):
            made = clip.embed()
        with pytest.warns(DaguerreWarning, match=said):
            found = clip.predict(classifiers[0])
        with pytest.warns(DaguerreWarning, match=said):
            measured = clip.predict(classifiers[1])
        told.timeline(tmp_path / "page.html")
    for table in (
        *(each.to_pandas() for each in (told, made, found, measured)),
        *(each.shots_to_pandas() for each in (told, found, measured)),
    ):
        assert table["remarks"].str.contains("ends early.*; has 1 of").all()
    assert "ends early" in repr(told)
    assert told.report["ended_early"]
    assert told.report["blank"] == 1
    assert "ends early: the file is shorter" in (tmp_path / "page.html").read_text()
    made.save(tmp_path / "made.npz")
    with np.load(tmp_path / "made.npz") as saved:
        assert saved["remarks"].tolist() == made.remarks


def test_a_picture_that_is_held_counts_for_as_long_as_it_is_shown(client: Client):
    """Pictures for 1 s, 6 s and 2 s: as if they were sent that often, and as the server pools them."""
    data = make(frames=4, pts=[0, 25, 175, 224], container="matroska", size=(96, 64))
    with client.video(io.BytesIO(data), name="c") as clip:
        told, made = clip.zero_shot(LABELS), clip.embed()
    assert told.times.tolist() == [1, 6, 2]
    often = np.repeat(told.scores, told.times, axis=0)
    assert told.pool("mean") == pytest.approx(often.mean(axis=0), abs=1e-6)
    assert told.pooled == pytest.approx(often.mean(axis=0), abs=1e-6)
    mean = np.repeat(made.vectors, made.times, axis=0).mean(axis=0)
    assert made.vector == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


@pytest.mark.parametrize("pooling", ["mean", "max", "top_k"])
def test_what_is_pooled_here_is_what_the_server_pools(inline, cuts, pooling):
    with (
        Client(inline.url) as client,
        client.video(cuts, frames=7, find_shots=True, pooling=pooling, top_k=2, name="c") as clip,
    ):
        told = clip.zero_shot(LABELS)
    assert told.pool() == pytest.approx(told.pooled, abs=1e-6)
    by_hand = {
        "mean": told.scores.mean(axis=0),
        "max": told.scores.max(axis=0),
        "top_k": np.sort(told.scores, axis=0)[-2:].mean(axis=0),
    }
    for how, wanted in by_hand.items():
        assert told.pool(how) == pytest.approx(wanted, abs=1e-6)
    assert told.pool("top_k", k=100) == pytest.approx(by_hand["mean"], abs=1e-6)
    by_shot = told.pool("max", by="shot")
    assert by_shot[1] == pytest.approx(told.scores[told.shot == 1].max(axis=0))
    table = told.shots_to_pandas("max")
    assert list(table.columns) == ["video", "index", "start", "end", "frames", *LABELS, "remarks"]
    assert table[LABELS].to_numpy() == pytest.approx(by_shot)
    assert table["start"].tolist() == [0, 1, 2]
    assert told.ids[0] == f"c@{told.timestamps[0]:.3f}"
    for wrong in ({"how": "median"}, {"by": "frame"}, {"how": "top_k", "k": 0}):
        with pytest.raises(ValueError, match=r"got"):
            told.pool(**wrong)


def test_frames_cluster_and_their_thumbnails_are_shown(client: Client, cuts, tmp_path):
    with client.video(cuts, frames=9, thumbnail=48, name="cuts.mp4") as clip:
        made = clip.embed()
    clusters = client.cluster(embeddings=made.embeddings, method="agglomerative", k=3)
    assert sorted(set(clusters.labels.tolist())) == [0, 1, 2]
    assert clusters.ids[0].startswith("cuts.mp4@0.")
    clusters.report(tmp_path / "c.html", images=dict(zip(made.ids, made.thumbnails, strict=True)))
    assert "data:image/jpeg" in (tmp_path / "c.html").read_text()
    made.save(tmp_path / "v.npz")
    with np.load(tmp_path / "v.npz") as saved:
        assert saved["vectors"].shape == (9, 1280)
        assert saved["ids"].tolist() == made.ids
    assert made.to_pandas()["vector"][0] == pytest.approx(made.vectors[0])


def test_paths_bytes_and_open_files_are_the_same_video(client: Client, cuts, tmp_path):
    class Pipe(io.RawIOBase):
        """Gives its bytes once."""

        def __init__(self) -> None:
            self.held = io.BytesIO(cuts)

        def read(self, size: int = -1) -> bytes:
            return self.held.read(size)

        def seekable(self) -> bool:
            return False

    path = tmp_path / "cuts.mp4"
    path.write_bytes(cuts)
    behind = io.BytesIO(b"head" + cuts)
    behind.seek(4)
    before = set(videos(client))
    with path.open("rb") as file:
        for given, name in (
            (path, "cuts.mp4"),
            (cuts, "video"),
            (file, "cuts.mp4"),
            (behind, "video"),
            (Pipe(), "video"),
        ):
            with client.video(given) as clip:
                assert (clip.name, clip.facts["duration"]) == (name, 3.0)
                (there,) = (card for id, card in videos(client).items() if id not in before)
                assert (there["name"], there["bytes"], there["shape"]) == ("video", len(cuts), None)
                assert there["video"] == clip.facts
            assert clip.closed
            assert set(videos(client)) == before
        assert not file.closed
    with pytest.raises(ValueError, match="is closed"):
        clip.embed()
    clip.close()
    with pytest.raises(TypeError, match=r'mode "rb"'):
        client.video(io.StringIO("text"))


def test_closing_the_client_deletes_what_is_still_there(inline, cuts):
    with Client(inline.url) as client, Client(inline.url) as other:
        before = set(videos(other))
        clip = client.video(cuts)
        assert len(set(videos(other)) - before) == 1
        client.close()
        assert clip.closed
        clip.close()
        assert set(videos(other)) == before


def test_what_is_no_video_says_so(client: Client, cuts, tmp_path):
    for broken, code in ((b"no video at all", "invalid_file"), (cuts[:300], "invalid_video"), (b"", "invalid_file")):
        with pytest.raises(ItemFailedError, match=r"^clip\.mp4: ") as refused:
            client.video(broken, name="clip.mp4")
        assert refused.value.code == code
    array = io.BytesIO()
    np.save(array, np.zeros((2, 3), np.float32))
    before = len(client.files())
    with pytest.raises(ItemFailedError, match=r"client\.upload sends such files"):
        client.video(array.getvalue())
    assert len(client.files()) == before
    with pytest.raises(FileNotFoundError):
        client.video(tmp_path / "nowhere.mp4")
    with pytest.raises(OSError, match="no regular file"):
        client.video(tmp_path)
    with pytest.raises(TypeError, match="got int"):
        client.video(3)
    with client.video(cuts) as clip:
        with pytest.raises(NotFoundError):
            clip.predict("nobody")
        with pytest.raises(TypeError, match="give a list of labels"):
            clip.zero_shot("a cat")
        with pytest.raises(ValueError, match="two ways"):
            clip.zero_shot(LABELS, none_of_these="x", none_min_cosine=0.1)
    assert not client.asynchronous.clips


def test_a_video_that_only_its_job_can_refuse_fails_by_name(client: Client):
    """30,000 frames are more than one request looks at, which the upload cannot know."""
    with client.video(fetch("cuts"), frames=30_000, name="cuts.mp4") as clip:
        for ask in (lambda: clip.zero_shot(LABELS), clip.embed):
            with pytest.raises(ItemFailedError, match=r"^cuts\.mp4: .*20,000") as refused:
                ask()
            assert refused.value.code == "video_too_large"


def test_progress_is_shown_where_it_is_asked_for(inline, cuts, capsys):
    with Client(inline.url) as client, client.video(cuts, every=0.1, name="cuts.mp4", progress=True) as clip:
        clip.zero_shot(LABELS, progress=True)
        said = capsys.readouterr().err
        clip.zero_shot(LABELS, progress=False)
    assert "zero-shot cuts.mp4: 100%" in said
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_who_stops_waiting_stops_the_job(inline, scheme):
    """Every frame of 212 s would take half a minute."""

    async def cancelled() -> tuple[str, float]:
        async with AsyncClient(address(inline, scheme)) as client:
            async with await client.video(fetch("cuts"), every="40ms", thumbnail=None) as clip:
                looking = asyncio.create_task(clip.zero_shot(LABELS))
                until = time.monotonic() + 20
                while not (running := [job for job in await client.jobs() if job.state == "running"]):
                    assert time.monotonic() < until
                    await asyncio.sleep(0.05)
                looking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await looking
            begun = time.monotonic()
            while (job := await client.job(running[0].id)).state == "running":
                assert time.monotonic() < until
                await asyncio.sleep(0.05)
            return job.state, time.monotonic() - begun

    state, took = asyncio.run(cancelled())
    assert state == "cancelled"
    assert took < 5


def test_what_passes_is_tried_again_from_the_beginning(monkeypatch, inline, cuts):
    """The upload, the question and the answer each fail once."""
    with Client(inline.url, retry_for=20) as client:
        transport = client.asynchronous.transport
        failed = set()

        upload, call = transport.upload, transport.call
        wanted = {"Embed", "GetJobAnswer"}

        def fail_once(name: str) -> None:
            if name not in failed:
                failed.add(name)
                raise OverloadedError("busy", code="overloaded", status=429, retry_after=0)

        async def upload_or_fail(source, name):
            if "upload" not in failed:
                async for _ in source():
                    break
            fail_once("upload")
            return await upload(source, name)

        async def call_or_fail(operation, *given, **options):
            if operation.rpc in wanted:
                fail_once(operation.rpc)
            return await call(operation, *given, **options)

        monkeypatch.setattr(transport, "upload", upload_or_fail)
        monkeypatch.setattr(transport, "call", call_or_fail)
        with client.video(io.BytesIO(cuts), frames=2) as clip:
            assert len(clip.embed()) == 2
        assert failed == {"upload", *wanted}


def test_other_ways_to_choose_frames_arrive(client: Client, cuts):
    with client.video(cuts, shots="first", detector={"method": "content", "threshold": 20.0}) as clip:
        told = clip.zero_shot(LABELS)
    assert told.timestamps.tolist() == [0, 1, 2]
    assert (told.sampling["detector"]["threshold"], told.sampling["take"]) == (20, "first")
    with client.video(cuts, every="40ms", drop_within=4, thumbnail=None) as clip:
        vectors = clip.embed()
    assert len(vectors) + vectors.dropped.sum() == 75
    assert set(vectors.thumbnails) == {None}
    with client.video(cuts, keyframes="500ms") as clip:
        assert clip.embed().sampling["apart"] == 0.5


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"pooling": "median"}, "pooling: got 'median'"),
        ({"top_k": 0}, "top_k: got 0"),
        ({"drop_within": 64}, "drop_within: got 64, it is 0 to 63"),
        ({"thumbnail": 5}, "thumbnail: got 5"),
        ({"detector": "content"}, "detector needs find_shots=True"),
        ({"every": "2s", "shots": True}, "every and shots"),
    ],
)
def test_what_would_be_refused_is_not_even_sent(options, why):
    with Client("http://127.0.0.1:9", retry_for=0) as client, pytest.raises(ValueError, match=why):
        client.video(b"never sent", **options)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_the_server_draws_the_timeline_and_is_not_sent_the_name(inline, cuts, classifiers, tmp_path, scheme):
    """Also after the client was closed, since a result outlives it."""
    path, name = tmp_path / "page.html", 'a <b>"name"</b> 中文\u202e.mp4'
    with Client(address(inline, scheme)) as client, client.video(cuts, every=0.4, find_shots=True, name=name) as clip:
        results = [clip.zero_shot(LABELS), *(clip.predict(each) for each in classifiers)]
        results[0].timeline(path)
        html = path.read_text(encoding="utf-8")
    for result, shown in zip(results, (LABELS[0], *classifiers), strict=True):
        sent: list = []

        def draw(content, sent=sent, draw=result.draw):
            sent.append(content)
            return draw(content)

        replace(result, draw=draw).timeline(path)
        page = path.read_text(encoding="utf-8")
        assert "中文" not in repr(sent)
        assert page.count("a &lt;b&gt;&quot;name&quot;&lt;/b&gt; 中文\ufffd.mp4") == 2  # title and heading
        assert "video-" not in page
        broad = page.split('<div class="slim">')[0]
        curves = 1 if shown in classifiers else len(LABELS)  # a binary classifier has one curve, and so have numbers
        assert broad.count("<circle") == 8 * curves
        assert (broad.count("<image "), broad.count('class="shot"')) == (8, 1)
        pooled = [number(float(value)) for value in result.pool()]
        for text in (shown, result.receipt.fingerprint, "8\u00a0sampled frames", *pooled):
            assert text in page, text
        assert page == html or result is not results[0]


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_frames_of_a_timeline_can_be_blurred_or_left_out(inline, cuts, tmp_path, scheme):
    with Client(address(inline, scheme)) as client, client.video(cuts, frames=3) as clip:
        result = clip.zero_shot(LABELS)
        for mode, frames in (("thumbnails", 3), ("blurred", 3), ("none", 0)):
            result.timeline(tmp_path / f"{mode}.html", pictures=mode, tables=tmp_path / mode)
            page = (tmp_path / f"{mode}.html").read_text("utf-8").split('<div class="slim">')[0]
            found = re.findall(r'href="data:image/jpeg;base64,([^"]*)"', page)
            assert len(found) == frames
            assert all(is_blurred(b64decode(each)) == (mode == "blurred") for each in found)
            assert sorted(path.suffix for path in (tmp_path / mode).iterdir()) == [
                ".csv",
                ".csv",
                ".svg",
                ".tex",
                ".tex",
            ]
        with pytest.raises(ValueError, match="pictures: got 'some'"):
            result.timeline(tmp_path / "x.html", pictures="some")


def test_a_timeline_is_drawn_in_an_event_loop_too(inline, cuts, tmp_path):
    async def work() -> None:
        async with AsyncClient(inline.url) as client, await client.video(cuts, frames=2) as clip:
            result = await clip.zero_shot(LABELS)
            result.timeline(tmp_path / "one.html")
            await asyncio.to_thread(result.timeline, tmp_path / "two.html")
        async with (
            AsyncClient(inline.url, http_client=httpx.AsyncClient()) as client,
            await client.video(cuts, frames=2) as clip,
        ):
            result = await clip.zero_shot(LABELS)
            with pytest.raises(RuntimeError, match=r"asyncio\.to_thread"):
                result.timeline(tmp_path / "three.html")
            await asyncio.to_thread(result.timeline, tmp_path / "three.html")

    asyncio.run(work())
    pages = {(tmp_path / f"{name}.html").read_text() for name in ("one", "two", "three")}
    assert len(pages) == 1


def test_a_result_that_was_pickled_has_its_numbers_and_no_key(inline, cuts, tmp_path):
    with Client(inline.url, api_key="a-secret") as client, client.video(cuts, frames=2) as clip:
        result = clip.zero_shot(LABELS)
    stored = pickle.dumps(result)
    assert b"secret" not in stored
    loaded = pickle.loads(stored)
    assert loaded.scores.tolist() == result.scores.tolist()
    with pytest.raises(RuntimeError, match="ask for it again"):
        loaded.timeline(tmp_path / "page.html")


def test_a_video_among_images_is_remarked(client: Client, cuts: bytes):
    with pytest.warns(RemarkWarning, match=r"1 of 2 items are videos, each with one result, the mean of its frames"):
        embedded = client.embed(images=[cuts, harness.jpeg("coffee", width=100)])
    with client.video(cuts) as clip:
        np.testing.assert_allclose(embedded.vectors[0], clip.embed().vector, atol=1e-6)
    assert embedded.ok.all()
    with pytest.warns(RemarkWarning, match="1 of 1 items are videos"):
        client.zero_shot(images=[cuts], labels=LABELS)
