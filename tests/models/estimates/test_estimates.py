"""Estimates from tables of a corpus, against truths that are known."""

import numpy as np
import pytest

from models.errors import AgreementError, EstimateError
from models.estimates.estimates import estimate
from models.estimates.records import CorpusTable
from models.validations.tables import CodeTable, Labeller

N = 3000
RNG = np.random.default_rng(0)
IDS = [f"p{i}" for i in range(N)]
PARTY = RNG.choice(["a", "b", "c"], N)
X = RNG.normal(size=N)
YEAR = RNG.integers(2010, 2020, N)
CHANCE = 1 / (1 + np.exp(-(-1 + 0.7 * X + 0.8 * (PARTY == "b"))))
Y = np.where(RNG.random(N) < CHANCE, "yes", "no")
LABEL = np.where(RNG.random(N) < 0.88, Y, np.where(Y == "yes", "no", "yes"))
CODED = RNG.permutation(N)[:400]
CODES = CodeTable(item=[IDS[i] for i in CODED], code=[str(Y[i]) for i in CODED])
LLM = Labeller(name="llm", item=IDS, value=LABEL.tolist())


def covers(value, true):
    return value.low <= true <= value.high


def test_the_share_its_parts_and_the_regression_hold_the_truth():
    corpus = CorpusTable(
        item=IDS,
        by={"party": PARTY.tolist()},
        time=YEAR.tolist(),
        covariates={"x": X.tolist(), "party": PARTY.tolist()},
    )
    found = estimate(corpus, CODES, [LLM], width=0.05)
    assert (found.n, found.n_coded, found.labels, found.positive) == (N, 400, ("yes",), "yes")
    [one] = found.estimates
    true = float((Y == "yes").mean())
    assert covers(one.mean.corrected, true)
    assert one.mean.naive > one.mean.corrected.high  # errors of 12 % of the many raise the share of the few
    assert one.mean.corrected.se < 0.8 * one.mean.classical.se
    for part in one.parts:
        own = part.value == PARTY
        assert (part.n, part.n_coded) == (own.sum(), own[CODED].sum())
        assert part.mean is not None
        assert covers(part.mean.corrected, float((Y[own] == "yes").mean()))
    assert {(pair.a, pair.b) for pair in one.differences} == {("a", "b"), ("a", "c"), ("b", "c")}
    [ab] = [pair for pair in one.differences if (pair.a, pair.b) == ("a", "b")]
    assert ab.corrected.high < 0
    assert one.trend is not None
    assert one.trend.corrected[2] <= 0 <= one.trend.corrected[3]
    assert one.regression is not None
    assert one.regression.family == "logistic"
    coefficients = {each.name: each for each in one.regression.coefficients}
    assert list(coefficients) == ["(constant)", "x", "party=b", "party=c"]
    for name, value in (("(constant)", -1), ("x", 0.7), ("party=b", 0.8), ("party=c", 0)):
        assert coefficients[name].corrected[2] <= value <= coefficients[name].corrected[3]
    assert coefficients["x"].naive[3] < 0.7  # attenuated
    assert one.needed is not None
    assert one.needed.items < one.needed.items_classical
    assert any("simple random sample" in remark for remark in found.remarks)


def test_the_number_of_codes_gives_the_width():
    first = estimate(CorpusTable(item=IDS), CODES, [LLM], width=0.06).estimates[0]
    assert first.needed is not None
    rows = RNG.permutation(N)[: first.needed.items]
    codes = CodeTable(item=[IDS[i] for i in rows], code=[str(Y[i]) for i in rows])
    again = estimate(CorpusTable(item=IDS), codes, [LLM]).estimates[0].mean.corrected
    assert again.high - again.low == pytest.approx(0.06, rel=0.15)


def test_labellers_scores_and_labels_have_estimates_of_their_own():
    score = np.where(LABEL == "yes", 0.8, 0.2)
    scored = Labeller(name="scores", item=IDS, scores={"no": (1 - score).tolist(), "yes": score.tolist()})
    useless = Labeller(name="coin", item=IDS, value=RNG.choice(["yes", "no"], N).tolist())
    found = estimate(CorpusTable(item=IDS), CODES, [LLM, scored, useless])
    by_name = {each.labeller: each.mean for each in found.estimates}
    # scores are the labels on another scale, which λ undoes
    assert by_name["scores"].corrected.value == pytest.approx(by_name["llm"].corrected.value)
    assert by_name["scores"].corrected.se == pytest.approx(by_name["llm"].corrected.se)
    assert by_name["coin"].corrected.se >= 0.97 * by_name["coin"].classical.se
    assert by_name["coin"].corrected.se <= by_name["coin"].classical.se


def test_categories_and_numbers():
    kinds = np.where(Y == "yes", np.where(X > 0, "fire", "flag"), "none of both")
    codes = CodeTable(item=CODES.item, code=kinds[CODED].tolist())
    found = estimate(CorpusTable(item=IDS), codes, [Labeller(name="m", item=IDS, value=kinds.tolist())])
    assert set(found.labels) == set(kinds)
    assert sum(each.mean.corrected.value for each in found.estimates) == pytest.approx(1, abs=0.02)
    values = 2 * X + 5
    codes = CodeTable(item=CODES.item, code=values[CODED].tolist())
    noisy = Labeller(name="m", item=IDS, value=(values * 0.7 + RNG.normal(size=N)).tolist())
    [mean] = estimate(CorpusTable(item=IDS), codes, [noisy]).estimates
    assert covers(mean.mean.corrected, float(values.mean()))
    assert mean.label == ""


