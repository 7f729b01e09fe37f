"""Results of codebook labels: entries, receipts, costs, and the cards of labellers."""

from collections.abc import Mapping, Sequence
from typing import Any

import PIL

from models.errors import quoted
from models.stopping import Check
from service import __version__
from service.errors import ItemFailure
from service.inference.labellers import Labeller, LocalLabeller
from service.inference.labelling import Labellers
from service.metrics import ITEMS, ITEMS_FAILED
from service.pipelines import label_likelihoods, label_remote
from service.pipelines.jobs import time_of
from service.pipelines.label_items import Contents, pictures_sent
from service.pipelines.label_methods import Method, Outcome
from service.pipelines.label_prompts import CANNOT_TELL
from service.pipelines.positions import remarks_of
from service.schemas import labels as schema
from service.stores.label_answers import Record

COVERED, OFTEN = 0.1, 0.5  # a model that understands a question nearly always writes an answer to it


def failures_of(
    contents: Contents, outcomes: Mapping[str, Outcome], ids: Sequence[str | None]
) -> dict[int, ItemFailure]:
    """The items without labels, by index: unusable ones, and those without a usable answer."""
    failures = dict(contents.failures)
    for i, key in enumerate(contents.keys):
        error = None if key is None else outcomes[key].error
        if error is not None:
            failures[i] = ItemFailure(i, ids[i], *error)
    return dict(sorted(failures.items()))


def answer_of(
    method: Method,
    contents: Contents,
    outcomes: Mapping[str, Outcome],
    ids: Sequence[str | None],
    reused: int,
    job: str | None = None,
    check: Check | None = None,
) -> dict[str, Any]:
    """The answer as JSON types; `check` as of Engine.compute, None for a part without remarks on position bias."""
    failures = failures_of(contents, outcomes, ids)
    first: dict[str, int] = {}
    data: list[schema.LabelledEntry | schema.UnlabelledEntry] = []
    for i, key in enumerate(contents.keys):
        outcome = None if key is None else outcomes[key]
        raw = [] if outcome is None else _raw_answers(outcome)
        if i in failures or outcome is None or outcome.labels is None:
            failure = failures[i]
            error = {"code": failure.code, "message": failure.message}
            data.append(schema.UnlabelledEntry(index=i, id=ids[i], error=error, answers=raw))
            ITEMS_FAILED.labels(failure.code).inc()
            continue
        place = first.setdefault(str(key), i)
        data.append(
            schema.LabelledEntry(
                index=i,
                id=ids[i],
                labels=dict(outcome.labels),
                variables=[each.name for each in outcome.order.variables],
                categories={
                    name: [each for each in names if each != CANNOT_TELL]
                    for name, names in outcome.order.choices.items()
                    if names
                },
                answers=raw,
                same_as=None if place == i else place,
            )
        )
    ITEMS.labels("labels", "image" if any(each.picture for each in contents.by_key.values()) else "text").inc(
        len(data) - len(failures)
    )
    records = [record for outcome in outcomes.values() for record in outcome.records]
    return schema.LabelsAnswer(
        id=job,
        data=data,
        codebook=method.options.codebook.model_dump(),
        prompt=method.prompt,
        receipt=receipt_of(method, records),
        usage=_usage(method, records, reused),
        remarks=_remarks(method, data, records, check),
    ).model_dump()


def _raw_answers(outcome: Outcome) -> list[schema.RawAnswer]:
    return [
        schema.RawAnswer(
            **{name: record[name] for name in schema.RawAnswer.model_fields if name in record and name != "date"},
            date=time_of(record["date"]) or "",
            problem=problem,
        )
        for record, problem in zip(outcome.records, (*outcome.problems, *[None] * len(outcome.records)), strict=False)
    ]


def receipt_of(method: Method, records: Sequence[Record]) -> schema.LabelReceipt:
    """The receipt of the labels that `records` are the answers of."""
    options, labeller = method.options, method.labeller
    dates = sorted(record["date"] for record in records if record["date"])
    return schema.LabelReceipt(
        labeller=labeller.name,
        kind=labeller.kind,
        model=labeller.model,
        models=sorted({record["model"] for record in records if record["model"]}),
        system_fingerprints=sorted({r["system_fingerprint"] for r in records if r["system_fingerprint"]}),
        fingerprint=method.fingerprint,
        prompt_sha256=method.prompt.sha256,
        category_order=options.category_order,
        variable_order=options.variable_order,
        seed=options.seed,
        pictures=pictures_sent(labeller),
        first=time_of(dates[0]) if dates else None,
        last=time_of(dates[-1]) if dates else None,
        made_with={"daguerre": __version__, "pillow": PIL.__version__},
        **method.way.receipt(),
    )


def _usage(method: Method, records: Sequence[Record], reused: int) -> schema.LabelUsage:
    def total(name: str) -> int | None:
        told = [record[name] for record in records]
        return None if not told or any(each is None for each in told) else sum(told)

    prompt, completion = total("prompt_tokens"), total("completion_tokens")
    price, currency = method.way.price(prompt, completion)
    return schema.LabelUsage(
        answers=len(records),
        reused=reused,
        prompt_tokens=prompt,
        completion_tokens=completion,
        price=price,
        currency=currency,
        rows=method.way.rows(records),
    )


def _remarks(method: Method, data: Sequence[Any], records: Sequence[Record], check: Check | None) -> list[str]:
    remarks = [
        "labels of a model are measurements with errors: validate them against human codes of a random sample, and "
        "correct estimates by these"
    ]
    models = {record["model"] for record in records if record["model"]}
    if len(models) > 1:
        remarks.append(f"the endpoint told {len(models)} models, {quoted(', '.join(sorted(models)))}: compare them")
    fingerprints = {record["system_fingerprint"] for record in records if record["system_fingerprint"]}
    if len(fingerprints) > 1:
        remarks.append(f"the endpoint's configuration changed: it told {len(fingerprints)} system fingerprints")
    good = [entry for entry in data if isinstance(entry, schema.LabelledEntry)]
    unclear = sum(
        1
        for entry in good
        for name, label in entry.labels.items()
        if name in entry.categories and label.probabilities is None and not isinstance(label.value, list)
    )
    remarks += [*method.way.remarks(unclear), *misunderstood(good)]
    if method.options.category_order == "permuted" and check is not None:
        remarks += remarks_of(method.options.codebook, [entry.model_dump() for entry in good], check)
    return remarks


def misunderstood(entries: Sequence[schema.LabelledEntry]) -> list[str]:
    """Remarks on variables whose categories the model would hardly have written by itself."""
    remarks = []
    for name in entries[0].categories if entries else ():
        shares = [share for entry in entries if (share := entry.labels[name].covered) is not None]
        if shares and sum(share < COVERED for share in shares) >= len(shares) * OFTEN:
            # without counts, so that the answers about parts of a corpus say it once
            remarks.append(
                f"{name}: all answers that were allowed have a probability below {COVERED} together in half of an "
                "answer's labels or more (`covered`): the model may not understand the question, or would use other "
                "words; read raw answers, reword the categories or the instruction, or use another model"
            )
    return remarks


def cards(labellers: Labellers) -> schema.LabellerList:
    """The labellers of this server, the default first."""
    return schema.LabellerList(data=[_card(each, i == 0) for i, each in enumerate(labellers.all.values())])


def _card(labeller: Labeller, default: bool) -> schema.LabellerCard:
    if isinstance(labeller, LocalLabeller):
        return label_likelihoods.card(labeller, default)
    return label_remote.card(labeller, default)
