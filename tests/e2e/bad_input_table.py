"""Bad input, kind by kind, with what it gets. The tests check this table; docs/errors.md shows it.

`python -m tests.e2e.bad_input_table URL` prints it as Markdown with what the server at URL answers now. Without a URL
it starts a server of its own with the small limits of SETTINGS, which the rows about limits are made for.
"""

import argparse
import json
import re
import socket
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from service.api.http.examples import EXAMPLES
from tests.e2e import (
    bad_coding,
    bad_collections,
    bad_label_studio,
    bad_labels,
    bad_multiverses,
    bad_pages,
    bad_studies,
    harness,
)
from tests.models import image_samples as samples

SETTINGS = {
    "DAGUERRE_MAX_ITEMS": "32",
    "DAGUERRE_QUEUE": "48",
    "DAGUERRE_MAX_BODY_BYTES": str(4 * 2**20),
    "DAGUERRE_MAX_IMAGE_BYTES": str(2**20),
    "DAGUERRE_MAX_TEXT_CHARS": "5000",
    "DAGUERRE_MAX_LABELS": "12",
    "DAGUERRE_ANALYSERS": "objects,imagenet-classes",
}
CODED = {"coder": ["a", "b"], "code": [1, 1]}  # an agreement, without its items
DRAW = {"design": "purposive", "size": 1, "diversity": 0.5}
PROMPTED = {"name": "x", "input": [{"text": "a cat"}, {"text": "a cup"}], "targets": ["cat", "cup"]}
VECTORS = {"modality": "image", "model": "m", "fingerprint": "m", "dimension": 1, "data": "AACAPwAAAEA="}  # 1, 2
FACES = {**VECTORS, "modality": "face"}
EMBEDDINGS, ZERO_SHOT, TIMELINE = "/v1/embeddings", "/v1/zero-shot", "/v1/timeline"
Send = Callable[[httpx.Client], httpx.Response]


@dataclass(frozen=True)
class Row:
    """One kind. code None: it is fine, and the answer is no error."""

    name: str
    send: Send
    status: int
    code: str | None = None
    message: str = ""  # a regexp that is found in the message


def body(content: Any, path: str = EMBEDDINGS) -> Send:
    """A JSON body."""
    return lambda client: client.post(path, json=content)


def item(content: Any) -> Send:
    return body({"input": [content]})


def cropped(**crop: float) -> Send:
    """A photo with another crop than CROP."""
    return item({"image": harness.base64_of(PHOTO), "crop": {**CROP, **crop}})


def video(content: bytes, **sampling: Any) -> Send:
    return item({"video": harness.base64_of(content), **({"sampling": sampling} if sampling else {})})


def labelled(**options: Any) -> Send:
    """A zero-shot request of one text."""
    return body({"input": "a cat", "labels": ["a cat", "a dog"], **options}, ZERO_SHOT)


def analysed(**analysers: Any) -> Send:
    """Analyses of a photo, with the options of each kind."""
    return body({"input": harness.image(PHOTO), "analysers": analysers}, "/v1/analyses")


def timeline(index: int | str | None = None, **fields: Any) -> Send:
    """The timeline of an answer with one video, with other `fields`."""
    content = {**EXAMPLES["ZeroShotAnswer"]["a video"], **fields}
    return lambda client: client.post(TIMELINE, json=content, params={} if index is None else {"index": index})


def raw(content: Any, kind: str | None = "application/json", path: str = EMBEDDINGS) -> Send:
    return lambda client: client.post(path, content=content, headers={"content-type": kind} if kind else {})


def packed(content: bytes) -> Send:
    """A body that says it is compressed."""
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return lambda client: client.post(EMBEDDINGS, content=content, headers=headers)


def upload(data: bytes, name: str = "photo.jpg", **options: Any) -> Send:
    """One file in a multipart form, under the field that takes items."""
    return lambda client: client.post(EMBEDDINGS, files=[("input", (name, data))], data=options)


def ask(method: str, path: str) -> Send:
    return lambda client: client.request(method, path)


def form(content: bytes, parameters: str = "; boundary=edge") -> Send:
    return raw(content, "multipart/form-data" + parameters)


def part(name: str, content: bytes, more: str = "") -> bytes:
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


