"""Codebook labels by a vision-language model of this server: the likelihood of each category, and written values.

One variable is asked about at a time. The probability of a category is by the likelihood of its name as the whole
answer, so that no answer is outside of the codebook. Numbers and texts are written by a JSON schema.
"""

import asyncio
import io
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from PIL import Image

from models.analysers.generation import Written
from models.analysers.vision_language import MOST_TOKENS, Likelihood, Turn, VisionLanguage
from models.annotation.answer_likelihoods import RECIPES
from models.errors import AnalysisError, ItemError, quoted
from service.errors import Overloaded, ServiceError, Unavailable, Unprocessable
from service.inference.batching import Caller
from service.inference.endpoints import Reply
from service.inference.engine import AnalyserModel, Engine
from service.inference.fair_turns import FairTurns
from service.inference.labellers import LocalLabeller
from service.inference.local_models import is_chat
from service.inference.no_answer import NoAnswer
from service.metrics import LABELLER_REQUESTS
from service.pipelines.concurrency import gather_cancelling
from service.pipelines.driving import ROWS, drive
from service.pipelines.label_items import Contents, ItemContent, pictures_sent
from service.pipelines.label_prompts import (
    BEFORE_ITEM,
    ExampleContent,
    Order,
    fixed_order,
    prompt_of,
    system_text,
)
from service.pipelines.label_questions import ANSWER, Question, check_numbers, questions_of
from service.pipelines.label_scores import document, label_by
from service.schemas import labels as schema
from service.schemas.analyses import AnalyserReceipt
from service.schemas.labels import LabelMethod, LabelPrompt, VariableLabel
from service.stores.label_answers import Record

logger = logging.getLogger("daguerre.labels")
PATIENCE = 600.0  # seconds for which an item waits while the queue is full, or the runner is started again
LONGEST_WAIT = 5.0  # seconds between two tries
SEPARATED = "1: a blank line between neighbouring texts"  # recipe; templates put nothing between parts of a turn
TEXT_TOKENS = 3.0  # characters of a token, for estimates
RULE = (
    "an estimate: an item has a row for each question, and each row the whole prompt; a token for each {characters:g} "
    "characters, and for each {pixels:g} pixels of a picture (pixels_per_token of the labeller); tokens of answers are "
    "those of all answers whose likelihoods are computed, and max_tokens for each number or text that is written"
)


