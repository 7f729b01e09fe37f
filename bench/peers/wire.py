"""Requests in each peer's own form, and the vectors of their answers."""

import base64
import json
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bench import load_grpc
from bench.load import ENCODINGS as IMAGES
from bench.load import Encoding, multipart, over_grpc, post
from daguerre_proto.v1.common_pb2 import Item, ModelOptions
from daguerre_proto.v1.embeddings_pb2 import EmbedOptions, EmbedRequest, EmbedResponse


def _litserve_upload(model: str, photos: Sequence[bytes]) -> bytes:
    return multipart({}, photos, path="/predict")


def _litserve_json(model: str, photos: Sequence[bytes]) -> bytes:
    images = b",".join(b'"' + base64.b64encode(photo) + b'"' for photo in photos)
    return post("application/json", b'{"images":[' + images + b"]}", path="/predict")


def _ray(model: str, photos: Sequence[bytes]) -> bytes:
    return post("image/jpeg", photos[0], path="/") if len(photos) == 1 else multipart({}, photos, path="/")


def _infinity(model: str, photos: Sequence[bytes]) -> bytes:
    items = b",".join(b'"data:image/jpeg;base64,' + base64.b64encode(photo) + b'"' for photo in photos)
    body = b'{"model":"%s","encoding_format":"base64","modality":"image","input":[%s]}' % (model.encode(), items)
    return post("application/json", body, path="/embeddings")


def _texts(model: str, texts: Sequence[bytes]) -> bytes:
    return json.dumps(
        {"model": model, "encoding_format": "base64", "input": [text.decode() for text in texts]}
    ).encode()


def _text_json(model: str, texts: Sequence[bytes]) -> bytes:
    return post("application/json", _texts(model, texts))


def _text_infinity(model: str, texts: Sequence[bytes]) -> bytes:
    return post("application/json", _texts(model, texts), path="/embeddings")


def _text_grpc(model: str, texts: Sequence[bytes]) -> bytes:
    options = EmbedOptions(model_options=ModelOptions(model=model))
    return EmbedRequest(options=options, items=[Item(text=text.decode()) for text in texts]).SerializeToString()


ENCODINGS: Mapping[str, Encoding] = {
    **IMAGES,
    "infinity": Encoding(_infinity),
    "litserve-upload": Encoding(_litserve_upload),
    "litserve-json": Encoding(_litserve_json),
    "ray": Encoding(_ray),
    "text-json": Encoding(_text_json),
    "text-grpc": Encoding(_text_grpc, over_grpc, load_grpc.vectors),
    "infinity-text": Encoding(_text_infinity),
}


def vectors(encoding: str, body: bytes) -> NDArray[np.float32]:
    """The vectors (n, d) of an answer."""
    if encoding in ("grpc", "text-grpc"):
        found = [entry.vector for entry in EmbedResponse.FromString(body).data]
    else:
        found = [base64.b64decode(entry["embedding"]) for entry in json.loads(body)["data"]]
    return np.stack([np.frombuffer(vector, "<f4") for vector in found])
