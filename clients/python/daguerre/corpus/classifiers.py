"""Coded items for training, read from a folder of classes or from a table, as arguments of `train_classifier`."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from daguerre.corpus.coded import CodedTable, found_path
from daguerre.inputs.alignment import id_texts, is_series, json_value, series_labels
from daguerre.inputs.files import LeftOut, class_folders, walk
from daguerre.inputs.names import PathNames
from daguerre.inputs.source import CommonParent
from daguerre.inputs.votes import NONE
from daguerre.storage.tables import table_of

ARGUMENTS = {  # of train_classifier, by the columns of a table
    **{"group": "groups", "split": "split", "stratum": "strata"},
    **{"weight": "sample_weight", "inclusion_prob": "inclusion_prob"},
}


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
    parent = CommonParent()
    parent.add(folder)
    split_column = split_of if "test" in split_of else None
    return {"images": images, "ids": list(map(parent.id_of, images)), "targets": targets, "split": split_column}


def training_arguments(table: CodedTable, *, numeric: bool, root: str | None = None) -> dict[str, Any]:
    """The arguments of `train_classifier` for a table of coded items.

    Parameters
    ----------
    numeric : whether the codes are numbers.
    root : folder of the images; None: that of the table. Without a column of paths, its files are named by the ids.
    """
    here = os.path.dirname(table.name)
    folders = [here] if root is None else [root, here, os.path.dirname(os.path.abspath(root))]
    cells = table.ids if table.paths is None and root is not None and table.texts is None else table.paths
    images = None if cells is None else [found_path(cell, *folders) for cell in cells]
    arguments: dict[str, Any] = {}
    if images is not None:
        arguments["images"] = images
    if table.texts is not None:
        arguments["texts"] = table.texts
    name = dict(zip(table.ids, table.ids if table.explicit_ids or images is None else images, strict=True))
    if table.long or len(table.coders) > 1:
        codes = [_code(table.name, code, numeric) for code in table.code]
        rows = zip(table.coder, table.item, codes, strict=True)
        arguments["codes"] = [(coder, name[item], code) for coder, item, code in rows]
    elif len(table.ids) == len(table.code):
        arguments["targets"] = [_code(table.name, code, numeric) for code in table.code]
    else:
        arguments["targets"] = [_code(table.name, code, numeric) for code in table.targets()]
    if table.explicit_ids or ("codes" in arguments and images is None):
        arguments["ids"] = table.ids
    for column, argument in ARGUMENTS.items():
        if column in table.columns:
            arguments[argument] = table.columns[column]
    if table.purposive:
        arguments["design"] = "purposive"
    return arguments


def item_groups(given: Any, ids: Sequence[str], paths: Sequence[str] | None = None) -> list[str]:
    """The group of each item, (n,); an item without a group is one of its own.

    Parameters
    ----------
    given : result of `duplicates`, a table with columns id (or path) and group, a mapping or a Series by item.
    ids, paths : (n,) the items.
    """
    if hasattr(given, "rows") and hasattr(given, "ids"):  # Duplicates
        keys, groups = list(given.ids), [row[0] for row in given.rows()]
    elif isinstance(given, Mapping):
        keys, groups = list(given), list(given.values())
    elif is_series(given) and not hasattr(given, "columns"):
        keys, groups = series_labels(given), list(given)
    else:
        table = table_of(given)
        key = next((name for name in ("id", "path") if table.has(name)), None)
        if key is None:
            raise ValueError(f"{table.path} needs a column id or path, and a column group; it has {table.listed()}")
        keys, groups = table.ids(key), table.ids("group")
    values = [json_value(group) for group in groups]
    names = id_texts(keys, "groups")
    known = PathNames(names, names)
    found: list[str] = []
    matched = 0
    for i, id in enumerate(ids):
        places = known.find(id) or (known.find(paths[i]) if paths is not None else [])
        matched += bool(places)
        group = values[places[0]] if places else None
        found.append(f"item {id}" if group in (None, "") else f"group {id_texts([group], 'groups')[0]}")
    if not matched:
        raise ValueError(
            f"groups: none of the {len(ids):,} items is among them, the first is {ids[0]!r}; use one kind of ids"
        )
    return found


def absent_files(images: Sequence[str]) -> str | None:
    """A remark on files of a table that are not there; None if all are. Raises ValueError if none is."""
    absent = [path for path in images if not os.path.exists(path)]
    if not absent:
        return None
    remark = f"{len(absent):,} of {len(images):,} files are not there, the first is {absent[0]}"
    if len(absent) == len(images):
        raise ValueError(f"{remark}; paths are relative to the table")
    return remark


def _code(path: str, code: str | None, numeric: bool) -> str | float | None:
    if code is None or not numeric:
        return code
    try:
        return float(code)
    except ValueError as exc:
        if code.lower() in NONE:
            return code  # the server says whether it is missing
        raise ValueError(f"{path}: {exc}; the codes of a continuous target are numbers") from exc
