"""Coefficients of agreement, groups of coders and crowds by the client, over HTTP and gRPC."""

from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from daguerre import Client, Crowd, DaguerreWarning, GroupDifferences
from daguerre.errors import InvalidRequestError
from tests.clients.conftest import address

CODERS = {"anna": "left", "ben": "left", "cleo": "right", "dan": "right", "eva": "right"}


def table(items=8, seed=0) -> pd.DataFrame:
    """Codes of emotions: those of left see anger more often."""
    rng = np.random.default_rng(seed)
    rows = [
        (who, f"i{i}", "anger" if rng.random() < (0.8 if group == "left" else 0.3) else "fear")
        for who, group in CODERS.items()
        for i in range(items)
    ]
    return pd.DataFrame(rows, columns=["coder", "item", "code"])


def test_an_ordinal_agreement_has_weighted_coefficients(client: Client):
    rng = np.random.default_rng(0)
    truth = rng.integers(1, 6, 40)
    codes = [np.clip(truth + rng.integers(-1, 2, 40), 1, 5) for _ in range(2)]
    columns = (["a"] * 40 + ["b"] * 40, [*range(40)] * 2, [*codes[0], *codes[1]])
    found = client.agreement(*columns, level="interval", resamples=50)
    assert found.kappa.value < found.kappa_linear.value < found.kappa_quadratic.value
    assert found.ac1.value < found.ac2_linear.value < found.ac2_quadratic.value
    assert found.icc.items == 40
    assert found.icc.agreement.low < found.icc.agreement.value
    assert found.pairs[0].kappa_quadratic == found.kappa_quadratic
    assert list(found.coefficients)[:5] == ["percent", "kappa", "kappa linear", "kappa quadratic", "alpha"]
    assert "kappa quadratic" in repr(found)
    assert found.codes_by_coder == {"a": 40, "b": 40}
    assert {name: sum(counts.values()) for name, counts in found.by_coder.items()} == found.codes_by_coder
    nominal = client.agreement(*columns, resamples=5)
    assert (nominal.kappa_linear, nominal.ac2_linear, nominal.icc) == (None, None, None)
    assert nominal.ac1 is not None


def test_extreme_prevalence_and_undefined_resamples_are_told(client: Client):
    columns = (["a"] * 12 + ["b"] * 12, [*range(12)] * 2, ["no"] * 23 + ["yes"])
    with pytest.warns(DaguerreWarning) as told:
        found = client.agreement(*columns, resamples=400)
    texts = [str(each.message) for each in told]
    assert any("95.8 % of the codes are 'no'" in text for text in texts)
    assert any("of 400 resamples a coefficient is undefined" in text for text in texts)
    assert found.alpha.undefined == found.kappa.undefined > 0
    assert (found.most_common, found.percent.undefined) == ("no", 0)


@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
def test_groups_of_coders_are_compared(client: Client, tmp_path: Path):
    codes = table()
    found = client.compare_coder_groups(codes, groups=CODERS, resamples=50)
    assert isinstance(found, GroupDifferences)
    assert [(each.group, each.codes) for each in found.groups] == [("left", 16), ("right", 24)]
    anger = next(each for each in found.overall if each.category == "anger")
    means = codes.assign(hit=codes["code"] == "anger", group=codes["coder"].map(CODERS))
    by_item = means.groupby(["group", "item"])["hit"].mean().unstack(0)
    assert anger.difference.value == pytest.approx((by_item["left"] - by_item["right"]).mean())
    assert anger.difference.low < anger.difference.value < anger.difference.high
    ways = [
        client.compare_coder_groups(codes["coder"], codes["item"], codes["code"], groups=groups, resamples=50)
        for groups in (pd.Series(CODERS), pd.DataFrame(CODERS.items(), columns=["coder", "group"]))
    ]
    assert all(way.answer == found.answer for way in ways)
    assert len(found.to_pandas()) == len(found.overall) == 2
    assert found.to_pandas("items")["id" if "id" in found.to_pandas("items") else "item"][0] == found.items[0].item
    found.save_items(tmp_path / "items.csv")
    assert len(pd.read_csv(tmp_path / "items.csv")) == len(found.items)
    assert "left with right" in repr(found)
    found.report(tmp_path / "groups.html")
    assert "Items on which groups differ the most" in (tmp_path / "groups.html").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore:the intervals of items")
