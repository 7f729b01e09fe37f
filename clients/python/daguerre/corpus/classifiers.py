"""Coded items for training, read from a folder of classes or from a table, as arguments of `train_classifier`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daguerre.inputs.files import LeftOut, class_folders, walk
from daguerre.inputs.names import existing_path
from daguerre.inputs.votes import NONE
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
    if not table.has(target) or not (table.has(image) or table.has(text)):
        raise ValueError(f"{path} needs {target!r}, and {image!r} or {text!r}; it has {table.listed()}")
    here = Path(path).parent
    codes = [_code(path, code, numeric) for code in table.codes(target)]
    images = [str(here / cell) for cell in table.column(image)] if table.has(image) else None
    texts = table.column(text) if table.has(text) else None
    if images is not None:
        if lacking := table.column(image).count(""):
            raise ValueError(f"{path} has {lacking} rows without {image}; leave them out")
        images = [existing_path(each) for each in images]
    ids = table.ids("id") if table.has("id") else None
    if ids is not None and "" in ids:
        raise ValueError(f"{path} has {ids.count('')} rows without id; give each one, or leave the column out")
    items: list[str] = ids or images or texts or []
    kept = list(range(len(codes)))
    arguments: dict[str, Any] = {}
    if table.has("coder"):
        arguments["codes"] = list(zip(table.ids("coder"), items, codes, strict=True))
        kept = list({item: i for i, item in reversed(list(enumerate(items)))}.values())[::-1]
    else:
        if ids is not None or texts is None:
            _refuse_repeated(path, items, codes)
        arguments["targets"] = codes
    if images is not None:
        arguments["images"] = [images[i] for i in kept]
    if texts is not None:
        arguments["texts"] = [texts[i] or None for i in kept]
    if ids is not None or ("codes" in arguments and images is None):
        arguments["ids"] = [items[i] for i in kept]
    for column, argument in (("group", "groups"), ("split", "split")):
        if table.has(column):
            cells = table.ids(column)
            arguments[argument] = [cells[i] for i in kept]
    for column, argument in (("weight", "sample_weight"), ("inclusion_prob", "inclusion_prob")):
        if table.has(column):
            numbers = table.floats(column)
            arguments[argument] = [numbers[i] for i in kept]
    return arguments


def absent_files(images: Sequence[str]) -> str | None:
    """A remark on files of a table that are not there; None if all are. Raises ValueError if none is."""
    absent = [path for path in images if not os.path.exists(path)]
    if not absent:
        return None
    remark = f"{len(absent):,} of {len(images):,} files are not there, the first is {absent[0]}"
    if len(absent) == len(images):
        raise ValueError(f"{remark}; paths are relative to the table")
    return remark


def _refuse_repeated(path: str, items: Sequence[str], codes: Sequence[Any]) -> None:
    first: dict[str, int] = {}
    for i, item in enumerate(items):
        k = first.setdefault(item, i)
        if k != i:
            raise ValueError(
                f"{path}: {item!r} is in rows {k + 1} and {i + 1}, coded {codes[k]!r} and {codes[i]!r}; keep one "
                "row, or name the coders in a column `coder`"
            )


def _code(path: str, code: str | None, numeric: bool) -> str | float | None:
    if code is None or not numeric:
        return code
    try:
        return float(code)
    except ValueError as exc:
        if code.lower() in NONE:
            return code  # the server says whether it is missing
        raise ValueError(f"{path}: {exc}; the codes of a continuous target are numbers") from exc
