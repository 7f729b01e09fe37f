"""The SDK finds duplicates, over HTTP and gRPC."""

from pathlib import Path

import pytest

from daguerre import Client, DaguerreWarning
from tests.clients.conftest import kinds
from tests.clients.pretended import made, server


def test_options_of_another_kind_of_duplicates_are_refused():
    with server().client() as client:
        for given, why in (
            ({"images": "x", "kind": "near", "threshold": 0.9}, "threshold applies only to kind='semantic'"),
            ({"images": "x", "kind": "exact", "bits": 3}, "bits applies only to kind='near'"),
            ({"texts": ["x"], "kind": "near"}, "compares files of images"),
            ({"embeddings": made(), "kind": "semantic", "prefer": "size"}, "needs images"),
            ({"images": "x", "kind": "odd"}, "there are"),
        ):
            with pytest.raises(ValueError, match=why):
                client.duplicates(**given)


def test_duplicates_are_found(client: Client, corpus, embedded):
    found = client.duplicates(images=corpus, kind="exact")
    assert [sorted(Path(id).name for id in group.ids) for group in found.groups] == [["rocket0.jpg", "rocket_copy.jpg"]]
    assert len(found.extra) == 1
    assert found.kept.sum() == 32
    with pytest.warns(DaguerreWarning):
        near = client.duplicates(images=corpus, prefer="size", bits=6)
    group = next(each for each in near.groups if str(corpus / "coffee_small.png") in each.ids)
    assert near.ids[group.representative] != str(corpus / "coffee_small.png")
    assert str(corpus / "coffee_small.png") in near.extra
    assert near.kept[near.ids.index(str(corpus / "broken.jpg"))]  # nothing is known against it
    assert [error.code for error in near.errors] == ["unsupported_image"]
    table = near.to_pandas()
    assert list(table.columns) == ["group", "representative", "similarity", "kept", "error"]
    assert table["kept"].sum() == 33 - len(near.extra)
    semantic = client.duplicates(embeddings=embedded, kind="semantic", threshold=0.9, linkage="star")
    assert (semantic.threshold, semantic.linkage) == (0.9, "star")
    for group in semantic.groups:
        assert len(set(kinds(group.ids))) == 1
        assert min(group.similarity) >= 0.9
    again = client.found_duplicates(semantic.id)
    assert [group.members for group in again.groups] != []
    assert len(again) == 32
    preferred = [1.0 if "copy" in id else 0.0 for id in embedded.ids]
    exact = client.duplicates(images=corpus, kind="exact", prefer=preferred)
    assert "rocket_copy" in exact.ids[exact.groups[0].representative]
