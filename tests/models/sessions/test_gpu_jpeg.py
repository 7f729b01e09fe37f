"""JPEGs by the GPU, with decoders of the CPU in nvJPEG's place: pixels, batches, and what is left to Pillow."""

import io
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from models.backends import open_jpegs
from models.encoders.processors import ImageProcessor, image_processor
from models.errors import ImageTooLarge, InvalidImage, ModelUnavailable
from models.images.crops import Crop
from models.images.decoding import ImageLimits, load_pixels
from models.images.preprocess import Preprocess
from models.sessions import gpu_jpeg
from models.sessions.gpu_jpeg import GpuJpegs
from models.sessions.onnx import OnnxSession
from models.sources import oracle

SQUASH = Preprocess(size=96, resize="squash", resample="bilinear")
CROP = Preprocess(size=96, resize="shortest_edge", crop=True, resize_size=112)
BOXED = Preprocess(size=96, resize="letterbox", pad_color=7)
LIMITS = ImageLimits()


def opened(files):
    return [Image.open(io.BytesIO(file.numpy().tobytes())) for file in files]


def tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


def blocky(image: Image.Image) -> torch.Tensor:
    """Decoded with colours repeated over 2 x 2 pixels, which libjpeg-turbo interpolates: a coarser decoder."""
    image.draft("YCbCr", image.size)
    luma, *colours = image.convert("YCbCr").split()
    half = ((image.width + 1) // 2, (image.height + 1) // 2)
    coarse = [c.resize(half, Image.Resampling.BOX).resize(image.size, Image.Resampling.NEAREST) for c in colours]
    return tensor(Image.merge("YCbCr", [luma, *coarse]))


class Stand:
    """Pillow in the place of nvJPEG, which refuses progressive files; `broken` is an error of every call."""

    def __init__(self, of=tensor) -> None:
        self.calls: list[int] = []
        self.broken: Exception | None = None
        self.of = of
        self.jpegs = GpuJpegs(self, {"stand": "1"})
        self.calls.clear()  # the trial

    def __call__(self, files):
        self.calls.append(len(files))
        if self.broken and files[0].numel() > 1000:
            raise self.broken
        images = opened(files)
        if any(image.info.get("progressive") for image in images):
            raise RuntimeError("Error while decoding JPEG images: Failed to decode batch: 4")
        return [self.of(image) for image in images]


@pytest.fixture
def stand():
    return Stand()


def saved(image: Image.Image, kind: str = "JPEG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def photo(width: int = 300, height: int = 200) -> Image.Image:
    return Image.open(io.BytesIO(oracle.pictures()[0])).convert("RGB").resize((width, height))


@pytest.mark.parametrize("target", [SQUASH, CROP, BOXED])
def test_resized_pixels_are_those_of_pillow_but_for_roundings(stand, target):
    for data in oracle.pictures():
        exact = load_pixels(data, target, limits=LIMITS).astype(int)
        ours = load_pixels(data, target, limits=LIMITS, decode="gpu", jpegs=stand.jpegs).astype(int)
        assert ours.shape == exact.shape
        assert np.abs(ours - exact).max() <= 2
        assert np.abs(ours - exact).mean() < 0.2
    assert stand.calls == [1] * 15


@pytest.mark.parametrize(("of", "cosine", "mean"), [(tensor, 0.9999, 0.001), (blocky, 0.995, 0.6)])
def test_vectors_are_near_those_of_exact_decoding(embedded_folder, of, cosine, mean):
    """The embedded model on photos. A decoder with coarser colours shows how far vectors of another decoder may be."""
    ours = ImageProcessor(embedded_folder.spec.image, Stand(of).jpegs)
    exact, session = image_processor(embedded_folder), OnnxSession(embedded_folder.path / "image.onnx", threads=1)
    assert exact
    files = oracle.pictures()
    a = np.stack([ours.preprocess(data, limits=LIMITS, decode="gpu") for data in files])
    b = np.stack([exact.preprocess(data, limits=LIMITS, decode="exact") for data in files])
    assert 0 < np.abs(a.astype(int) - b).mean() < mean
    vectors = [exact.postprocess(np.concatenate([session.run(row[None]) for row in rows])) for rows in (a, b)]
    assert (vectors[0] * vectors[1]).sum(1).min() > cosine


def test_files_of_all_threads_are_decoded_together(stand):
    entered, go, plain = Event(), Event(), stand.jpegs._decode

    def slow(files):
        entered.set()
        assert go.wait(20)
        return plain(files)

    stand.jpegs._decode = slow
    datas = [saved(Image.new("RGB", (40, 30), (i, 2 * i, 255 - i))) for i in range(24)]
    targets = [(SQUASH, CROP)[i % 2] for i in range(24)]
    with ThreadPoolExecutor(24) as pool:
        first = pool.submit(stand.jpegs, datas[0], targets[0])
        assert entered.wait(20)
        rest = [pool.submit(stand.jpegs, *each) for each in zip(datas[1:], targets[1:], strict=True)]
        while stand.jpegs._queue.qsize() < 23:
            pass
        go.set()
        rows = [future.result(20) for future in (first, *rest)]
    assert stand.calls == [1, 23]
    for data, target, pixels in zip(datas, targets, rows, strict=True):
        assert np.abs(pixels.astype(int) - load_pixels(data, target, limits=LIMITS)).max() <= 2


def test_a_file_that_it_cannot_read_spoils_no_other(stand):
    batch = [
        gpu_jpeg._Waiting(data, SQUASH, gpu_jpeg.Future())
        for data in (saved(photo(), progressive=True), saved(photo()))
    ]
    stand.jpegs._answer(batch)
    assert batch[0].answer.result() is None
    assert batch[1].answer.result() is not None


ROTATED = Image.Exif()
ROTATED[0x0112] = 6
LEFT_TO_PILLOW = {
    "progressive, which it cannot read": (saved(photo(), progressive=True), 2),  # and a sound file is tried
    "cut, with an end": (saved(photo())[:4000] + b"\xff\xd9", 1),
    "cut": (saved(photo())[:4000], 0),
    "without its end": (saved(photo())[:-2], 0),
    "zeros at the end": (saved(photo())[:-2] + bytes(200) + b"\xff\xd9", 0),
    "PNG": (saved(photo(), "PNG"), 0),
    "CMYK": (saved(photo().convert("CMYK")), 0),
    "grey": (saved(photo().convert("L")), 0),
    "RGB": (saved(photo(), keep_rgb=True), 0),
    "rotated": (saved(photo(), exif=ROTATED), 0),
    "of several pictures": (saved(photo(), "MPO", save_all=True, append_images=[photo()]), 0),
    "no picture": (b"\xff\xd8\xff" + b"?" * 100 + b"\xff\xd9", 0),
    "too long": (saved(Image.new("RGB", (300, 2))), 0),
    "too many pixels": (saved(Image.new("RGB", (900, 400))), 0),
    "too many bytes": (saved(photo(), comment=b"x" * 60_000), 0),
}


@pytest.mark.parametrize("name", LEFT_TO_PILLOW)
def test_what_is_not_ordinary_has_the_pixels_and_errors_of_pillow(stand, name):
    data, calls = LEFT_TO_PILLOW[name]
    limits = ImageLimits(max_bytes=60_000, max_pixels=300_000)

    def outcome(decode):
        try:
            return load_pixels(data, SQUASH, limits=limits, decode=decode, jpegs=stand.jpegs).tobytes()
        except (ImageTooLarge, InvalidImage) as exc:
            return type(exc), str(exc)

    assert outcome("gpu") == outcome("exact")
    assert len(stand.calls) == calls


def test_crops_and_lanczos_are_left_to_pillow(stand):
    data, lanczos = saved(photo()), Preprocess(size=96, resize="squash", resample="lanczos")
    for target, crop in ((SQUASH, Crop(x=10, y=10, width=60, height=50)), (lanczos, None)):
        a, b = (
            load_pixels(data, target, limits=LIMITS, decode=d, crop=crop, jpegs=stand.jpegs) for d in ("gpu", "exact")
        )
        np.testing.assert_array_equal(a, b)
    assert stand.calls == []


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"), "too little memory"),
        (
            RuntimeError("Error while decoding JPEG images: Failed to decode batch: 5\nat somewhere"),
            "too little memory",
        ),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), None),
    ],
)
def test_a_gpu_that_fails_is_an_error_and_never_pillow_in_silence(stand, error, says, monkeypatch):
    stand.broken = error
    if says is None:  # the context is lost: the sound file fails too
        monkeypatch.setattr(stand.jpegs, "_sound", saved(photo()))
    with pytest.raises(ModelUnavailable, match=says or r"decodes no image any more; restart the server, or set DAG"):
        load_pixels(saved(photo()), SQUASH, limits=LIMITS, decode="gpu", jpegs=stand.jpegs)
    stand.broken = None
    assert load_pixels(saved(photo()), SQUASH, limits=LIMITS, decode="gpu", jpegs=stand.jpegs).shape == (96, 96, 3)


