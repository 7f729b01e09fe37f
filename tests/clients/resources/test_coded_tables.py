"""A sample is drawn, coded by two people, compared, adjudicated and trained on, without a table written in between."""

import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from daguerre import Client, DaguerreWarning, InvalidRequestError
from tests.clients.resources.test_classifiers import QUICK, TARGETS, TEXTS

IDS = [f"t{i}" for i in range(36)]
STRATA = ["early" if i < 12 else "late" for i in range(36)]


def name() -> str:
    return f"s-{uuid.uuid4().hex[:12]}"


@contextmanager
def warned(*texts: str) -> Iterator[None]:
    """Exactly these warnings, in any order, each by a part of it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DaguerreWarning)
        yield
    messages = [str(each.message) for each in caught if issubclass(each.category, DaguerreWarning)]
    assert len(messages) == len(texts), messages
    for text in texts:
        assert any(text in message for message in messages), messages


@pytest.fixture
def corpus(client: Client):
    return client.embed(texts=TEXTS, ids=IDS)


def fill(path, differ=4):
    """Let anna code as the truth is, and ben otherwise in a few rows."""
    table = pd.read_csv(path, dtype=str)
    truth = dict(zip(IDS, TARGETS, strict=True))
    table["anna"] = table["id"].map(truth)
    table["ben"] = table["anna"]
    table.loc[: differ - 1, "ben"] = table["anna"][:differ].map({"glad": "sad", "sad": "glad"})
    table.to_csv(path, index=False)
    return table


def test_a_study_with_two_coders_needs_no_table_in_between(client: Client, corpus, tmp_path):
    path = tmp_path / "sample.csv"
    drawn = client.sample(30, strata=STRATA, ids=IDS, allocation="equal", groups={"t0": "x", "t1": "x"})
    drawn.save(path, coders=["anna", "ben"])
    head = path.read_text().splitlines()[0]
    assert head == "id,stratum,inclusion_prob,group,anna,ben"
    table = fill(path)

    found = client.agreement(path)
    assert found.n_differ == 4
    assert [each.item for each in found.differ] == list(table["id"][:4])
    assert found.by_coder["anna"]["glad"] == (table["anna"] == "glad").sum()
    assert found.pairs[0].to_pandas().to_numpy().sum() == 30
    assert found.pair("ben", "anna").kappa == found.kappa
    assert list(found.to_pandas().index) == ["glad", "sad"]
    found.save_differ(tmp_path / "differ.csv")

    left_out = "4 of 30 items were left out of the training"
    with warned(left_out, "4 of 30 coded items are left out because their coders differ"):
        clf = client.train_classifier(name(), embeddings=corpus, table=path, **QUICK)
    assert (clf.report["n"], clf.report["strata"], clf.report["codes"]["n_differ"]) == (26, 2, 4)
    weights = clf.report.to_pandas()["weight"]
    probability = table.set_index("id")["inclusion_prob"].astype(float)
    assert np.allclose(weights * probability[weights.index] / (weights * probability[weights.index]).mean(), 1)
    with warned("estimates of a corpus are biased"):
        clf.estimate(embeddings=corpus)

    differ = pd.read_csv(tmp_path / "differ.csv", dtype=str)
    differ["adjudicator"] = differ["anna"]
    differ.to_csv(tmp_path / "differ.csv", index=False)
    clf = client.train_classifier(
        name(), embeddings=corpus, table=pd.read_csv(path), adjudicator=str(tmp_path / "differ.csv"), **QUICK
    )
    assert (clf.report["n"], clf.report["codes"]["rule"], clf.report["dropped"]) == (30, "adjudicated", [])
    clf = client.train_classifier(name(), embeddings=corpus, table=path, rule="both", **QUICK)
    assert (clf.report["n"], len(clf.report["out_of_fold"]["ids"])) == (30, 34)
    own = clf.report["codes"]["comparison"]["pairs"][0]
    assert own["coders"]["accuracy"]["value"] == pytest.approx(
        np.average(table["anna"] == table["ben"], weights=1 / probability)
    )


def test_a_sample_without_its_probabilities_is_noted(client: Client, corpus, tmp_path):
    path = tmp_path / "sample.csv"
    client.sample(30, strata=STRATA, ids=IDS, allocation="equal").save(path, coders=["anna", "ben"])
    table = fill(path, differ=0)
    with warned("came without inclusion probabilities"):
        clf = client.train_classifier(name(), embeddings=corpus, table=table.drop(columns="inclusion_prob"), **QUICK)
    with warned("came without inclusion probabilities"):
        clf.estimate(embeddings=corpus)
    table["inclusion_prob"] = ""
    with warned("a purposive sample"):
        client.train_classifier(name(), embeddings=corpus, table=table.drop(columns="stratum"), **QUICK)


def test_items_of_a_sample_that_are_not_coded_yet_are_counted(client: Client, corpus, tmp_path):
    path = tmp_path / "sample.csv"
    client.sample(34, ids=IDS, n=36).save(path, coders=["anna"])
    table = fill(path, differ=0).drop(columns="ben")
    table.loc[:5, "anna"] = None
    with warned("6 of 34 items of the sample have no code yet", "6 of 34 items were left out"):
        clf = client.train_classifier(name(), embeddings=corpus, table=table, **QUICK)
    assert clf.report["n"] == 28


def test_weights_groups_and_splits_are_given_as_targets_are(client: Client, corpus):
    some = IDS[:30]
    columns = {
        "targets": dict(zip(some, TARGETS, strict=False)),
        "inclusion_prob": {id: 0.5 if i % 2 else 0.25 for i, id in enumerate(IDS[:33])},  # the others were not drawn
        "groups": pd.Series([f"g{i // 2}" for i in range(30)], index=some),
        "split": {id: "test" if i % 5 == 0 else "train" for i, id in enumerate(some)},
    }
    with warned("3 of 27 items were left out of the training", "3 of 33 items of the sample have no code yet"):
        clf = client.train_classifier(name(), embeddings=corpus, **columns, **QUICK)
    own = clf.report["out_of_fold"]
    weights = dict(zip(own["ids"], own["weight"], strict=True))
    assert weights["t2"] == pytest.approx(2 * weights["t1"])
    assert (clf.report["held_out"]["n"], clf.report["groups"]) == (6, 15)
    del columns["inclusion_prob"]["t7"]
    with pytest.raises(
        ValueError, match="inclusion_prob: 1 of 30 items have none, of those with a code; the first is 't7'"
    ):
        client.train_classifier(name(), embeddings=corpus, **columns, **QUICK)


def test_what_a_table_has_is_not_given_twice(client: Client, corpus, tmp_path):
    table = pd.DataFrame({"id": IDS, "target": TARGETS, "inclusion_prob": 0.5})
    with pytest.raises(ValueError, match="inclusion_prob: the table has it already"):
        client.train_classifier(name(), embeddings=corpus, table=table, inclusion_prob=[0.5] * 36)
    with pytest.raises(ValueError, match=r"1 of 36 items have no vector, the first is 'zz'"):
        client.train_classifier(name(), embeddings=corpus, table=table.replace("t3", "zz"))
    codes = [("anna", id, code) for id, code in zip(IDS, TARGETS, strict=True)] + [("ben", "t0", "glad")]
    with pytest.raises(InvalidRequestError, match="'zoe' has no codes; the coders are anna, ben"):
        client.train_classifier(name(), embeddings=corpus, codes=codes, adjudicator="zoe", **QUICK)


def test_codes_that_differ_in_capitals_are_noted_by_the_agreement(client: Client):
    codes = {"anna": {"a": "Protest", "b": "other"}, "ben": {"a": "protest", "b": "other "}}
    with warned("differ only in capitals"):
        found = client.agreement(codes, resamples=5)
    assert any("differ only in capitals" in remark for remark in found.remarks)
    assert [each.item for each in found.differ] == ["a"]
