"""The rows of the catalogue are complete, found by name, and keep the fingerprints of stored vectors."""

import re

import pytest

from models.catalog.rows import CATALOG, EMBEDDED, lookup
from models.errors import UnknownModel


def test_the_embedded_models_fingerprint_is_the_one_that_stored_vectors_carry():
    """If this fails, every vector and head that anyone has stored is refused from now on.

    Change the value only where the vectors themselves have changed, and say so in the changelog. A field that is new
    and changes no vector must stay out of the hash.
    """
    assert EMBEDDED.fingerprint("exact") == "fd98dea0905d3690726ed75a12947df1"
    assert EMBEDDED.fingerprint("scaled") == "0f992cdc950751d3e72dd8fa1f1682a7"


@pytest.mark.parametrize("spec", CATALOG.values(), ids=CATALOG)
def test_each_row_is_complete(spec):
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", spec.name)
    assert CATALOG[spec.name] is spec is lookup(spec.name)
    assert spec.modalities == tuple(m for m, tower in (("image", spec.image), ("text", spec.text)) if tower)
    assert spec.modalities
    assert spec.licence
    assert spec.source.revision
    assert bool(spec.source.weights) == (spec.source.kind != "formula")
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


def test_an_unknown_model_is_told_which_there_are():
    with pytest.raises(UnknownModel) as caught:
        lookup("clop")
    assert "'clop'" in caught.value.message
    assert all(name in caught.value.message for name in CATALOG)
    assert caught.value.__suppress_context__  # a bare KeyError says nothing to anybody