def test_without_a_decoder_nothing_is_decoded():
    with pytest.raises(ValueError, match="needs a decoder"):
        load_pixels(saved(photo()), SQUASH, limits=LIMITS, decode="gpu")


def test_errors_name_torchvision_and_the_device(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(ModelUnavailable, match=r"decode: gpu needs torchvision for torch .*DAGUERRE_DECODE=exact"):
        gpu_jpeg.open_decoder("cuda:0")


def test_torchvision_is_called_as_its_documentation_says(monkeypatch):
    asked = []

    def decode_jpeg(input, mode, device):
        asked.append((mode, device))
        if device == "cuda:99":
            raise RuntimeError("CUDA error: invalid device ordinal\nCUDA kernel errors might be reported later")
        return [tensor(image) for image in opened(input)]

    io_module = SimpleNamespace(decode_jpeg=decode_jpeg, ImageReadMode=SimpleNamespace(RGB="RGB"))
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace(__version__="9.9", io=io_module))
    monkeypatch.setitem(sys.modules, "torchvision.io", io_module)
    jpegs = open_jpegs("cuda:1")
    assert jpegs(saved(photo()), CROP).shape == (96, 96, 3)
    assert (jpegs.made_with, asked) == ({"torchvision": "9.9"}, [("RGB", "cuda:1")] * 2)
    with pytest.raises(ModelUnavailable, match=r"on cuda:99 \(CUDA error: invalid device ordinal\); set DAG"):
        open_jpegs("cuda:99")


@pytest.mark.gpu
def test_nvjpeg_is_near_pillow():
    jpegs = gpu_jpeg.open_decoder("cuda:0")
    for data in oracle.pictures():
        ours = jpegs(data, CROP)
        assert ours is not None
        assert np.abs(ours.astype(int) - load_pixels(data, CROP, limits=LIMITS)).mean() < 2
