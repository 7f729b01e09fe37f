"""Texts that are documents of a JSON schema: at each place only tokens that can go on to one are allowed."""

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from models.errors import ModelUnavailable, quoted
from models.sources.chat_processors import Refused

EXTRA = "daguerre-service[chat]"


class Matcher:
    """The state of one text that follows a schema."""

    def __init__(self, of_library: Any, vocabulary: int) -> None:
        self._matcher, self._vocabulary = of_library, vocabulary

    def allowed(self) -> Tensor:
        """Whether each token may come next, (vocabulary,) bool."""
        bits = torch.frombuffer(bytearray(self._matcher.compute_logit_bias()), dtype=torch.uint8) > 0
        missing = self._vocabulary - len(bits)
        return torch.nn.functional.pad(bits, (0, missing)) if missing > 0 else bits[: self._vocabulary]

    def take(self, token: int) -> None:
        """Go on by a token that was allowed."""
        if not self._matcher.is_stopped():
            self._matcher.consume_token(token)


class Grammars:
    """Makes matchers for the tokenizer of a model.

    Parameters
    ----------
    tokenizer : fast tokenizer of transformers.
    vocabulary : number of logits.
    ends : tokens that end a text.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, ends: Sequence[int]) -> None:
        try:
            self._library = import_module("llguidance")
            convert = import_module("llguidance.hf").from_tokenizer
        except ModuleNotFoundError as exc:
            raise ModelUnavailable(f"answers that follow a schema need {exc.name}: pip install '{EXTRA}'") from exc
        try:
            self._tokenizer = convert(tokenizer, n_vocab=max(vocabulary, len(tokenizer)), eos_token=list(ends))
        except BaseException as exc:  # a panic of Rust is no Exception
            if not isinstance(exc, Exception) and type(exc).__name__ != "PanicException":
                raise
            raise ModelUnavailable(
                f"schemas cannot be followed with the tokenizer of this model: {quoted(exc)}"
            ) from exc
        self._vocabulary = vocabulary

    def matcher(self, schema: Mapping[str, Any]) -> Matcher:
        """A matcher at the start of a text. Raises Refused for a schema that cannot be followed."""
        library = self._library.LLMatcher
        try:
            grammar = library.grammar_from_json_schema(json.dumps(schema), overrides={"whitespace_flexible": False})
        except ValueError as exc:
            raise Refused(f"the schema cannot be followed: {quoted(exc)}") from exc
        if problem := library.validate_grammar(grammar, self._tokenizer):
            raise Refused(f"the schema cannot be followed: {quoted(problem)}")
        made = library(self._tokenizer, grammar)
        if made.is_error():
            raise Refused(f"the schema cannot be followed: {quoted(made.get_error())}")
        return Matcher(made, self._vocabulary)
