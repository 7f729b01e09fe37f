"""Asking about items: each different one once, with every answer in the journal before it is read."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from service.inference.no_answer import NoAnswer
from service.pipelines.concurrency import gather_cancelling
from service.pipelines.label_answers import AnswerProblem
from service.pipelines.label_items import ItemContent
from service.pipelines.label_methods import Method, Outcome
from service.pipelines.label_prompts import Order, order_for
from service.stores.label_answers import AnswerJournal, Record

MOST_FAILED = 3  # items in a row without an answer in all tries, after which the others are not asked


async def ask_all(
    method: Method,
    contents: Mapping[str, ItemContent],
    journal: AnswerJournal,
    *,
    owner: str | None,
    report: Callable[[int], None] = lambda done: None,
) -> tuple[dict[str, Outcome], int]:
    """The outcomes by key of the content, and the number of answers that were in the journal before."""
    outcomes: dict[str, Outcome] = {}
    window = asyncio.Semaphore(method.labeller.concurrency)
    before = 0
    stopped: list[NoAnswer] = []  # the error for which no other item is asked about
    silent = 0
    await asyncio.to_thread(journal.begin)

    async def one(key: str, content: ItemContent) -> None:
        nonlocal before, silent
        name = f"{method.fingerprint}:{key}"
        async with window:
            known = await asyncio.to_thread(journal.answers, name)
            before += len(known)
            try:
                outcome = await journal.shared(name, lambda: _ask(method, name, key, content, journal, owner, stopped))
            except NoAnswer as exc:
                silent += exc.again
                if exc.everywhere or silent >= MOST_FAILED:
                    stopped.append(exc)
                records = await asyncio.to_thread(journal.answers, name)
                outcome = Outcome(records, order_for(method.options, key), error=(exc.code, exc.message))
            else:
                silent = 0
        outcomes[key] = outcome
        report(len(outcomes))

    await gather_cancelling([one(key, content) for key, content in contents.items()])
    return outcomes, before


async def _ask(
    method: Method,
    name: str,
    key: str,
    content: ItemContent,
    journal: AnswerJournal,
    owner: str | None,
    stopped: Sequence[NoAnswer],
) -> Outcome:
    """The outcome for one content: answers are asked for until one is usable. Raises NoAnswer."""
    order = order_for(method.options, key)
    records = list(await asyncio.to_thread(journal.answers, name))
    while True:
        outcome = read_outcome(method, records, order)
        if outcome is not None and (outcome.labels is not None or _is_last(records, outcome, method)):
            return outcome
        if stopped:
            raise stopped[0]
        record = await method.way.ask(order, content, len(records), owner)
        await asyncio.to_thread(journal.add, name, record)
        records.append(record)


def read_outcome(method: Method, records: Sequence[Record], order: Order) -> Outcome | None:
    """The outcome by the answers so far; None without any."""
    problems: list[str | None] = []
    error = None
    for record in records:
        try:
            labels = method.way.read(record, order)
        except AnswerProblem as exc:
            problems.append(exc.code)
            error = (exc.code, exc.message)
        else:
            return Outcome(records, order, labels, problems=(*problems, None))
    return None if error is None else Outcome(records, order, error=error, problems=tuple(problems))


def _is_last(records: Sequence[Record], outcome: Outcome, method: Method) -> bool:
    """Whether no other answer is asked for: there were as many as permitted, or another would be cut off as well."""
    return len(records) >= method.way.answer_tries or outcome.problems[-1] == "truncated_answer"
