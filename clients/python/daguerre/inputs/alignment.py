"""One value for each item: codes, ids and weights, aligned with the items they belong to."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias


def item_ids(ids: Sequence[str] | None, files: Sequence[str]) -> list[str]:
    """The given ids, or those of the items."""
    if isinstance(ids, str):
        raise TypeError(f"ids: got a str, {ids!r:.60}; give a list, one for each item")
    return list(files) if ids is None else [str(id) for id in per_item("ids", ids, len(files))]


def per_item(name: str, given: Sequence[Any], n: int) -> list[Any]:
    """A list with one value for each item, numpy's numbers as Python's. Raises ValueError."""
    if len(given) != n:
        raise ValueError(f"{name}: {len(given)} for {n} items; give one for each")
    return [each.item() if hasattr(each, "item") else each for each in given]


def string_list(given: Sequence[str], name: str) -> list[str]:
    """Raises TypeError for a str, which is a sequence too."""
    if isinstance(given, str):
        raise TypeError(f"{name}: got a str, {given!r:.60}; give a list")
    return [str(each) for each in given]


Code: TypeAlias = str | bool | int | float | None


def relative_ids(paths: Sequence[str]) -> list[str]:
    """Names for the report: paths below their common folder, since folders above it may be private."""
    if not any(os.sep in path or "/" in path for path in paths):
        return list(paths)
    try:
        root = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths])
    except ValueError:  # on two drives
        return list(paths)
    return [os.path.relpath(os.path.abspath(path), root).replace(os.sep, "/") for path in paths]


def aligned_with(
    targets: Sequence[Code] | Mapping[str, Code], paths: Sequence[str], names: Sequence[str], what: str = "targets"
) -> list[Code]:
    """A code for each item, from a list in order or a mapping by path, name, or file name."""
    if isinstance(targets, str):
        raise TypeError(f"{what}: got a str, {targets!r:.60}; give a list, one for each item")
    if not isinstance(targets, Mapping):
        given = [json_value(target) for target in targets]
        if len(given) != len(paths):
            raise ValueError(f"{what}: {len(given)} for {len(paths)} items; give one for each")
        return given
    by_name = {str(key): json_value(value) for key, value in targets.items()}
    used, codes = set(), []
    for path, name in zip(paths, names, strict=True):
        key = next((key for key in (path, name, os.path.basename(path)) if key in by_name), None)
        used.add(key)
        codes.append(None if key is None else by_name[key])
    if unused := [key for key in by_name if key not in used]:
        raise ValueError(
            f"{what}: {len(unused)} of {len(by_name)} match no item, the first is for {unused[0]!r}; "
            "give paths, or file names"
        )
    return codes


def json_value(value: Any) -> Code:
    """A code as a JSON value: numpy's numbers as Python's, NaN as None."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or value != value:
        return None
    return value if isinstance(value, str | bool | int | float) else str(value)
