"""The graph behind LitServe, run in LitServe's own environment: `python litserve_server.py GRAPH PORT OPTIONS`.

As its documentation has it: uploads or base64 in JSON, requests batched by the server, images of a batch decoded by
a pool of threads in `batch`, a worker process for each copy of the model.
"""

import base64
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import litserve as ls
import numpy as np
from pixels import Graph, answer, decode


class Images(ls.LitAPI):
    """One request holds one image or several; `rows` is the most that the graph is given at once."""

    def __init__(self, graph: str, threads: int, rows: int, **options: object) -> None:
        super().__init__(**options)
        self._path, self._threads, self._rows = graph, threads, rows

    def setup(self, device: str) -> None:
        self._graph = Graph(self._path, self._threads)
        self._pool = ThreadPoolExecutor(self._threads)

    def decode_request(self, request) -> list[bytes]:
        if isinstance(request, dict):
            return [base64.b64decode(image) for image in request["images"]]
        return [upload.file.read() for upload in request.getlist("input")]

    def batch(self, requests: list[list[bytes]]) -> tuple[list[int], list[np.ndarray]]:
        return [len(images) for images in requests], list(self._pool.map(decode, (i for r in requests for i in r)))

    def predict(self, given: tuple[list[int], list[np.ndarray]]) -> list[np.ndarray]:
        counts, pixels = given
        return np.split(self._graph(pixels, self._rows), np.cumsum(counts)[:-1])

    def unbatch(self, vectors: list[np.ndarray]) -> list[np.ndarray]:
        return vectors

    def encode_response(self, vectors: np.ndarray) -> dict:
        return answer(vectors)


if __name__ == "__main__":
    graph, port, given = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    api = Images(
        graph, given["threads"], given["rows"], max_batch_size=given["max_batch_size"], batch_timeout=given["timeout"]
    )
    server = ls.LitServer(
        api, accelerator="cpu", workers_per_device=given["workers"], fast_queue=given["fast_queue"], timeout=120
    )
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")
