"""A clustering's page: every cluster is on it, its figures are the answer's, it loads nothing, it shows no face."""

import re
from base64 import b64decode

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.clustering.cluster import cluster
from models.clustering.options import Options
from models.images.thumbnail import is_blurred, thumbnail
from models.pages.clusters.map import POINTS, TITLED
from models.pages.clusters.methods import paragraph
from models.pages.clusters.page import page
from models.pages.clusters.view import PICTURES, View, shown_images, thumbnail_side
from tests.models.page_reader import Read

NASTY = ("<script>alert(1)</script>", "quo\"te's & <b>", "שלום עולם", "🎉 党 " + "long " * 400, "a\x00b\udcff")
RECEIPT = {"revision": "r1", "fingerprint": "f1", "precision": "fp32", "provider": "CPUExecutionProvider"}


def blobs(n=120, k=4, seed=0):
    rng = np.random.default_rng(seed)
    at = rng.normal(0, 1, (k, 8))
    return np.asarray(at[np.arange(n) % k] + rng.normal(0, 0.25, (n, 8)), np.float32)


def served(said, ids=None):
    """With what the server adds."""
    return {
        "id": "job_1",
        "object": "clustering",
        "modality": "image",
        "ids": ids or [f"photos/{i}.jpg" for i in range(said["n"])],
        "unusable": [],
        "model": "embedded",
        "receipt": RECEIPT,
        "created": "2026-11-23T14:30:00Z",
        "libraries": {"scikit-learn": "1.7"},
        **said,
    }


def made(k, n, *, alone=0, trace=(), **more):
    """An answer of any size in no time: image i is in cluster i mod k, the last `alone` in none."""
    labels = np.arange(n) % max(k, 1)
    labels[n - alone if k else 0 :] = -1
    scores = [None if label < 0 else 0.1 + 0.001 * i for i, label in enumerate(labels.tolist())]
    clusters = []
    for c in range(k):
        rows = np.flatnonzero(labels == c).tolist()
        kinds = {"nearest": rows[:9], "random": rows[5:14], "farthest": rows[::-1][:9]}
        clusters.append(
            {"id": c, "size": len(rows), "silhouette": 0.21, "silhouette_final": 0.2, "pass": 1, "medoid": rows[0]}
            | {"exemplars": kinds, "names": None, "similar": []}
        )
    rng = np.random.default_rng(0)
    said = {"method": "hdbscan", "n": n, "dimension": 8, "params": {"metric": "cosine", "min_cluster_size": 5}}
    said |= {"labels": labels.tolist(), "silhouettes": scores, "silhouettes_final": scores}
    said |= {"unclustered": int((labels < 0).sum()), "clusters": clusters, "trace": list(trace), "ended": "one_pass"}
    said |= {"thresholds": None, "stability": None, "comparison": None, "projection": "pca", "explained": [0.2, 0.1]}
    said |= {"coordinates": rng.normal(size=(n, 2)).tolist(), "remarks": [], "notes": []}
    return served({**said, **more})


def jpeg(i, blurred=False):
    pixels = np.random.default_rng(i).integers(0, 255, (6, 8, 3), np.uint8)
    return thumbnail(Image.fromarray(pixels).resize((200, 150)), blurred=blurred)


def pictures(answer, blurred=False):
    one = jpeg(0, blurred)  # all the same: their ids tell them apart
    return dict.fromkeys(shown_images(answer), one)


@pytest.fixture(scope="module")
def real():
    x = blobs()
    said = cluster(x, Options(seed=1), known=[f"class {i % 4}" for i in range(len(x))], resamples=3, projection="pca")
    return served(said.to_json())


def test_every_cluster_has_a_sheet_an_entry_and_a_number(real):
    found = Read(page(real, pictures(real)))
    ids, links = {a.get("id") for _, a in found.found}, [a["href"] for a in found.all("a")]
    assert len(real["clusters"]) > 2
    for each in real["clusters"]:
        assert f"c{each['id']}" in ids
        assert links.count(f"#c{each['id']}") >= 2
    assert {link.removeprefix("#") for link in links} <= ids  # none leads nowhere


def test_it_begins_with_what_was_found(real):
    said = Read(page(real, {}, mode="none")).text.replace("\u00a0", " ")
    n = len(real["clusters"])
    assert f"{n} clusters hold {real['n'] - real['unclustered']} of {real['n']} images" in said
    assert re.search(rf"{real['unclustered']} images? \([\d.]+ %\) (is|are) in no cluster", said)
    for told in ("embedded", "r1", "f1", "iterative k-means", "2026-11-23 14:30"):
        assert told in said


def test_big_clusters_come_first():
    answer = made(3, 40)
    answer["clusters"][1]["size"] = 100
    headings = re.findall(r'id="(c\d)"', page(answer, {}))
    assert headings == ["c1", "c0", "c2"]


