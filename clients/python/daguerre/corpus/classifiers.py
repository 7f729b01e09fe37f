"""Coded items for training, read from a folder of classes or from a table, as arguments of `train_classifier`."""

import os
from pathlib import Path
from typing import Any

from daguerre.inputs.files import LeftOut, class_folders, walk
from daguerre.storage.tables import read_table


def read_coded_folder(folder: str) -> dict[str, Any]:
    """Read images below train/CLASS and test/CLASS; a folder of classes alone is all training data.

    Warns of files that are no images, and of folders that are no classes.
    """
    account = LeftOut()
    splits = [split for split in ("train", "test") if os.path.isdir(os.path.join(folder, split))] or [""]
    images: list[str] = []
    targets: list[str] = []
    split_of: list[str] = []
    for split in splits:
        root = os.path.join(folder, split) if split else folder
        for label in class_folders(root, account):
            paths = list(walk(os.path.join(root, label), left_out=account))
            images += paths
            targets += [label] * len(paths)
            split_of += [split or "train"] * len(paths)
    if not images:
        others = f", only {account}" if account else ""
        raise ValueError(f"{folder} has no images in folders of classes{others}; name them as in train/CLASS/image.jpg")
    account.warn()
    return {"images": images, "targets": targets, "split": split_of if "test" in split_of else None}


def read_coded_table(path: str, image: str, text: str, target: str, *, numeric: bool) -> dict[str, Any]:
    """Read a table with a row per item, or, with a column "coder", a row per item and coder.

    Parameters
    ----------
    image, text, target : names of the columns; the table has one of the first two, or both.
    numeric : whether the codes are numbers.
    """
    table = read_table(path)
    if target not in table.names or not {image, text} & set(table.names):
        raise ValueError(f"{path} needs {target!r}, and {image!r} or {text!r}; it has {', '.join(table.names)}")
    here = Path(path).parent
    key = "id" if "id" in table.names else image if image in table.names else text
    rows = list(table.rows)
    codes = [_code(path, row[target], numeric) for row in rows]
    arguments: dict[str, Any] = {}
    if "coder" in table.names:
        coded = [(row["coder"], str(here / row[key]) if key == image else row[key]) for row in rows]
        arguments["codes"] = [(coder, item, code) for (coder, item), code in zip(coded, codes, strict=True)]
        first: dict[str, Any] = {}
        for row in rows:
            first.setdefault(row[key], row)
        rows = list(first.values())
    else:
        arguments["targets"] = codes
    if image in table.names:
        if lacking := sum(not row[image] for row in rows):
            raise ValueError(f"{path} has {lacking} rows without {image}; leave them out")
        arguments["images"] = [str(here / row[image]) for row in rows]
    if text in table.names:
        arguments["texts"] = [row[text] or None for row in rows]
    if "id" in table.names or ("codes" in arguments and key == text):
        arguments["ids"] = [row[key] for row in rows]
    for column, argument in (("group", "groups"), ("split", "split")):
        if column in table.names:
            arguments[argument] = [row[column] for row in rows]
    for column, argument in (("weight", "sample_weight"), ("inclusion_prob", "inclusion_prob")):
        if column in table.names:
            try:
                arguments[argument] = [float(row[column]) for row in rows]
            except ValueError as exc:
                raise ValueError(f"{path}: column {column}: {exc}; every row needs a number") from exc
    return arguments


def _code(path: str, code: str, numeric: bool) -> str | float | None:
    if not code or not numeric:
        return code or None
    try:
        return float(code)
    except ValueError as exc:
        raise ValueError(f"{path}: {exc}; the codes of a continuous target are numbers") from exc