def test_a_page_of_groups_shows_blurred_pictures(client: Client, photos: Path, tmp_path: Path):
    names = sorted(path.name for path in photos.glob("*.jpg"))[:3]
    rows = [(who, name, "x" if group == "left" else "y") for who, group in CODERS.items() for name in names]
    with pytest.warns(DaguerreWarning, match="fewer than five coders"):
        found = client.compare_coder_groups(*zip(*rows, strict=True), groups=CODERS, resamples=5)
    found.report(tmp_path / "groups.html", images=photos, pictures="blurred")
    text = (tmp_path / "groups.html").read_text(encoding="utf-8")
    assert text.count("<img") == 3
    assert "Faces are blurred" in text


def test_groups_that_cannot_be_compared_are_refused(client: Client):
    codes = table(2)
    with pytest.raises(ValueError, match="got 1 groups of coders; a comparison needs two"):
        client.compare_coder_groups(codes, groups=dict.fromkeys(CODERS, "left"))
    with pytest.raises(ValueError, match="needs the columns 'coder' and 'group'"):
        client.compare_coder_groups(codes, groups=pd.DataFrame({"who": ["anna"]}))
    with pytest.raises(InvalidRequestError, match="got 1 groups of coders who have codes"):
        client.compare_coder_groups(codes, groups={"anna": "left", "nobody": "right"})


@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
def test_a_crowd_is_reconciled(client: Client, tmp_path: Path):
    rng = np.random.default_rng(1)
    truth = rng.choice(["cat", "dog"], 40)
    rows = [
        (f"c{j}", f"i{i}", word if rng.random() < right else "dog" if word == "cat" else "cat")
        for j, right in enumerate([0.95, 0.9, 0.85, 0.4])
        for i, word in enumerate(truth)
    ]
    found = client.reconcile(*zip(*rows, strict=True))
    assert isinstance(found, Crowd)
    assert np.mean([item.label == word for item, word in zip(found.items, truth, strict=True)]) > 0.9
    assert found.coders[3].accuracy < 0.6 < found.coders[0].accuracy
    assert found.confusion("c0").loc["cat"].sum() == pytest.approx(1)
    assert found.n_ties == sum(item.majority is None for item in found.items) > 0
    frame = found.to_pandas()
    assert list(frame.columns[:6]) == ["id", "label", "probability", "majority", "tied", "n_codes"]
    found.save(tmp_path / "labels.csv")
    assert len(pd.read_csv(tmp_path / "labels.csv")) == 40
    assert "without a majority" in repr(found)
    assert client.reconcile(*zip(*rows, strict=True)).answer == found.answer
    with pytest.raises(ValueError, match="the coders are c0, c1"):
        found.confusion("nobody")
    with pytest.raises(InvalidRequestError, match="1 different codes"):
        client.reconcile(["a", "b"], [1, 1], ["x", "x"])


@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
def test_both_transports_give_the_same_answers(inline):
    codes = table()
    columns = {name: codes[name].tolist() for name in ("coder", "item", "code")}
    answers = []
    for scheme in ("http", "grpc"):
        with Client(address(inline, scheme)) as client:
            groups = client.compare_coder_groups(codes, groups=CODERS, resamples=20, seed=3)
            answers.append((groups.answer, client.reconcile(codes).answer, client.agreement(codes, resamples=20).ac1))
    assert answers[0] == answers[1]
    body = {**columns, "groups": CODERS, "resamples": 20, "seed": 3}
    direct = httpx.post(f"{inline.url}/v1/coder-groups", json=body)
    assert direct.json() == answers[0][0]
