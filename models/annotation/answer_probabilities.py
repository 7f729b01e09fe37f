"""Probabilities of categories from the log-probabilities of the tokens of an answer."""

import math
from collections.abc import Mapping, Sequence

Token = tuple[str, float, Mapping[str, float]]  # its text, its log-probability, those of the most probable in its place
MOST_AMBIGUOUS = 0.01


def choice_probabilities(
    tokens: Sequence[Token], start: int, choices: Sequence[str], end: str = '"'
) -> tuple[dict[str, float], float] | None:
    """Probability of each choice in the place of an answer where one of them was written.

    The answer's tokens are followed from the place on. At each of them, the tokens that could have been there in its
    place and that lead to one choice alone add their probability, times that of the tokens before, to that choice. So
    choices that begin with the same token are told apart by later ones.

    Parameters
    ----------
    tokens : the tokens of the whole answer, in order.
    start : index of the character at which the choice begins.
    choices : texts as they are written there, all different.
    end : text behind each choice, which tells "no" from "no one".

    Returns
    -------
    Probabilities, which sum to 1, and the sum before they were scaled: the rest belongs to answers that are no choice,
    or to tokens that are not among the most probable. None where more than 1 % belongs to tokens that leave several
    choices open and were not followed, or the place is not that of a choice.
    """
    masses = dict.fromkeys(choices, 0.0)
    left = list(choices)
    written, before, ambiguous, position = "", 1.0, 0.0, 0
    for text, logprob, top in tokens:
        begin, position = position, position + len(text)
        if position <= start:
            continue
        lead = max(0, start - begin)
        for other, value in top.items():
            if other == text or other[:lead] != text[:lead]:
                continue
            open_to = _open_to(left, written + other[lead:], end)
            if len(open_to) == 1:
                masses[open_to[0]] += before * math.exp(min(value, 0.0))
            elif open_to:
                ambiguous += before * math.exp(min(value, 0.0))
        before *= math.exp(min(logprob, 0.0))
        written += text[lead:]
        left = _open_to(left, written, end)
        if not left:
            return None
        if len(left) == 1:
            masses[left[0]] += before
            break
    else:
        return None
    covered = sum(masses.values())
    if ambiguous > MOST_AMBIGUOUS or covered <= 0:
        return None
    return {choice: mass / covered for choice, mass in masses.items()}, min(covered, 1.0)


def _open_to(choices: Sequence[str], written: str, end: str) -> list[str]:
    """The choices that what is written may become, or is."""
    return [choice for choice in choices if (choice + end).startswith(written) or written.startswith(choice + end)]
