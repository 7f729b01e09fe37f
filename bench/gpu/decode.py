"""JPEG files decoded on the GPU by nvJPEG, through torchvision: how fast, and how far its pixels are from Pillow's."""

import io
import os
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.gpu import folders
from bench.gpu.common import Place, photos, rate, watched
from bench.gpu.sessions import opened
from models.encoders.processors import ImageProcessor
from models.images.decoding import ImageLimits
from models.images.preprocess import Preprocess, resized_size


def decode(place: Place, name: str = "clip-b32") -> None:
    """Pixels of whole files and of the model's size, vectors, and files per second by batch and threads."""
    try:
        from torchvision.io import ImageReadMode, decode_jpeg
    except Exception as exc:  # it is not there, or of another torch
        place.add("gpu jpeg", way="nvjpeg", missing=f"torchvision: {exc}; decode with Pillow, or install it")
        return
    files = photos()
    given = [torch.frombuffer(bytearray(data), dtype=torch.uint8) for data in files]

    def by_gpu(batch: list[Tensor]) -> list[Tensor]:
        made = decode_jpeg(batch, mode=ImageReadMode.RGB, device=place.device)
        return made if isinstance(made, list) else [made]

    try:
        decoded = by_gpu(given)
    except RuntimeError as exc:
        place.add("gpu jpeg", way="nvjpeg", missing=f"nvJPEG: {str(exc).splitlines()[0]}; decode with Pillow")
        return
    wanted = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in files]
    place.add("gpu jpeg", way="whole files", **_difference([d.permute(1, 2, 0).cpu().numpy() for d in decoded], wanted))
    tower = folders.model(name, place.shapes[name], "fp32", place.work, place.device).spec.image
    assert tower
    resized = np.stack([_resized(image, tower.preprocess).cpu().numpy() for image in decoded])
    processor = ImageProcessor(tower)
    exact = np.stack([processor.preprocess(data, limits=ImageLimits(), decode="exact") for data in files])
    session = opened(place, name, "fp32")
    a, b = (session.run(each).astype(np.float64) for each in (resized, exact))
    cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    found = _difference(list(resized), list(exact))
    place.add("gpu jpeg", way="the model's pixels", least_cosine=float(cosines.min()), **found)
    for rows in place.pick((1, 8, 32, 64), (4,)):
        batch = (given * (1 + rows // len(given)))[:rows]

        def work(batch: list[Tensor] = batch) -> None:
            made = torch.stack([_resized(image, tower.preprocess) for image in by_gpu(batch)])
            made.cpu()

        for threads in place.pick((1, 4), (1,)):
            with watched(place) as seen:
                speed = rate(work, threads=threads, each=rows, seconds=place.seconds)
            place.add(
                "gpu jpeg", way="decode, resize", batch=rows, threads=threads, images_per_second=round(speed, 1), **seen
            )
    cores = os.cpu_count() or 1
    limits = ImageLimits()
    speed = rate(
        lambda: processor.preprocess(files[0], limits=limits, decode="exact"),
        threads=cores,
        each=1,
        seconds=place.seconds,
    )
    place.add("gpu jpeg", way="Pillow, all cores", batch=1, threads=cores, images_per_second=round(speed, 1))


def _resized(image: Tensor, preprocess: Preprocess) -> Tensor:
    """The model's pixels (side, side, 3) uint8 of a decoded file (3, h, w), resized with antialias as Pillow does."""
    height, width = image.shape[1:]
    to_width, to_height = resized_size((width, height), preprocess)
    mode = {"bicubic": "bicubic", "bilinear": "bilinear"}[preprocess.resample]
    made = torch.nn.functional.interpolate(
        image[None].float(), (to_height, to_width), mode=mode, antialias=True, align_corners=False
    )[0]
    side = preprocess.size
    left, top = (to_width - side) // 2, (to_height - side) // 2
    cut = made[:, top : top + side, left : left + side] if preprocess.crop else made
    return cut.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous()


def _difference(ours: list[Any], theirs: list[Any]) -> dict[str, float]:
    apart = [np.abs(a.astype(int) - b.astype(int)) for a, b in zip(ours, theirs, strict=True)]
    return {"largest": int(max(d.max() for d in apart)), "mean": round(float(np.mean([d.mean() for d in apart])), 4)}