@pytest.mark.parametrize(("modality", "noun"), [("text", "text"), (None, "item")])
def test_the_page_names_items_by_their_modality(modality, noun):
    answer = {**made(3, 40, alone=4), "modality": modality, "unusable": [{"index": 1, "id": "a", "error": {}}]}
    found = Read(page(answer, {}, mode="none"))
    said = found.text.replace("\u00a0", " ")
    assert f"We clustered 40 {noun}s by HDBSCAN" in said
    assert f"4 {noun}s in no cluster" in said
    assert not re.search(r"\bimages?\b", said)
    assert "#items-that-could-not-be-read" in {a.get("href") for a in found.all("a")}


def test_an_image_is_on_a_sheet_once_only_and_the_medoid_first():
    answer = made(2, 60)
    text = page(answer, pictures(answer))
    sheet = text[text.index('id="c1"') :]
    names = re.findall(r'<img src="[^"]*" alt="([^"]*)"', sheet)
    assert names[0] == "photos/1.jpg"
    assert len(names) == len(set(names)) == 9 + 5 + 9
    assert shown_images(answer) == sorted(set(shown_images(answer)), key=shown_images(answer).index)


def test_a_small_cluster_is_shown_whole_in_one_row():
    found = Read(page(made(2, 8), {}))
    assert found.text.count("All images, the medoid first") == 2
    assert "Farthest" not in found.text


def test_what_people_wrote_is_text_and_never_markup():
    answer = made(2, 40, alone=5, ids=[f"{NASTY[i % 5]}/{i}.jpg" for i in range(40)])
    answer["clusters"][0]["names"] = [{"label": NASTY[0], "score": 0.4, "cosine": 0.2}]
    answer |= {"remarks": [NASTY[1]], "notes": [NASTY[0]], "params": {NASTY[0]: NASTY[1]}, "model": NASTY[0]}
    answer |= {"receipt": {NASTY[0]: NASTY[1], "revision": NASTY[0]}, "libraries": {NASTY[0]: NASTY[1]}}
    answer["unusable"] = [{"index": 7, "id": NASTY[0], "error": {"code": NASTY[0], "message": NASTY[1]}}]
    answer |= {"method": NASTY[0], "id": NASTY[1], "created": NASTY[0], "ended": NASTY[0]}
    text = page(answer, pictures(answer))
    text.encode()  # no half of a surrogate pair is left
    found = Read(text)
    assert not {tag for tag, _ in found.found} & {"script", "link", "iframe", "object", "base", "form"}
    assert not [name for _, attributes in found.found for name in attributes if name.startswith("on")]
    for said in NASTY[:3]:
        assert said in found.text
    assert max(map(len, re.findall(r"\S*long[^<]*", text))) < 400  # 2,000 characters are shortened


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=12, max_size=12), st.text(max_size=20))
def test_any_id_and_name_leaves_a_page_of_closed_tags(ids, label):
    answer = made(2, 12, ids=ids)
    answer["clusters"][0]["names"] = [{"label": label, "score": 0.4, "cosine": None}]
    plain = [tag for tag, _ in Read(page(made(2, 12, ids=["x"] * 12), {})).found if tag not in ("wbr", "span", "b")]
    found = [tag for tag, _ in Read(page(answer, {})).found if tag not in ("wbr", "span", "b")]
    assert sorted(set(found) - {"p"}) == sorted(set(plain) - {"p"})


def test_nothing_is_loaded_and_nothing_runs(real):
    for answer in (real, made(3, 60, alone=9)):
        for mode in ("thumbnails", "blurred", "none"):
            text = page(answer, pictures(answer, mode == "blurred"), mode=mode)
            assert not re.search(r"https?:|url\(|@import|<script|<link|javascript", text)
            found = Read(text)
            assert all(a["src"].startswith("data:image/jpeg;base64,") for a in found.all("img"))
            assert all(a["href"].startswith("#") for a in found.all("a"))


def test_without_pictures_there_are_none():
    answer = made(3, 60, alone=9)
    found = Read(page(answer, pictures(answer), mode="none"))
    assert found.all("img") == []
    assert "without pictures" in found.text
    assert "without pictures" in Read(page(answer, {})).text  # none were given
    assert "photos/0.jpg" in found.text


def test_blurred_pictures_are_blurred_or_refused():
    answer = made(3, 60)
    found = Read(page(answer, pictures(answer, blurred=True), mode="blurred"))
    assert "blurred" in found.text
    assert all(is_blurred(b64decode(a["src"].split(",")[1])) for a in found.all("img"))
    with pytest.raises(ValueError, match="not blurred"):
        page(answer, pictures(answer), mode="blurred")
    with pytest.raises(ValueError, match="mode"):
        page(answer, {}, mode="people")


def test_figures_are_the_answers(real):
    found = Read(page(real, {}))
    trace, comparison = real["trace"], real["comparison"]
    for one in trace:
        cells = next(row for row in found.rows if len(row) == 8 and row[0] == str(one["pass"]))
        assert cells[1] == str(one["n"])
        assert cells[4].split(" ")[0] == str(one["k"])
        assert cells[6:] == [str(one["taken"]), str(one["left"])]
    for each in real["thresholds"]:
        cells = found.row(f"{each['threshold']:.2f}")
        assert cells[1:3] == [str(each["clusters"]), str(each["items"])]
    assert found.row("0.08")[0].endswith("(used)")
    assert float(found.row("Purity")[1]) == pytest.approx(comparison["purity"], abs=0.006)
    assert f"Mean {real['stability']['mean']:.3g}"[:8] in found.text


