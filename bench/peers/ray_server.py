"""The graph behind Ray Serve, run in Ray's own environment: `python ray_server.py GRAPH PORT OPTIONS`.

As its documentation has it: images as bodies or uploads, decoded by threads of the replica, batched by @serve.batch,
a replica for each copy of the model.
"""

import asyncio
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse

graph, port, given = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])


@serve.deployment(
    num_replicas=given["replicas"],
    max_ongoing_requests=1000,
    ray_actor_options={"num_cpus": 1},
    logging_config={"log_level": "WARNING"},
)
class Images:
    """A body is one image; an upload holds several."""

    def __init__(self, path: str, threads: int, room: str) -> None:
        sys.path.insert(0, room)
        import pixels

        self._pixels = pixels
        self._graph = pixels.Graph(path, threads)
        self._decoders = ThreadPoolExecutor(threads)
        self._device = ThreadPoolExecutor(1)

    async def __call__(self, request: Request) -> JSONResponse:
        if request.method != "POST":
            return JSONResponse({"ready": True})
        if request.headers["content-type"].startswith("multipart/"):
            async with request.form() as form:
                images = [await upload.read() for upload in form.getlist("input")]
        else:
            images = [await request.body()]
        vectors = await asyncio.gather(*(self._one(image) for image in images))
        return JSONResponse(self._pixels.answer(np.stack(vectors)))

    async def _one(self, image: bytes) -> np.ndarray:
        loop = asyncio.get_running_loop()
        return await self._encode(await loop.run_in_executor(self._decoders, self._pixels.decode, image))

    @serve.batch(max_batch_size=given["max_batch_size"], batch_wait_timeout_s=given["timeout"])
    async def _encode(self, rows: list[np.ndarray]) -> list[np.ndarray]:
        loop = asyncio.get_running_loop()
        return list(await loop.run_in_executor(self._device, self._graph, rows, len(rows)))


def main() -> None:
    folder = Path(tempfile.gettempdir()) / f"bench-ray-{os.getuid()}-{port}"  # its sockets' paths must be short
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier one, which was ended by force
    ray.init(
        num_cpus=given["replicas"] + 1,
        include_dashboard=False,
        _temp_dir=str(folder),
        logging_level=logging.WARNING,
        object_store_memory=200_000_000,
    )
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Images.bind(graph, given["threads"], str(Path(__file__).parent)), name="images", route_prefix="/")
    print("serving", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