@dataclass(frozen=True)
class LocalWay:
    """Each question is a chat of its own: the codebook, then examples, the item and the question.

    Attributes
    ----------
    shown : parts of the examples, as the model gets them.
    """

    engine: Engine
    turns: FairTurns
    labeller: LocalLabeller
    model: AnalyserModel
    code: VisionLanguage
    options: LabelMethod
    examples: Sequence[ExampleContent]
    shown: tuple[str | Image.Image, ...]

    @classmethod
    async def of(
        cls,
        engine: Engine,
        turns: FairTurns,
        labeller: LocalLabeller,
        options: LabelMethod,
        examples: Sequence[ExampleContent],
    ) -> "LocalWay":
        """The way of a labeller for a method. Raises Unprocessable, Unavailable."""
        model = next((each for each in engine.analysers if each.spec.name == labeller.model), None)
        if model is None or not isinstance(model.code, VisionLanguage) or not is_chat(model.spec):
            raise Unavailable(
                f"labeller: the model of {labeller.name} is not served; the server's owner adds it to "
                "DAGUERRE_ANALYSERS",
                code="model_unavailable",
            )
        if options.temperature:
            raise Unprocessable(
                f"temperature: got {options.temperature:g}, and {labeller.name} computes the likelihood of each answer "
                "in place of drawing one; leave it out",
                param="temperature",
            )
        shown = await engine.in_thread(lambda: _shown(examples))
        made = cls(engine, turns, labeller, model, model.code, options, examples, shown)
        await engine.in_thread(made.require_room)
        return made

    @cached_property
    def prompt(self) -> LabelPrompt:
        questions = [each.described() for each in questions_of(fixed_order(self.options))]
        return prompt_of(self.options, self.examples, answer=ANSWER, questions=questions)

    @property
    def max_tokens(self) -> int:
        """Tokens of a written answer."""
        return min(self.options.max_tokens, MOST_TOKENS)

    @property
    def answer_tries(self) -> int:
        return 1  # another answer would be the same

    def parts(self) -> Mapping[str, Any]:
        """See Way."""
        is_seed_used = "permuted" in (self.options.category_order, self.options.variable_order)
        return {
            "kind": self.labeller.kind,
            "model": self.model.receipt["fingerprint"],
            "likelihoods": RECIPES[self.labeller.score],
            "texts": SEPARATED,
            "seed": self.options.seed if is_seed_used else 0,
            "max_tokens": self.max_tokens,
        }

    def require_room(self) -> None:
        """Raise Unprocessable where a prompt is too long, or has too many pictures, even without an item.

        So are bounds of numbers that no grammar takes.
        """
        check_numbers(self.options.codebook.variables)
        order = fixed_order(self.options)
        for question in questions_of(order):
            try:
                self.code.check_turns(self._turns(order, ("",), question))
            except AnalysisError as exc:
                raise Unprocessable(
                    f"codebook: the question about {quoted(question.variable.name)} is too long for "
                    f"{self.labeller.name}, even without an item: {exc.message}",
                    param="codebook",
                ) from exc

    def _turns(self, order: Order, item: Sequence[str | Image.Image], question: Question) -> tuple[Turn, ...]:
        user = _separated((*self.shown, BEFORE_ITEM, *item, question.text))
        return Turn("system", (system_text(self.options, order, ANSWER),)), Turn("user", user)

    def require_queue(self) -> None:
        """See Way."""
        with self.engine.batcher("image").admit(ROWS):
            pass

    async def ask(self, order: Order, content: ItemContent, number: int, owner: str | None) -> Record:
        """See Way. An item waits while the queue is full or the runner starts again."""
        async with self.turns.turn(owner):
            until = time.monotonic() + PATIENCE
            while True:
                try:
                    record = await self._answer(order, content)
                    LABELLER_REQUESTS.labels(self.labeller.name, "answered").inc()
                    return record
                except (Overloaded, Unavailable) as exc:
                    if time.monotonic() > until:
                        code = "labeller_busy" if isinstance(exc, Overloaded) else "labeller_failed"
                        raise self._counted(NoAnswer(code, exc.message, again=True)) from exc
                    await asyncio.sleep(min(float(exc.retry_after or 1), LONGEST_WAIT))
                except NoAnswer as exc:
                    self._counted(exc)
                    raise
                except ServiceError:
                    raise
                except Exception as exc:  # of the network, as when its memory is full: other items may succeed
                    logger.exception("%s could not be run", self.labeller.model)
                    message = f"{self.labeller.model} could not be run on this item ({type(exc).__name__}); the "
                    message += "server's log says why"
                    raise self._counted(NoAnswer("labeller_failed", message, again=True)) from exc

    def _counted(self, error: NoAnswer) -> NoAnswer:
        LABELLER_REQUESTS.labels(self.labeller.name, error.code).inc()
        return error

    async def _answer(self, order: Order, content: ItemContent) -> Record:
        """The record of one item, all of whose questions were answered."""
        item = await self.engine.in_thread(lambda: _parts(content.text, content.picture))
        questions = questions_of(order)
        found: list[list[Likelihood] | Written] = []
        with self.engine.batcher("image").admit(ROWS) as caller:
            for start in range(0, len(questions), ROWS):
                few = questions[start : start + ROWS]
                found += await gather_cancelling([self._one(order, item, each, caller) for each in few])
        likelihoods = [
            {
                "variable": question.variable.name,
                "category": question.category,
                "answer": answer,
                "log_probability": float(each.log_probability),
                "tokens": int(each.tokens),
            }
            for question, own in zip(questions, found, strict=True)
            if isinstance(own, list)
            for answer, each in zip(question.answers, own, strict=True)
        ]
        texts = {
            question.variable.name: own
            for question, own in zip(questions, found, strict=True)
            if isinstance(own, Written)
        }
        written = {name: [own.text, own.ended] for name, own in texts.items()}
        told: list[Likelihood | Written] = [own if isinstance(own, Written) else own[0] for own in found]
        scored = sum(each.tokens for own in found if isinstance(own, list) for each in own)
        reply = Reply(
            text=document(order, likelihoods, written, self.labeller.score),
            finish_reason="stop",
            model=self.labeller.model,
            prompt_tokens=sum(each.prompt_tokens or 0 for each in told),
            completion_tokens=scored + sum(own.tokens or 0 for own in texts.values()),
            date=time.time(),
        )
        return {**asdict(reply), "seed": self.options.seed, "likelihoods": likelihoods, "written": written}

    async def _one(
        self, order: Order, item: Sequence[str | Image.Image], question: Question, caller: Caller
    ) -> list[Likelihood] | Written:
        """The likelihoods of the answers to a question, or the text that is written. Raises NoAnswer."""
        turns = self._turns(order, item, question)
        try:
            if not question.answers:
                steps = self.code.write(turns, max_tokens=self.max_tokens, schema=question.schema)
                return await drive(self.engine, self.model, steps, caller)
            found = await drive(self.engine, self.model, self.code.likelihoods(turns, question.answers), caller)
        except (AnalysisError, ItemError) as exc:
            raise NoAnswer("prompt_refused", f"{question.variable.name}: {exc.message}") from exc
        if not all(math.isfinite(each.log_probability) for each in found):
            raise NoAnswer(
                "labeller_failed",
                f"{self.labeller.model} gave likelihoods that are no numbers; import it in another precision",
                everywhere=True,
            )
        return list(found)

    def read(self, record: Record, order: Order) -> Mapping[str, VariableLabel]:
        """See Way. Labels are read from the likelihoods and texts that are kept."""
        return {
            each.name: label_by(
                each, order, record["likelihoods"], record["written"].get(each.name), self.labeller.score
            )
            for each in order.variables
        }

    def cost(self, contents: Contents) -> schema.LabelCost:
        """See Way."""
        labeller, n = self.labeller, len(contents.by_key)
        prompt = self.prompt
        shared = len(prompt.system) + len(BEFORE_ITEM)
        shared += sum(len(each.sentence) + len(each.text or "") for each in self.examples)
        texts = sum(len(content.text or "") for content in contents.by_key.values())
        pixels = sum(content.pixels for content in contents.by_key.values())
        pixels += n * sum(each.pixels for each in self.examples)
        times = len(prompt.questions)
        characters = n * (times * shared + sum(len(each.text) for each in prompt.questions)) + times * texts
        answers = [_tokens(answer) for each in prompt.questions for answer in each.answers]
        written = sum(not each.answers for each in prompt.questions)
        tokens = math.ceil(characters / TEXT_TOKENS + times * pixels / labeller.pixels_per_token)
        completion = n * (sum(answers) + written * self.max_tokens)
        return schema.LabelCost(
            rows=n * times,
            requests=n,
            most_requests=n,
            identical=sum(key is not None for key in contents.keys) - n,
            unusable=len(contents.failures),
            pixels=pixels,
            prompt_tokens=tokens,
            completion_tokens=completion,
            most_prompt_tokens=tokens,
            most_completion_tokens=completion,
            rule=RULE.format(characters=TEXT_TOKENS, pixels=labeller.pixels_per_token),
            price=None,
            most_price=None,
            currency=None,
        )

    def price(self, prompt_tokens: int | None, completion_tokens: int | None) -> tuple[float | None, str | None]:
        """See Way."""
        return None, None

    def rows(self, records: Sequence[Record]) -> int | None:
        """See Way."""
        return len(records) * len(self.prompt.questions)

    def receipt(self) -> Mapping[str, Any]:
        """See Way."""
        return {
            "host": None,
            "structured": "likelihoods",
            "seed_sent": False,
            "temperature": None,
            "max_tokens": self.max_tokens,
            "analyser": AnalyserReceipt(**self.model.receipt),
            "likelihoods": RECIPES[self.labeller.score],
        }

    def remarks(self, unclear: int) -> Sequence[str]:
        """See Way."""
        return ()


