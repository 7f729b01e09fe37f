"""Vision-language models: captions by an instruction, answers to prompts with pictures, and likelihoods of answers.

A row carries the pictures as they are, and the conversation as JSON; processor, chat template, tokenizer and network
are those of `transformers`, in the process that runs the network (models/sources/chat_session.py). The answer of a row
is JSON too. Nothing here imports torch.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.analysers.captions import TOKENS
from models.analysers.generation import Written, no_built_in
from models.analysers.spec import AnalyserSpec, Analysis, Arrays, Finding, Steps, Work
from models.errors import AnalysisError, ItemError, quoted

DECODER = "chat"  # the setting `decoder` of these analysers
WRITE, JUDGE = "write", "judge"  # parts: texts; likelihoods of given answers
DEFAULT_PROMPT = "Describe this picture in one sentence."
PROMPT_CHARACTERS = 4000
MOST_TOKENS = 512  # of a text that is written
MOST_PICTURES = 16  # of a conversation
MOST_CHARACTERS = 60_000  # of a conversation, and of a row with its answers
MOST_ANSWERS = 256  # of one question
MOST_PIXELS = 2**22  # of all pictures of a row together: 2048 × 2048
ANSWER_BYTES = 2**15  # of the answer of a row
_SIZES = (
    2**17,
    2**18,
    2**19,
    2**20,
    2**21,
    MOST_PIXELS,
)  # pixels to which rows are filled up: few shapes share batches
_TEXT = 2048  # bytes to a multiple of which the JSON of a row is filled up
_MOST_TEXT = 2**19  # bytes of this JSON


@dataclass(frozen=True)
class Turn:
    """A turn of a conversation. Pictures are RGB and upright."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[str | Image.Image, ...]


class Likelihood(NamedTuple):
    """Likelihood of an answer: the sum of the log-probabilities of its tokens, the end of the turn included.

    `prompt_tokens` is the number of tokens of the conversation before it, those of its pictures included.
    """

    log_probability: float
    tokens: int
    prompt_tokens: int | None = None


@dataclass(frozen=True, kw_only=True)
class Options:
    """Choices of a request.

    Attributes
    ----------
    prompt : the instruction that goes with the picture, or the task of a model that takes none.
    max_tokens : most tokens that are written, 1 to 512. A token is a word, or a part of a rare one.
    """

    prompt: str = DEFAULT_PROMPT
    max_tokens: int = 64

    def __post_init__(self) -> None:
        if not isinstance(self.prompt, str) or len(self.prompt) > PROMPT_CHARACTERS:
            raise AnalysisError(
                f"prompt: got {quoted(self.prompt)}, a text of at most {PROMPT_CHARACTERS:,} characters is needed"
            )
        check_tokens(self.max_tokens)


@dataclass(frozen=True, kw_only=True)
class TaskOptions(Options):
    """Choices for a model that takes no instructions."""

    prompt: str = "<CAPTION>"


def check_tokens(most: Any) -> None:
    """Raise AnalysisError unless `most` is a number of tokens that may be written."""
    if isinstance(most, bool) or not isinstance(most, int | float) or not 1 <= most <= MOST_TOKENS or most != int(most):
        raise AnalysisError(f"max_tokens: got {quoted(most)}, a whole number from 1 to {MOST_TOKENS} is needed")


