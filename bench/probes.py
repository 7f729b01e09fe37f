"""Evaluation of image vectors without text, by a linear probe and k-means."""

import numpy as np
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import normalized_mutual_info_score
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold

from bench.measures import Array, balanced, bootstrap

SAME = 0.95  # cosine from which two pictures count as one motif (mirrored, recoloured): never split over folds


def linear_probe(vectors: Array, truth: Array) -> dict[str, object]:
    """Logistic regression, 5-fold; C is chosen inside each training part, by 3-fold."""
    linkage = AgglomerativeClustering(None, metric="cosine", linkage="single", distance_threshold=1 - SAME)
    groups = linkage.fit_predict(vectors)
    right, chosen = np.zeros(len(truth)), []
    for train, test in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(vectors, truth, groups):
        inner = StratifiedGroupKFold(3, shuffle=True, random_state=0)
        search = GridSearchCV(LogisticRegression(max_iter=1000), {"C": [1, 10, 100]}, cv=inner)
        search.fit(vectors[train], truth[train], groups=groups[train])
        right[test] = search.predict(vectors[test]) == truth[test]
        chosen.append(search.best_params_["C"])
    return {
        "macro": (float((balanced(truth) * right).sum()), bootstrap(right, truth, macro=True)),
        "micro": (float(right.mean()), bootstrap(right, truth, macro=False)),
        "C": chosen,
        "motifs": int(groups.max() + 1),
    }


def clusters(vectors: Array, truth: Array) -> dict[str, float]:
    """k-means with as many clusters as classes: purity and normalised mutual information, mean of 5 seeds."""
    k, purity, nmi = len(np.unique(truth)), [], []
    for seed in range(5):
        found = KMeans(k, n_init=10, random_state=seed).fit_predict(vectors)
        purity.append(sum(np.bincount(truth[found == c]).max() for c in np.unique(found)) / len(truth))
        nmi.append(normalized_mutual_info_score(truth, found))
    return {"purity": float(np.mean(purity)), "NMI": float(np.mean(nmi))}
