"""Scores for prediction sets of stored classifiers, whose reports may be damaged."""

import hashlib
import json

import numpy as np
import pytest

from models.classifiers.head import Block
from models.classifiers.manifest import DamagedClassifier
from models.classifiers.probe import Options
from models.classifiers.problem import make_problem
from models.classifiers.train import train
from service.settings import Settings
from service.stores.classifiers import Classifiers

N = 40


@pytest.fixture(scope="module")
def trained():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((N, 6)), ["yes" if i % 2 else "no" for i in range(N)]
    block = Block(modality="image", model="m", fingerprint="f", dimension=6)
    return train(make_problem([x], y, task="binary", blocks=[block]), Options(strengths=(1.0,), folds=2), resamples=10)


@pytest.mark.parametrize(
    "damage",
    [
        {"fold": [0] * 5},
        {"fold": [2] * N},
        {"fold": [-1] * N},
        {"target": ["other"] * N},
        {"probabilities": None},
        {"probabilities": [[0.5, 0.5]]},
        {"weight": [0.0] * N},
        {"group": [-1] * N},
    ],
    ids=str,
)
def test_scores_of_a_damaged_report_are_damage(tmp_path, trained, damage):
    """Not a 500, and no sets by folds that have no head or weights of 0."""
    head, report = trained
    classifiers = Classifiers(Settings(home=tmp_path))
    stored = classifiers.store.save("posts", head, report.to_json(), created="2026-01-01T00:00:00Z")
    assert classifiers.conformal(stored).units == N
    fields = report.to_json()
    fields["out_of_fold"] |= damage
    (stored.folder / "report.json").write_text(json.dumps(fields))
    manifest = json.loads((stored.folder / "manifest.json").read_text())
    manifest["sha256"]["report.json"] = hashlib.sha256((stored.folder / "report.json").read_bytes()).hexdigest()
    (stored.folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DamagedClassifier, match=r"report\.json of posts@1 has parts that do not fit together"):
        Classifiers(Settings(home=tmp_path)).conformal(stored)
