"""Studies without an effect: corrected estimates find one as often as they say, whoever chose the labels beforehand."""

import numpy as np
import pytest

from bench.null_studies import DESIGNS, ESTIMANDS, Errors, draw, simulate


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_the_mean_of_configurations_is_corrected_where_uncorrected_it_finds_effects(estimand):
    naive, corrected, narrower = 0, [], []
    for number in range(150):
        study = draw(Errors(common=0.25, own=0.1), np.random.default_rng([7, number]))
        found = ESTIMANDS[estimand](study, study.labels.mean(axis=0), study.rows)
        naive += found.naive.p < 0.05
        corrected.append(found.corrected.p)
        narrower.append(found.corrected.width / found.codes.width)
    assert naive > 0.6 * 150
    for level in (0.05, 0.2):  # and as much as 1.3 to two standard errors of the simulation
        assert np.mean(np.array(corrected) < level) <= level + 0.04
    assert np.median(narrower) < 0.65


def test_the_worst_of_uncorrected_configurations_finds_an_effect():
    found = simulate(DESIGNS["differential"], ESTIMANDS["difference"], 10)
    assert found["uncorrected, smallest p of 20"]["significant"] >= 0.9
    assert found["corrected, mean of 20"]["width"] < found["corrected, named beforehand"]["width"] < 1


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_the_protocols_of_the_documentation_keep_their_level(estimand, design):
    found = simulate(DESIGNS[design], ESTIMANDS[estimand], 1000)
    for name in ("mean of 20", "named beforehand", "most accurate on the same codes", "all 20, Holm"):
        assert found[f"corrected, {name}"]["significant"] <= 0.06, name
    assert found["corrected, smallest p of 20"]["significant"] > 0.2
