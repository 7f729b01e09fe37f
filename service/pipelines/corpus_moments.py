"""The moments of the crossed predictions of a corpus, from which its prevalence is estimated, from its vectors."""

from collections.abc import Sequence

import numpy as np

from service.errors import Unprocessable
from service.inference.engine import Engine
from service.pipelines.items import VectorInput
from service.pipelines.predict import predict
from service.schemas.classifiers import EstimateRequest, Moments
from service.stores.classifiers import Classifiers


async def with_moments(
    engine: Engine,
    classifiers: Classifiers,
    label: str,
    request: EstimateRequest,
    vectors: Sequence[VectorInput] | None,
) -> EstimateRequest:
    """The request with the moments of the predictions for its vectors, if it has vectors.

    Raises
    ------
    ItemsFailed : items without a vector.
    Unprocessable : both or neither of corpus and vectors, fewer than two items, vectors of other encoders.
    """
    if (request.corpus is None) == (vectors is None):
        raise Unprocessable("corpus: send either corpus or vectors", param="corpus")
    if vectors is None:
        return request
    stored = await engine.in_thread(lambda: classifiers.open(label))
    if stored.head is not None and stored.head.features:
        raise Unprocessable(
            f"vectors: {stored.label} takes features beside them; predict the corpus with its features and `crossed`, "
            "and send corpus",
            param="vectors",
        )
    made = await predict(
        engine, classifiers, stored, items=None, vectors=vectors, on_error="fail", crossed=stored.head is not None
    )
    if made.n < 2:
        raise Unprocessable(
            f"vectors: {made.n} row, an estimate needs at least 2; send the whole corpus", param="vectors"
        )
    assert made.crossed is not None
    crossed = np.asarray(made.crossed, np.float64)
    moments = Moments(n=made.n, mean=crossed.mean(axis=0).tolist(), variance=crossed.var(axis=0, ddof=1).tolist())
    return request.model_copy(update={"corpus": moments, "vectors": None})
