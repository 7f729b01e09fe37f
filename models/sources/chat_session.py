"""A vision-language model in torch: greedy texts and likelihoods of answers, for batches of rows.

A row is prepared by itself, filled up on its left to one of a few lengths, and shares batches only with rows of the
same length: so its result is the same alone and in a batch, up to the order of sums.
"""

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForImageTextToText, GenerationConfig, LogitsProcessor, StoppingCriteria

from models.analysers.spec import AnalyserSpec, Arrays
from models.analysers.vision_language import JUDGE, Turn, answer_row, unpacked
from models.errors import ModelUnavailable
from models.sources.chat_processors import Refused, filled, open_processor, weights_of
from models.sources.chat_schema import Grammars, Matcher
from models.sources.loading import load
from models.sources.writing_networks import ignored_settings

BUCKET = 32  # tokens to a multiple of which conversations are filled up
AT_ONCE = 32  # answers that are computed at once
CACHED = 2**16  # tokens of rows, or of answers with their conversations, whose keys and values are in memory at once
LONGEST = 16_384  # tokens of a conversation with its pictures
TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
SEQUENCES = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")  # (1, tokens)


@dataclass(frozen=True)
class _Prepared:
    """A row as the network takes it: `answers` has the tokens of those that are judged, `matcher` follows a schema."""

    inputs: Mapping[str, Tensor]
    options: Mapping[str, Any]
    answers: Sequence[Sequence[int]]
    matcher: Matcher | None
    tokens: int  # of the conversation with its pictures
    length: int  # number of tokens after filling up


