"""The corpus and the codes of a multiverse, by the ids of its items."""

from collections.abc import Sequence
from typing import Any

from daguerre.corpus.estimates import KEYS, matched_codes, own_codes
from daguerre.corpus.validations import read_codes
from daguerre.inputs.alignment import ItemIndex, json_value
from daguerre.inputs.votes import NONE
from daguerre.storage.tables import Table, table_of
from daguerre.types.common import listed


def corpus_fields(
    given: Any,
    ids: Sequence[str],
    files: Sequence[str],
    *,
    group: str | None,
    stratum: str | None,
    time: str | None,
    difference: tuple[str, Any, Any] | None,
    covariates: Sequence[str],
    outcome: str | None,
) -> dict[str, Any]:
    """The corpus of a request, with the columns of a table of its items. Raises ValueError."""
    by = () if difference is None else (difference[0],)
    wanted = {"group": group, "stratum": stratum, "time": time, "outcome": outcome}
    if given is None:
        named = next((name for name, column in wanted.items() if column is not None), None)
        named = named or ("difference" if by else "covariates" if covariates else None)
        if named is not None:
            raise ValueError(
                f"{named}: names a column of the table of the corpus; give corpus=, with a row for each item"
            )
        return {"item": list(ids)}
    table = table_of(given)
    keys = _keys(table)
    index = ItemIndex(files, ids)

    def column(name: str) -> list[Any]:
        cells = dict(zip(keys, map(json_value, table.codes(name)), strict=True))
        return index.column(f"{table.path}: {name}", cells, whole=True)

    return {
        "item": list(ids),
        **{name: column(own) for name, own in wanted.items() if own is not None},
        "by": [{"name": name, "values": column(name)} for name in by],
        "covariates": [{"name": name, "values": column(name)} for name in covariates],
    }


def codes_of_items(
    codes: Any, corpus: Any, ids: Sequence[str], files: Sequence[str], *, code: str, **coders: Any
) -> tuple[dict[str, Any] | None, list[str]]:
    """The codes of a request by the ids of its items, None where there are none, and remarks. Raises ValueError.

    Codes are a table of their own, or the column `code` of the table of the corpus.
    """
    if codes is not None:
        coded = read_codes(codes, coders["coders"], coders["adjudicator"])
        return matched_codes(coded, list(ids), "among the items"), list(coded.remarks)
    if corpus is None:
        return None, []
    table = table_of(corpus)
    if not table.has(code):
        return None, []
    rows = own_codes(table, _keys(table), code)
    index = ItemIndex(files, ids)
    rows["item"] = [ids[places[0]] if (places := index.find(key)) else key for key in rows["item"]]
    return rows, []


def positive_of(of: str, rows: dict[str, Any], missing: Sequence[str] | None) -> tuple[str | None, list[str]]:
    """The code whose share is estimated, None for the positive one of two; and remarks. Raises ValueError.

    `missing` : texts that are no code; None: those that usually are none.
    """
    names = list(dict.fromkeys(str(each) for each in rows["code"] if each is not None))
    names = [name for name in names if (name.lower() not in NONE if missing is None else name not in missing)]
    if of in names:
        return of, []
    if len(names) > 2:
        raise ValueError(
            f"of: {of!r} is not one of the codes {listed(names)}; name the label as it is coded, in labels= too"
        )
    return None, [f"codes are {listed(names)}, and {of!r} is none of them: it stands for the positive one of the codes"]


def _keys(table: Table) -> list[str]:
    key = next((name for name in KEYS if table.has(name)), None)
    if key is None:
        raise ValueError(f"{table.path} needs a column id or path; it has {table.listed()}")
    keys = table.ids(key)
    if len(set(keys)) < len(keys):
        twice = next(id for id in keys if keys.count(id) > 1)
        raise ValueError(f"{table.path}: has the id {twice!r} twice; keep one of its rows")
    return keys
