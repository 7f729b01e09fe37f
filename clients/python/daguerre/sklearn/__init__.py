"""Daguerre in pipelines of scikit-learn: a transformer that embeds items, and a classifier by labels.

from daguerre.sklearn import Embedder

make_pipeline(Embedder(), LogisticRegression()).fit(paths, codes)
"""

from daguerre.sklearn.embedder import Embedder
from daguerre.sklearn.zero_shot import ZeroShotClassifier

__all__ = ["Embedder", "ZeroShotClassifier"]
