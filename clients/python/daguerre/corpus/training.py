"""A table of coded items as the arguments of `train_classifier`, with images or with vectors."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from daguerre.corpus.classifiers import item_groups, training_arguments
from daguerre.corpus.coded import CodedTable, read_coded
from daguerre.inputs.alignment import id_texts
from daguerre.inputs.names import PathNames
from daguerre.results.embeddings import Embeddings

WARNED = (  # notes of a report that nobody should overlook
    *("missing_codes", "similar_codes", "lost_zeros", "items", "rare_classes"),
    *("text_from_image", "coders_differ", "adjudicator_differs", "no_probabilities", "purposive", "uncoded"),
)


def read_training_table(table: Any, coders: Sequence[str], rule: str | None, adjudicator: str | None) -> CodedTable:
    """The table, without the codes of an adjudicator whom the rule does not ask. Raises ValueError."""
    read = table if isinstance(table, CodedTable) else read_coded(table, coders=coders, adjudicator=adjudicator)
    if rule == "adjudicated" and read.adjudicator is None:
        raise ValueError(
            f"{read.name}: rule adjudicated needs the coder who decides; name one as adjudicator, or fill in a "
            f"column of that name (the coders are {', '.join(read.coders) or 'not named'})"
        )
    return read if rule in (None, "adjudicated") else read.without_adjudicator()


def table_arguments(
    table: CodedTable, images: Any, embeddings: Mapping[str, Embeddings] | None, groups: Any, *, numeric: bool
) -> dict[str, Any]:
    """The arguments that a table stands for.

    Parameters
    ----------
    images : the folder of the images; None: that of the table.
    embeddings : by modality, vectors of all items of the table, and perhaps of others.
    groups : as for `item_groups`, or a list with a group for each item of the table.
    """
    if images is not None and (not isinstance(images, str | os.PathLike) or not os.path.isdir(images)):
        raise ValueError(f"images: with a table, give the folder of its images (got {images!r:.60})")
    own = training_arguments(table, numeric=numeric, root=None if images is None else os.fspath(images))
    if groups is not None:
        if "groups" in own:
            raise ValueError("groups: the table has a column group already; leave one of them out")
        in_order = isinstance(groups, list | tuple | np.ndarray)
        own["groups"] = groups if in_order else item_groups(groups, table.ids, table.paths)
    if embeddings is not None:
        own = {name: value for name, value in own.items() if name not in ("images", "texts")}
        chosen = {modality: rows_of(made, table) for modality, made in embeddings.items()}
        if "codes" in own:
            own["codes"] = list(zip(table.coder, table.item, (code for _, _, code in own["codes"]), strict=True))
        return own | {"embeddings": chosen, "ids": table.ids}
    if "images" not in own and "texts" not in own:
        raise ValueError(f"{table.name} has neither paths nor texts; give embeddings, or the folder of its images")
    return own


def texts_of(what: str, given: Sequence[Any] | None) -> list[str] | None:
    """A column as texts; None for none."""
    return None if given is None else id_texts(given, what)


def numbers_of(given: Sequence[float] | None) -> list[float] | None:
    """A column as numbers; None for none."""
    return None if given is None else [float(number) for number in given]


def zero_shot_fields(
    zero_shot: Mapping[str, str] | Sequence[str] | str | None, templates: Sequence[str] | None
) -> dict[str, Any] | None:
    """The field `zero_shot` of a request, from prompts by label, labels, or the name of a preset. Raises ValueError."""
    if zero_shot is None:
        if templates is not None:
            raise ValueError("templates: are for zero_shot prompts; give zero_shot too, or leave them out")
        return None
    chosen: dict[str, Any] = {"templates": None if templates is None else list(templates)}
    if isinstance(zero_shot, str):
        return chosen | {"preset": zero_shot}
    chosen["labels"] = [str(label) for label in zero_shot]
    if isinstance(zero_shot, Mapping):
        chosen["prompts"] = [str(prompt) for prompt in zero_shot.values()]
    return chosen


def rows_of(made: Embeddings, table: CodedTable) -> Embeddings:
    """The vectors of the items of a table, which are found by id, else by path. Raises ValueError."""
    known = PathNames(made.ids, made.ids)
    places: list[int] = []
    absent: list[str] = []
    for i, id in enumerate(table.ids):
        found = known.find(id) or (known.find(table.paths[i]) if table.paths is not None else [])
        if len(found) > 1:
            raise ValueError(f"{table.name}: {id!r} names {len(found)} vectors; give ids that tell them apart")
        places += found
        absent += [] if found else [id]
    if absent:
        raise ValueError(
            f"{table.name}: {len(absent):,} of {len(table.ids):,} items have no vector, the first is {absent[0]!r}; "
            + known.hint(absent[0])
        )
    return made.take(places)


def coded_items(sent: Mapping[str, Any], names: Sequence[str]) -> list[bool]:
    """Whether each item has a code, (n,)."""
    if sent["targets"] is not None:
        return [code is not None for code in sent["targets"]]
    codes = sent["codes"]
    coded = {item for item, code in zip(codes["item"], codes["code"], strict=True) if code is not None}
    return [name in coded for name in names]


def of_coded(what: str, values: list[Any], names: Sequence[str], coded: Sequence[bool]) -> list[Any]:
    """A column whose items without a code may lack a value: they get the first one, and are not used.

    Raises ValueError for a coded item without a value.
    """
    lacking = [i for i, value in enumerate(values) if value is None and coded[i]]
    if lacking:
        raise ValueError(
            f"{what}: {len(lacking):,} of {sum(coded):,} items have none, of those with a code; the first is "
            f"{names[lacking[0]]!r}; give each one"
        )
    first = next((value for value in values if value is not None), None)
    if what == "split":
        first = "train"  # where the report counts items without a code
    return [first if value is None else value for value in values]


def code_rows(codes: Any) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
    """Coders, items and codes of rows, or of a DataFrame with columns of these names. Raises ValueError."""
    names = ("coder", "item", "code")
    if hasattr(codes, "columns"):
        if absent := [name for name in names if name not in codes.columns]:
            there = ", ".join(map(str, codes.columns))
            raise ValueError(
                f"codes: the table has no column {absent[0]!r}; it has {there}; it needs {', '.join(names)}"
            )
        return tuple(list(codes[name]) for name in names)  # type: ignore[return-value]
    rows = list(codes)
    if odd := [row for row in rows if isinstance(row, str) or len(row) != 3]:
        raise ValueError(f"codes: got {odd[0]!r:.60}; give rows (coder, item, code)")
    return tuple(zip(*rows, strict=True)) if rows else ((), (), ())  # type: ignore[return-value]


def refuse_unusable(blocks: Mapping[str, Embeddings]) -> None:
    """Raise ValueError where not one item has a vector, with the number of files that are not there."""
    if any(made.ok.any() for made in blocks.values()):
        return
    made = next(iter(blocks.values()))
    if not made.errors:
        raise ValueError("no items were given; check the folder, the glob or the list")
    first = made.errors[0]
    raise ValueError(
        f"{len(made.errors):,} of {len(made):,} items cannot be used, the first, {first.id}: {first.message}"
    )


def dropped_warnings(report: Mapping[str, Any]) -> Iterator[str]:
    """Warnings of items that were left out of the training, and of texts that count as missing codes."""
    # rare classes have a note, with their names and numbers
    if dropped := [item for item in report["dropped"] if item["code"] != "rare_class"]:
        reasons = Counter(each["reason"] for each in dropped)
        (reason, count), *others = reasons.most_common()
        which = f"{count:,} of them because" if others else "because"
        reason = f"each {reason}" if reason.startswith(("has ", "is ")) else f"their {reason}"
        yield (
            f"{len(dropped):,} of {len(report['dropped']) + report['n']:,} items were left out of the training, "
            f"{which} {reason}; .report['dropped'] lists them"
        )
    for note in report["notes"]:
        if note["code"] in WARNED:
            yield note["message"]
