"""The transformer and the classifier in scikit-learn's own checks, pipelines, searches and processes."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import SkipTestWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from daguerre import Client, ItemFailedError
from daguerre.sklearn import Embedder, ZeroShotClassifier
from tests.clients.conftest import KINDS

SPARSE = "items are in no sparse table; a table of several columns is refused with another message than the check's"
NOT_NUMBERS = "the number of columns is that of one item, and not checked again"
EXPECTED = {
    "check_estimator_sparse_tag": SPARSE,
    "check_estimator_sparse_array": SPARSE,
    "check_estimator_sparse_matrix": SPARSE,
    "check_transformer_general": NOT_NUMBERS,
    "check_transformer_preserve_dtypes": "vectors are float32, whatever the items are",
    "check_methods_subset_invariance": "a text alone and one in a batch may differ in the last bit",
    "check_classifiers_train": "zero-shot learns nothing, so that it cannot be right about random numbers",
}


class Rows:
    """Takes the rows of numbers that scikit-learn's checks make for texts, so that the checks run as a whole."""

    def _given(self, X):
        return super()._given([" ".join(f"{value:.3g}" for value in np.ravel(row)) for row in np.asarray(X)])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = True, False
        return tags


class EmbedderOfRows(Rows, Embedder):
    pass


class ClassifierOfRows(Rows, ZeroShotClassifier):
    pass


@pytest.fixture(autouse=True)
def address(inline, monkeypatch):
    monkeypatch.setenv("DAGUERRE_URL", inline.url)


@pytest.fixture(scope="module")
def paths(corpus: Path) -> list[str]:
    return [str(path) for kind in KINDS for path in sorted(corpus.glob(f"{kind}*.jpg"))]


@pytest.mark.parametrize("estimator", [Embedder(), ZeroShotClassifier("text")], ids=["embedder", "zero-shot"])
def test_scikit_learn_s_own_check_knows_that_items_are_no_numbers(estimator):
    with pytest.warns(SkipTestWarning, match="Can't test estimator"):
        check_estimator(estimator)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:::sklearn")
@parametrize_with_checks(
    [EmbedderOfRows("text"), ClassifierOfRows("text")], expected_failed_checks=lambda estimator: EXPECTED
)
def test_the_checks_of_scikit_learn_with_rows_of_numbers_as_texts(estimator, check):
    check(estimator)


def test_vectors_are_those_of_the_client_in_every_form_of_a_column(inline, paths):
    with Client(inline.url, progress=False) as client:
        expected = client.embed(paths).vectors
    embedder = Embedder().fit(paths)
    table = pd.DataFrame({"path": paths, "year": 2020})
    forms = (paths, np.array(paths), np.array(paths, object)[:, None], table["path"], table[["path"]])
    for form in forms:
        np.testing.assert_array_equal(embedder.transform(form), expected)
    columns = ColumnTransformer([("picture", Embedder(), "path"), ("year", "passthrough", ["year"])])
    joined = columns.set_output(transform="pandas").fit_transform(table)
    assert list(joined.columns[:2]) == ["picture__embedder0", "picture__embedder1"]
    np.testing.assert_array_equal(joined.to_numpy(np.float32)[:, :-1], expected)


@pytest.mark.thorough
def test_a_search_in_other_processes_over_a_pipeline(paths):
    y = [next(kind for kind in KINDS if kind in path) for path in paths]
    pipeline = make_pipeline(Embedder(), LogisticRegression(max_iter=50))
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 10.0]}, cv=2, n_jobs=2).fit(paths, y)
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict(paths), search.predict(paths))
    assert clone(pipeline).get_params()["embedder__kind"] == "image"


def test_zero_shot_scores_are_those_of_the_client(inline):
    texts = ["a photo of a cat", "a cup of coffee", "a rocket in the sky"]
    classes = {"animal": "a cat", "drink": "a cup of coffee", "machine": "a rocket launch"}
    classifier = ZeroShotClassifier("text", labels=classes).fit(texts, ["animal", "drink", "machine"])
    with Client(inline.url, progress=False) as client:
        expected = client.zero_shot(texts=texts, labels=list(classes.values()))
    np.testing.assert_array_equal(classifier.predict_proba(texts), expected.scores)
    assert classifier.score(texts, ["animal", "drink", "machine"]) == 1.0


def test_wrong_input_names_the_way_out(paths, tmp_path):
    with pytest.raises(ValueError, match="ColumnTransformer"):
        Embedder().fit(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="no 'x' on the server"):
        Embedder(model="x").fit(paths)
    with pytest.raises(ValueError, match="0 items"):
        Embedder().fit([])
    with pytest.raises(ValueError, match="'image' or 'text'"):
        Embedder("video").fit(paths)
    with pytest.raises(ValueError, match="list"):
        Embedder().fit("photos/")
    with pytest.raises(ValueError, match="1 class"):
        ZeroShotClassifier().fit(paths, ["a"] * len(paths))
    with pytest.raises(ValueError, match="no text for the class 'b'"):
        ZeroShotClassifier(labels={"a": "x"}).fit(paths[:2], ["a", "b"])
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(ItemFailedError):
        Embedder().fit(paths).transform([tmp_path / "broken.jpg"])
    with pytest.raises(Exception, match="not fitted"):
        Embedder().transform(paths)
    assert "key" not in repr(Embedder(url="http://a"))
