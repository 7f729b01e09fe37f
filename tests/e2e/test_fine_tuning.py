"""Fine-tuning as a job of a real server with keys: killed, resumed, served; and whose a classifier is."""

import io
import time

import numpy as np
import onnxruntime
import psutil
import pytest
from PIL import Image

from daguerre import Client, PermissionDeniedError
from models.video.opening import VideoLimits
from models.video.policies import Every
from models.video.sampling import sample
from tests.e2e import harness
from tests.e2e.test_classifiers import GLAD, QUICK, SAD
from tests.models.clips import make

ANNA, BEN = "key-of-anna", "key-of-ben"


@pytest.fixture(scope="module")
def server(home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fine-tuning")
    for split, widths in (("train", range(64, 144, 8)), ("test", (150, 160))):
        for kind in ("coffee", "chelsea"):
            (folder / "data" / "photos" / split / kind).mkdir(parents=True)
            for width in widths:
                (folder / "data" / "photos" / split / kind / f"{width}.jpg").write_bytes(
                    harness.jpeg(kind, width=width)
                )
    settings = {
        "BENTOML_HOME": str(folder / "bentoml"),
        "DAGUERRE_DATA": str(folder / "data"),
        "DAGUERRE_API_KEYS": f"{ANNA},{BEN}",
    }
    with harness.running(folder, settings=settings) as running:
        yield running


def small(photo: bytes, size: tuple[int, int]) -> Image.Image:
    return Image.open(io.BytesIO(photo)).convert("RGB").resize(size)


def ended(client: Client, id: str, seconds: float = 240):
    end = time.monotonic() + seconds
    while not (job := client.job(id)).has_ended:
        assert time.monotonic() < end, job
        time.sleep(0.2)
    return job


@pytest.mark.thorough
def test_killed_in_the_middle_it_goes_on_and_serves(server):
    with Client(server.url, api_key=ANNA) as client:
        job = client.fine_tune(
            "cups", "photos", task="binary", unfreeze="none", head_epochs=400, patience=400, wait=False
        )
        while client.job(job.id).progress < 0.15:
            time.sleep(0.1)
        workers = [each for each in server.processes() if "service.jobs.worker" in " ".join(each.cmdline())]
        for each in workers:
            each.kill()
        psutil.wait_procs(workers, timeout=10)
        found = ended(client, job.id)
        assert found.state == "succeeded", found
        clf = client.classifier("cups")
        assert (clf.version, clf.card["kind"], clf.labels) == (1, "network", ["chelsea", "coffee"])
        assert clf.report.of == "held out"
        assert clf.report.figures["accuracy"].value == 1
        photos = [harness.jpeg(kind, width=120) for kind in ("coffee", "chelsea", "coffee")]
        said = clf.predict(images=photos)
        assert said.predicted == ["coffee", "chelsea", "coffee"]
        alone = clf.predict(images=photos[1:2])
        assert np.allclose(alone.probabilities[0], said.probabilities[1], atol=1e-5)
        clip = make(frames=4, rate=2, size=(96, 64), picture=lambda k, w, h: np.asarray(small(photos[k // 2], (w, h))))
        with client.video(clip, every=0.5, shots=False) as video:
            seen = video.predict(clf)
        frames = [Image.fromarray(frame.image) for frame in sample(clip, Every(seconds=0.5), limits=VideoLimits())]
        assert np.allclose(seen.probabilities, clf.predict(images=frames).probabilities, atol=1e-5)
        assert seen.predicted == ["coffee", "coffee", "chelsea", "chelsea"]
        assert seen.pooled == pytest.approx(seen.probabilities.mean(axis=0))
        session = onnxruntime.InferenceSession(clf.onnx(), providers=["CPUExecutionProvider"])
        assert session.get_inputs()[0].type == "tensor(uint8)"


def test_a_cancelled_job_stops(server):
    with Client(server.url, api_key=ANNA) as client:
        job = client.fine_tune("never", "photos", task="binary", head_epochs=1000, patience=1000, wait=False)
        while client.job(job.id).state == "queued":
            time.sleep(0.05)
        client.cancel_job(job.id)
        assert ended(client, job.id, 30).state == "cancelled"
        assert "never" not in {each["name"] for each in client.classifiers()}


@pytest.mark.parametrize("folder", ["../home", "/etc", "nowhere", "photos/../../home", ""])
def test_only_what_lies_below_the_servers_folder_is_read(server, folder):
    with server.client(headers={"authorization": f"Bearer {ANNA}"}) as client:
        refused = client.post("/v1/fine-tunings", json={"name": "x", "folder": folder})
        assert refused.status_code == 422, refused.text
        assert refused.json()["error"]["code"] == "unknown_folder"


def test_a_name_is_its_owners_and_everybody_predicts(server):
    texts = [f"{text}, number {i}" for i in range(3) for text in (*GLAD, *SAD)]
    targets = (["glad"] * 6 + ["sad"] * 6) * 3
    with Client(server.url, api_key=ANNA) as anna, Client(f"grpc://{server.grpc_target}", api_key=BEN) as ben:
        clf = anna.train_classifier("mood", texts=texts, targets=targets, **QUICK)
        assert clf.card["owner"]
        assert ben.classifier("mood").predict(texts=["pure joy"]).predicted == ["glad"]
        with pytest.raises(PermissionDeniedError, match="another key"):
            ben.train_classifier("mood", texts=texts, targets=targets, **QUICK)
        with pytest.raises(PermissionDeniedError, match="another key"):
            ben.delete_classifier("mood")
        assert {job.kind for job in anna.jobs()} >= {"train"}
        assert ben.jobs() == []
        assert anna.delete_classifier("mood") == [clf.id]
