"""The fingerprint of a row: what changes vectors changes it, and nothing else does."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace

import pytest

from models.catalog.rows import EMBEDDED
from models.catalog.spec import ModelSpec
from models.images.preprocess import PREPROCESSING_VERSION, Preprocess

Change = Callable[[ModelSpec], ModelSpec]


def source(**changes: object) -> Change:
    return lambda spec: replace(spec, source=replace(spec.source, **changes))


def image(**changes: object) -> Change:
    return lambda spec: replace(spec, image=replace(spec.image, **changes))


def text(**changes: object) -> Change:
    return lambda spec: replace(spec, text=replace(spec.text, **changes))


def zero_shot(**changes: object) -> Change:
    return lambda spec: replace(spec, zero_shot=replace(spec.zero_shot, **changes))


def row(**changes: object) -> Change:
    return lambda spec: replace(spec, **changes)


WEIGHTS = dict(EMBEDDED.source.weights)
CHANGES_VECTORS: dict[str, Change] = {
    **{f"weights of {name}": source(weights={**WEIGHTS, name: "0" * 64}) for name in WEIGHTS},
    "a file more": source(weights={**WEIGHTS, "more.npy": "0" * 64}),
    "a file's name": source(weights={"other" if n == "tokenizer.json" else n: d for n, d in WEIGHTS.items()}),
    "size": image(preprocess=Preprocess(size=240, resize="letterbox")),
    "resize": image(preprocess=Preprocess(size=224, resize="squash")),
    "resample": image(preprocess=Preprocess(size=224, resize="letterbox", resample="bilinear")),
    "pad colour": image(preprocess=Preprocess(size=224, resize="letterbox", pad_color=0)),
    "mean": image(mean=(127.0, 127.0, 127.5)),
    "std": image(std=(128.0, 127.5, 128.0)),
    "image pooling": image(pooling="cls"),
    "text pooling": text(pooling="cls"),
    "max tokens": text(max_tokens=128),
    "buckets": text(buckets=(256,)),
    "projection": text(projection="none"),
    "precision": row(precision="fp16"),
    "recipe": row(recipe=2),
    "dimension": row(dimension=640),
    "no text": row(text=None),
    "no image": row(image=None),
}
CHANGES_NO_VECTOR: dict[str, Change] = {
    "name": row(name="other"),
    "description": row(description="other"),
    "licence": row(licence="other"),
    "notice": row(notice=None),
    "demonstration": row(demonstration=False),
    "matryoshka": row(matryoshka=(256,)),
    "templates": zero_shot(templates=("{}",)),
    "negatives": zero_shot(negatives=("none of these",)),
    "logit scale": zero_shot(logit_scale=100.0),
    "no zero-shot": row(zero_shot=None),
    "locator": source(locator="elsewhere"),
    "revision": source(revision="renamed"),
    "order of the weights": source(weights=dict(reversed(WEIGHTS.items()))),
}


@pytest.mark.parametrize("what", CHANGES_VECTORS)
def test_the_fingerprint_changes_with_whatever_changes_vectors(what):
    changed = CHANGES_VECTORS[what](EMBEDDED)
    assert changed != EMBEDDED
    assert changed.fingerprint() != EMBEDDED.fingerprint()


def test_no_two_changes_share_a_fingerprint():
    prints = [change(EMBEDDED).fingerprint() for change in CHANGES_VECTORS.values()]
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize("what", CHANGES_NO_VECTOR)
def test_the_fingerprint_stays_where_vectors_stay(what):
    changed = CHANGES_NO_VECTOR[what](EMBEDDED)
    if what != "order of the weights":
        assert changed != EMBEDDED
    for decode in ("exact", "scaled"):
        assert changed.fingerprint(decode) == EMBEDDED.fingerprint(decode)


def test_scaled_decoding_has_a_fingerprint_of_its_own():
    assert EMBEDDED.fingerprint("scaled") != EMBEDDED.fingerprint("exact") == EMBEDDED.fingerprint()


def test_decoding_means_nothing_to_a_model_of_texts():
    texts_only = replace(EMBEDDED, image=None)
    assert texts_only.fingerprint("scaled") == texts_only.fingerprint("exact")


def test_the_fingerprint_changes_with_the_preprocessing_version(monkeypatch):
    before = EMBEDDED.fingerprint()
    monkeypatch.setattr("models.catalog.spec.PREPROCESSING_VERSION", PREPROCESSING_VERSION + 1)
    assert EMBEDDED.fingerprint() != before


def test_a_row_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        EMBEDDED.dimension = 2


def test_modalities_follow_the_towers():
    assert EMBEDDED.modalities == ("image", "text")
    assert replace(EMBEDDED, image=None).modalities == ("text",)
    assert replace(EMBEDDED, text=None).modalities == ("image",)
