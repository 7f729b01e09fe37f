"""Heavy neighbours: callers that ask for the most that the service's limits allow, each kind in a process of its own.

`python -m bench.heavy KIND URL KEY` prepares its requests, prints "ready", waits for a line, and sends until it is
ended. `bench/neighbours.py` starts it and measures an ordinary caller meanwhile.
"""

import io
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import httpx
import numpy as np
from PIL import Image

from bench.jpegs import jpegs

Send = Callable[[httpx.Client], httpx.Response | None]
VECTORS = {"modality": "image", "model": "mine", "fingerprint": "mine"}


@dataclass(frozen=True)
class Kind:
    """One kind of heavy neighbour.

    Attributes
    ----------
    what : a phrase for the table.
    prepare : makes the requests beforehand, and returns the function that sends one.
    at_once : number of requests under way at once.
    """

    what: str
    prepare: Callable[[httpx.Client], Send]
    at_once: int = 2


def _json(path: str, body: Any) -> Send:
    content = json.dumps(body, separators=(",", ":")).encode()
    return lambda http: http.post(path, content=content, headers={"content-type": "application/json"})


def _npy(rows: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, rows)
    return out.getvalue()


def _vectors(n: int, dimension: int, seed: int = 0, clusters: int = 20) -> Any:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((clusters, dimension))
    return (centres[np.arange(n) % clusters] + rng.standard_normal((n, dimension))).astype(np.float32)


def _with_vectors(path: str, rows: Any, **fields: Any) -> Send:
    request = json.dumps({"vectors": [{**VECTORS, "dimension": rows.shape[1]}], **fields}).encode()
    files = {"request": ("request.json", request, "application/json"), "image_vectors": ("image.npy", _npy(rows))}
    return lambda http: http.post(path, files=files)


def images(http: httpx.Client) -> Send:
    photos = jpegs()
    files = [("input", (f"{i}.jpg", photos[i % len(photos)], "image/jpeg")) for i in range(1000)]
    return lambda http: http.post("/v1/embeddings", files=files)


def large_pictures(http: httpx.Client) -> Send:
    files = []
    for i in range(60):
        out = io.BytesIO()
        Image.new("RGB", (8900, 8900), (i, 0, 0)).save(out, "WEBP", lossless=True, method=0) if i % 2 else Image.new(
            "L", (8900, 8900), i
        ).save(out, "PNG")
        files.append(("input", (f"{i}.webp" if i % 2 else f"{i}.png", out.getvalue())))
    return lambda http: http.post("/v1/embeddings", files=files)


def long_texts(http: httpx.Client) -> Send:
    words = "a picture of many people who walk along a street with banners and signs in the rain, "
    return _json("/v1/embeddings", {"input": [(f"{i} " + words * 1200)[:100_000] for i in range(1000)]})


def zero_shot(http: httpx.Client) -> Send:
    photo = jpegs(1)[0]
    templates = [f"a photo of kind {j} of {{}}" for j in range(20)]
    counter = iter(range(10**9))

    def send(http: httpx.Client) -> httpx.Response:
        first = 1000 * next(counter)
        labels = [f"a thing with the number {first + i}" for i in range(1000)]
        data = {"labels": labels, "templates": templates}
        return http.post("/v1/zero-shot", data=data, files={"input": ("a.jpg", photo, "image/jpeg")})

    return send


def comparisons(http: httpx.Client) -> Send:
    rng = np.random.default_rng(0)
    n, pairs = 1_000_000, 900_000
    a = rng.integers(0, n - 1, pairs)
    clusterings = {"one": rng.integers(0, 50, n).tolist(), "two": rng.integers(0, 50, n).tolist()}
    body = {"a": a.tolist(), "b": (a + 1).tolist(), "same": (rng.random(pairs) < 0.2).astype(int).tolist()}
    return _json("/v1/comparisons", {**body, "clusterings": clusterings, "resamples": 10_000})


def agreement(http: httpx.Client) -> Send:
    rng = np.random.default_rng(0)
    body = {
        "coder": ["a", "b"] * 500_000,
        "item": [f"i{i}" for i in range(500_000) for _ in "ab"],
        "code": rng.integers(0, 5, 1_000_000).tolist(),
        "level": "ordinal",
        "resamples": 10_000,
    }
    return _json("/v1/agreement", body)


