"""A server that is none, for the SDK's tests: answers by path, and what it was asked."""

import json

import httpx
import numpy as np

from daguerre import Client, Embeddings, Errors, ItemError
from daguerre.types.common import Receipt

RECEIPT = Receipt("m", "1", "f" * 32, "fp32", "cpu", "exact", False)
OURS = {"daguerre-version": "0.1.0"}
JOB = {
    **{"id": "job_1", "kind": "cluster", "state": "succeeded", "progress": 1.0, "stage": "", "eta_seconds": None},
    **{"created": "", "started": None, "ended": None, "result": {"clustering": "job_1"}, "error": None},
}
ANSWER = {
    **{"id": "job_1", "object": "clustering", "method": "kmeans", "n": 4, "dimension": 3, "unclustered": 1},
    "ids": ["a.jpg", "c.jpg", "d.jpg", "e.jpg"],
    "params": {"threshold": 0.08, "seed": 0},
    "labels": [0, 0, -1, -1],
    "silhouettes": [0.1, 0.3, None, None],
    "silhouettes_final": [0.1, 0.2, None, None],
    "clusters": [
        {
            **{"id": 0, "size": 2, "silhouette": 0.2, "silhouette_final": 0.15, "pass": 2, "medoid": 1},
            "exemplars": {"nearest": [1, 0], "random": [0], "farthest": [0]},
            "names": [{"label": "cat", "score": 0.9, "cosine": 0.2, "new": 1}],
            "similar": [{"cluster": 0, "cosine": 0.9, "distance": 1.0}],
        }
    ],
    **{"trace": [], "ended": "one_pass", "thresholds": None, "stability": None, "comparison": None},
    **{"coordinates": [[0, 1], [2, 3], [4, 5], [0, 0]], "projection": "pca", "explained": [0.5, 0.1]},
    **{"remarks": ["small"], "notes": [], "model": "m", "created": "", "libraries": {}},
    "shown": [0, 1, 2],
    "unusable": [{"index": 3, "id": "e.jpg", "error": {"code": "zero_vectors", "message": "all zeros"}}],
    "receipt": vars(RECEIPT) | {"made_with": {}},
}


def made(n: int = 5, failed: tuple[int, ...] = (1,)) -> Embeddings:
    rows = np.random.default_rng(0).standard_normal((n, 3)).astype(np.float32)
    rows[list(failed)] = np.nan
    ids = [f"/data/photos/{'abcdefgh'[i]}.jpg" for i in range(n)]
    bad = Errors([ItemError(i, ids[i], "invalid_image", "is broken") for i in failed])
    return Embeddings(ids=ids, errors=bad, receipt=RECEIPT, truncated=[], vectors=rows, modality="image")


class Pretended:
    """A server: answers by path, and what it was asked."""

    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, bytes]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        body = b"".join([piece async for piece in request.stream])
        self.asked.append((request.method, request.url.raw_path.decode(), body))
        answer = self.answers.get(request.url.path.split("/")[2], {})
        if request.method == "POST" and request.url.path in ("/v1/clusters", "/v1/duplicates"):
            answer = JOB
        if callable(answer):
            return answer(request, body)
        return httpx.Response(200, json=answer, headers=OURS)

    def client(self) -> Client:
        http_client = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return Client("http://server", progress=False, retry_for=0, http_client=http_client)

    def fields(self, path: str) -> dict:
        """The JSON of the first request to `path`, or of its form."""
        body = next(body for method, asked, body in self.asked if asked == path and method == "POST")
        if body.startswith(b"--"):
            body = body.split(b"\r\n\r\n", 1)[1].split(b"\r\n--", 1)[0]
        return json.loads(body)


def server(**answers: object) -> Pretended:
    return Pretended(**{"clusters": ANSWER, "jobs": JOB, **answers})


def file_server() -> tuple[Pretended, list[bytes]]:
    held: list[bytes] = []

    def files(request: httpx.Request, body: bytes) -> httpx.Response:
        if request.method == "POST":
            held.append(body)
            assert request.headers["content-length"] == str(len(body))
        return httpx.Response(201 if request.method == "POST" else 200, json={"id": "file_1"}, headers=OURS)

    return server(files=files), held


SAMPLE = {
    **{"design": "stratified", "n": 3, "indexes": [2, 0], "ids": None, "inclusion_prob": [0.5, 1.0]},
    "strata": [{"stratum": "0", "population": 2, "drawn": 1, "probability": 0.5}],
    **{"fit_for_inference": True, "remarks": ["r"], "seed": 3},
    **dict.fromkeys(("candidates", "copies", "smallest_distance", "stratum")),
}
PAIR = {"a": 0, "b": 2, "a_id": None, "b_id": None, "stratum": "within", "cluster": 0, "inclusion_prob": 0.25}
PAIRS = {
    "pairs": [PAIR, {**PAIR, "b": 1, "stratum": "between", "cluster": None}],
    "n": 3,
    "strata": [],
    "remarks": [],
    "seed": 0,
}
FIGURE = {"value": 0.5, "low": 0.25, "high": 1.0}
COMPARED = {
    **{"n_pairs": 2, "unclustered": "singletons", "remarks": []},
    "configurations": [{"name": "a", "pairs": 2, "precision": FIGURE, "recall": None, "f1": FIGURE}],
    "winner": {"name": "a", "criterion": "f1"},
}
QUICK = {"method": "agglomerative", "k": 3}