def card(labeller: LocalLabeller, default: bool) -> schema.LabellerCard:
    """The card of a labeller."""
    return schema.LabellerCard(
        name=labeller.name,
        kind=labeller.kind,
        default=default,
        host=None,
        model=labeller.model,
        sent=f"Nothing leaves this server: it runs {labeller.model} itself, on texts, and on pictures of at most "
        f"{labeller.max_side} pixels on the longer side.",
        kept="Here: of a request nothing after its answer; of a job its items until it ends, and its answers until it "
        "expires; of a run its answers, until it is deleted or expires. Elsewhere: nothing.",
        structured="likelihoods",
        logprobs=True,
        example_pictures=labeller.example_pictures,
        pictures=pictures_sent(labeller),
        concurrency=labeller.concurrency,
        requests_per_minute=None,
        input_price=None,
        output_price=None,
        currency=None,
    )


def _shown(examples: Sequence[ExampleContent]) -> tuple[str | Image.Image, ...]:
    return tuple(part for each in examples for part in (f"{each.sentence}:", *_parts(each.text, each.picture)))


def _parts(text: str | None, picture: bytes | None) -> tuple[str | Image.Image, ...]:
    """The parts of an item, as of `label_remote`: its text, then its picture."""
    parts: list[str | Image.Image] = [] if text is None else [text]
    if picture is not None:
        image = Image.open(io.BytesIO(picture))
        image.load()
        parts.append(image)
    return tuple(parts)


def _separated(parts: Sequence[str | Image.Image]) -> tuple[str | Image.Image, ...]:
    """Parts of a turn whose neighbouring texts are one text, with a blank line between them."""
    found: list[str | Image.Image] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] = f"{found[-1]}\n\n{part}" if part else found[-1]
        else:
            found.append(part)
    return tuple(found)


def _tokens(answer: str) -> int:
    """Estimated tokens of an answer with its end."""
    return math.ceil(len(answer) / TEXT_TOKENS) + 1
