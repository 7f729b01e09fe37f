"""A multiverse has the estimates that each configuration has alone, and counts of them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import EstimateError
from models.estimates.estimates import estimate
from models.estimates.multiverse import Column, Options, multiverse
from models.estimates.multiverse_records import Configuration, Ends, factors_of, signs_of, spread_of
from models.estimates.records import CorpusTable
from models.validations.tables import CodeTable, Labeller

N = 1200
RNG = np.random.default_rng(3)
IDS = [f"p{i}" for i in range(N)]
PARTY = RNG.choice(["a", "b", "c"], N)
X = RNG.normal(size=N)
Y = np.where(RNG.random(N) < 1 / (1 + np.exp(-(-1 + 0.6 * X + 0.9 * (PARTY == "b")))), "yes", "no")
CODED = RNG.permutation(N)[:200]
CODES = CodeTable(item=[IDS[i] for i in CODED], code=[str(Y[i]) for i in CODED])
ERRORS = {("m", "s"): (0.05, 0.1), ("m", "t"): (0.3, 0.05), ("k", "s"): (0.1, 0.4), ("k", "t"): (0.02, 0.02)}


def wrong(false_positive: float, false_negative: float) -> np.ndarray:
    chance = np.where(Y == "yes", 1 - false_negative, false_positive)
    return (RNG.random(N) < chance).astype(float)


COLUMNS = [
    Column(choices={"model": model, "template": template}, values=wrong(*rates))
    for (model, template), rates in ERRORS.items()
]
CORPUS = CorpusTable(item=IDS)
PLAIN = Options(positive="yes")


def labellers() -> list[Labeller]:
    """The same predictions as labels."""
    return [
        Labeller(name=str(i), item=IDS, value=np.where(each.values == 1, "yes", "no").tolist())
        for i, each in enumerate(COLUMNS)
    ]


def test_each_configuration_has_the_estimate_that_it_has_alone():
    found = multiverse(CORPUS, COLUMNS, CODES, PLAIN)
    alone = estimate(CORPUS, CODES, labellers(), positive="yes")
    for one, other in zip(found.configurations, alone.estimates, strict=True):
        assert one.corrected == Ends.of(other.mean.corrected)
        assert (one.uncorrected, one.slope, one.worth) == (other.mean.naive, other.mean.slope, other.mean.worth)
    assert found.classical == Ends.of(alone.estimates[0].mean.classical)
    assert (found.n, found.n_coded, found.estimand.label) == (N, 200, "yes")
    spreads = found.corrected.highest - found.corrected.lowest, found.uncorrected.highest - found.uncorrected.lowest
    assert spreads[0] < 0.35 * spreads[1]
    true = float((Y == "yes").mean())
    assert all(each.corrected.low <= true <= each.corrected.high for each in found.configurations)
    assert found.covering == 4
    assert found.signs is None
    mean = np.mean([each.values for each in COLUMNS], axis=0).tolist()
    [averaged] = estimate(CORPUS, CODES, [Labeller(name="m", item=IDS, scores={"yes": mean})], positive="yes").estimates
    assert found.average.corrected is not None
    assert found.average.corrected.value == pytest.approx(averaged.mean.corrected.value, abs=1e-12)
    assert found.average.corrected.se == pytest.approx(averaged.mean.corrected.se, abs=1e-12)
    assert "all 4 configurations are reported" in found.remarks[0]


@pytest.mark.parametrize(("a", "b"), [("a", "b"), ("b", "a")])
def test_differences_are_those_of_estimates_whichever_comes_first(a: str, b: str):
    corpus = CorpusTable(item=IDS, by={"party": PARTY.tolist()})
    found = multiverse(corpus, COLUMNS, CODES, Options(positive="yes", difference=("party", a, b)))
    alone = estimate(corpus, CODES, labellers(), positive="yes")
    sign = 1 if a == "a" else -1
    for one, other in zip(found.configurations, alone.estimates, strict=True):
        [pair] = [pair for pair in other.differences if (pair.a, pair.b) == ("a", "b")]
        assert one.corrected.value == pytest.approx(sign * pair.corrected.value, abs=1e-12)
        assert sorted((one.corrected.low, one.corrected.high)) == [one.corrected.low, one.corrected.high]
        assert one.corrected.se == pytest.approx(pair.corrected.se, abs=1e-12)
        assert one.uncorrected == pytest.approx(sign * pair.naive, abs=1e-12)
    assert found.signs is not None
    assert (found.signs.negative if a == "a" else found.signs.positive) == 4
    assert found.signs.codes == ("below" if a == "a" else "above")
    assert found.signs.other_sign == 0


def test_a_trend_and_a_coefficient():
    year = (2000 + np.arange(N) % 20).tolist()
    trend = multiverse(CorpusTable(item=IDS, time=year), COLUMNS, CODES, PLAIN)
    alone = estimate(CorpusTable(item=IDS, time=year), CODES, labellers(), positive="yes").estimates[1].trend
    assert alone is not None
    assert trend.configurations[1].corrected == Ends(*alone.corrected)
    assert trend.estimand.kind == "trend"
    corpus = CorpusTable(item=IDS, covariates={"x": X.tolist()})
    found = multiverse(corpus, COLUMNS, CODES, Options(positive="yes", coefficient="x"))
    other = estimate(corpus, CODES, labellers(), positive="yes").estimates[2].regression
    assert other is not None
    assert found.configurations[2].corrected == Ends(*other.coefficients[1].corrected)
    assert found.classical == Ends(*other.coefficients[1].coded)
    with pytest.raises(EstimateError, match=r"coefficient: 'z' is not a term .* 'x'"):
        multiverse(corpus, COLUMNS, CODES, Options(positive="yes", coefficient="z"))


def test_without_codes_there_is_instability_alone():
    found = multiverse(CORPUS, COLUMNS, None, PLAIN)
    assert [each.uncorrected for each in found.configurations] == [each.values.mean() for each in COLUMNS]
    assert (found.classical, found.corrected, found.covering, found.n_coded) == (None, None, None, None)
    assert found.average.uncorrected == pytest.approx(np.mean([each.values.mean() for each in COLUMNS]))
    assert any("corrects nothing" in remark for remark in found.remarks)
    corpus = CorpusTable(item=IDS, by={"party": PARTY.tolist()})
    apart = multiverse(corpus, COLUMNS, None, Options(difference=("party", "b", "a")))
    values = COLUMNS[0].values
    assert apart.configurations[0].uncorrected == pytest.approx(
        values[PARTY == "b"].mean() - values[PARTY == "a"].mean()
    )
    assert apart.signs is not None
    assert apart.signs.codes is None
    with pytest.raises(EstimateError, match="codes: are missing, and a trend needs them"):
        multiverse(CorpusTable(item=IDS, time=list(range(N))), COLUMNS, None, PLAIN)


def test_items_without_a_prediction_have_the_mean_of_the_others():
    values = COLUMNS[0].values.copy()
    values[:60] = np.nan
    found = multiverse(CORPUS, [Column(choices=COLUMNS[0].choices, values=values), COLUMNS[1]], CODES, PLAIN)
    assert found.configurations[0].uncorrected == pytest.approx(np.nanmean(values))
    assert any("in 1 of 2 configurations up to 60 items have no prediction" in each for each in found.remarks)


def test_the_variance_that_a_choice_explains():
    values = {("m", "s"): 0.1, ("m", "t"): 0.1, ("k", "s"): 0.4, ("k", "t"): 0.4}
    made = [
        Configuration(choices={"model": model, "template": template}, uncorrected=value)
        for (model, template), value in values.items()
    ]
    model, template = factors_of(made)
    assert (model.explained, template.explained) == (pytest.approx(1), pytest.approx(0))
    assert [(each.value, each.configurations, each.uncorrected) for each in model.values] == [
        ("m", 2, pytest.approx(0.1)),
        ("k", 2, pytest.approx(0.4)),
    ]
    assert factors_of([made[0], made[1]])[0].explained is None
    assert template.explained_corrected is None


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=30))
@settings(max_examples=60, deadline=None)
def test_spreads_and_signs_count_every_configuration(values: list[float]):
    spread = spread_of(np.array(values))
    assert spread.lowest == min(values)
    assert spread.highest == max(values)
    assert spread.lowest <= spread.lower_quartile <= spread.median <= spread.upper_quartile <= spread.highest
    assert spread.sd == pytest.approx(np.std(values, ddof=1), abs=1e-12)
    made = [
        Configuration(choices={"c": str(i)}, uncorrected=value, corrected=Ends(value, 0.1, value - 0.2, value + 0.2))
        for i, value in enumerate(values)
    ]
    signs = signs_of(made, Ends(0.5, 0.1, 0.3, 0.7))
    assert signs.positive == sum(value > 0 for value in values)
    assert signs.negative == sum(value < 0 for value in values)
    assert signs.corrected_above == sum(value - 0.2 > 0 for value in values)
    assert signs.other_sign == sum(value <= 0 for value in values)
    assert signs.other_side == sum(value - 0.2 <= 0 for value in values)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ([COLUMNS[0], COLUMNS[0]], PLAIN, r"configurations\[1\].choices: are those of configurations\[0\]"),
        (
            [COLUMNS[0], Column(choices={"model": "m"}, values=COLUMNS[0].values)],
            PLAIN,
            "give every configuration a value of each choice",
        ),
        ([COLUMNS[0], Column(choices={"model": "z", "template": "s"}, values=np.ones(3))], PLAIN, "got 3 for 1,200"),
        (
            [COLUMNS[0], Column(choices={"model": "z", "template": "s"}, values=np.full(N, 2.0))],
            PLAIN,
            r"got 2; the prediction of a share is 1, 0 or a score between",
        ),
        (
            [COLUMNS[0], Column(choices={"model": "z", "template": "s"}, values=np.full(N, np.nan))],
            PLAIN,
            "no item has a prediction; leave the configuration out",
        ),
        (
            [COLUMNS[0], Column(choices={"model": "z", "template": "s"}, values=np.full(N, -1e200))],
            PLAIN,
            r"got -1e\+200, a size of at most 1e\+100",
        ),
        (COLUMNS, Options(difference=("party", "a", "b")), "is not a column of corpus.by"),
        (COLUMNS, Options(coefficient="x"), "needs `covariates` or `outcome`"),
    ],
)
def test_what_is_no_multiverse_is_refused_with_a_way_out(columns: list[Column], options: Options, message: str):
    with pytest.raises(EstimateError, match=message):
        multiverse(CORPUS, columns, CODES, options)


def test_differences_that_cannot_be_made_are_refused():
    corpus = CorpusTable(item=IDS, by={"party": PARTY.tolist()})
    for pair, message in (
        (("party", "a", "z"), "no item has 'z' in 'party', which has"),
        (("party", "a", "a"), "compared with itself"),
    ):
        with pytest.raises(EstimateError, match=message):
            multiverse(corpus, COLUMNS, CODES, Options(positive="yes", difference=pair))
    with pytest.raises(EstimateError, match="no `difference` says which values"):
        multiverse(corpus, COLUMNS, CODES, PLAIN)
    coded = set(CODED.tolist())
    lone = np.where([party == "c" and i in coded for i, party in enumerate(PARTY)], "b", PARTY)
    with pytest.raises(EstimateError, match="0 items with 'c' in 'party' are coded"):
        multiverse(
            CorpusTable(item=IDS, by={"party": lone.tolist()}),
            COLUMNS,
            CODES,
            Options(positive="yes", difference=("party", "a", "c")),
        )
    three = CodeTable(item=CODES.item, code=[str(PARTY[i]) for i in CODED])
    with pytest.raises(EstimateError, match="positive: is missing, and the codes have the labels"):
        multiverse(CORPUS, COLUMNS, three, Options())


@pytest.mark.slow
def test_single_configurations_are_valid_and_picked_ones_are_not():
    """Figures of 48 configurations where the true difference is 0; docs/multiverse.md has those of 300 studies."""
    n, n_coded, studies = 2000, 200, 120
    ids = [f"p{i}" for i in range(n)]
    excluding = []
    for seed in range(studies):
        rng = np.random.default_rng(seed)
        true, party = rng.random(n) < 0.3, rng.random(n) < 0.5
        base = 1.3 * (2 * true - 1) + rng.normal(size=n) * 0.6
        models, templates, wordings = (rng.normal(size=(k, n)) * sd for k, sd in ((3, 0.7), (4, 0.4), (4, 0.5)))
        shift, cut = rng.normal(size=4) * 0.25, rng.normal(size=(3, 4)) * 0.5
        columns = [
            Column(
                choices={"model": str(m), "template": str(t), "wording": str(w)},
                values=(base + models[m] + templates[t] + wordings[w] + shift[w] * party > cut[m, t]).astype(float),
            )
            for m, t, w in product(range(3), range(4), range(4))
        ]
        rows = rng.permutation(n)[:n_coded]
        codes = CodeTable(item=[ids[i] for i in rows], code=["yes" if true[i] else "no" for i in rows])
        corpus = CorpusTable(item=ids, by={"party": np.where(party, "b", "a").tolist()})
        found = multiverse(corpus, columns, codes, Options(positive="yes", difference=("party", "b", "a")))
        excluding.append([each.corrected.side != "neither" for each in found.configurations])
    assert 0.02 < np.mean(excluding) < 0.085  # 5 %, of 120 studies whose configurations are not independent
    assert np.any(excluding, axis=1).mean() > 0.25


def test_configurations_without_an_error_are_counted():
    right = Column(choices=COLUMNS[0].choices, values=(Y == "yes").astype(float))
    found = multiverse(CORPUS, [right, COLUMNS[1]], CODES, PLAIN)
    assert any("in 1 of 2 configurations no coded item is predicted wrongly" in each for each in found.remarks)