def in_chunks(size: int) -> Send:
    """A body of no declared length."""

    def chunks() -> Iterator[bytes]:
        yield b'{"input": "'
        for _ in range(size // 2**16):
            yield b"a" * 2**16
        yield b'"}'

    return lambda client: client.post(EMBEDDINGS, content=chunks(), headers={"content-type": "application/json"})


PHOTO = samples.encode(samples.scene(), "JPEG", quality=90)
NOISE = np.random.default_rng(0).integers(0, 256, (900, 900, 3), dtype=np.uint8)
MANY_BYTES = samples.encode(NOISE, "PNG")  # 2.4 MB
ORDINARY = samples.ordinary()
CROP = {"x": 0, "y": 0, "width": 10, "height": 10}
LINE = samples.encode(np.zeros((1, 30_000), np.uint8), "PNG")
HEIC = struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(64)
TIFF_32 = samples.tiff(np.zeros((8, 8), "<f4"), bits=32, sample_format=3)
TIFF_SIGNED = samples.tiff(np.zeros((8, 8), np.int8), bits=8, sample_format=2)

IMAGES: Sequence[Row] = (
    Row("an image of 0 bytes", upload(b""), 422, "invalid_image", "is empty"),
    Row("a truncated JPEG", upload(PHOTO[: len(PHOTO) // 2]), 422, "invalid_image", r"the upper \d+ % .*truncated"),
    Row("a JPEG without its end marker", upload(PHOTO[:-2]), 200),
    Row("a JPEG's first 20 bytes", upload(PHOTO[:20]), 422, "invalid_image", "looks like JPEG"),
    Row("a bomb: PNG of 50,000 × 50,000", upload(samples.png_bomb(), "b.png"), 413, "image_too_large", "80,000,000"),
    Row("30,000 × 1 pixels", upload(LINE, "line.png"), 422, "invalid_image", "30,000 x 1 "),
    Row("zeros only", upload(bytes(1000)), 415, "unsupported_image", "zeros only"),
    Row("HTML named .jpg", upload(b"<html></html>", "cat.jpg"), 415, "unsupported_image", "an HTML page"),
    Row("a PDF", upload(b"%PDF-1.7\n%\xe2\xe3", "a.pdf"), 415, "unsupported_image", "a PDF document"),
    Row("an SVG drawing", upload(b'<svg xmlns="http://www.w3.org/2000/svg"/>'), 415, "unsupported_image", "an SVG"),
    Row("HEIC, without the extra", upload(HEIC, "a.heic"), 415, "unsupported_image", r"HEIC.*pip install"),
    Row("a TIFF of floating-point numbers", upload(TIFF_32), 415, "unsupported_image", "floating-point"),
    Row("a TIFF of signed bytes", upload(TIFF_SIGNED), 415, "unsupported_image", "signed integers"),
    Row("a JPEG of 1,000 scans", upload(samples.jpeg_with_scans(1000)), 422, "invalid_image", "more than 128 scans"),
    Row("an image file over the limit", upload(MANY_BYTES, "n.png"), 413, "image_too_large", "limit is 1,048,576"),
    Row("the same in base64", item(harness.image(MANY_BYTES)), 413, "image_too_large", "limit is 1,048,576"),
    Row("a JPEG 2000 of 8 bits", upload(ORDINARY["jpeg2000"], "a.jp2"), 200),
    Row("an animated GIF", upload(ORDINARY["gif-animated"], "a.gif"), 200),
    Row("a CMYK JPEG", upload(ORDINARY["jpeg-cmyk"]), 200),
    Row("a 16-bit PNG", upload(ORDINARY["png-16"]), 200),
    Row("a palette PNG", upload(ORDINARY["png-palette"]), 200),
    Row("a JPEG named .txt", upload(PHOTO, "photo.txt"), 200),
    Row("an ordinary JPEG with garbage for EXIF", upload(samples.corrupt_exif(PHOTO)), 200),
)  # fmt: skip

ITEMS: Sequence[Row] = (
    Row("text where base64 should be", item({"image": "a photo, of a cat!"}), 422, "invalid_base64", "not base64"),
    Row("a URL as image", item({"image": "https://example.org/cat.jpg"}), 422, "url_not_fetched", "fetches none"),
    Row("a URL in capitals", item({"image": "HTTPS://EXAMPLE.ORG/CAT.JPG"}), 422, "url_not_fetched", "fetches none"),
    Row("a text in place of base64", item({"image": "hello world"}), 422, "invalid_base64", "is not base64"),
    Row("a data URI without base64", item({"image": "data:image/png,abc"}), 422, "invalid_base64", ";base64,"),
    Row("base64 of a text", item(harness.image(b"not an image")), 415, "unsupported_image", "plain text"),
    Row("an empty text", item(""), 422, "invalid_text", "is empty"),
    Row("a text of white space", item(" \t\n\u00a0"), 422, "invalid_text", "is empty"),
    Row("a text of 900 words", item("word " * 900), 200),
    Row("a text over the limit of characters", item("a" * 5001), 422, "invalid_text", "5001 characters"),
    Row("half of a surrogate pair", raw(b'{"input": "\\ud800"}'), 422, "invalid_text", "half of a surrogate pair"),
    Row("half of a surrogate pair in an id", raw(b'{"input": {"text": "a", "id": "\\udc00"}}'), 422, "invalid_request",
        r"input\.id: has half of a surrogate pair"),
    Row("both text and image", item({"text": "a", "image": "b"}), 422, "invalid_request", '"text", "image" or "video"'),
    Row("neither text nor image", item({"id": "a"}), 422, "invalid_request", 'either "text", "image" or "video"'),
    Row("an unknown field of an item", item({"txt": "a"}), 422, "invalid_request", r"input\[0\]\.txt: no such field"),
    Row("an id of 2,000 characters", item({"id": "a" * 2000, "text": "a"}), 422, "invalid_request", r"input\[0\]\.id"),
    Row("a number as item", item(1.5), 422, "invalid_request", r"input\[0\]: got 1\.5"),
    Row("a token array", body({"input": [1, 2, 3]}), 422, "invalid_request", "token arrays are not taken"),
    Row("token arrays", body({"input": [[1, 2], [3]]}), 422, "invalid_request", "token arrays are not taken"),
    Row("0 items", body({"input": []}), 422, "invalid_request", "has no items"),
    Row("input: null", body({"input": None}), 422, "invalid_request", "input: is a string, an item"),
    Row("no input", body({}), 422, "invalid_request", "input: is missing"),
    Row("33 items where 32 may be", body({"input": ["a"] * 33}), 413, "too_many_items", "limit is 32"),
    Row("33 files where 32 may be",
        lambda client: client.post(EMBEDDINGS, files=[("input", (f"{i}.jpg", PHOTO)) for i in range(33)]),
        413, "too_many_items", "limit is 32|more than 32"),
    Row("40 files, more than the form's reader takes",
        lambda client: client.post(EMBEDDINGS, files=[("input", (f"{i}.jpg", PHOTO)) for i in range(40)]),
        413, "too_many_items", "more than 32"),
    Row("two bad items of three", body({"input": ["a", "", harness.image(b"x")]}), 422, "invalid_items",
        r"2 of 3 items .* input\[1\]"),
)  # fmt: skip

VIDEOS: Sequence[Row] = (
    Row("a text as a video", video(b"not a video"), 415, "unsupported_video", "looks like text"),
    Row("a JPEG as a video", video(PHOTO), 415, "unsupported_video", "a JPEG image"),
    Row("an HLS playlist", video(b"#EXTM3U\nhttp://127.0.0.1/a.ts"), 415, "unsupported_video", "names other files"),
    Row("an MP4's first bytes", video(b"\0\0\0\x18ftypmp42" + bytes(40)), 422, "invalid_video", "its index is missing"),
    Row("a file of vectors as a video", video(b"\x93NUMPY"), 415, "unsupported_video", "unknown data"),
    Row("a GIF's first bytes as a video", video(b"GIF89a" + bytes(64)), 422, "invalid_video", "GIF"),
    Row("a video of 0 bytes", video(b""), 422, "invalid_video", "empty"),
    Row("a video that is not base64", item({"video": "a clip!"}), 422, "invalid_video", "is not base64"),
    Row("a file that was never sent", item({"video": {"file": "file_00"}}), 404, "unknown_file", "no 'file_00' here"),
    Row("sampling of a text", item({"text": "a", "sampling": {}}), 422, "invalid_request", "applies only to a video"),
    Row("a crop of a video", item({"video": "", "crop": CROP}), 422, "invalid_request", 'a "crop" is of an "image"'),
    Row("a crop of a text", item({"text": "a", "crop": CROP}), 422, "invalid_request", 'a "crop" is of an "image"'),
    Row("a crop outside of the picture", cropped(x=9999), 422, "invalid_crop", "has no pixel of the picture"),
    Row("a crop as shares of the picture", cropped(width=0.5, height=0.5), 422, "invalid_crop", "at least 1 x 1"),
    Row("a margin of 2", cropped(margin=2), 422, "invalid_request", "margin"),
    Row("an unknown policy", video(b"", policy="often"), 422, "invalid_request", "got 'often'"),
    Row("evenly without n", video(b"", policy="evenly"), 422, "invalid_request", "needs n"),
    Row("an option of another policy", video(b"", policy="shots", n=3), 422, "invalid_request", "to policy evenly"),
    Row("a job of a text", body({"input": "a", "mode": "job"}), 422, "invalid_request", "is no video"),
    Row("a video where images are described", body({"input": [{"video": ""}]}, "/v1/images"), 422,
        "unsupported_modality", "only images and texts"),
)  # fmt: skip

ENTRY = EXAMPLES["ZeroShotAnswer"]["a video"]["data"][0]
IMAGE = {name: value for name, value in ENTRY.items() if name != "video"}
SILENT = {**ENTRY, "video": {**ENTRY["video"], "frames": [{"index": 0, "timestamp": 0.0, "shot": 0, "dropped": 0}]}}

TIMELINES: Sequence[Row] = (
    Row("a timeline of an answer without a video", timeline(data=[IMAGE]), 422, "invalid_request",
        "data: has no video"),
    Row("a timeline of the second of one video", timeline(index=1), 422, "invalid_request", "choose one of 0"),
    Row("a timeline of one of two videos", timeline(data=[ENTRY, ENTRY]), 422, "invalid_request", "is missing.* 0, 1"),
    Row("a timeline of an index that is no number", timeline(index="a"), 422, "invalid_request", "index: got 'a'"),
    Row("a timeline of frames without numbers", timeline(data=[SILENT]), 422, "invalid_request", "has no scores"),
    Row("a timeline of too few labels", timeline(labels=["a car"]), 422, "invalid_request", "2 numbers for 1"),
    Row("a timeline of something else", body({"a": 1}, TIMELINE), 422, "invalid_request", "data: is missing"),
    Row("a timeline of a form", lambda client: client.post(TIMELINE, files=[("input", ("a.jpg", PHOTO))]), 415,
        "unsupported_media_type", "send application/json"),
)  # fmt: skip

OPTIONS: Sequence[Row] = (
    Row("an unknown model", body({"input": "a", "model": "gpt-5"}), 404, "unknown_model", "no 'gpt-5' .*embedded"),
    Row("a model of the wrong type", body({"input": "a", "model": 5}), 422, "invalid_request", "model: got 5"),
    Row("an unknown field", body({"input": "a", "modle": "x"}), 422, "invalid_request", "modle: no such field.*model"),
    Row("an unknown field of none_of_these", labelled(none_of_these={"text": "else", "min": 1}), 422,
        "invalid_request", r"none_of_these\.min: no such field.*min_cosine"),
    Row("a wrong dimension", body({"input": "a", "dimensions": 256}), 422, "invalid_request", "256 .*has 1280"),
    Row("on_error: ignore", body({"input": "a", "on_error": "ignore"}), 422, "invalid_request", "got 'ignore'"),
    Row("encoding_format: hex", body({"input": "a", "encoding_format": "hex"}), 422, "invalid_request",
        "encoding_format: got 'hex'"),
    Row("decode: fast", body({"input": "a", "decode": "fast"}), 422, "invalid_request", "decode: got 'fast'"),
    Row("one label", labelled(labels=["a cat"]), 422, "invalid_request", "got 1, zero-shot needs at least 2"),
    Row("no label", labelled(labels=[]), 422, "invalid_request", "got 0"),
    Row("a label twice", labelled(labels=["a cat", "A cat"]), 422, "invalid_request",
        r"labels\[1\]: 'A cat' is labels\[0\] again"),
    Row("an empty label", labelled(labels=["a cat", " "]), 422, "invalid_request", r"labels\[1\]: text is empty"),
    Row("a label of no token that the model knows", labelled(labels=["a cat", "\u732b"]), 422, "invalid_request",
        "labels: '\u732b' has no token that the model knows"),
    Row("13 labels where 12 may be", labelled(labels=[f"label {i}" for i in range(13)]), 413, "too_many_labels",
        "got 13, the limit is 12"),
    Row("labels as one string", labelled(labels="cat, dog"), 422, "invalid_request", "labels: got 1, zero-shot needs"),
    Row("a template without {}", labelled(templates=["a photo"]), 422, "invalid_request", r"templates\[0\]: 'a photo'"),
    Row("a template with two {}", labelled(templates=["{} {}"]), 422, "invalid_request", r"templates\[0\]: .* has 2"),
    Row("negatives without multi_label", labelled(negatives=["x"]), 422, "invalid_request", "negatives: only used"),
    Row("none_of_these: {}", labelled(none_of_these={}), 422, "invalid_request", 'either "text" or "min_cosine"'),
    Row("none_of_these that is a label", labelled(none_of_these={"text": "A CAT"}), 422, "invalid_request",
        "is one of the labels"),
    Row("min_cosine: 2", labelled(none_of_these={"min_cosine": 2}), 422, "invalid_request", "min_cosine: got 2"),
    Row("zero-shot without items and vectors", body({"labels": ["a", "b"]}, ZERO_SHOT), 422, "invalid_request",
        "input: send either input or vectors"),
    Row("vectors in a folder, of a server without one",
        body({"vectors": [{"modality": "image", "folder": "corpus/"}]}, "/v1/clusters"), 422, "no_data",
        "vectors: this server has no folder of vectors; start it with DAGUERRE_DATA"),
    Row("vectors without their model", body({"vectors": [{"modality": "image", "data": ""}]}, "/v1/clusters"), 422,
        "invalid_request", "lacks model and fingerprint and dimension, which only a folder states"),
    Row("vectors in a folder and in the request",
        body({"vectors": [{**VECTORS, "folder": "corpus/"}]}, "/v1/clusters"), 422, "invalid_request",
        "vectors: send image vectors as data, a file, a folder"),
    Row("another start of k-means", body({"vectors": [VECTORS], "start": "some"}, "/v1/clusters"), 422,
        "invalid_request", "start"),
    Row("vectors beside items", labelled(vectors=[VECTORS]), 422, "invalid_request", "send either input or vectors"),
    Row("ids beside items that have their own", labelled(ids=["a"]), 422, "invalid_request", "ids: are for vectors"),
    Row("vectors of a model that is not there", body({"labels": ["a", "b"], "vectors": [VECTORS]}, ZERO_SHOT), 422,
        "fingerprint_mismatch", "vectors: the vectors have fingerprint 'm', which no running model has"),
    Row("vectors of images and of texts for zero-shot",
        body({"labels": ["a", "b"], "vectors": [VECTORS, {**VECTORS, "modality": "text"}]}, ZERO_SHOT), 422,
        "invalid_request", "vectors: has vectors of images and of texts.*send one block"),
    Row("a collection that is not there", body({"labels": ["a", "b"], "collection": "nothing"}, ZERO_SHOT), 404,
        "unknown_collection", "there is no 'nothing'"),
    Row("a condition without a collection", body({"labels": ["a", "b"], "where": {"year": {"eq": 1}}}, ZERO_SHOT), 422,
        "invalid_request", "send collection too"),
    Row("a collection beside vectors", body({"labels": ["a", "b"], "collection": "c", "vectors": [VECTORS]}, ZERO_SHOT),
        422, "invalid_request", "takes the place of vectors"),
    Row("decode beside vectors", body({"labels": ["a", "b"], "vectors": [VECTORS], "decode": "exact"}, ZERO_SHOT), 422,
        "invalid_request", "decode: is for input; vectors have been decoded already"),
)  # fmt: skip

ANALYSES: Sequence[Row] = (
    Row("no analyser", analysed(), 422, "invalid_request", "names no analyser"),
    Row("an unknown kind of analyser", analysed(people={}), 422, "invalid_request", r"people: no such field"),
    Row("a kind of analyser that is not served", analysed(visual={}), 404, "unknown_model", "DAGUERRE_ANALYSERS"),
    Row("an unknown analyser", analysed(objects={"model": "owl"}), 404, "unknown_model", "no 'owl' among .*objects"),
    Row("an analyser of another kind", analysed(objects={"model": "imagenet-classes"}), 404, "unknown_model",
        "no .imagenet-classes."),
    Row("an unknown option of objects", analysed(objects={"top": 3}), 422, "invalid_request", "objects.top: no such"),
    Row("an unknown label of objects", analysed(objects={"labels": ["persn"]}), 422, "invalid_request",
        "none of the 80 classes .*close to it: person"),
    Row("labels of one's own for a detector without words", analysed(objects={"labels": ["a placard"]}), 422,
        "invalid_request", "need a detector by words"),
    Row("a label in place of a list", analysed(objects={"labels": "person"}), 200),
    Row("a label that is a number", analysed(objects={"labels": [7]}), 422, "invalid_request", "labels"),
    Row("an empty label of objects", analysed(objects={"labels": [""]}), 422, "invalid_request", "none of the 80"),
    Row("13 labels of objects where 12 may be", analysed(objects={"labels": ["person"] * 13}), 413,
        "too_many_labels", "got 13, the limit is 12"),
    Row("1,001 labels of objects", analysed(objects={"labels": ["person"] * 1001}), 422, "invalid_request", "1,?000"),
    Row("a score of objects above 1", analysed(objects={"min_score": 1.5}), 422, "invalid_request", "min_score"),
    Row("a score of objects that is no number", analysed(objects={"min_score": "high"}), 422, "invalid_request",
        "min_score"),
    Row("a score of a label that is not there", analysed(objects={"min_scores": {"dragon": 0.5}}), 422,
        "invalid_request", "none of the labels that are looked for"),
    Row("a score of a label above 1", analysed(objects={"min_scores": {"person": 1.5}}), 422, "invalid_request",
        "min_scores"),
    Row("an overlap of objects above 1", analysed(objects={"overlap": 1.5}), 422, "invalid_request", "overlap"),
    Row("no objects at most", analysed(objects={"limit": 0}), 422, "invalid_request", "limit"),
    Row("an unknown blur of thumbnails",
        body({"input": [harness.image(PHOTO)], "thumbnail": 64, "blur": "eyes"}, "/v1/images"), 422, "invalid_request",
        "blur"),
    Row("a size of faces between two", analysed(faces={"size": 700}), 422, "invalid_request", "size"),
    Row("a size of faces that is too large", analysed(faces={"size": 1600}), 422, "invalid_request", "size"),
    Row("a score of faces above 1", analysed(faces={"min_score": 1.5}), 422, "invalid_request", "min_score"),
    Row("more faces than are given", analysed(faces={"limit": 1001}), 422, "invalid_request", "limit"),
    Row("labels of faces", analysed(faces={"labels": ["smile"]}), 422, "invalid_request", "labels: no such"),
    Row(
        "vectors of faces on a server that does not permit them",
        analysed(face_vectors={}),
        *(403, "switched_off", "DAGUERRE_FACE_RECOGNITION=true"),
    ),
    *(
        Row(
            f"{name} on such a server",
            body({"vectors": [FACES]}, f"/v1/faces/{path}"),
            *(403, "switched_off", "biometric"),
        )
        for path, name in (
            ("matches", "matches of faces"),
            ("persons", "groups of faces"),
            ("verification", "errors of the comparison of faces"),
        )
    ),
    Row(
        "a search among faces on such a server",
        body({"vectors": [FACES], "queries": FACES}, "/v1/search"),
        *(403, "switched_off", "biometric"),
    ),
    Row("clusters of faces on such a server", body({"vectors": [FACES]}, "/v1/clusters"), 403, "switched_off"),
    Row(
        "duplicates of faces on such a server",
        body({"vectors": [FACES], "kind": "semantic"}, "/v1/duplicates"),
        *(403, "switched_off"),
    ),
    Row(
        "vectors of faces in another form",
        analysed(face_vectors={"encoding_format": "hex"}),
        *(422, "invalid_request", "encoding_format"),
    ),
    Row("attributes of faces where they are off", analysed(face_attributes={}), 403, "switched_off",
        "DAGUERRE_FACE_ATTRIBUTES=age,gender,expression"),
    Row("race as an attribute of faces", analysed(face_attributes={"attributes": ["race"]}), 422, "invalid_request",
        "attributes"),
    Row("more faces with attributes than are given", analysed(face_attributes={"limit": 101}), 422, "invalid_request",
        "limit"),
    Row("a size between two for attributes of faces", analysed(face_attributes={"size": 700}), 422, "invalid_request",
        "size"),
    Row("an unknown option of classes", analysed(classes={"limit": 3}), 422, "invalid_request", "limit: no such"),
    Row("an unknown label of classes", analysed(classes={"labels": ["persn"]}), 422, "invalid_request", "persn"),
    Row("0 classes at most", analysed(classes={"top": 0}), 422, "invalid_request", "top"),
    Row("an unknown level of classes", analysed(classes={"level": "synsets"}), 422, "invalid_request", "synsets"),
    Row("a text among pictures to analyse",
        body({"input": [{"text": "a"}], "analysers": {"objects": {}}}, "/v1/analyses"), 422, "missing_modality",
        "is no image"),
)  # fmt: skip

BODIES: Sequence[Row] = (
    Row("a body that is not JSON", raw(b"input=cat"), 400, "malformed_request", "not JSON"),
    Row("an empty body", raw(b""), 400, "malformed_request", "not JSON"),
    Row("JSON cut short", raw(b'{"input": ["a'), 400, "malformed_request", "not JSON: EOF"),
    Row("JSON nested 100,000 deep", raw(b"[" * 100_000), 400, "malformed_request", "recursion limit"),
    Row("bytes that are not UTF-8", raw(b'{"input": "\xff"}'), 400, "malformed_request", "not JSON.*unicode"),
    Row("a list as body", raw(b"[]"), 422, "invalid_request", "the body: got a list"),
    Row("a body of text/plain", raw(b"cat", "text/plain"), 415, "unsupported_media_type", "'text/plain' is not read"),
    Row("an HTML form", raw(b"input=cat", "application/x-www-form-urlencoded"), 415, "unsupported_media_type"),
    Row("a body over the limit", raw(b'{"input": "' + b"a" * 5 * 2**20 + b'"}'), 413, "body_too_large", "4,194,304"),
    Row("the same without a declared length", in_chunks(5 * 2**20), 413, "body_too_large", "more than 4,194,304"),
    Row("multipart without a boundary", form(part("input", b"a"), ""), 400, "malformed_request", "boundary"),
    Row("multipart with another boundary", form(part("input", b"a"), "; boundary=x"), 400, "malformed_request", "form"),
    Row("multipart that is garbage", form(b"garbage"), 400, "malformed_request", "the form cannot be read"),
    Row("multipart, broken in the middle", form(part("input", b"a") + b"--edge\r\nContent-Dispo"), 400,
        "malformed_request", "ended|form"),
    Row("multipart, a part without a name",
        form(b'--edge\r\nContent-Disposition: form-data; filename="a.jpg"\r\n\r\n' + PHOTO + b"\r\n--edge--\r\n"),
        400, "malformed_request", "has no name; give it one"),
    Row("multipart, a name in two forms of RFC 2231",
        form(b"--edge\r\nContent-Disposition: form-data; name*=utf-8''input; name*0=b\r\n\r\nx\r\n--edge--\r\n"), 400,
        "malformed_request", "Content-Disposition"),
    Row("multipart, the last boundary missing", form(part("input", b"a") + part("input", PHOTO, '; filename="a.jpg"')),
        400, "malformed_request", "ended|form"),
    Row("a form's text that is not UTF-8", form(part("input", b"\xff\xfe") + b"--edge--\r\n"), 400,
        "malformed_request", "send UTF-8"),
    Row("a compressed body", packed(b"{}"), 415, "unsupported_media_type", "send it uncompressed"),
    Row("a POST to a probe", ask("POST", "/livez"), 405, "method_not_allowed", "takes GET"),
    Row("multipart without items", form(part("model", b"embedded") + b"--edge--\r\n"), 422, "invalid_request",
        "has no items"),
    Row("a file in a field that is no item",
        form(part("input", b"a") + part("model", PHOTO, '; filename="a.jpg"') + b"--edge--\r\n"), 422,
        "invalid_request", "model: is a file"),
    Row("a form field sent twice", form(part("input", b"a") + part("model", b"embedded") * 2 + b"--edge--\r\n"), 422,
        "invalid_request", "model: was sent twice"),
    Row("an unknown form field", form(part("input", b"a") + part("modle", b"x") + b"--edge--\r\n"), 422,
        "invalid_request", "modle: no such field"),
    Row("none_of_these in a form that is not JSON",
        lambda client: client.post(
            ZERO_SHOT, files=[("input", ("a.jpg", PHOTO))], data={"labels": ["a", "b"], "none_of_these": "{"}
        ), 422, "invalid_request", "none_of_these"),
    Row("a text for none_of_these in a form",
        lambda client: client.post(
            ZERO_SHOT, files=[("input", ("a.jpg", PHOTO))], data={"labels": ["a", "b"], "none_of_these": "else"}
        ), 422, "invalid_request", "none_of_these: got 'else', which is not JSON; send .*\"text\": \"else\""),
    Row("a code that is a list", body({**CODED, "item": ["1", "1"], "code": [1, []]}, "/v1/agreement"), 422,
        "invalid_request", r"code\[1\]: got a list, should be a valid string, boolean, integer or number"),
    Row("a coder of a million characters with two codes",
        body({"coder": ["a" * 10**6] * 2, "item": ["1", "1"], "code": [1, 2]}, "/v1/agreement"), 422, "invalid_codes",
        "coder 'aaaa.*…' has two codes for item '1'"),
    Row("a mistake late in a large body", raw(b'{"input": [' + b'"a",' * 10_000 + b"nope]}"), 400, "malformed_request",
        "at byte 40,01"),
    Row("codes of an item without a name", body({**CODED, "item": ["1", " "]}, "/v1/agreement"), 422, "missing_id",
        r"item: 1 of 2 are missing, the first is \[1\]"),
    Row("ids that lost their zeros", body({**CODED, "item": ["007", 7]}, "/v1/agreement"), 422, "invalid_codes",
        "'007' and '7' are two ids: if they are one, zeros at the front were lost"),
    Row("groups of coders that are one", body({**CODED, "item": ["1", "1"], "groups": {"a": "x"}}, "/v1/coder-groups"),
        422, "invalid_codes", "groups: got 1 groups of coders who have codes"),
    Row("a crowd of one category", body({**CODED, "item": ["1", "1"]}, "/v1/crowds"), 422, "invalid_codes",
        "got 1 different codes; the model needs from 2 to 50 categories"),
    Row("a winner that is neither item", body({"a": ["x"], "b": ["y"], "winner": ["z"]}, "/v1/scales"), 422,
        "invalid_codes", "got 'z' in row 0, which compares 'x' and 'y'"),
    Row("an item that has won all its comparisons", body({"a": ["x"], "b": ["y"], "winner": ["a"]}, "/v1/scales"), 422,
        "invalid_codes", "x has won all comparisons with the other items"),
    Row("an item to be compared that is there twice",
        body({"ids": ["x", "y", "x"], "per_item": 2}, "/v1/comparison-pairs"), 422, "invalid_request",
        "ids: 'x' is there twice; give each item once"),
    Row("diversity without vectors", body(DRAW, "/v1/samples"), 422, "invalid_request",
        "diversity: got 0.5 without vectors, by which items differ; send vectors"),
    Row("diversity with another design", body({**DRAW, "design": "simple", "n": 2}, "/v1/samples"), 422,
        "invalid_request", "diversity: is not used with design simple"),
    Row("a sample without a size", body({"design": "simple", "n": 9}, "/v1/samples"), 422, "invalid_request",
        "size: got size 0 and no for_width; give a size from 1 on, or for_width"),
    Row("a sample larger than the corpus", body({"design": "simple", "n": 9, "size": 10}, "/v1/samples"), 422,
        "invalid_size", "size: got 10, and there are 9 items to draw from; give a size from 1 to 9"),
    Row("an estimate that is too certain",
        body({"corpus": {"n": 9, "mean": [0.5], "variance": [0.1]}, "confidence": 0.99995},
            "/v1/classifiers/nothing/estimate"), 422, "invalid_request", "confidence: .*0.9999"),
    *(
        Row(f"a feature {name}",
            body({"name": "none", "input": [{"text": "a"}, {"text": "b"}], "targets": ["x", "y"],
                "features": columns}, "/v1/classifiers"),
            422, code, words)
        for name, columns, code, words in (
            ("of fewer items than are sent", [{"name": "n", "values": [1]}], "lengths_differ",
                "features: 'n' has 1 values for 2 items; give one for each"),
            ("that is no number", [{"name": "n", "values": [1, "many"]}], "bad_features",
                "features: 'n' has the value 'many'; give finite numbers"),
            ("twice", [{"name": "n", "values": [1, 2]}] * 2, "bad_features", "features: 'n' occurs twice"),
        )
    ),
    Row("calibrated zero-shot of one class",
        body({**PROMPTED, "zero_shot": {"labels": ["cat"]}}, "/v1/classifiers"), 422, "invalid_request",
        "zero_shot.labels: .*at least 2"),
    Row("calibrated zero-shot without classes", body({**PROMPTED, "zero_shot": {}}, "/v1/classifiers"), 422,
        "invalid_request", "zero_shot: has no labels; send the classes of the codes"),
    Row("fewer prompts than classes",
        body({**PROMPTED, "zero_shot": {"labels": ["cat", "cup"], "prompts": ["a cat"]}}, "/v1/classifiers"), 422,
        "invalid_request", "zero_shot.prompts: got 1 for 2 labels; send one for each"),
    Row("calibrated zero-shot with strengths of a probe",
        body({**PROMPTED, "strengths": [1], "zero_shot": {"labels": ["cat", "cup"]}}, "/v1/classifiers"), 422,
        "invalid_request", "strengths: is for a linear probe"),
    Row("calibrated zero-shot of numbers",
        body({**PROMPTED, "task": "continuous", "zero_shot": {"labels": ["cat", "cup"]}}, "/v1/classifiers"), 422,
        "invalid_request", "zero_shot: labels classes, and a continuous target has none"),
    Row("a class without a prompt",
        body({**PROMPTED, "input": PROMPTED["input"] * 5, "targets": ["cat", "dog"] * 5,
              "zero_shot": {"labels": ["cat", "cup"]}}, "/v1/classifiers"), 422,
        "unknown_label", "zero_shot: class 'dog' of the codes has no prompt"),
    Row("a coverage of everything",
        body({"input": [{"text": "a"}], "coverage": 1}, "/v1/classifiers/nothing/predict"), 422, "invalid_request",
        "coverage: got 1, should be less than 1"),
    Row("an approximate search for near duplicates",
        body({"kind": "near", "phash": ["0" * 16], "method": "approximate"}, "/v1/duplicates"), 422, "invalid_request",
        "method: is for semantic, and near compares phash; leave it out"),
    Row("a search for duplicates by no method",
        body({"kind": "semantic", "vectors": [VECTORS], "method": "hnsw"}, "/v1/duplicates"), 422, "invalid_request",
        "method: got 'hnsw'"),
    Row("a purposive sample by a width",
        body({"design": "purposive", "scores": [1, 2], "for_width": 0.1}, "/v1/samples"), 422, "invalid_request",
        "for_width: a purposive sample allows no interval"),
    Row("a width that no share has", body({"design": "simple", "n": 9, "for_width": 2}, "/v1/samples"), 422,
        "invalid_size", "for_width: got 2; must be above 0 and below 1"),
    Row("vectors of fewer items than scores",
        body({**DRAW, "scores": [1, 2, 3], "vectors": [VECTORS]}, "/v1/samples"), 422, "lengths_differ",
        "vectors: 2 for 3 scores; give one of each item"),
    Row("an unknown path", ask("GET", "/v1/embedding"), 404, "not_found", "no such path"),
    Row("a model that is not there", ask("GET", "/v1/models/nothing"), 404, "unknown_model", "no 'nothing' here"),
    Row("deletion of a job that is not there", ask("DELETE", "/v1/jobs/job_00"), 404, "unknown_job", "there is no"),
    Row("GET where POST is meant", ask("GET", EMBEDDINGS), 405, "method_not_allowed", "takes POST"),
    Row("DELETE of a model", ask("DELETE", "/v1/models/embedded"), 405, "method_not_allowed", "takes GET"),
    Row("OPTIONS", ask("OPTIONS", EMBEDDINGS), 405, "method_not_allowed", "takes POST"),
    Row("a page's file that is not there", ask("GET", "/docs/assets/nothing.js"), 404, "not_found"),
    Row("a request of another web page, without keys",
        lambda client: client.get("/v1/models", headers={"origin": "https://evil.example"}), 403, "forbidden",
        "DAGUERRE_API_KEYS"),
    Row("a host name that is not the server's, without keys",
        lambda client: client.get("/v1/models", headers={"host": "evil.example"}), 403, "forbidden",
        "DAGUERRE_ALLOWED_HOSTS"),
)  # fmt: skip

PAGES, STUDIES, MULTIVERSES, LABELS, LABEL_STUDIO = (
    [Row(name, body(sent, path), *expected) for name, path, sent, *expected in requests]
    for requests in (
        *(bad_pages.REQUESTS, bad_studies.REQUESTS, bad_multiverses.REQUESTS, bad_labels.REQUESTS),
        bad_label_studio.REQUESTS,
    )
)


def in_collection(path: str, sent: Any, *, put: bool = False) -> Send:
    """A request to a collection, after one was created."""

    def send(client: httpx.Client) -> httpx.Response:
        client.put("/v1/collections/bad-rows", json=bad_collections.PROPERTIES)
        return (client.put if put else client.post)(f"/v1/collections/{path}", json=sent)

    return send


COLLECTIONS = [
    Row(name, in_collection(path, sent, put=rows is bad_collections.PUTS), *expected)
    for rows in (bad_collections.PUTS, bad_collections.POSTS)
    for name, path, sent, *expected in rows
]
CODING = [Row(row[0], bad_coding.send(row), *row[4:]) for row in bad_coding.ROWS]
TABLE: Sequence[Row] = (
    *(
        *IMAGES,
        *VIDEOS,
        *TIMELINES,
        *ITEMS,
        *OPTIONS,
        *ANALYSES,
        *STUDIES,
        *PAGES,
        *MULTIVERSES,
        *LABELS,
        *LABEL_STUDIO,
        *COLLECTIONS,
        *CODING,
        *BODIES,
    ),
)


def markdown(client: httpx.Client) -> str:
    """The table, with what the server answers."""
    lines = ["| what was sent | status | code | message |", "| --- | --- | --- | --- |"]
    for row in TABLE:
        answer = row.send(client)
        error = answer.json().get("error", {})
        message = re.sub(r"([|\\`*_<>])", r"\\\1", error.get("message", "")).replace("\n", " ")
        code = f"`{error['code']}`" if error else ""
        lines.append(f"| {row.name} | {answer.status_code} | {code} | {message} |")
    return "\n".join([*lines, *(spoken(client, *each) for each in SPOKEN)])


SPOKEN = (  # what no HTTP client sends: its name, its bytes, seconds to wait for the answer
    ("a path of 100,000 characters", b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 20),
    ("headers of 100,000 bytes", b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n", 20),
    ("headers that do not end within 10 seconds", b"GET / HTTP/1.1\r\nHost: a\r\n", 20),
)


def spoken(client: httpx.Client, name: str, sent: bytes, seconds: float) -> str:
    """A row of the table for bytes that are sent as they are."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=seconds) as connection:
        connection.sendall(sent)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, content = answer.partition(b"\r\n\r\n")
    found = json.loads(content)["error"]
    return f"| {name} | {head.split()[1].decode()} | `{found['code']}` | {found['message']} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.bad_input_table", description=__doc__)
    parser.add_argument("url", nargs="?", help="of a server with the settings above; left out: one is started")
    url = parser.parse_args().url
    with tempfile.TemporaryDirectory() as folder:
        own = nullcontext() if url else harness.running(Path(folder), settings=SETTINGS)
        with own as server, httpx.Client(base_url=url or server.url, timeout=60, trust_env=False) as client:
            print(markdown(client))


if __name__ == "__main__":
    main()
