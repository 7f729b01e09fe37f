"""Simulated comparisons, and the share of intervals that hold the true scores."""

import numpy as np

from models.annotation.scale import draw_comparisons, fit_scale
from models.errors import AgreementError


def coverage(
    n: int, per_item: int, *, studies: int, seed: int, ties: float = 0.0, ridge: float = 0.0
) -> dict[str, float]:
    """The mean share of items whose interval holds the true score, and the share of studies that have a scale.

    Scores are normal with standard deviation 1, centred in each study. A comparison is a tie with probability
    `ties` whatever the items, else won as the model says.
    """
    rng = np.random.default_rng([seed, n, per_item])
    held, items, scaled = 0, 0, 0
    for study in range(studies):
        true = rng.normal(size=n)
        true -= true.mean()
        drawn = draw_comparisons(n, per_item, seed=study)
        a, b = np.array(drawn.a), np.array(drawn.b)
        won = rng.random(len(a)) < 1 / (1 + np.exp(true[b] - true[a]))
        words = np.where(rng.random(len(a)) < ties, "tie", np.where(won, "a", "b")).tolist()
        names = [f"p{i}" for i in range(n)]
        try:
            found = fit_scale([names[i] for i in a], [names[i] for i in b], words, ridge=ridge)
        except AgreementError:
            continue
        scaled += 1
        items += n
        held += sum(each.low <= true[int(each.item[1:])] <= each.high for each in found.items)
    return {"intervals": held / max(1, items), "scales": scaled / studies}