class ChatSession:
    """The network of a vision-language model on one device. Thread-safe: one batch runs at a time.

    Parameters
    ----------
    spec : the analyser.
    source : folder of transformers with its weights.
    device : "cpu" or "cuda:N".

    Raises
    ------
    ModelUnavailable : the weights have changed since the import, or torch does not support the device.
    """

    def __init__(self, spec: AnalyserSpec, source: Path, *, device: str = "cpu", threads: int = 0) -> None:
        if not source.is_dir() or dict(weights_of(source)) != dict(spec.source.weights):
            raise ModelUnavailable(
                f"the folder that {spec.name!r} was imported from is gone or has changed; import it again"
            )
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise ModelUnavailable(f"device: {device} was asked for, torch finds no CUDA; set DAGUERRE_DEVICE=cpu")
        if device == "cpu" and threads:
            torch.set_num_threads(threads)
        self.network = load(AutoModelForImageTextToText, source, TYPES[spec.precision]).to(device)
        given = self.network.generation_config
        self.ends = _ends(given, self.network.config)
        self.ignored = [each for each in ignored_settings(given) if not each.startswith("forced_")]
        self.start = {
            "forced_bos_token_id": given.forced_bos_token_id,
            "decoder_start_token_id": given.decoder_start_token_id,
        }
        self.processor = open_processor(source, self.ends)
        self.network.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
        text = self.network.config.get_text_config()
        self.context = min(LONGEST, int(getattr(text, "max_position_embeddings", None) or LONGEST))
        pad = self.processor.tokenizer.pad_token_id
        self.pad = self.ends[0] if pad is None else int(pad)
        self.vocabulary = int(text.vocab_size)
        self._made: Grammars | None = None
        self.device = torch.device(device)
        self._lock = threading.Lock()

    def compute(self, part: str, stacks: Arrays) -> Arrays:
        """The answers (n, bytes) of a batch of rows."""
        run = self._judged if part == JUDGE else self._written
        with self._lock, torch.inference_mode():
            answers = self._answers([*zip(*stacks, strict=True)], run)
        return (np.stack([answer_row(each) for each in answers]),)

    def _answers(
        self, rows: Sequence[Arrays], run: Callable[[Sequence[_Prepared]], Sequence[Mapping[str, Any]]]
    ) -> Sequence[Mapping[str, Any]]:
        answers: dict[int, Mapping[str, Any]] = {}
        groups: dict[int, dict[int, _Prepared]] = {}
        for i, row in enumerate(rows):
            try:
                prepared = self._prepare(*unpacked(row))
            except Refused as exc:
                answers[i] = {"error": str(exc)}
            else:
                groups.setdefault(prepared.length, {})[i] = prepared
        for length, group in groups.items():
            each = max(1, CACHED // length)
            for start in range(0, len(group), each):
                some = list(group)[start : start + each]
                answers |= dict(zip(some, run([group[i] for i in some]), strict=True))
        return [answers[i] for i in range(len(rows))]

    def _prepare(self, turns: Sequence[Turn], options: Mapping[str, Any]) -> _Prepared:
        inputs = self.processor.inputs(turns)
        answers = self.processor.answers(turns, options["answers"]) if "answers" in options else []
        more = int(options.get("max_tokens", 0)) + max(map(len, answers), default=0)
        matcher = self._grammars().matcher(options["schema"]) if "schema" in options else None
        tokens = inputs["input_ids"].shape[1]
        bucket = 1 if self.network.config.is_encoder_decoder else BUCKET  # an encoder has absolute positions
        length = -(-tokens // bucket) * bucket
        if not self.processor.tasks and length + more > self.context:
            raise Refused(
                f"the conversation has {tokens:,} tokens with its pictures, and {more:,} may "
                f"follow; the limit is {self.context:,}; shorten it, or send fewer or smaller pictures"
            )
        return _Prepared(inputs, options, answers, matcher, tokens, length)

    def _grammars(self) -> Grammars:
        if self._made is None:
            self._made = Grammars(self.processor.tokenizer, self.vocabulary, self.ends)
        return self._made

    def _batch(self, rows: Sequence[_Prepared]) -> dict[str, Tensor]:
        length = rows[0].length
        batch = filled([row.inputs for row in rows], length, SEQUENCES, self.pad)
        return {
            name: value.to(self.device, self.network.dtype if value.is_floating_point() else None)
            for name, value in batch.items()
        }

    def _written(self, rows: Sequence[_Prepared]) -> Sequence[Mapping[str, Any]]:
        batch = self._batch(rows)
        most = [int(row.options["max_tokens"]) for row in rows]
        encoder_decoder = self.network.config.is_encoder_decoder
        first = 1 if encoder_decoder else batch["input_ids"].shape[1]
        record = _Record([row.matcher for row in rows], first)
        start = {name: value for name, value in self.start.items() if value is not None and encoder_decoder}
        config = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=max(most),
            do_sample=False,
            num_beams=1,
            eos_token_id=list(self.ends),
            pad_token_id=self.pad,
            **start,
        )
        tokens = self.network.generate(
            **batch, generation_config=config, logits_processor=[record], stopping_criteria=[_Stop(first, most)]
        )[:, first:].tolist()
        chances = record.chances()
        written = []
        for i, row in enumerate(tokens):
            stop = next((j + 1 for j, token in enumerate(row) if token in self.ends), len(row))
            stop = min(stop, most[i])
            kept = row[:stop]
            written.append(
                {
                    "text": self.processor.decode(kept),
                    "tokens": kept,
                    "score": float(chances[i, :stop].mean()),
                    "ended": kept[-1] in self.ends,
                    "prompt_tokens": rows[i].tokens,
                }
            )
        return written

    def _judged(self, rows: Sequence[_Prepared]) -> Sequence[Mapping[str, Any]]:
        batch = self._batch(rows)
        mask = batch["attention_mask"]
        network = self.network
        positions = network._prepare_position_ids_for_generation(batch["input_ids"], batch)
        made = network(**batch, position_ids=positions, use_cache=True, logits_to_keep=1)
        first = made.logits[:, -1].float().log_softmax(-1)
        offsets = getattr(network.model, "rope_deltas", None)
        pairs = [(i, ids) for i, row in enumerate(rows) for ids in row.answers]
        sums: list[float] = []
        at_once = max(1, min(AT_ONCE, CACHED // mask.shape[1]))
        for start in range(0, len(pairs), at_once):
            some = pairs[start : start + at_once]
            chosen = torch.tensor([i for i, _ in some], device=self.device)
            longest = max(len(ids) for _, ids in some)
            ids = torch.full((len(some), longest), self.pad)
            there = torch.zeros((len(some), longest), dtype=torch.bool)
            for j, (_, each) in enumerate(some):
                ids[j, : len(each)], there[j, : len(each)] = torch.tensor(each), True
            ids, there = ids.to(self.device), there.to(self.device)
            chances = first[chosen].gather(1, ids[:, :1])
            if longest > 1:
                grown = torch.cat([mask[chosen], there[:, :-1].to(mask.dtype)], dim=1)
                places = (grown.cumsum(-1) - 1).clamp(min=0)[:, mask.shape[1] :]
                if offsets is not None:
                    places = (places[None] + offsets[chosen].reshape(1, -1, 1)).expand(3, -1, -1)
                cache = copy.deepcopy(made.past_key_values)
                cache.batch_select_indices(chosen)
                later = network(
                    input_ids=ids[:, :-1],
                    attention_mask=grown,
                    position_ids=places,
                    past_key_values=cache,
                    use_cache=True,
                ).logits
                chances = torch.cat([chances, _picked(later, ids[:, 1:])], dim=1)
            sums += chances.double().masked_fill(~there, 0).sum(1).tolist()
        found: list[list[list[float]]] = [[] for _ in rows]
        for (i, ids_of), total in zip(pairs, sums, strict=True):
            found[i].append([total, len(ids_of)])
        return [{"likelihoods": each, "prompt_tokens": row.tokens} for each, row in zip(found, rows, strict=True)]


def _picked(logits: Tensor, ids: Tensor) -> Tensor:
    """Log-probabilities of given tokens."""
    return logits.float().log_softmax(-1).gather(2, ids[..., None])[..., 0]


def _ends(given: Any, config: Any) -> tuple[int, ...]:
    value = given.eos_token_id if given.eos_token_id is not None else config.get_text_config().eos_token_id
    if value is None:
        raise ModelUnavailable("the folder names no token that ends a text; write generation_config.json")
    return tuple(int(each) for each in (value if isinstance(value, list | tuple) else [value]))


class _Record(LogitsProcessor):
    """Keeps the probability of the token that is chosen at each step, among all tokens, and follows schemas."""

    def __init__(self, matchers: Sequence[Matcher | None], first: int) -> None:
        self._steps: list[Tensor] = []
        self._matchers, self._first = matchers, first

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        among_all = scores.float().softmax(-1)
        for i, matcher in enumerate(self._matchers):
            if matcher is None:
                continue
            if input_ids.shape[1] > self._first:
                matcher.take(int(input_ids[i, -1]))
            allowed = matcher.allowed().to(scores.device)
            if allowed.any():  # a text that has ended is filled up by anything
                scores[i] = scores[i].masked_fill(~allowed, -torch.inf)
        self._steps.append(among_all.gather(1, scores.argmax(-1, keepdim=True))[:, 0])
        return scores

    def chances(self) -> Tensor:
        """Probabilities (n, steps)."""
        return torch.stack(self._steps, dim=1).cpu()


class _Stop(StoppingCriteria):
    """Ends each row of a batch after its own number of tokens."""

    def __init__(self, first: int, most: Sequence[int]) -> None:
        self._first, self._most = first, torch.tensor(most)

    def __call__(self, input_ids: Tensor, scores: Tensor, **_: Any) -> Tensor:
        return (input_ids.shape[1] - self._first >= self._most).to(input_ids.device)
