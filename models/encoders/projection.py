"""Projection of sentence vectors to image features by kernel ridge regression onto the classifier's rows.

The anchors are ImageNet's 1,000 classes and 467 WordNet hypernyms. E (anchors × 384) holds their sentence vectors,
Y (anchors × 1280) their directions in feature space. A text with sentence vector e gets

    v = ℓ2(k(e)ᵀ A),  k_i(e) = exp(γ (cos(e, E_i) - 1)),  A = (K + λ diag(1 / w))⁻¹ Y

with γ = 6, λ = 0.2, w = 1 for classes and 0.1 for hypernyms. Kernel ridge: Saunders et al., ICML 1998; zero-shot
labels by way of class names: Norouzi et al., "ConSE", ICLR 2014.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.vectors import l2

Float = NDArray[np.float32]
WordNet = Mapping[str, Any]  # content of imagenet_wordnet.json

GAMMA = 6.0
RIDGE = 0.2
HYPERNYM_WEIGHT = 0.1
ROWS = 8  # of each product: for other numbers BLAS has other kernels, and a row would have other last bits


@dataclass(frozen=True)
class TextProjection:
    """The fitted regression."""

    anchors: Float  # E, (m, 384), unit rows
    weights: Float  # A, (m, 1280)

    def __call__(self, sentences: Float) -> Float:
        """Project sentence vectors (n, 384) float32, not zero, to unit vectors (n, 1280) float32."""
        rows = np.zeros((-(-len(sentences) // ROWS) * ROWS, sentences.shape[1]), np.float32)
        rows[: len(sentences)] = l2(sentences)
        parts = [
            np.exp(GAMMA * (part @ self.anchors.T - 1)) @ self.weights for part in rows.reshape(-1, ROWS, rows.shape[1])
        ]
        return np.asarray(l2(np.concatenate(parts)[: len(sentences)]), np.float32)


def fit(wordnet: WordNet, rows: Float | Sequence[Float], embed: Callable[[Sequence[str]], Float]) -> TextProjection:
    """Fit the regression.

    Parameters
    ----------
    wordnet : content of `imagenet_wordnet.json`.
    rows : (1000, 1280) weights of the classifier, one row per class; or those of several networks side by side.
    embed : function from texts to their sentence vectors (n, 384), unit rows.
    """
    leaves, hypernyms = wordnet["leaves"], wordnet["hypernyms"]
    networks = [rows] if isinstance(rows, np.ndarray) else rows
    targets = l2(np.concatenate([l2(each.astype(np.float64) - each.mean(0)) for each in networks], axis=1))
    parents = l2(np.stack([targets[h["leaves"]].mean(0) for h in hypernyms]))

    names = embed([leaf["name"] for leaf in leaves])
    glosses = embed([f"{leaf['name']}: {leaf['definition']}" for leaf in leaves])
    lemmas = _means(embed, [leaf["lemmas"] for leaf in leaves])
    classes = l2(names + 0.5 * l2(lemmas) + 0.5 * glosses)
    upper = l2(_means(embed, [h["lemmas"][:4] for h in hypernyms]))

    anchors = np.concatenate([classes, upper]).astype(np.float64)
    weight = np.concatenate([np.ones(len(leaves)), np.full(len(hypernyms), HYPERNYM_WEIGHT)])
    kernel = np.exp(GAMMA * (anchors @ anchors.T - 1))
    solution = np.linalg.solve(kernel + RIDGE * np.diag(1 / weight), np.concatenate([targets, parents]))
    return TextProjection(anchors.astype(np.float32), solution.astype(np.float32))


def _means(embed: Callable[[Sequence[str]], Float], groups: Sequence[Sequence[str]]) -> NDArray[Any]:
    """Mean vector of each group of texts, (len(groups), d)."""
    flat = embed([text for group in groups for text in group])
    ends = np.cumsum([len(group) for group in groups])
    return np.stack([part.mean(0) for part in np.split(flat, ends[:-1])])