def test_a_coded_covariate_and_its_outcome():
    outcome = 1 + 0.9 * (Y == "yes") + RNG.normal(size=N)
    corpus = CorpusTable(item=IDS, covariates={"x": X.tolist()}, outcome=outcome.tolist())
    found = estimate(corpus, CODES, [LLM], role="covariate").estimates[0].regression
    assert found is not None
    assert (found.family, found.role) == ("linear", "covariate")
    last = found.coefficients[-1]
    assert last.name == "yes"
    assert last.corrected[2] <= 0.9 <= last.corrected[3]
    assert last.naive[3] < 0.9


def test_strata_of_unequal_probability_and_single_items():
    chance = np.where(PARTY == "b", 0.3, 0.06)
    rows = np.flatnonzero(RNG.random(N) < chance)
    codes = CodeTable(item=[IDS[i] for i in rows], code=[str(Y[i]) for i in rows], inclusion_prob=chance[rows].tolist())
    stratum = PARTY.tolist()
    found = estimate(CorpusTable(item=IDS, stratum=stratum), codes, [LLM])
    assert found.strata == 3
    assert covers(found.estimates[0].mean.corrected, float((Y == "yes").mean()))
    stratum[rows[0]] = "alone"
    found = estimate(CorpusTable(item=IDS, stratum=stratum), codes, [LLM])
    assert any("are joined to one" in remark for remark in found.remarks)
    stratum[int(np.setdiff1d(np.arange(N), rows)[0])] = "nobody's"
    with pytest.raises(EstimateError, match='no item of "nobody\'s" is coded'):
        estimate(CorpusTable(item=IDS, stratum=stratum), codes, [LLM])


def test_items_that_are_not_drawn_at_random_are_remarked():
    rows = np.flatnonzero(LABEL == "yes")[:200]
    codes = CodeTable(item=[IDS[i] for i in rows], code=[str(Y[i]) for i in rows])
    mixed = [*rows, *np.flatnonzero(LABEL == "no")[:20]]
    codes = CodeTable(item=[IDS[i] for i in mixed], code=[str(Y[i]) for i in mixed])
    found = estimate(CorpusTable(item=IDS), codes, [LLM])
    assert any("hardly a random sample" in remark for remark in found.remarks)
    assert not any("hardly" in remark for remark in estimate(CorpusTable(item=IDS), CODES, [LLM]).remarks)


def test_bad_tables_are_refused_with_a_way_out():
    with pytest.raises(EstimateError, match="item 'p0' appears twice"):
        estimate(CorpusTable(item=[*IDS, "p0"]), CODES, [LLM])
    with pytest.raises(EstimateError, match="none of the 400 coded items is in the corpus"):
        estimate(CorpusTable(item=[f"x{i}" for i in range(9)]), CODES, [LLM])
    with pytest.raises(AgreementError, match="none of its"):
        estimate(CorpusTable(item=IDS), CODES, [Labeller(name="m", item=["other"], value=["yes"])])
    grouped = CodeTable(item=CODES.item, code=CODES.code, group=[int(i) // 10 for i in CODED])
    with pytest.raises(EstimateError, match="give the group of every item of the corpus"):
        estimate(CorpusTable(item=IDS), grouped, [LLM])
    with pytest.raises(EstimateError, match=r"width: got 2; must be above 0 and below 1"):
        estimate(CorpusTable(item=IDS), CODES, [LLM], width=2)
    trained = Labeller(name="m", item=IDS, value=LABEL.tolist(), trained_on=("m@1", frozenset(IDS[:2000])))
    with pytest.raises(EstimateError, match=r"m@1 was trained on .* would be wrong; give the classifier's"):
        estimate(CorpusTable(item=IDS), CODES, [trained])


def test_items_without_a_prediction_are_counted_and_do_not_bias():
    some = [i for i in range(N) if i % 7]
    part = Labeller(name="m", item=[IDS[i] for i in some], value=LABEL[some].tolist())
    found = estimate(CorpusTable(item=IDS), CODES, [part])
    assert any("429 of 3,000 items have no prediction" in remark for remark in found.remarks)
    assert covers(found.estimates[0].mean.corrected, float((Y == "yes").mean()))


def test_a_regression_with_few_coded_items_of_a_label_is_remarked():
    rows = [*np.flatnonzero(Y == "yes")[:8], *np.flatnonzero(Y == "no")[:60]]
    codes = CodeTable(item=[IDS[i] for i in rows], code=[str(Y[i]) for i in rows])
    covariates = {"x": X.tolist()}
    few = estimate(CorpusTable(item=IDS, covariates=covariates), codes, [LLM]).remarks
    assert any("only 8 coded items (or groups) have, or do not have, the label 'yes'" in remark for remark in few)
    for remarks in (
        estimate(CorpusTable(item=IDS), codes, [LLM]).remarks,
        estimate(CorpusTable(item=IDS, covariates=covariates), CODES, [LLM]).remarks,
    ):
        assert not any("have, or do not have" in remark for remark in remarks)


def test_a_sample_without_an_error_is_remarked():
    right = Labeller(name="right", item=IDS, value=[str(y) for y in Y])
    few = CodeTable(item=CODES.item[:50], code=CODES.code[:50])
    found = estimate(CorpusTable(item=IDS), few, [right])
    assert found.estimates[0].mean.slope > 0
    (remark,) = [each for each in found.remarks if "no coded item is predicted wrongly for 'yes'" in each]
    assert "up to 7.1 % of errors" in remark  # Wilson's limit of 0 of 50
    value = [("no" if y == "yes" else "yes") if id == IDS[CODED[0]] else str(y) for id, y in zip(IDS, Y, strict=True)]
    once = estimate(CorpusTable(item=IDS), few, [Labeller(name="once", item=IDS, value=value)])
    assert not any("predicted wrongly" in each for each in once.remarks)
