"""Temperature and conformal half-widths. Oracles: scikit-learn's log loss on a grid, coverage by simulation."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from models.finetune.calibrate import COLDEST, half_width, temperature


@pytest.mark.parametrize("classes", [2, 4, 20])
@pytest.mark.parametrize("true", [0.4, 1.0, 3.0])
def test_the_temperature_is_that_of_the_lowest_log_loss(classes, true):
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (600, classes))
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    targets = np.array([random.choice(classes, p=p) for p in chances]).astype(float)
    weights = random.uniform(0.5, 2, 600)
    said = logits * true  # over- or underconfident by this factor
    raw = said[:, 1:] - said[:, :1] if classes == 2 else said
    found = temperature(raw, targets, weights)

    def loss(t):
        p = np.exp(said / t) / np.exp(said / t).sum(1, keepdims=True)
        return log_loss(targets, p, sample_weight=weights, labels=range(classes))

    assert loss(found) <= min(loss(t) for t in np.geomspace(0.1, 10, 200)) + 1e-3  # its targets are a little soft
    assert found == pytest.approx(true, rel=0.25)


def test_twenty_images_without_an_error_make_nobody_certain():
    """Laplace: 21 of 22."""
    logits, targets = np.array([[5.0], [-5.0]] * 10), np.array([1.0, 0.0] * 10)
    found = temperature(logits, targets, np.ones(20))
    assert 1 / (1 + np.exp(-5 / found)) == pytest.approx(21 / 22, abs=1e-3)
    three = np.eye(3)[[0, 1, 2] * 5] * 9
    scaled = three / temperature(three, np.array([0.0, 1.0, 2.0] * 5), np.ones(15))
    assert (np.exp(scaled) / np.exp(scaled).sum(1, keepdims=True)).max() == pytest.approx(16 / 17, abs=1e-3)


def test_logits_of_any_size_have_a_temperature():
    logits = np.array([[5.0], [-5.0]] * 10)
    assert temperature(0.01 * logits, np.array([1.0, 0.0] * 10), np.ones(20)) == pytest.approx(COLDEST, rel=0.01)
    assert np.isfinite(temperature(1e6 * logits, np.array([0.0, 1.0] * 10), np.ones(20)))


def test_the_half_width_is_the_split_conformal_rank():
    residuals = np.array([*range(1, 20)]) * np.array([1, -1] * 9 + [1])
    assert half_width(residuals, np.ones(19), 0.95) == 19  # rank ceil(20 x 0.95) = 19
    assert half_width(residuals, np.ones(19), 0.9) == 18
    assert half_width(residuals[:18], np.ones(18), 0.95) is None
    assert half_width(residuals, np.full(19, 3.0), 0.95) == 19  # only ratios of weights count


def test_new_values_fall_inside_as_often_as_stated():
    random = np.random.default_rng(1)
    inside = [abs(random.standard_t(3)) <= half_width(random.standard_t(3, 40), np.ones(40), 0.9) for _ in range(4000)]
    assert np.mean(inside) == pytest.approx(0.9 + 0.1 / 41, abs=0.02)


def test_weights_move_the_half_width():
    residuals, weights = np.arange(1.0, 41), np.where(np.arange(40) < 20, 10.0, 0.1)
    assert half_width(residuals, weights, 0.9) < half_width(residuals, np.ones(40), 0.9)