def samples(http: httpx.Client) -> Send:
    names = [f"s{i}" for i in range(1_000_000)]
    return _json("/v1/samples", {"design": "stratified", "strata": names, "size": 900_000})


def whole_corpora(http: httpx.Client) -> Send:
    return _json("/v1/samples", {"design": "simple", "n": 100_000_000, "size": 1_000_000})


def pairs(http: httpx.Client) -> Send:
    clusters = np.random.default_rng(0).integers(0, 100_000, 2_000_000).tolist()
    body = {"clusterings": {"one": clusters, "two": clusters[::-1]}, "within": 0, "between": 90_000, "disputed": 9000}
    return _json("/v1/pairs", body)


def search(http: httpx.Client) -> Send:
    rows = _vectors(120_000, 512)
    request = {
        "vectors": [{**VECTORS, "dimension": 512, "file": _upload(http, rows)}],
        "queries": {**VECTORS, "dimension": 512, "file": _upload(http, rows[:50_000])},
        "k": 100,
    }
    return _json("/v1/search", request)


def _upload(http: httpx.Client, rows: Any) -> str:
    answer = http.post("/v1/files", content=_npy(rows), headers={"content-type": "application/octet-stream"})
    answer.raise_for_status()
    return str(answer.json()["id"])


def training(http: httpx.Client) -> Send:
    rows = _vectors(100_000, 256)
    targets = [f"class {i % 20}" for i in range(len(rows))]
    return _with_vectors("/v1/classifiers", rows, name="heavy", targets=targets, folds=20, inner_folds=20)


def clustering(http: httpx.Client) -> Send:
    return _with_vectors("/v1/clusters", _vectors(50_000, 256), restarts=100, resamples=100)


def duplicates(http: httpx.Client) -> Send:
    return _with_vectors("/v1/duplicates", _vectors(50_000, 256), kind="semantic")


def estimates(http: httpx.Client) -> Send:
    rows = _vectors(50_000, 16)
    send = _with_vectors(
        "/v1/classifiers", rows, name="estimated", targets=[f"c{i % 5}" for i in range(len(rows))], strengths=[1.0],
        folds=2, inner_folds=2, resamples=10,
    )  # fmt: skip
    _good(send(http))
    moments = {"n": 1_000_000, "mean": [0.2] * 5, "variance": [0.01] * 5}
    return _json("/v1/classifiers/estimated/estimate", {"corpus": moments})


def classifier_pages(http: httpx.Client) -> Send:
    estimates(http)
    return lambda http: http.get("/v1/classifiers/estimated/report.html")


def cluster_pages(http: httpx.Client) -> Send:
    made = _good(_with_vectors("/v1/clusters", _vectors(50_000, 8), method="kmeans", k=50)(http))
    path = f"/v1/clusters/{made.json()['id']}/report.html"
    return lambda http: http.get(path)


def timelines(http: httpx.Client) -> Send:
    frames = [
        {"index": i, "timestamp": i / 5, "shot": i // 5, "dropped": 0, "times": 1, "label": "a", "scores": [0.5, 0.5],
         "cosines": [0.1, 0.1]} for i in range(20_000)
    ]  # fmt: skip
    return _json("/v1/timeline", timeline_answer(frames))


def timeline_answer(frames: Any) -> Any:
    """An answer of zero-shot with one video of `frames`."""
    sampling: dict[str, Any] = {"every": 0.2}
    video = {
        "duration": len(frames) / 5, "width": 640, "height": 480, "sampling": sampling, "frames": frames, "shots": None,
        "report": {}, "decoder": "none",
    }  # fmt: skip
    return {"data": [{"index": 0, "label": "a", "scores": [0.5, 0.5], "cosines": [0.1, 0.1], "video": video}],
            "labels": ["a", "b"]}  # fmt: skip


def videos(http: httpx.Client) -> Send:
    file = ("film.mp4", _film(20_000), "video/mp4")
    sampling = json.dumps({"fps": 25})
    return lambda http: http.post("/v1/embeddings", data={"sampling": sampling}, files={"input": file})


