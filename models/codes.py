"""Reading of columns of codes and of ids: which values are missing, and which are written differently but equal.

1, 1.0, "1" and "1.0" are one code where the whole column is of numbers, and so is True beside 0 and 1. Zeros at the
front are kept, "007" is not 7. In a column with other texts, texts stay as they are.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from models.errors import IdError, TrainingError, quoted
from models.stopping import checkpoint

V = TypeVar("V")
MISSING = ("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NaT", "NULL", "null", "None")
PLAIN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")  # a number as tables have it
WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))(?:\.0+)?")
SCIENTIFIC = re.compile(r"-?[1-9](\.[0-9]+)?[eE]\+?[0-9]{1,2}")  # as R and Excel write large numbers: 1e+05
INVISIBLE = " \t\r\n\v\f\u00a0\u200b\u2060\ufeff"  # blank space, no-break space, zero-width space, byte order mark
LARGE = 10**21  # whole numbers from which a code is named in scientific notation, 1e+99
BLANK = re.compile(r"[\s\u200b\u2060\ufeff]+")
FLAGS = {"true": "1", "false": "0"}
NEGATIVE = frozenset(  # names of negative classes
    ("no", "false", "none", "nothing", "neither", "other", "others", "rest", "negative", "absent")
)
NEGATIVE_STARTS = ("no ", "not ", "non ", "no_", "not_", "non_", "no-", "not-", "non-")
SEVERAL = 50  # different numbers from which a target is not a label
SHOWN = 3  # texts named in a message


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of codes.

    Attributes
    ----------
    names : the name of each code, equal for equal codes; None where there is none.
    values : the codes as they were given; None where there is none.
    taken : texts that count as missing, with the number of their rows; blank ones are not listed.
    chosen : whether the caller chose the texts that are missing.
    """

    names: tuple[str | None, ...]
    values: tuple[Any, ...]
    taken: dict[str, int]
    chosen: bool = False

    @property
    def missing(self) -> int:
        """Number of rows without a code."""
        return self.names.count(None)

    def remarks(self, what: str) -> tuple[str, ...]:
        """Sentences on texts that count as missing unless the caller chose them, and on codes that are alike.

        `what` is what the rows hold, in the plural.
        """
        return (*self.missing_remark(what), *similar_remark(self.names, what))

    def missing_remark(self, what: str) -> tuple[str, ...]:
        """A sentence on texts that count as missing unless the caller chose them."""
        if not self.taken or self.chosen:
            return ()
        texts = ", ".join(f"{count:,} {text!r}" for text, count in list(self.taken.items())[:SHOWN])
        return (
            f"{sum(self.taken.values()):,} of {len(self.names):,} {what} count as missing: {texts}; if such a text is "
            "a code, set `missing` to the texts that are missing, or to one empty text for none",
        )


def read_codes(values: Sequence[Any], missing: Sequence[str] | None = None) -> Column:
    """Read a column of codes.

    Parameters
    ----------
    values : (n,) texts, numbers, booleans; None, NaN and blank texts are missing.
    missing : texts that are missing too, or numbers as texts, such as -9. None: those of MISSING.
    """
    texts = frozenset(_number_name(text) for text in (MISSING if missing is None else missing))
    taken: Counter[str] = Counter()
    kept: list[Any] = []
    read: dict[tuple[type, Any], tuple[Any, str | None]] = {}  # codes are few, rows may be a million
    for value in values:
        key = (type(value), value)
        if key not in read:
            read[key] = _value(value, texts)
        code, text = read[key]
        if text is not None:
            taken[text] += 1
        kept.append(code)
    checkpoint()
    different = {(type(code), code): code for code, _ in read.values() if code is not None}
    name = _naming(list(different.values()))
    names = {key: name(code) for key, code in different.items()}
    return Column(
        names=tuple(None if code is None else names[type(code), code] for code in kept),
        values=tuple(kept),
        taken=dict(taken.most_common()),
        chosen=missing is not None,
    )


def similar_remark(names: Iterable[str | None], what: str) -> tuple[str, ...]:
    """A sentence on names that differ only in capitals, in blank space or in the forms of their characters."""
    counts = Counter(name for name in names if name is not None)
    groups: dict[str, list[str]] = {}
    for name in counts:
        groups.setdefault(_folded(name), []).append(name)
    alike = [group for group in groups.values() if len(group) > 1]
    if not alike:
        return ()
    shown = " and ".join(f"{quoted(name)} ({counts[name]:,})" for name in alike[0][:SHOWN])
    more = f", and {len(alike) - 1:,} more such groups" if len(alike) > 1 else ""
    return (
        f"{sum(map(len, alike)):,} {what} differ only in capitals, spaces or the forms of characters: {shown}{more}; "
        "each is one of its own: write them alike if they are one",
    )


def _folded(name: str) -> str:
    """A name in small letters, with single spaces, in the plainest form of its characters."""
    return BLANK.sub(" ", unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())).strip()


def _value(value: Any, missing: frozenset[str]) -> tuple[Any, str | None]:
    """A code as a value of Python, None where there is none; and the text in `missing` that it is."""
    if isinstance(value, str):
        if value.isascii() and value[:1].isalpha() and value == value.strip():  # most ids: none of the forms below
            return (None, value) if value in missing else (value, None)
        value = plain_text(value)
    elif hasattr(value, "item"):
        value = value.item()  # of numpy
    if is_missing(value):
        return None, None
    return (None, code_name(value)) if _number_name(value) in missing else (value, None)


