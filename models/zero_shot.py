"""Zero-shot scores from the cosines between items and label prompts.

Prompt templates are averaged per label, as in Radford et al., ICML 2021, section 3.1.4. Scores: softmax of
logit_scale · cosine over the labels for encoders trained with a softmax; on those trained with a sigmoid (Zhai et
al., ICCV 2023) `multi_label` takes that sigmoid. Under `multi_label` on a softmax-trained encoder each label is
contrasted with the negative prompts: exp(s·cos_label) / (exp(s·cos_label) + Σ exp(s·cos_negative)). Never
sigmoid(s·cos), which is near 1 for every label.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.catalog.spec import ZeroShotHead

Float = NDArray[np.float32]


def scores(
    head: ZeroShotHead, cosines: Float, negatives: Float, none: Float | None, *, multi_label: bool
) -> tuple[Float, Float | None]:
    """Compute the scores of n items for k labels.

    Parameters
    ----------
    cosines : (n, k) with the labels.
    negatives : (n, m) with the negative prompts, for `multi_label` on a softmax-trained encoder.
    none : (n, 1) with the text of "none of these", if there is one.

    Returns
    -------
    (n, k) scores of the labels, and (n,) scores of "none of these" or None.
    """
    logits = head.logit_scale * cosines + head.logit_bias
    none_logits = None if none is None else head.logit_scale * none + head.logit_bias  # (n, 1)
    if multi_label and head.activation == "sigmoid":
        return _sigmoid(logits), None if none_logits is None else _sigmoid(none_logits)[:, 0]
    if multi_label:
        against = _log_sum_exp(head.logit_scale * negatives + head.logit_bias)  # (n, 1)
        return _sigmoid(logits - against), None if none_logits is None else _sigmoid(none_logits - against)[:, 0]
    every = logits if none_logits is None else np.concatenate([logits, none_logits], axis=1)
    shares = np.exp(every - _log_sum_exp(every))
    return shares[:, : logits.shape[1]], None if none_logits is None else shares[:, -1]


def best_labels(
    labels: Sequence[str], cosines: Float, none: Float | None, *, min_cosine: float | None
) -> list[str | None]:
    """Label with the highest cosine for each item; None below `min_cosine` or below "none of these".

    Cosines decide, not scores, which may be rounded to the same number.
    """
    top = cosines.argmax(axis=1)  # 0 for the NaN of a failed item
    highest = cosines[np.arange(len(top)), top]
    lowest = np.full(len(top), -np.inf if min_cosine is None else min_cosine)
    if none is not None:
        lowest = np.maximum(lowest, none[:, 0])
    return [labels[t] if accepted else None for t, accepted in zip(top, np.asarray(highest >= lowest), strict=True)]


def _sigmoid(x: Float) -> Float:
    return np.exp(-np.logaddexp(0, -x))


def _log_sum_exp(x: Float) -> Float:
    return np.logaddexp.reduce(x, axis=1, keepdims=True)
