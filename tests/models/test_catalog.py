"""The catalogue's rows and the fingerprint: what changes vectors changes it, and nothing else does."""

import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace

import pytest

from models import catalog
from models.catalog import CATALOG, EMBEDDED, ModelSpec, lookup
from models.errors import UnknownModel
from models.images import preprocess
from models.images.preprocess import Preprocess

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
    monkeypatch.setattr(catalog, "PREPROCESSING_VERSION", preprocess.PREPROCESSING_VERSION + 1)
    assert EMBEDDED.fingerprint() != before


def test_the_embedded_models_fingerprint_is_the_one_that_stored_vectors_carry():
    """If this fails, every vector and head that anyone has stored is refused from now on.

    Change the value only where the vectors themselves have changed, and say so in the changelog. A field that is new
    and changes no vector must stay out of the hash.
    """
    assert EMBEDDED.fingerprint("exact") == "9083e683821e9f779070e4548fbfacd8"
    assert EMBEDDED.fingerprint("scaled") == "ff5a9874fadc39270f7cadb38d4add59"


@pytest.mark.parametrize("spec", CATALOG.values(), ids=CATALOG)
def test_each_row_is_complete(spec):
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", spec.name)
    assert CATALOG[spec.name] is spec is lookup(spec.name)
    assert spec.modalities == tuple(m for m, tower in (("image", spec.image), ("text", spec.text)) if tower)
    assert spec.modalities
    assert spec.licence
    assert spec.source.revision
    assert spec.source.weights
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in spec.source.weights.values())
    assert re.fullmatch(r"[0-9a-f]{32}", spec.fingerprint())
    assert all(0 < d < spec.dimension for d in spec.matryoshka)
    if spec.text:
        assert list(spec.text.buckets) == sorted(set(spec.text.buckets))
        assert spec.text.buckets[-1] == spec.text.max_tokens  # else a text of full length would have no bucket
    if spec.zero_shot:
        assert spec.text
        assert all(template.count("{}") == 1 for template in spec.zero_shot.templates)
        assert spec.zero_shot.logit_scale > 0


def test_a_row_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        EMBEDDED.dimension = 2


def test_modalities_follow_the_towers():
    assert EMBEDDED.modalities == ("image", "text")
    assert replace(EMBEDDED, image=None).modalities == ("text",)
    assert replace(EMBEDDED, text=None).modalities == ("image",)


def test_an_unknown_model_is_told_which_there_are():
    with pytest.raises(UnknownModel) as caught:
        lookup("clop")
    assert "'clop'" in caught.value.message
    assert all(name in caught.value.message for name in CATALOG)
    assert caught.value.__suppress_context__  # a bare KeyError says nothing to anybody
