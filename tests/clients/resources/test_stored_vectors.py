"""Stored vectors in place of items: the results of the images, from a result, a file, and over both transports."""

import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from daguerre import Client, Clusters, DaguerreWarning, Duplicates, Embeddings
from daguerre.errors import DaguerreError, FingerprintMismatchError, ItemFailedError, NotFoundError
from daguerre.results.embeddings import write_npz
from tests.clients.conftest import kinds

LABELS = ["a cat", "a cup of coffee", "a rocket launch"]
QUICK = {"strengths": [10.0], "folds": 2, "inner_folds": 2, "resamples": 20}
pytestmark = pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")


@pytest.fixture(scope="module")
def stored(embedded: Embeddings, tmp_path_factory) -> dict[str, object]:
    """The vectors of `corpus` in every form that is taken."""
    folder = tmp_path_factory.mktemp("stored")
    embedded.to_parquet(folder / "a.parquet")
    write_npz(str(folder / "a.npz"), embedded)
    pd.read_parquet(folder / "a.parquet").to_parquet(folder / "pandas.parquet")
    return {
        "result": embedded,
        "parquet": folder / "a.parquet",
        "parquet as text": str(folder / "a.parquet"),
        "npz": folder / "a.npz",
        "pandas": folder / "pandas.parquet",
        "mapping": {"image": embedded},
        "mapping of paths": {"image": folder / "a.parquet"},
    }


FORMS = ("result", "parquet", "parquet as text", "npz", "pandas", "mapping", "mapping of paths")


@pytest.fixture(scope="module")
def shown(inline, corpus) -> object:
    with Client(inline.url) as client:
        return client.zero_shot(images=corpus, labels=LABELS)


@pytest.mark.parametrize("form", FORMS)
def test_zero_shot_of_vectors_is_that_of_the_images(client: Client, stored, shown, form: str):
    found = client.zero_shot(embeddings=stored[form], labels=LABELS)
    np.testing.assert_allclose(found.scores, shown.scores, atol=1e-6)
    np.testing.assert_allclose(found.cosines, shown.cosines, atol=1e-6)
    assert found.best == shown.best
    assert [Path(id).name for id in found.ids] == [Path(id).name for id in shown.ids]
    assert [(e.index, e.code, e.message) for e in found.errors] == [(e.index, e.code, e.message) for e in shown.errors]
    assert (found.templates, found.logit_scale) == (shown.templates, shown.logit_scale)
    assert found.receipt == shown.receipt
    assert len(found.to_pandas()) == len(stored["result"])


def test_options_of_zero_shot_hold_for_vectors(client: Client, photos):
    images = sorted(photos.glob("*.jpg"))[:2]
    X = client.embed(images=images)
    for options in ({"multi_label": True}, {"none_of_these": "something else"}, {"templates": ["{}", "a {} in it"]}):
        of_images = client.zero_shot(images=images, labels=LABELS, **options)
        of_vectors = client.zero_shot(embeddings=X, labels=LABELS, **options)
        np.testing.assert_allclose(of_vectors.scores, of_images.scores, atol=1e-6)
        assert (of_vectors.best, of_vectors.negatives) == (of_images.best, of_images.negatives)


def test_marks_of_texts_are_those_of_the_vectors(client: Client, tmp_path):
    texts = ["a cat", "💥", "word " * 600]
    X = client.embed(texts=texts)
    X.to_parquet(tmp_path / "a.parquet")
    write_npz(str(tmp_path / "a.npz"), X)
    of_texts = client.zero_shot(texts=texts, labels=LABELS)
    for made in (X, tmp_path / "a.parquet", tmp_path / "a.npz"):
        found = client.zero_shot(embeddings=made, labels=LABELS)
        np.testing.assert_allclose(found.scores, of_texts.scores, atol=1e-6)
        assert (found.unknown, found.truncated) == (of_texts.unknown, of_texts.truncated)
        assert found.remarks == of_texts.remarks


@pytest.fixture(scope="module")
def trained(inline, embedded):
    with Client(inline.url) as client:
        codes = dict(zip(embedded.drop_failed().ids, kinds(embedded.drop_failed().ids), strict=True))
        return client.train_classifier(f"v-{uuid.uuid4().hex[:8]}", embeddings=embedded, targets=codes, **QUICK).id


@pytest.mark.parametrize("form", FORMS)
def test_predictions_and_estimates_of_vectors_are_those_of_the_images(
    client: Client, stored, trained, corpus, form: str
):
    clf = client.classifier(trained)
    found = clf.predict(embeddings=stored[form])
    assert list(found.errors.by_code()) == ["unsupported_image"]
    if form == "result":
        of_images = clf.predict(images=corpus)
        np.testing.assert_allclose(found.probabilities, of_images.probabilities, atol=1e-6)
        assert found.predicted == of_images.predicted
        shares, wanted = clf.estimate(embeddings=stored[form]), clf.estimate(images=corpus)
        assert all(abs(shares[label].value - wanted[label].value) < 1e-6 for label in wanted)
    elif form == "npz":
        assert set(clf.estimate(embeddings=stored[form])) == set(clf.labels)