def _film(frames: int) -> bytes:
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(25), width=320, height=240)
        picture = np.zeros((240, 320, 3), np.uint8)
        for i in range(frames):
            picture[:, (7 * i) % 300 : (7 * i) % 300 + 20] = i % 251
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    return out.getvalue()


def large_bodies(http: httpx.Client) -> Send:
    return _json("/v1/embeddings", {"input": [{"image": "A" * 250_000_000}]})


def many_values(http: httpx.Client) -> Send:
    scores = np.random.default_rng(0).random(4_900_000).round(4).tolist()
    return _json("/v1/samples", {"design": "purposive", "scores": scores, "size": 10})


def job_queue(http: httpx.Client) -> Send:
    rows = _vectors(20_000, 64)
    targets = [f"c{i % 5}" for i in range(len(rows))]
    return _with_vectors("/v1/classifiers", rows, name="queued", targets=targets, folds=20, mode="job")


def _good(answer: httpx.Response | None) -> httpx.Response:
    assert answer is not None
    if answer.status_code >= 400:
        raise SystemExit(f"preparation failed: {answer.status_code} {answer.text[:500]}")
    return answer


KINDS: Mapping[str, Kind] = {
    "nobody": Kind("nobody", lambda http: lambda http: None, at_once=1),
    "images": Kind("two requests of 1,000 images", images),
    "large-pictures": Kind("60 pictures of 79 megapixels", large_pictures, at_once=1),
    "texts": Kind("1,000 texts of 100,000 characters", long_texts),
    "zero-shot": Kind("zero-shot with 1,000 new labels and 20 templates", zero_shot),
    "comparisons": Kind("two comparisons of clusterings, 900,000 pairs, 10,000 resamples", comparisons),
    "agreement": Kind("agreement of 1,000,000 codes, ordinal, 10,000 resamples", agreement),
    "samples": Kind("a stratified sample of a million strata", samples),
    "corpora": Kind("a sample of a million of 100 million items", whole_corpora, at_once=4),
    "pairs": Kind("99,000 pairs of two clusterings of 2,000,000 items", pairs),
    "search": Kind("search for 50,000 vectors in 120,000", search),
    "training": Kind("training on 100,000 vectors, 20 x 20 folds", training),
    "clustering": Kind("clustering of 50,000 vectors, 100 restarts, 100 reruns", clustering),
    "duplicates": Kind("semantic duplicates among 50,000 vectors", duplicates),
    "estimates": Kind("estimates with a classifier of 50,000 items", estimates, at_once=8),
    "classifier-pages": Kind("report pages of a classifier of 50,000 items", classifier_pages, at_once=8),
    "cluster-pages": Kind("report pages of a clustering of 50,000 items", cluster_pages, at_once=8),
    "timelines": Kind("timelines of 20,000 frames", timelines, at_once=8),
    "videos": Kind("two videos of 20,000 frames", videos),
    "bodies": Kind("JSON of 250 MB", large_bodies),
    "values": Kind("JSON of 5 million values", many_values, at_once=4),
    "jobs": Kind("a queue full of jobs of training", job_queue, at_once=4),
}


def main() -> None:
    name, url, key = sys.argv[1:]
    kind = KINDS[name]
    with httpx.Client(
        base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=1000, trust_env=False, verify=False
    ) as http:
        send = kind.prepare(http)
        print("ready", flush=True)
        sys.stdin.readline()

        def loop() -> None:
            while True:
                started = time.perf_counter()
                try:
                    answer = send(http)
                    status = str(answer.status_code) if answer is not None else "-"
                    words = "" if answer is None or answer.status_code < 400 else answer.text[:200]
                except httpx.HTTPError as exc:
                    status, words = type(exc).__name__, str(exc)
                print(f"{status} after {time.perf_counter() - started:.1f} s {words}", flush=True)
                time.sleep(0.05 if answer_is_quick(started) else 0)

        threads = [threading.Thread(target=loop, daemon=True) for _ in range(kind.at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def answer_is_quick(started: float) -> bool:
    return time.perf_counter() - started < 0.05


if __name__ == "__main__":
    main()
