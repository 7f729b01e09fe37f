"""Options of fine-tuning: what is refused, and how."""

import pytest

from models.errors import TrainingError
from models.finetune.options import Augmentation, Options


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"task": "ordinal"}, "task: got 'ordinal', must be one of binary, categorical, continuous"),
        ({"unfreeze": "first"}, "unfreeze: got 'first'"),
        ({"epochs": 0}, "epochs: got 0, must be at least 1"),
        ({"last_blocks": 0}, "last_blocks: got 0"),
        ({"rate": 0.0}, "rate: got 0.0, must be above 0"),
        ({"rate": float("nan")}, "rate: got nan"),
        ({"rate_decay": 1.5}, "rate_decay: got 1.5"),
        ({"weight_decay": -1.0}, "weight_decay: got -1.0"),
        ({"validation": 0.9}, "validation: got 0.9"),
        ({"class_weight": "even"}, "class_weight: got 'even'"),
        ({"precision": "int8"}, "precision: got 'int8'"),
        ({"seed": -1}, "seed: got -1"),
        ({"positive": "yes"}, "positive: got 'yes', but applies only to task binary (got categorical)"),
        ({"bounds": (0, 1)}, "bounds: apply only to task continuous (got categorical)"),
        ({"task": "continuous", "bounds": (1.0, 1.0)}, "bounds: got 1.0 and 1.0"),
        ({"task": "continuous", "bounds": (0.0, float("inf"))}, "bounds: got 0.0 and inf"),
        ({"task": "continuous", "class_weight": "balanced"}, "class_weight: a continuous target has no classes"),
    ],
)
def test_a_wrong_option_is_refused_with_its_value(wrong, message):
    with pytest.raises(TrainingError) as caught:
        Options(**{"task": "categorical", **wrong})
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize("wrong", [{"crop": 1.0}, {"colour": -0.1}, {"crop": float("nan")}])
def test_a_wrong_augmentation_is_refused(wrong):
    with pytest.raises(TrainingError, match=r"must be from 0 \(off\) to below 1"):
        Augmentation(**wrong)


@pytest.mark.parametrize(
    ("unfreeze", "stages"), [("none", ("head",)), ("last", ("head", "last")), ("all", ("head", "last", "all"))]
)
def test_the_head_is_trained_first_and_then_from_the_top(unfreeze, stages):
    assert Options(task="binary", unfreeze=unfreeze).stages == stages