def test_a_k_at_the_edge_is_told():
    one = {"pass": 1, "n": 60, "sample": 60, "seed": 1, "k": 5, "rule": "best", "clusters": [], "taken": 50, "left": 10}
    one["tried"] = [{"k": k, "score": 1 / k, "average": None} for k in (5, 10, 15)]
    for edge, told in (("low", "a smaller one may fit"), ("high", "a larger one may fit"), ("only", "No other K")):
        assert told in Read(page(made(3, 60, trace=[{**one, "edge": edge}]), {})).text
    assert "may fit" not in Read(page(made(3, 60, trace=[{**one, "edge": None}]), {})).text


def test_scores_that_are_unknown_leave_a_plot():
    one = {"pass": 1, "n": 9, "sample": 9, "seed": 1, "k": 5, "rule": "stop", "edge": "only", "taken": 0, "left": 9}
    one |= {"tried": [{"k": 5, "score": None, "average": None}], "clusters": [{"size": 9, "silhouette": None}]}
    assert "Pass 1" in Read(page(made(1, 9, trace=[one]), {})).text


def test_merge_hints_lead_to_the_other_cluster():
    answer = made(2, 40)
    answer["clusters"][0]["similar"] = [{"cluster": 1, "distance": 1.02, "cosine": 0.98}, {"cluster": 9, "cosine": 0.9}]
    text = page(answer, {})
    assert 'Similar to <a href="#c1">cluster 1</a> (distance 1.02, cosine 0.980), cluster 9 (cosine 0.900)' in text


@pytest.mark.parametrize("n", [1, 2, 40])
@pytest.mark.parametrize("k", [0, 1])
@pytest.mark.parametrize("bare", [True, False])
def test_answers_with_little_in_them_are_pages(n, k, bare):
    answer = made(k, n)
    if bare:
        nothing = (
            "coordinates",
            "projection",
            "explained",
            "trace",
            "thresholds",
            "receipt",
            "params",
            "silhouettes_final",
        )
        answer |= dict.fromkeys((*nothing, "dimension", "created", "model", "ids", "libraries"))
        answer |= {"silhouettes": [None] * n}
        for each in answer["clusters"]:
            each |= dict.fromkeys(("silhouette", "silhouette_final", "pass", "names", "similar"))
    found = Read(page(answer, pictures(answer)))
    assert ("No cluster was found" in found.text) == (k == 0)
    assert ("nan" in found.text) is False


@pytest.mark.parametrize("method", ["iterative-kmeans", "kmeans", "hdbscan", "agglomerative"])
def test_each_method_has_its_paragraph(method):
    more = {"agglomerative": {"k": 4}, "hdbscan": {"min_cluster_size": 8}}.get(method, {})
    answer = served(cluster(blobs(), Options(method=method, **more)).to_json())
    said = paragraph(View(answer=answer, thumbnails={}, mode="none")).replace("\u00a0", " ")
    assert said.startswith("We clustered 120 images by ")
    assert f"{len(answer['clusters'])} clusters of {120 - answer['unclustered']} images" in said
    assert "(revision r1, fingerprint f1)" in said
    assert said.endswith("Computed with Daguerre, using scikit-learn 1.7.")
    assert "None" not in said
    assert "  " not in said
    Read(page(answer, {}))


def test_many_points_are_thinned_the_same_way_each_time():
    answer = made(10, 8000)
    text = page(answer, {}, mode="none")
    assert text == page(answer, {}, mode="none")
    assert f"{POINTS:,} of 8,000" in Read(text).text
    assert len(Read(page(made(4, TITLED), {}, mode="none")).all("path")) > TITLED


def test_fifty_clusters_with_27_pictures_can_be_sent():
    answer = made(50, 2000)
    one = b"\xff\xd8" + bytes(1500)  # a photo at 96 pixels, on average
    wanted = shown_images(answer)
    assert thumbnail_side(answer) == 96
    assert thumbnail_side(made(3, 60)) == 160
    assert len(page(answer, dict.fromkeys(wanted, one)).encode()) < 3_400_000


def test_two_hundred_clusters_are_all_there():
    answer = made(200, 8000, alone=100)
    wanted = shown_images(answer)
    assert len(wanted) <= 1.3 * PICTURES
    text = page(answer, dict.fromkeys(wanted, bytes(1500)))
    found = Read(text)
    assert {f"c{i}" for i in range(200)} <= {a.get("id") for _, a in found.found}
    assert len(text.encode()) < 6_000_000
    assert "each row shows at most 3 images" in found.text


def test_tables_have_headers_and_plots_have_titles(real):
    found = Read(page(real, {}))
    assert all("scope" in attributes for attributes in found.all("th"))
    drawn = [place for place, (tag, a) in enumerate(found.found) if tag == "svg" and "aria-hidden" not in a]
    assert len(drawn) > 4
    assert all(found.found[place + 1][0] == "title" for place in drawn)