def plain_text(value: str) -> str:
    """A text in one form of Unicode, without blank space and invisible characters at its ends, large numbers alike.

    1e+05 is 100000, and 1e99 is 1e+99.
    """
    text = unicodedata.normalize("NFC", value).strip(INVISIBLE)
    return _whole(float(text)) if SCIENTIFIC.fullmatch(text) and float(text).is_integer() else text


def _whole(value: float) -> str:
    return str(int(value)) if abs(value) < LARGE else repr(value)


def is_missing(value: Any) -> bool:
    """Whether a value is None, blank, or NaN of any library (not equal to itself, or without a truth value)."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    try:
        return not value == value  # noqa: SIM201
    except TypeError:
        return True


def code_name(value: Any) -> str:
    """The name of a code by itself: "1" for 1.0, 1 and "1", "true" for True, a text without spaces at its ends."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return _whole(value)
    return str(value).strip()


def _naming(values: Sequence[Any]) -> Callable[[Any], str]:
    """The function that names the codes of a column."""
    others = [value for value in values if not _is_flag(value)]
    if not all(_is_number(value) for value in others):
        return code_name
    binary = bool(others) and {_number_name(value) for value in others} <= {"0", "1"}

    def name(value: Any) -> str:
        if _is_flag(value):
            word = str(value).lower()
            return FLAGS[word] if binary else word
        return _number_name(value)

    return name


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value.lower() in FLAGS)


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return PLAIN.fullmatch(value) is not None or (
            SCIENTIFIC.fullmatch(value) is not None and abs(float(value)) >= LARGE
        )
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number_name(value: Any) -> str:
    """The name of a number: 1 for 1.0 and "1.00". "1.10" stays as it is, since it may be a section of a codebook."""
    text = code_name(value)
    whole = WHOLE.fullmatch(text)
    name = whole[1] if whole else text
    return "0" if name == "-0" else name


def read_ids(values: Sequence[Any], what: str) -> list[str]:
    """Read a column of ids, coders, groups or strata, none of which may be missing. Raises IdError.

    Equal ids are found as equal codes are, so that ids of a table whose numbers became 1.0 match those that did not.
    """
    column = read_codes(values, ())
    if None in column.names:
        place = column.names.index(None)
        many = column.names.count(None)
        raise IdError(
            f"{what}: {many:,} of {len(values):,} are missing, the first is [{place}]; give each row one, or leave the "
            "row out"
        )
    return [name for name in column.names if name is not None]


def without_zeros(id: str) -> str:
    """An id of digits as a program writes it that takes it for a number: 7 for 007."""
    return id.lstrip("0") or "0" if id.isascii() and id.isdigit() else id


def lost_zeros(ids: Sequence[str]) -> str | None:
    """A remark on ids that differ by zeros at the front alone; None where there are none."""
    first: dict[str, str] = {}
    for id in ids:
        other = first.setdefault(without_zeros(id), id)
        if other != id:
            return (
                f"{quoted(other)} and {quoted(id)} are two ids: if they are one, zeros at the front were lost; read "
                "the column of "
                "ids as text"
            )
    return None


def in_order(names: Mapping[str, V]) -> dict[str, V]:
    """A mapping by names of codes, in their order; as numbers (2 before 10) if all of them are numbers."""
    try:
        return {name: names[name] for name in sorted(names, key=float)}
    except ValueError:
        return {name: names[name] for name in sorted(names)}


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes in order; of two, the positive class last.

    The order depends on the names alone, so that training and validation agree whatever the shares of the classes are:
    of two, a class whose name denies the other (see NEGATIVE) comes first; all else is sorted, see `in_order`.
    """
    order = tuple(in_order(dict.fromkeys(names)))
    if len(order) == 2 and _denies(order[1]) and not _denies(order[0]):
        return (order[1], order[0])
    return order


def _denies(name: str) -> bool:
    text = name.strip().casefold()
    return text in NEGATIVE or text.startswith(NEGATIVE_STARTS)


def infer_task(codes: Column) -> Literal["binary", "categorical"]:
    """Infer the task from the number of labels. Raises TrainingError for numbers, which may be labels or quantities."""
    if are_quantities(codes):
        raise TrainingError(
            'task: targets are numbers; set task="continuous", or "categorical" if they are labels', code="bad_task"
        )
    return "binary" if len({name for name in codes.names if name is not None}) == 2 else "categorical"


def are_quantities(codes: Column) -> bool:
    """Whether codes are numbers that are more than labels: many different ones, or fractions."""
    names = {name for name in codes.names if name is not None}
    numbers = [value for value in codes.values if value is not None]
    if not numbers or not all(_is_number(value) for value in numbers):
        return False
    return len(names) > SEVERAL or not all(float(name).is_integer() for name in names)


def finite(value: Any) -> float:
    """A code as a number, 1 for True. Raises ValueError for texts, and for what is not finite."""
    if _is_flag(value):
        return float(FLAGS[str(value).lower()])
    if isinstance(value, str) and "_" in value:
        raise ValueError(f"could not convert string to float: {quoted(value)}")
    try:
        number = float(value)
    except ValueError as exc:
        raise ValueError(f"could not convert string to float: {quoted(value)}") from exc
    except OverflowError as exc:
        raise ValueError(f"{str(value)[:20]}… is too large a number") from exc
    if not math.isfinite(number):
        raise ValueError(f"{quoted(value)} is not a finite number")
    return number
