"""Error rates of text that was read from pictures, against what people read there."""

import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.analysers.evaluation_intervals import FEW, PICTURES, ratio_figures
from models.errors import AgreementError
from models.intervals import Figure, share_figure
from models.stopping import Check, unchecked

Whitespace = Literal["collapse", "remove", "keep"]
LONGEST = 50_000  # characters of a text
RARE = 8  # places up to which the bits of an item are set when it comes, so that many rare items need no memory
CELLS = 3_000_000_000  # products of the lengths of two texts, summed over the pictures


@dataclass(frozen=True, kw_only=True)
class ErrorRates:
    """Edits that turn the texts read into the true ones, and the lengths of the true ones, over all pictures.

    Attributes
    ----------
    character_edits, word_edits : insertions, deletions and substitutions together.
    characters, words : lengths of the true texts. Words are what stands between spaces.
    exact, texts : texts that were read without an error, and all of them.
    """

    character_edits: int
    characters: int
    word_edits: int
    words: int
    exact: int
    texts: int

    @property
    def character_error_rate(self) -> float | None:
        """Edits of characters over the characters of the true texts (CER); above 1 possible. None without any."""
        return self.character_edits / self.characters if self.characters else None

    @property
    def word_error_rate(self) -> float | None:
        """Edits of words over the words of the true texts (WER); above 1 possible. None without any."""
        return self.word_edits / self.words if self.words else None


@dataclass(frozen=True, kw_only=True)
class TextReport:
    """Error rates over all pictures with intervals, the counts of each picture, and remarks on what they rest on.

    Attributes
    ----------
    character_error_rate, word_error_rate : of sums over all pictures.
    exact : share of the texts that were read without an error.
    """

    character_error_rate: Figure
    word_error_rate: Figure
    exact: Figure
    each: tuple[ErrorRates, ...]
    whole: ErrorRates
    remarks: tuple[str, ...]


def evaluate(
    pairs: Sequence[tuple[str, str]],
    *,
    ignore_case: bool = False,
    whitespace: Whitespace = "collapse",
    seed: int = 0,
    check: Check = unchecked,
) -> TextReport:
    """Evaluate the texts read in a sample of pictures against the true ones.

    Parameters
    ----------
    pairs : true text, text that was read, of each picture.
    ignore_case, whitespace : as for `error_rates`.
    seed : of the bootstrap over pictures behind the intervals, which take pictures as drawn independently.
    check : called between the pictures.

    Raises AgreementError for no pictures, and for texts that are too long.
    """
    if not pairs:
        raise AgreementError("texts: got no pictures, at least one is needed")
    longest = max(max(map(len, pair)) for pair in pairs)
    if longest > LONGEST:
        raise AgreementError(f"texts: one has {longest:,} characters, at most {LONGEST:,}; split it, or leave it out")
    cells = sum(len(true) * len(read) for true, read in pairs)
    if cells > CELLS:
        raise AgreementError(
            f"texts: the lengths of true and read texts multiply to {cells:,} over {len(pairs):,} pictures, at most "
            f"{CELLS:,}; give fewer pictures at a time"
        )
    each = []
    for pair in pairs:
        check()
        each.append(error_rates([pair], ignore_case=ignore_case, whitespace=whitespace))
    characters, words = (
        ratio_figures(
            np.array([[getattr(one, f"{name}_edits") for one in each]], np.float64),
            np.array([getattr(one, f"{name}s") for one in each], np.float64),
            seed=seed,
            check=check,
        )[0]
        for name in ("character", "word")
    )
    whole = _sum(each)
    return TextReport(
        character_error_rate=characters,
        word_error_rate=words,
        exact=share_figure([one.exact for one in each]),
        each=tuple(each),
        whole=whole,
        remarks=tuple(_remarks(whole, each)),
    )


def _sum(each: Sequence[ErrorRates]) -> ErrorRates:
    names = ("character_edits", "characters", "word_edits", "words", "exact", "texts")
    return ErrorRates(**{name: sum(getattr(one, name) for one in each) for name in names})


