"""Texts that a network writes token by token: the plan of a row, and the text of its answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.analysers.spec import AnalyserSpec, Arrays
from models.errors import ModelUnavailable

PART = "write"  # pixels (n, size, size, 3) uint8, plan (n, length) int32 → tokens, probabilities (n, length)
FREE, STOP = -1, -2  # in a plan: the network chooses the token at this place; the text ends before it
TOKENIZER = "tokenizer.json"


class Written(NamedTuple):
    """A text. `score` is the mean probability of its tokens, the end included; `ended` whether the network ended it.

    `tokens` is the number of tokens that the network wrote, the end included; None where it is not known.
    `prompt_tokens` is that of its prompt with its pictures, of a vision-language model.
    """

    text: str
    score: float
    ended: bool
    tokens: int | None = None
    prompt_tokens: int | None = None


def plan(start: Sequence[int], most: int, length: int) -> NDArray[np.int32]:
    """The plan (length,) of a row: the tokens that it starts with, then at most `most` that the network chooses."""
    assert len(start) + most < length, "the last place of a plan is always STOP"
    row = np.full(length, STOP, np.int32)
    row[: len(start)] = start
    row[len(start) : len(start) + most] = FREE
    return row


class Writer:
    """Reads texts from the answers of a graph.

    Parameters
    ----------
    folder : of the analyser, with its tokenizer.json.
    ends : tokens that end a text.
    """

    def __init__(self, folder: Path, ends: Sequence[int]) -> None:
        self.tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self.ends = frozenset(ends)

    def read(self, start: Sequence[int], answer: Arrays) -> Written:
        """The text of an answer: tokens (length,), -1 where there is none, and their probabilities."""
        tokens, probabilities = answer
        there = tokens >= 0
        chosen = tokens[there].tolist()
        text = self.tokenizer.decode([*start, *chosen], skip_special_tokens=True)
        ended = bool(self.ends.intersection(chosen))
        return Written(text.strip(), float(probabilities[there].mean()), ended, len(chosen))


def ints(spec: AnalyserSpec, setting: str) -> Sequence[int]:
    """A setting that is a list of tokens."""
    value = spec.settings[setting]
    assert isinstance(value, tuple), f"{setting}: {value!r}"
    return [int(each) for each in value]


def no_built_in(spec: AnalyserSpec) -> ModelUnavailable:
    """The error of a row whose graph is not there."""
    return ModelUnavailable(f"analyser {spec.name!r}: its graph is made when its folder is added; add it again")