class VisionLanguage:
    """A vision-language model: `steps` captions a picture, `write` and `likelihoods` answer prompts."""

    choices: ClassVar[type[Any]] = Options

    def __init__(self, spec: AnalyserSpec, folder: Path) -> None:
        self.spec = spec
        self.chat = bool(spec.settings["chat"])  # whether it takes conversations, and not tasks alone
        self.tasks = tuple(str(spec.settings["tasks"]).split())  # prompts of a model without conversations

    @staticmethod
    def make(spec: AnalyserSpec, folder: Path) -> None:
        """Raise ModelUnavailable: none is built in. Folders of transformers: models/sources/chat_models.py."""
        raise no_built_in(spec)

    def check(self, options: Options) -> None:
        """Raise AnalysisError for a prompt that this model does not take."""
        if not options.prompt:
            raise AnalysisError("prompt: got '', an instruction is needed; leave it out for that of the analyser")
        if not self.chat and options.prompt not in self.tasks:
            raise AnalysisError(
                f"prompt: got {quoted(options.prompt)}, {self.spec.name} takes no instructions; give one of "
                f"{', '.join(self.tasks)}"
            )

    def steps(self, image: Image.Image, options: Options) -> Steps:
        """Caption the whole picture."""
        row = packed([Turn("user", (image, options.prompt))], {"max_tokens": int(options.max_tokens)})
        (answer,) = yield Work(WRITE, [row])
        written = _written(answer)
        remarks = []
        if not written.ended:
            remarks.append(f"the caption has not ended after {options.max_tokens} tokens; raise max_tokens for more")
        if not written.text:
            remarks.append("the network ended the caption before its first word")
        findings = (Finding(text=written.text, score=written.score),) if written.text else ()
        values = {} if written.tokens is None else {TOKENS: float(written.tokens)}
        return Analysis(findings=findings, values=values, truncated=not written.ended, remarks=tuple(remarks))

    def check_turns(self, turns: Sequence[Turn]) -> None:
        """Raise AnalysisError for a conversation that is too long, or that this model cannot take."""
        if not self.chat:
            raise AnalysisError(
                f"model: {self.spec.name} writes captions only; choose a model that takes conversations"
            )
        if not turns or turns[-1].role != "user":
            raise AnalysisError("turns: the last turn must be that of the user, which the model answers")
        pictures = sum(isinstance(part, Image.Image) for turn in turns for part in turn.parts)
        if pictures > MOST_PICTURES:
            raise AnalysisError(
                f"turns: got {pictures} pictures, the limit is {MOST_PICTURES}; give fewer examples with pictures"
            )
        characters = sum(len(part) for turn in turns for part in turn.parts if isinstance(part, str))
        if characters > MOST_CHARACTERS:
            raise AnalysisError(
                f"turns: got {characters:,} characters, the limit is {MOST_CHARACTERS:,}; shorten the prompt, or give "
                "fewer examples"
            )

    def likelihoods(
        self, turns: Sequence[Turn], answers: Sequence[str]
    ) -> Generator[Work, Sequence[Arrays], tuple[Likelihood, ...]]:
        """Compute the likelihood of each of `answers` as the next turn, of all in one batch.

        Raises
        ------
        AnalysisError : check_turns; no answers, too many, or an empty one.
        ItemError : the model cannot take the pictures, or the conversation is longer than its context.
        """
        self.check_turns(turns)
        if not 1 <= len(answers) <= MOST_ANSWERS or not all(answers):
            raise AnalysisError(f"answers: got {len(answers):,}, 1 to {MOST_ANSWERS} are needed, none of them empty")
        (answer,) = yield Work(JUDGE, [packed(turns, {"answers": list(answers)})])
        content = _read(answer)
        prompt = content["prompt_tokens"]
        return tuple(Likelihood(total, tokens, prompt) for total, tokens in content["likelihoods"])

    def write(
        self, turns: Sequence[Turn], *, max_tokens: int, schema: Mapping[str, Any] | None = None
    ) -> Generator[Work, Sequence[Arrays], Written]:
        """Write the next turn: the most probable token at each place.

        Parameters
        ----------
        schema : JSON schema of which the text is a document, if it ends.

        Raises
        ------
        AnalysisError : check_turns; max_tokens; a schema that cannot be followed.
        ItemError : the model cannot take the pictures, or the conversation is longer than its context.
        """
        self.check_turns(turns)
        check_tokens(max_tokens)
        options: dict[str, Any] = {"max_tokens": int(max_tokens)}
        if schema is not None:
            options["schema"] = schema
        (answer,) = yield Work(WRITE, [packed(turns, options)])
        return _written(answer)


