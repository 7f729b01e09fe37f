"""The groups of coders, from a mapping, a Series, or a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from daguerre.inputs.alignment import is_series, series_labels
from daguerre.inputs.names import existing_path
from daguerre.storage.tables import table_of


def read_groups(given: Any) -> dict[str, str]:
    """The group of each coder by name; coders without one are left out.

    `given` is a mapping or Series by coder, or a table, a path or a DataFrame, with columns coder and group. Raises
    ValueError for a table without them, and for a coder in two groups.
    """
    if is_series(given) and not hasattr(given, "columns"):
        return _groups(series_labels(given), list(given), "groups")
    if isinstance(given, Mapping):
        return _groups(list(given), list(given.values()), "groups")
    table = table_of(given)
    if not (table.has("coder") and table.has("group")):
        raise ValueError(f"{table.path} needs the columns 'coder' and 'group'; it has {table.listed()}")
    return _groups(table.ids("coder"), table.column("group"), table.path)


def named_groups(given: Sequence[str]) -> dict[str, str]:
    """The groups of arguments of the command line: CODER=GROUP each, or the path of one table."""
    if len(given) == 1 and "=" not in given[0]:
        existing_path(given[0])
        return read_groups(given[0])
    pairs = [each.rpartition("=") for each in given]
    if wrong := [text for text, (coder, _, group) in zip(given, pairs, strict=True) if not (coder and group)]:
        raise ValueError(f"{wrong[0]!r} is no CODER=GROUP; write anna=left, or give one table with coder and group")
    return _groups([coder for coder, _, _ in pairs], [group for _, _, group in pairs], "--group")


def _groups(coders: Sequence[Any], groups: Sequence[Any], name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for coder, group in zip(coders, groups, strict=True):
        if group is None or group != group or not str(group).strip():
            continue
        who, own = str(coder).strip(), str(group).strip()
        if found.setdefault(who, own) != own:
            raise ValueError(f"{name}: the coder {who!r} is in two groups, {found[who]!r} and {own!r}; give one")
    if len(set(found.values())) < 2:
        raise ValueError(f"{name}: got {len(set(found.values()))} groups of coders; a comparison needs two")
    return found