def _remarks(whole: ErrorRates, each: Sequence[ErrorRates]) -> Iterable[str]:
    if whole.texts < PICTURES:
        yield (
            f"error rates of {whole.texts:,} pictures have no interval, since a bootstrap over fewer than {PICTURES} "
            "is too narrow; code more pictures"
        )
    elif not whole.character_edits:
        yield (
            "every text was read without an error, and a bootstrap of such texts has no width: the share of exact "
            "texts has an interval"
        )
    elif sum(one.character_edits > 0 for one in each) < FEW:
        yield f"fewer than {FEW} texts have errors, so that error rates have no interval; code more pictures"
    if empty := sum(not one.characters for one in each):
        added = sum(one.character_edits for one in each if not one.characters)
        yield (
            f"{empty:,} pictures have no true text: the {added:,} characters that were read in them count as errors, "
            "and they have no rate of their own"
        )
    if not whole.words and whole.characters == 0:
        yield "no picture has true text, so that there are no error rates"


def error_rates(
    pairs: Iterable[tuple[str, str]], *, ignore_case: bool = False, whitespace: Whitespace = "collapse"
) -> ErrorRates:
    """Error rates over pairs of a true text and the text that was read.

    Texts are compared in Unicode's composed form (NFC). Rates are of sums over all texts, so that long texts count for
    more, as is usual (Morris, Maier and Green 2004).

    Parameters
    ----------
    pairs : true text, text that was read.
    ignore_case : compare case-folded texts.
    whitespace : treatment of spaces and line breaks in the comparison of characters. "collapse": runs of them are one
        space, and those at the ends are none; "remove": they do not count; "keep": they are compared as they are.
    """
    character_edits = characters = word_edits = words = exact = texts = 0
    for pair in pairs:
        (true, true_words), (read, read_words) = (_plain(text, ignore_case, whitespace) for text in pair)
        edits = edit_distance(true, read)
        character_edits += edits
        characters += len(true)
        word_edits += edit_distance(true_words, read_words)
        words += len(true_words)
        exact += edits == 0
        texts += 1
    return ErrorRates(
        character_edits=character_edits,
        characters=characters,
        word_edits=word_edits,
        words=words,
        exact=exact,
        texts=texts,
    )


def edit_distance(true: Sequence[Hashable], read: Sequence[Hashable]) -> int:
    """Least number of insertions, deletions and substitutions from one sequence to another (Levenshtein 1966).

    A column of the table of distances is two integers with a bit for each step up and down (Myers 1999, J. ACM 46:395,
    in the form of Hyyrö 2003), so that the time grows with the product of the lengths over the bits of a machine word.
    """
    size = len(true)
    if not size or not len(read):
        return size or len(read)
    mask, last = (1 << size) - 1, 1 << (size - 1)
    places: dict[Hashable, list[int]] = defaultdict(list)
    for i, item in enumerate(true):
        places[item].append(i)
    frequent = {item: _bits(some) for item, some in places.items() if len(some) > RARE}
    up, down, distance = mask, 0, size
    for item in read:
        equal = frequent[item] if item in frequent else _bits(places.get(item, ()))
        vertical = equal | down
        diagonal = (((equal & up) + up) ^ up) | equal
        more, fewer = (down | ~(diagonal | up)) & mask, up & diagonal
        distance += bool(more & last) - bool(fewer & last)
        more, fewer = (more << 1 | 1) & mask, (fewer << 1) & mask
        up, down = (fewer | ~(vertical | more)) & mask, more & vertical
    return distance


def _bits(places: Sequence[int]) -> int:
    """An integer with ones at these bits."""
    if len(places) <= RARE:
        return sum(1 << place for place in places)
    row = bytearray(places[-1] // 8 + 1)
    for place in places:
        row[place // 8] |= 1 << place % 8
    return int.from_bytes(row, "little")


def _plain(text: str, ignore_case: bool, whitespace: Whitespace) -> tuple[str, list[str]]:
    """The characters and the words of a text that are compared."""
    text = unicodedata.normalize("NFC", text)
    if ignore_case:
        text = unicodedata.normalize("NFC", text.casefold())
    words = text.split()
    return (text if whitespace == "keep" else (" " if whitespace == "collapse" else "").join(words)), words
