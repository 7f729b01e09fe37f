"""Columns of a table of codes: those that daguerre writes itself, listed once, and those of coders."""

from daguerre.storage.tables import Table

TARGETS = ("target", "code")  # columns of codes, one for each row
ADJUDICATOR = "adjudicator"
DESIGN = ("stratum", "inclusion_prob", "weight", "group", "split")
KNOWN = frozenset(  # columns that are no coder's
    (
        *("id", "item", "path", "file", "filename", "image", "text", "title", "url", "index", ""),
        *("coder", ADJUDICATOR, *TARGETS, *DESIGN, "strata", "sample_weight", "cluster", "score", "cosine", "rank"),
        *("query", "label", "value", "low", "high", "silhouette", "silhouette_final", "pass", "x", "y", "related"),
        *("representative", "similarity", "kept", "video", "timestamp", "shot", "frame", "model", "fingerprint"),
        *("remark", "remarks", "error", "error_code", "error_message", "note", "notes", "comment", "comments"),
        *("classifier",),
    )
)
COORDINATES = ("x", "y")  # of crops (with a width) and of maps of clusters; in other tables they may be coders
MERGED = ("_x", "_y")  # ends of columns that two merged tables have


def is_known(name: str, own: set[str]) -> bool:
    """Whether a column is no coder's, nor one of two that a merge has told apart, such as stratum_x."""
    text = name.casefold()
    known = (KNOWN - set(TARGETS)) | own
    return text in KNOWN | own or (text.endswith(MERGED) and text[:-2] in known and len(text) > 2)


def with_coordinates(table: Table, found: list[str], own: set[str]) -> list[str]:
    """The columns of coders, with those named x and y whose codes are mostly those of others, or no fractions."""
    others = {code for name in found for code in table.codes(name) if code}
    for name in (column for each in COORDINATES if each not in own and (column := table.find(each)) is not None):
        codes = {code for code in table.codes(name) if code}
        alike = 2 * len(codes & others) >= len(codes) if others else not any("." in code for code in codes)
        if codes and alike:
            found = [*found, name]
    return [name for name in table.names if name in found]
