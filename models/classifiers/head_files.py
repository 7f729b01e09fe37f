"""The linear head of a classifier on disk: arrays in head.npz, all else as fields of the manifest."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
from pydantic import FiniteFloat, TypeAdapter, ValidationError

from models.classifiers.features import Feature
from models.classifiers.head import Block, Head
from models.classifiers.manifest import DamagedClassifier
from models.disk import sync_file

ARRAYS = "head.npz"
_blocks = TypeAdapter(tuple[Block, ...])
_features = TypeAdapter(tuple[Feature, ...])
_calibration = TypeAdapter(list[dict[Literal["slope", "offset"], FiniteFloat]])


def write_head(folder: Path, head: Head) -> dict[str, Any]:
    """Write the arrays of a head, and return the fields for its manifest."""
    heads = (head, *head.folds)
    with (folder / ARRAYS).open("wb") as file:
        np.savez(file, coef=np.stack([h.coef for h in heads]), intercept=np.stack([h.intercept for h in heads]))
    sync_file(folder / ARRAYS)
    return {
        "task": head.task,
        "labels": list(head.labels),
        "blocks": [asdict(block) for block in head.blocks],
        "partial": head.partial,
        "calibration": [{"slope": h.slope, "offset": h.offset} for h in heads],
        "threshold": head.threshold,
        "bounds": head.bounds,
        "features": [asdict(feature) for feature in head.features],
        "spread": head.spread if np.isfinite(head.spread) else None,
    }


def read_head(folder: Path, manifest: Mapping[str, Any]) -> Head:
    """The head that `write_head` has written. Raises DamagedClassifier."""
    try:
        with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
            coef, intercept = arrays["coef"], arrays["intercept"]
        blocks = _blocks.validate_python(manifest["blocks"])
        rows = len(manifest["labels"]) if len(manifest["labels"]) > 2 else 1  # one column for two classes
        calibration = _calibration.validate_python(manifest["calibration"], strict=True)
        heads = len(calibration)
        features = _features.validate_python(manifest.get("features", ()))
        if not all(each.name and np.isfinite([each.centre, each.scale]).all() and each.scale > 0 for each in features):
            raise ValueError("a feature has no name, or a centre or scale that is none")
        if len({each.name for each in features}) < len(features):
            raise ValueError("two features have one name")
        columns = sum(block.dimension for block in blocks) + len(features)
        if coef.shape != (heads, rows, columns) or intercept.shape != (heads, rows):
            raise ValueError("its shapes are not those of the manifest")
        head = Head(
            task=manifest["task"],
            blocks=blocks,
            labels=tuple(manifest["labels"]),
            coef=coef[0],
            intercept=intercept[0],
            threshold=manifest["threshold"],
            bounds=tuple(manifest["bounds"]) if manifest["bounds"] else None,
            spread=float("inf") if manifest["spread"] is None else manifest["spread"],
            partial=manifest["partial"],
            features=features,
        )
        first, *folds = (
            replace(head, coef=c, intercept=i, slope=by["slope"], offset=by["offset"])
            for c, i, by in zip(coef, intercept, calibration, strict=True)
        )
        return replace(first, folds=tuple(folds))
    except (KeyError, TypeError, ValueError, AttributeError, EOFError, OSError, BadZipFile, ValidationError) as exc:
        raise DamagedClassifier(folder, ARRAYS, "cannot be read") from exc
