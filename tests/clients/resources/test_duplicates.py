"""The SDK finds duplicates, over HTTP and gRPC."""

import base64
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageDraw, ImageFont

from daguerre import Client, DaguerreWarning
from tests.clients.conftest import kinds
from tests.clients.pretended import made, server
from tests.e2e import harness
from tests.e2e.harness import Server


def test_options_of_another_kind_of_duplicates_are_refused():
    with server().client() as client:
        for given, why in (
            ({"images": "x", "kind": "near", "threshold": 0.9}, "threshold applies only to kind='semantic'"),
            ({"images": "x", "kind": "exact", "bits": 3}, "bits applies only to kind='near'"),
            ({"texts": ["x"], "kind": "near"}, "compares files of images"),
            ({"embeddings": made(), "kind": "semantic", "prefer": "size"}, "needs images"),
            ({"images": "x", "kind": "odd"}, "there are"),
            (
                {"images": "x", "method": "approximate"},
                "method='approximate' applies only to kind='semantic'",
            ),
            ({"embeddings": made(), "method": "hnsw"}, "got 'hnsw'"),
        ):
            with pytest.raises(ValueError, match=why):
                client.duplicates(**given)


def test_duplicates_are_found(client: Client, corpus, embedded):
    found = client.duplicates(images=corpus, kind="exact")
    assert [sorted(Path(id).name for id in group.ids) for group in found.groups] == [["rocket0.jpg", "rocket_copy.jpg"]]
    assert len(found.extra) == 1
    assert found.kept.sum() == 32
    with pytest.warns(DaguerreWarning):
        near = client.duplicates(images=corpus, bits=6)
    group = next(each for each in near.groups if "coffee_small.png" in each.ids)
    assert near.ids[group.representative] != "coffee_small.png"
    assert "coffee_small.png" in near.extra
    assert near.kept[near.ids.index("broken.jpg")]  # nothing is known against it
    assert [error.code for error in near.errors] == ["unsupported_image"]
    table = near.to_pandas()
    assert list(table.columns) == ["group", "representative", "similarity", "kept", "error", "related"]
    assert table["kept"].sum() == 33 - len(near.extra)
    semantic = client.duplicates(embeddings=embedded, kind="semantic", threshold=0.9, linkage="star")
    assert (semantic.threshold, semantic.linkage) == (0.9, "star")
    for group in semantic.groups:
        assert len(set(kinds(group.ids))) == 1
        assert min(group.similarity) >= 0.9
    assert (semantic.method, semantic.recall, near.method) == ("exact", None, None)
    fast = client.duplicates(embeddings=embedded, threshold=0.9, linkage="star", method="approximate")
    assert (fast.groups, fast.method) == (semantic.groups, "approximate")
    assert fast.recall["found"] == fast.recall["pairs"] > 0
    again = client.found_duplicates(semantic.id)
    assert [group.members for group in again.groups] != []
    assert len(again) == 32
    preferred = [1.0 if "copy" in id else 0.0 for id in embedded.ids]
    exact = client.duplicates(images=corpus, kind="exact", prefer=preferred)
    assert "rocket_copy" in exact.ids[exact.groups[0].representative]


def test_near_duplicates_keep_the_largest_still(client: Client, inline: Server):
    """Not the most central one, which may be a thumbnail, nor an animation whose first picture it is."""
    photo = Image.open(BytesIO(harness.jpeg("coffee", width=300))).convert("RGB")
    files = {}
    for name, side in (("a.gif", 300), ("b.png", 80), ("c.png", 120), ("d.png", 300), ("e.png", 160)):
        out = BytesIO()
        frames = {"save_all": True, "append_images": [Image.new("RGB", (side, side))]} if name == "a.gif" else {}
        photo.resize((side, side)).save(out, Path(name).suffix[1:], **frames)
        files[name] = out.getvalue()
    with pytest.warns(DaguerreWarning):
        (group,) = client.duplicates(images=files).groups
    assert len(group.members) == 5
    assert group.ids[group.members.index(group.representative)] == "d.png"
    with pytest.warns(DaguerreWarning):
        (central,) = client.duplicates(images=files, prefer="central").groups
    assert central.members == group.members
    items = [{"id": name, "image": base64.b64encode(data).decode()} for name, data in files.items()]
    with pytest.raises(ValueError, match="size"):
        client.duplicates(images=files, prefer="newest")
    answer = httpx.post(f"{inline.url}/v1/duplicates", json={"kind": "near", "input": items}, timeout=60).json()
    assert items[answer["groups"][0]["representative"]]["id"] == "d.png"


