"""Captions of pictures, written token by token by a network of a folder, as BLIP's (Li et al., ICML 2022)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from models.analysers.classes import preprocess_of
from models.analysers.generation import PART, Writer, ints, no_built_in, plan
from models.analysers.spec import AnalyserSpec, Analysis, Finding, Steps, Work
from models.errors import AnalysisError, quoted
from models.images.preprocess import resize

MOST_TOKENS = 64  # of a caption, after its prompt
LONGEST_PROMPT = 15  # tokens
PROMPT_CHARACTERS = 200
TOKENS = "captions_tokens"  # value of every analyser of captions: tokens that the network wrote, the end included
LENGTH = 1 + LONGEST_PROMPT + MOST_TOKENS + 1  # places of a plan: the start, prompt, caption, and the last one


@dataclass(frozen=True, kw_only=True)
class Options:
    """Choices of a request.

    Attributes
    ----------
    prompt : how the caption begins, such as "a photo of"; it is part of the text. "" for none.
    max_tokens : most tokens that are written after the prompt, 1 to 64. A token is a word, or a part of a rare one.
    """

    prompt: str = ""
    max_tokens: int = 20

    def __post_init__(self) -> None:
        if not isinstance(self.prompt, str) or len(self.prompt) > PROMPT_CHARACTERS:
            raise AnalysisError(
                f"prompt: got {quoted(self.prompt)}, a text of at most {PROMPT_CHARACTERS} characters is needed"
            )
        most = self.max_tokens
        if isinstance(most, bool) or not 1 <= most <= MOST_TOKENS or most != int(most):
            raise AnalysisError(f"max_tokens: got {quoted(most)}, a whole number from 1 to {MOST_TOKENS} is needed")


class Captions:
    """One caption of the whole picture: the most probable token at each place, as `generate` without beams."""

    choices: ClassVar[type[Any]] = Options

    def __init__(self, spec: AnalyserSpec, folder: Path) -> None:
        self.preprocess = preprocess_of(spec.settings)
        self.start = ints(spec, "start")
        self.writer = Writer(folder, ints(spec, "ends"))

    @staticmethod
    def make(spec: AnalyserSpec, folder: Path) -> None:
        """Raise ModelUnavailable: none is built in. Folders of transformers: models/sources/writers.py."""
        raise no_built_in(spec)

    def check(self, options: Options) -> None:
        """Raise AnalysisError for a prompt with too many tokens."""
        self.prefix(options.prompt)

    def prefix(self, prompt: str) -> Sequence[int]:
        """The tokens with which a caption starts. Raises AnalysisError."""
        ids = self.writer.tokenizer.encode(prompt, add_special_tokens=False).ids if prompt else []
        if len(ids) > LONGEST_PROMPT:
            raise AnalysisError(
                f"prompt: {quoted(prompt)} has {len(ids)} tokens, at most {LONGEST_PROMPT} are allowed; give the first "
                "words of a caption alone"
            )
        return [*self.start, *ids]

    def steps(self, image: Image.Image, options: Options) -> Steps:
        """Caption the whole picture."""
        start = self.prefix(options.prompt)
        row = resize(image, self.preprocess), plan(start, int(options.max_tokens), LENGTH)
        (answer,) = yield Work(PART, [row])
        written = self.writer.read(start, answer)
        remarks = []
        if not written.ended:
            remarks.append(f"the caption has not ended after {options.max_tokens} tokens; raise max_tokens for more")
        if not written.text:
            remarks.append("the network ended the caption before its first word")
        findings = (Finding(text=written.text, score=written.score),) if written.text else ()
        values = {} if written.tokens is None else {TOKENS: float(written.tokens)}
        return Analysis(findings=findings, values=values, truncated=not written.ended, remarks=tuple(remarks))
