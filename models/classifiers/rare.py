"""Treatment of classes with too few examples to train on: drop their items, or merge them into one class."""

from collections import Counter
from collections.abc import Sequence

from models.classifiers.records import Note
from models.errors import TrainingError, listed, quoted

WAY_OUT = 'or leave rare classes out with rare="drop", or merge them with rare="merge:other"'
SHOWN = 8  # classes that the note names


def check_rare(rare: str | None) -> str | None:
    """The name of the class into which rare classes are merged; None: they are dropped, or `rare` is None.

    Raises TrainingError unless `rare` is None, "drop" or "merge:NAME".
    """
    if rare is None or rare == "drop":
        return None
    kind, _, name = rare.partition(":")
    if kind != "merge" or not name.strip():
        raise TrainingError(
            f'rare: got {quoted(rare)}; must be "drop", or "merge:" with the name of a class, such as "merge:other"',
            code="bad_options",
        )
    return name.strip()


def regroup(
    names: Sequence[str], least: int | None, kept: Sequence[str] | None, rare: str
) -> tuple[list[str | None], tuple[str, ...] | None, tuple[Note, ...]]:
    """Drop or merge rare classes.

    Parameters
    ----------
    names : the class of each item.
    least : smallest number of examples of a class that stays; None: those not among `kept`, the classes of a trained
        head, are treated alike.
    kept : the order of the classes; None: it is not given.
    rare : "drop" or "merge:NAME".

    Returns
    -------
    The class of each item, None for one that is dropped; the order of the classes, None where none was given; notes.
    """
    into = check_rare(rare)
    counts = Counter(names)
    known = dict.fromkeys([*(kept or ()), *sorted(counts)])
    few = [name for name in known if (name not in (kept or ()) if least is None else counts[name] < least)]
    if into is not None and few == [into]:  # alone it has nothing to be merged with
        few = []
    if not few or (least is None and into is not None and into not in (kept or ())):
        return list(names), None if kept is None else tuple(kept), ()
    chosen = [into if name in few else name for name in names]
    order = None
    if kept is not None:
        order = tuple(name for name in kept if name not in few)
        if into is not None and into not in order:
            order = (*order, into)
    if least is None:
        return chosen, order, ()
    few = [name for name in few if name != into or counts[name]]
    n = sum(counts[name] for name in few)
    items = "1 item was" if n == 1 else f"{n:,} items were"
    classes = listed((f"{quoted(name)} ({counts[name]})" for name in few), SHOWN)
    done = "left out" if into is None else f"merged into {'class' if into in known else 'the new class'} {quoted(into)}"
    scope = (
        "figures and predictions are for the other classes" if into is None else "predictions do not tell them apart"
    )
    plural = "classes have" if len(few) > 1 else "class has"
    message = f"{len(few)} {plural} fewer than {least} examples, and {items} {done}: {classes}; {scope}"
    return chosen, order, (Note("rare_classes", message),)