@pytest.mark.parametrize("form", ["parquet", "npz", "pandas"])
def test_files_are_clustered_compared_searched_and_trained_on(client: Client, stored, embedded, form: str):
    good = embedded.drop_failed().ids
    C = client.cluster(embeddings=stored[form], method="agglomerative", k=3, resamples=0)
    assert isinstance(C, Clusters)
    assert (C.ids, [e.code for e in C.errors]) == (embedded.ids, ["unsupported_image"])
    D = client.duplicates(embeddings=stored[form])  # semantic, since there are no pictures
    assert isinstance(D, Duplicates)
    assert (D.kind, [e.code for e in D.errors]) == ("semantic", ["unsupported_image"])
    N = client.search("a cat", stored[form], 3)
    assert N.ids == client.search("a cat", embedded, 3).ids
    codes = dict(zip(good, kinds(good), strict=True))
    clf = client.train_classifier(f"v-{uuid.uuid4().hex[:8]}", embeddings=stored[form], targets=codes, **QUICK)
    assert clf.report["n"] == len(good)


def test_ids_and_on_error_hold_for_vectors(client: Client, embedded, trained):
    names = [f"n{i}" for i in range(len(embedded))]
    clf = client.classifier(trained)
    for call in (lambda **a: client.zero_shot(labels=LABELS, **a), clf.predict):
        found = call(embeddings=embedded, ids=names)
        assert found.ids == names
        assert [error.id for error in found.errors] == [names[embedded.errors[0].index]]
        with pytest.raises(ItemFailedError, match=r"broken\.jpg"):
            call(embeddings=embedded, on_error="raise")
        with pytest.warns(DaguerreWarning, match="1 of 33 items could not be used"):
            call(embeddings=embedded)


def test_items_that_all_failed_stay_failed(client: Client, tmp_path, trained):
    (tmp_path / "a.png").write_bytes(b"no image")
    X = client.embed(images=[tmp_path / "a.png", tmp_path / "none.png"])
    X.to_parquet(tmp_path / "a.parquet")
    for made in (X, tmp_path / "a.parquet"):
        for found in (
            client.zero_shot(embeddings=made, labels=LABELS),
            client.classifier(trained).predict(embeddings=made),
        ):
            assert [(e.id, e.code) for e in found.errors] == [(e.id, e.code) for e in X.errors]


def test_vectors_that_do_not_fit_are_refused(client: Client, embedded, trained, tmp_path):
    clf = client.classifier(trained)
    texts = client.embed(texts=["a cat", "a dog"])
    for call in (
        lambda X: client.zero_shot(embeddings=X, labels=LABELS),
        lambda X: clf.predict(embeddings=X),
        lambda X: clf.estimate(embeddings=X),
        lambda X: client.cluster(embeddings=X),
        lambda X: client.duplicates(embeddings=X),
        lambda X: client.search("a cat", X),
        lambda X: client.train_classifier("v", embeddings=X, targets=["a", "b"]),
    ):
        with pytest.raises(TypeError, match="got ndarray; give a result of `embed`"):
            call(embedded.vectors)
        with pytest.raises(ValueError, match=r"ends in \.csv; give a \.parquet"):
            call("a.csv")
        with pytest.raises(FileNotFoundError, match="does not exist"):
            call(tmp_path / "none.parquet")
        with pytest.raises(ValueError, match="'image' has those of texts"):
            call({"image": texts})
        pd.DataFrame({"id": ["a"], "x": [1]}).to_parquet(tmp_path / "b.parquet")
        with pytest.raises(DaguerreError, match=r"has columns id, x, and a file of vectors needs id, vector"):
            call(tmp_path / "b.parquet")
    with pytest.raises(ValueError, match="they are of texts, and this takes images"):
        clf.predict(embeddings=texts)
    with pytest.raises(ValueError, match="not both"):
        client.zero_shot(images="photos/", embeddings=embedded, labels=LABELS)
    with pytest.raises(ValueError, match="one of them"):
        client.zero_shot(embeddings={"image": texts_as_images(texts), "text": texts}, labels=LABELS)
    with pytest.raises(NotFoundError, match="other"):
        client.zero_shot(embeddings=embedded, labels=LABELS, model="other")


def texts_as_images(texts: Embeddings) -> Embeddings:
    return Embeddings(ids=texts.ids, errors=texts.errors, receipt=texts.receipt, truncated=[], vectors=texts.vectors)


def test_vectors_of_another_model_are_refused(client: Client, embedded, tmp_path, trained):
    embedded.to_parquet(tmp_path / "a.parquet")
    table = pd.read_parquet(tmp_path / "a.parquet").assign(fingerprint="f")
    table.to_parquet(tmp_path / "b.parquet")
    for call in (
        lambda X: client.zero_shot(embeddings=X, labels=LABELS),
        lambda X: client.classifier(trained).predict(embeddings=X),
        lambda X: client.search("a cat", X),
    ):
        with pytest.raises(FingerprintMismatchError):
            call(tmp_path / "b.parquet")
    table.loc[3, "fingerprint"] = "g"
    table.to_parquet(tmp_path / "c.parquet")
    with pytest.raises(FingerprintMismatchError, match="2 fingerprints, f, g"):
        client.zero_shot(embeddings=tmp_path / "c.parquet", labels=LABELS)


def test_vectors_too_large_for_a_request_are_uploaded(narrow, embedded):
    with Client(narrow.url) as client:  # takes 200 kB, and these are 170 kB as bytes
        many = Embeddings(
            ids=[f"{i}" for i in range(64)],
            errors=embedded.errors[:0],
            receipt=embedded.receipt,
            truncated=[],
            vectors=np.tile(embedded.drop_failed().vectors, (2, 1))[:64],
            modality="image",
        )
        found = client.zero_shot(embeddings=many, labels=LABELS)
        assert found.ok.all()
        np.testing.assert_array_equal(found.scores[:32], found.scores[32:])
