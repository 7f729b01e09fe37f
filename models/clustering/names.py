"""Suggested names of clusters: from a vocabulary by zero-shot, or the words of the items' texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.clustering.blocks import Data, Rows, View
from models.clustering.vectors import block_rows, sums_of_block

NAMES = 3
LIKELY = 0.05  # mean probability of a name that nobody chose, below which it is left out
WORDS = 5
COMMON = 0.5  # share of the texts above which a word distinguishes nothing
FEW = 20  # texts, below which no word is called common
WORD = r"(?u)\b[^\W\d_][\w'’-]*\w\b"  # from two characters on, the first a letter
LONGEST = 20_000  # characters of a text that are read


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Candidate names of clusters: their unit vectors (v, d) in the same space, and the model's logit scale."""

    names: tuple[str, ...]
    vectors: NDArray[np.float32]
    logit_scale: float


@dataclass(frozen=True, kw_only=True)
class Name:
    """A suggested name.

    Attributes
    ----------
    score : the mean over the images of the name's zero-shot probability; the class-based TF-IDF of a word.
    cosine : of the mean image with the name; None for a word.
    """

    label: str
    score: float
    cosine: float | None = None


def name_clusters(
    x: Data, labels: NDArray[np.intp], vocabulary: Vocabulary, *, least: float = 0.0
) -> tuple[tuple[Name, ...], ...]:
    """Find the likeliest names of each cluster by the mean zero-shot probability of its images (Radford et al. 2021).

    `x` holds unit vectors (n, d) of the same space as `vocabulary`. Names of a lower probability than `least` are left
    out.
    """
    k, v = int(labels.max(initial=-1)) + 1, len(vocabulary.names)
    chances, cosines = np.zeros((k, v)), np.zeros((k, v))
    for block_chances, block_cosines in View.of(x).map(_likely, vocabulary, k, along=(labels,)):
        chances += block_chances
        cosines += block_cosines
    size = np.bincount(labels[labels >= 0], minlength=k)[:, None]
    chances, cosines = chances / size, cosines / size
    return tuple(
        tuple(
            Name(label=vocabulary.names[j], score=float(chances[c, j]), cosine=float(cosines[c, j]))
            for j in np.argsort(-chances[c], kind="stable")[:NAMES]
            if chances[c, j] >= least
        )
        for c in range(k)
    )


def _likely(
    x: Rows, vocabulary: Vocabulary, k: int, labels: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of the probabilities and of the cosines of all names by cluster, (k, v) each, of a block."""
    chances, cosines = np.zeros((k, len(vocabulary.names))), np.zeros((k, len(vocabulary.names)))
    for start in range(0, len(x), step := block_rows(len(vocabulary.names))):
        part = slice(start, start + step)
        cosine = x[part] @ vocabulary.vectors.T
        logits = vocabulary.logit_scale * cosine
        share = np.exp(logits - logits.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        chances += sums_of_block(share.astype(np.float32), k, labels[part])
        cosines += sums_of_block(cosine, k, labels[part])
    return chances, cosines


def words_of_clusters(texts: Sequence[str], labels: NDArray[np.intp]) -> tuple[tuple[Name, ...], ...]:
    """Find the words that distinguish the texts of each cluster, by class-based TF-IDF (Grootendorst 2022, BERTopic).

    The score of a word is its share of the words of the cluster times log(1 + A / f): f is its number in all texts,
    A the mean number of words in a cluster, items in no cluster being one more. Left out are English function words,
    words in more than half of the texts, and words that only one text of the cluster holds.

    Parameters
    ----------
    texts : (n,) blank for an item without a text.
    labels : (n,) -1 for no cluster.
    """
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import CountVectorizer

    k = int(labels.max(initial=-1)) + 1
    counter = CountVectorizer(
        token_pattern=WORD,
        stop_words="english",
        max_df=COMMON if len(texts) >= FEW else 1.0,
        dtype=np.int64,
    )
    try:
        counts = counter.fit_transform([text[:LONGEST] for text in texts])
    except ValueError:  # no word is left
        return ((),) * k
    words = counter.get_feature_names_out()
    group = np.where(labels < 0, k, labels)
    one_hot = csr_array((np.ones(len(group), np.int64), (group, np.arange(len(group)))), shape=(k + 1, len(group)))
    by_cluster, texts_with = csr_array(one_hot @ counts), csr_array(one_hot @ (counts > 0).astype(np.int64))
    total = by_cluster.sum(axis=1)
    weight = np.log1p(total[total > 0].mean() / by_cluster.sum(axis=0))
    names = []
    for c in range(k):
        places = np.flatnonzero(texts_with[[c]].toarray()[0] > 1)
        scores = by_cluster[[c]].toarray()[0, places] / max(total[c], 1) * weight[places]
        best = np.lexsort((words[places], -scores))[:WORDS]
        names.append(tuple(Name(label=str(words[places[i]]), score=float(scores[i])) for i in best))
    return tuple(names)
