"""Vectors for batches of rows, as `map` of Hugging Face datasets hands them over."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from daguerre.client import shared_client
from daguerre.errors import DaguerreWarning

COLUMNS = {"image": "images", "text": "texts"}  # names of columns that are taken without `column`


def embed_batch(
    rows: Mapping[str, Any],
    *,
    column: str | None = None,
    kind: str | None = None,
    model: str | None = None,
    url: str | None = None,
    name: str = "embedding",
) -> dict[str, Any]:
    """Embed a column of a batch of rows, for `dataset.map(daguerre.embed_batch, batched=True)`.

    Parameters
    ----------
    rows : columns by name: lists of a batch, or the values of one row. Pictures are PIL images, paths or bytes.
    column : the column that is embedded; None: `image`, or else `text`.
    kind : "image" or "text"; None: by the name of the column, and "image" for another name.
    model, url : as for Client.
    name : name of the new column.

    Returns
    -------
    {name: list of n vectors, (d,) float32 each}, or one vector for one row; None for items that have none, with a
    warning.

    Examples
    --------
    >>> sorted(embed_batch({"text": ["a cat", "a dog"]}))
    ['embedding']
    """
    chosen = column or next((each for each in COLUMNS if each in rows), None)
    if chosen is None or chosen not in rows:
        raise ValueError(f"column: there is no {column or 'image or text'}; choose one of {', '.join(rows)}")
    kind_given = kind is not None
    kind = kind or (chosen if chosen in COLUMNS else "image")
    if kind not in COLUMNS:
        raise ValueError(f"kind: got {kind!r:.60}, it must be 'image' or 'text'")
    values = rows[chosen]
    single = not isinstance(values, list | tuple | np.ndarray)
    items: Any = {COLUMNS[kind]: [values] if single else list(values)}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*; see \.errors", DaguerreWarning)  # which a dict does not have
        found = shared_client(url).embed(**items, model=model, progress=False)
    if found.errors:
        first = found.errors[0]
        hint = "" if kind_given or chosen in COLUMNS else '; for texts, give kind="text"'
        warnings.warn(
            DaguerreWarning(
                f"{chosen}: {len(found.errors):,} of {len(found):,} have no vector, the first: {first}{hint}"
            ),
            stacklevel=2,
        )
    vectors = [row if good else None for row, good in zip(found.vectors, found.ok, strict=True)]
    return {name: vectors[0] if single else vectors}