class TaskCaptions(VisionLanguage):
    """A model that captions by tasks, and takes no instructions."""

    choices: ClassVar[type[Any]] = TaskOptions


def packed(turns: Sequence[Turn], options: Mapping[str, Any]) -> Arrays:
    """A row: pixels (p, 3) uint8 of all pictures one after the other, and its JSON (m,) uint8, both filled up.

    Where pictures have more than MOST_PIXELS together, those above an equal share of these are made smaller.
    """
    pictures = [part for turn in turns for part in turn.parts if isinstance(part, Image.Image)]
    many = sum(each.width * each.height for each in pictures) > MOST_PIXELS
    shown = iter([_bounded(each, MOST_PIXELS // len(pictures)) if many else each for each in pictures])
    blocks: list[NDArray[np.uint8]] = []
    conversation = []
    for turn in turns:
        parts: list[Any] = []
        for part in turn.parts:
            if isinstance(part, str):
                parts.append(part)
            else:
                image = next(shown)
                blocks.append(np.asarray(image.convert("RGB"), np.uint8).reshape(-1, 3))
                parts.append(image.size)
        conversation.append([turn.role, parts])
    content = json.dumps({"turns": conversation, **options}, ensure_ascii=False).encode()
    if len(content) > _MOST_TEXT:
        raise AnalysisError(
            f"turns: conversation and answers have {len(content):,} bytes, the limit is {_MOST_TEXT:,}; shorten them"
        )
    text = np.full(-(-len(content) // _TEXT) * _TEXT, ord(" "), np.uint8)
    text[: len(content)] = np.frombuffer(content, np.uint8)
    used = sum(map(len, blocks))
    pixels = np.zeros((next(size for size in _SIZES if size >= used), 3), np.uint8)
    if blocks:
        np.concatenate(blocks, out=pixels[:used])
    return pixels, text


def unpacked(row: Arrays) -> tuple[list[Turn], dict[str, Any]]:
    """The conversation and the options of a row."""
    pixels, text = row
    content = json.loads(text.tobytes())
    start, turns = 0, []
    for role, parts in content.pop("turns"):
        made: list[str | Image.Image] = []
        for part in parts:
            if isinstance(part, str):
                made.append(part)
            else:
                w, h = part
                made.append(Image.fromarray(pixels[start : start + w * h].reshape(h, w, 3).copy()))
                start += w * h
        turns.append(Turn(role, tuple(made)))
    return turns, content


def answer_row(content: Mapping[str, Any]) -> NDArray[np.uint8]:
    """The answer of a row, (ANSWER_BYTES,) uint8: JSON filled up with spaces."""
    written = json.dumps(content, ensure_ascii=False).encode()
    if len(written) > ANSWER_BYTES:
        return answer_row({"error": f"the answer has {len(written):,} bytes; lower max_tokens"})
    row = np.full(ANSWER_BYTES, ord(" "), np.uint8)
    row[: len(written)] = np.frombuffer(written, np.uint8)
    return row


def row_bytes() -> int:
    """Bytes of the largest row."""
    return 3 * MOST_PIXELS + _MOST_TEXT


def _bounded(image: Image.Image, most: int) -> Image.Image:
    w, h = image.size
    if w * h <= most:
        return image
    factor = (most / (w * h)) ** 0.5
    size = max(1, min(int(w * factor), most)), max(1, min(int(h * factor), most))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _read(answer: Arrays) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(answer[0].tobytes())
    if "error" in content:
        raise ItemError(str(content["error"]))
    return content


def _written(answer: Arrays) -> Written:
    content = _read(answer)
    score, ended, written = float(content["score"]), bool(content["ended"]), len(content["tokens"])
    return Written(content["text"], score, ended, written, content["prompt_tokens"])