def post(words: str) -> Image.Image:
    """A post in one layout, with these words."""
    image = Image.new("RGB", (600, 340), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 20, 76, 76), fill="#1d9bf0")
    draw.text((92, 22), "City News", "black", ImageFont.load_default(20))
    draw.text((20, 96), words, "black", ImageFont.load_default(22), spacing=8)
    draw.line((20, 284, 580, 284), fill="grey")
    return image


WORDS = (
    "The council votes tonight on the new\nclimate plan, and hundreds are expected\nto march to the town hall.",
    "Nurses at three hospitals begin a strike\non Monday. They demand better pay\nand shorter shifts.",
    "Heavy rain floods the old harbour. The\nfire brigade asks everyone to stay away\nfrom the river tonight.",
    "Free bread for all pupils: the schools\nsenator wants it by spring, the finance\nsenator says never.",
)


@pytest.fixture(scope="module")
def posts(tmp_path_factory) -> Path:
    """Four posts in one layout, the first of them also as a JPEG and half as large, and two blank images."""
    folder = tmp_path_factory.mktemp("posts")
    for i, words in enumerate(WORDS):
        post(words).save(folder / f"post{i}.png")
    post(WORDS[0]).save(folder / "post0_copy.jpg", quality=50)
    post(WORDS[0]).resize((300, 170)).save(folder / "post0_small.png")
    Image.new("RGBA", (200, 200), (255, 255, 255, 0)).save(folder / "empty.png")
    Image.new("RGB", (200, 100), "teal").save(folder / "teal.png")
    return folder


def names(ids) -> list[str]:
    return sorted(Path(id).stem for id in ids)


@pytest.mark.parametrize("kind", ["near", "semantic"])
def test_other_words_in_the_same_layout_are_related_and_kept(client: Client, posts, kind):
    threshold = {"threshold": 0.9} if kind == "semantic" else {}
    found = client.duplicates(images=posts, kind=kind, **threshold)
    assert [names(group.ids) for group in found.groups] == [["post0", "post0_copy", "post0_small"]]
    assert {"post1", "post2", "post3"} <= set(names(id for id, kept in zip(found.ids, found.kept, strict=True) if kept))
    (related,) = found.related
    assert {"post0", "post1", "post2", "post3"} <= set(names(related.ids))
    assert (found.errors.by_code(), names(error.id for error in found.errors)) == (
        {"blank_image": 2},
        ["empty", "teal"],
    )
    assert found.compared >= 6
    assert found.to_pandas()["related"].notna().sum() == len(related.members)


def test_the_threshold_and_its_origin_are_named(client: Client, posts, embedded):
    few = client.duplicates(images=posts, kind="semantic")
    assert few.threshold_origin == "model"
    assert few.threshold is not None
    assert 0.85 < few.threshold < 0.95
    assert any("too few" in remark for remark in few.remarks)
    learned = client.duplicates(embeddings=embedded, kind="semantic")
    assert (learned.threshold_origin, learned.related, learned.compared) == ("corpus", (), 0)
    assert "learned from the corpus" in str(learned.threshold_reason)
    assert any("no picture was compared" in remark for remark in learned.remarks) or not learned.groups
    with pytest.warns(DaguerreWarning, match="within the bulk"):
        wide = client.duplicates(embeddings=embedded, kind="semantic", threshold=0.05)
    assert (wide.threshold, wide.threshold_origin) == (0.05, "given")
