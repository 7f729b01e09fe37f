"""Intervals of ratios where few pictures have errors."""

import numpy as np

from models.analysers.evaluation_boxes import evaluate
from models.analysers.evaluation_intervals import FEW, ratio_figures
from models.analysers.spec import Finding


def test_few_pictures_with_errors_give_no_interval():
    for many in range(1, 12):
        above = np.zeros((1, 40))
        above[0, :many] = 1
        [figure] = ratio_figures(above, np.ones(40), seed=0)
        assert figure.value == many / 40
        if many < FEW:
            assert np.isnan([figure.low, figure.high]).all()
        else:
            assert 0 <= figure.low <= figure.value < figure.high


def test_labels_are_matched_whatever_their_capitals_and_unknown_ones_are_remarked():
    found = [[Finding(label="cat", score=0.9, box=(0, 0, 10, 10))], [Finding(label="dog", score=0.9, box=(0, 0, 9, 9))]]
    coded = [[Finding(label="Cat", box=(0, 0, 10, 10))], [Finding(label="persn", box=(0, 0, 9, 9))]]
    report = evaluate(found, coded)
    assert report.labels["cat"].precision.value == 1
    assert any("'Cat' as 'cat'" in remark for remark in report.remarks)
    assert any("nothing was found as: persn" in remark for remark in report.remarks)
    assert "Cat" in evaluate(found[:1], coded[:1], labels=["Cat"]).labels
