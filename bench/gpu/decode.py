"""JPEG files decoded on the GPU (`DAGUERRE_DECODE=gpu`): speed, and pixels and vectors beside Pillow's.

Without a GPU, Pillow stands in nvJPEG's place and the server decodes "scaled", so that the code runs.
"""

import io
import json
import os
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.gpu import folders, served
from bench.gpu.common import Place, photos, rate, watched
from bench.gpu.sessions import opened
from bench.load import multipart
from models.encoders.processors import ImageProcessor
from models.errors import ModelUnavailable
from models.images.decoding import ImageLimits
from models.sessions.gpu_jpeg import GpuJpegs, open_decoder

END = b"\xff\xd9"


def decode(place: Place, name: str = "clip-b32") -> None:
    """Pixels of the model's size, vectors, and files per second by threads, in one process."""
    try:
        jpegs = open_decoder(place.device) if place.on_gpu else GpuJpegs(_stand_in, {})
    except ModelUnavailable as exc:
        place.add("gpu jpeg", way="nvjpeg", missing=str(exc))
        return
    files = photos()
    tower = folders.model(name, place.shapes[name], "fp32", place.work, place.device).spec.image
    assert tower
    processor, limits = ImageProcessor(tower, jpegs), ImageLimits()
    exact, ours = (
        np.stack([processor.preprocess(f, limits=limits, decode=d) for f in files]) for d in ("exact", "gpu")
    )
    apart = np.abs(ours.astype(int) - exact)
    session = opened(place, name, "fp32")
    place.add(
        "gpu jpeg",
        way="the model's pixels, in fp32",
        largest=int(apart.max()),
        mean=round(float(apart.mean()), 4),
        **_cosines(*(session.run(each) for each in (ours, exact))),
    )
    cores = os.cpu_count() or 1
    ways: list[tuple[str, Callable[[], object], Sequence[int]]] = [
        ("decode, resize", lambda: jpegs(files[0], tower.preprocess), place.pick((1, 8, 64), (2,))),
        ("Pillow, all cores", lambda: processor.preprocess(files[0], limits=limits, decode="exact"), (cores,)),
    ]
    for way, work, counts in ways:
        for threads in counts:
            with watched(place) as seen:
                speed = rate(work, threads=threads, each=1, seconds=place.seconds)
            place.add("gpu jpeg", way=way, threads=threads, images_per_second=round(speed, 1), **seen)


def service(place: Place, name: str = "clip-b32") -> None:
    """The setting through the service: its fingerprint, its vectors beside those of decode "exact", damage, speed."""
    way = "gpu" if place.on_gpu else "scaled"
    settings = {"decode": way, "vector_cache": 0} | ({"placement": "inline"} if place.tiny else _MANY)
    files = photos()
    with served.serving(place, name, **settings) as server:
        card = _get(server.port, "/v1/models")["data"][0]
        ours, exact = (_post(server, files, **fields) for fields in ({}, {"decode": "exact"}))
        damaged = [_damaged(files[0], kind) for kind in range(4)]
        same = sum(_outcome(server, data) == _outcome(server, data, decode="exact") for data in damaged)
        place.add(
            "gpu jpeg",
            way=f"service, decode {way}",
            fingerprint=ours["receipt"]["fingerprint"],
            own_fingerprint=ours["receipt"]["fingerprint"] == card[f"fingerprint_{way}"] != card["fingerprint"],
            damaged_alike=f"{same} of {len(damaged)}",
            **_cosines(*(np.array([row["embedding"] for row in answer["data"]]) for answer in (ours, exact))),
        )
        for encoding, clients, images in place.pick((("multipart", 32, 32), ("grpc", 32, 32)), (("multipart", 2, 4),)):
            found = served.load(
                place,
                server,
                encoding,
                clients=clients,
                images=images,
                seconds=3 * place.seconds,
                generators=1 if place.tiny else 2,
            )
            place.add("gpu jpeg", way=f"service, decode {way}, {encoding}", clients=clients, images=images, **found)


_MANY = {"entry_workers": 4, "decode_threads": 64, "window": 64, "max_batch_images": 256, "lanes": 2}


def _stand_in(files: Sequence[Tensor]) -> Sequence[Tensor]:
    images = [Image.open(io.BytesIO(file.numpy().tobytes())).convert("RGB") for file in files]
    return [torch.from_numpy(np.array(image)).permute(2, 0, 1) for image in images]


def _cosines(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> dict[str, float]:
    a, b = (x.astype(np.float64) / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True) for x in (a, b))
    cosines = (a * b).sum(1)
    return {"least_cosine": round(float(cosines.min()), 7), "mean_cosine": round(float(cosines.mean()), 7)}


def _damaged(data: bytes, kind: int) -> bytes:
    """A file that is cut, cut with an end marker, with a part of zeros, or with bytes of another place."""
    half = len(data) // 2
    return (
        data[:half],
        data[:half] + END,
        data[:half] + bytes(len(data) - half),
        data[:half] + data[half + 500 : half + 600] + data[half + 100 :],
    )[kind]


def _get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return json.load(answer)


def _post(server: served.Served, files: Sequence[bytes], **fields: str) -> Any:
    """The answer to an upload of files."""
    head, _, body = multipart({"model": server.model, "on_error": "skip", **fields}, files).partition(b"\r\n\r\n")
    kind = next(line[14:].decode() for line in head.split(b"\r\n") if line.startswith(b"Content-Type: "))
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/v1/embeddings", body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _outcome(server: served.Served, data: bytes, **fields: str) -> str:
    """The error of a file, or "read"."""
    (row,) = _post(server, [data], **fields)["data"]
    return str(row["error"]["message"]) if row.get("error") else "read"
