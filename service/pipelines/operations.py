"""The operations on items, by name."""

from collections.abc import Mapping
from typing import Any

from service.pipelines import analyses, captions, embeddings, predict, zero_shot
from service.pipelines.operation import Operation

OPERATIONS: Mapping[str, Operation[Any]] = {
    row.name: row
    for row in (
        embeddings.OPERATION,
        zero_shot.OPERATION,
        predict.OPERATION,
        analyses.OPERATION,
        captions.OPERATION,
    )
}
