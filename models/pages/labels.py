"""The page of codebook labels: shares, doubtful items with raw answers, position bias, validation, prompt, receipt."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from models.intervals import share_figure
from models.pages.document import caveats, document, methods_section, section
from models.pages.html import (
    Child,
    Html,
    agree,
    count,
    counted,
    e,
    facts,
    interval,
    number,
    percent,
    shortened,
    table,
    user_text,
)
from models.pages.items import Items, expect, item_name
from models.pages.label_items import STYLE, failures_section, items_section, shown_ids, unsure_section
from models.pages.label_places import places_section
from models.pages.label_validations import validation_sections, validation_sentences
from models.pages.plots import share_bar
from models.pages.provenance import receipt_facts

FREQUENT = 12  # texts of a variable that are listed
LONGEST = 20_000  # characters of a prompt
Fields = Mapping[str, Any]


def ids(answer: Fields) -> Iterable[str]:
    """Ids of all items, of which the page may show pictures or texts."""
    return (item_name(entry) for entry in answer["data"])


def page(answer: Fields, items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/labels.

    Raises
    ------
    PageError : labels of variables that the codebook does not have.
    """
    _check(answer)
    shown = shown_ids(answer)
    body: list[Child] = [
        _top(answer, items),
        section("Labels", [_variable(rule, answer) for rule in answer["codebook"]["variables"]]),
        *validation_sections(answer),
        places_section(answer["positions"]) if answer["positions"] is not None else None,
        items_section(answer, items, shown),
        unsure_section(answer, items),
        failures_section(answer, items),
        section("Codebook", _codebook(answer["codebook"])),
        section("Prompt", *_prompt(answer["prompt"])),
        section("Receipt", receipt_facts({**answer["receipt"], **_usage(answer["usage"])})),
        methods_section(paragraph(answer)),
    ]
    return document(_title(answer), body, style=STYLE)


def _check(answer: Fields) -> None:
    """Raise PageError for parts that contradict each other."""
    expect(bool(answer["data"]), "data: is empty")
    rules = answer["codebook"].get("variables")
    known = isinstance(rules, list) and all(isinstance(rule, Mapping) and "name" in rule for rule in rules)
    expect(known, "codebook.variables: are no variables with names")
    names = {rule["name"] for rule in rules}
    for i, entry in enumerate(answer["data"]):
        expect(set(entry.get("labels") or {}) <= names, f"data[{i}].labels: has a variable that the codebook lacks")
    for part in ("validations", "estimates"):
        expect(set(answer[part]) <= names, f"{part}: has a variable that the codebook lacks")


def categories_of(rule: Fields) -> list[str]:
    """The categories of a variable of a codebook; none for numbers and texts."""
    names = [str(each["name"]) for each in rule.get("categories") or ()]
    return names or (["yes", "no"] if rule.get("kind") == "binary" else [])


def labels_of(answer: Fields, name: str) -> list[Fields]:
    """The labels of a variable, of the items that have one."""
    return [entry["labels"][name] for entry in answer["data"] if name in (entry.get("labels") or {})]


def _title(answer: Fields) -> str:
    return f"Labels of {counted(len(answer['data']), 'item')} by {shortened(answer['receipt']['labeller'], 60)}"


def _top(answer: Fields, items: Items) -> Html:
    receipt, data = answer["receipt"], answer["data"]
    failed = sum("error" in entry for entry in data)
    told = ", ".join(receipt["models"]) or receipt["model"]
    lead: list[Child] = [f"{counted(len(data) - failed, 'item')} {agree(len(data) - failed, 'has', 'have')} labels"]
    if failed:
        lead.append(f", {count(failed)} {agree(failed, 'has', 'have')} an error in their place")
    lead.append(". ")
    if not answer["validations"]:
        lead.append(
            "They are not validated by codes of people on this page: nobody knows yet how often they are wrong."
        )
    rows: list[tuple[Child, Child]] = [
        ("Labeller", [user_text(receipt["labeller"], 63), f" ({receipt['kind']})"]),
        ("Model", user_text(told, 200)),
        ("Sent to", user_text(receipt["host"] or "nowhere: the model runs on this server", 200)),
        ("Made", user_text(_dates(receipt), 80)),
        ("Order of categories", receipt["category_order"]),
        ("Fingerprint", e("code", receipt["fingerprint"])),
    ]
    remarks = [*answer["remarks"], *items.remarks]
    return e(
        "header",
        e("p.kicker", "Report of codebook labels"),
        e("h1", user_text(_title(answer), 200)),
        e("p.lead", lead),
        items.note(),
        caveats(remarks),
        facts(rows),
    )


def _dates(receipt: Fields) -> str:
    first, last = receipt["first"], receipt["last"]
    if first is None:
        return "not told"
    return first if last in (None, first) else f"{first} to {last}"


def _variable(rule: Fields, answer: Fields) -> Html:
    """The labels of a variable: shares of categories, the mean of numbers, or the most frequent texts."""
    name = rule["name"]
    labels = labels_of(answer, name)
    names = categories_of(rule)
    told = [label for label in labels if label["value"] is not None]
    unsure = len(labels) - len(told)
    rest = f"{counted(len(told), 'label')}"
    if unsure:
        rest += f"; of {counted(unsure, 'item')} the labeller cannot tell ({percent(unsure / len(labels))})"
    parts: list[Child] = [
        e("h3", user_text(name, 80)),
        e("p.soft", rest, ". ", user_text(rule.get("question", ""), 300)),
    ]
    if not told:
        return e("div", parts)
    if names:
        parts.append(_shares(name, names, told))
    elif rule.get("kind") == "continuous":
        values = np.array([float(label["value"]) for label in told])
        rows: list[list[Child]] = [
            ["mean", number(float(values.mean()))],
            ["median", number(float(np.median(values)))],
            ["smallest", number(float(values.min()))],
            ["largest", number(float(values.max()))],
        ]
        parts.append(table(None, ["", user_text(name, 60)], rows, name=name))
    else:
        texts = Counter(str(label["value"]) for label in told).most_common(FREQUENT)
        rows = [[user_text(text, 200), count(n)] for text, n in texts]
        parts.append(table("The most frequent texts", ["text", "items"], rows, name=name))
    return e("div", parts)


def _shares(name: str, names: list[str], told: list[Fields]) -> Html:
    rows: list[list[Child]] = []
    with_probabilities = all(label["probabilities"] for label in told)
    for each in names:
        hits = [
            each in label["value"] if isinstance(label["value"], list) else label["value"] == each for label in told
        ]
        share = share_figure(hits)
        cells: list[Child] = [user_text(each, 60), count(sum(hits)), percent(share.value), interval(share, share=True)]
        if with_probabilities:
            cells.append(percent(float(np.mean([label["probabilities"].get(each, 0.0) for label in told]))))
        cells.append(share_bar(share.value, f"{shortened(each, 60)}: {percent(share.value)}"))
        rows.append(cells)
    mean = ["mean probability"] if with_probabilities else []
    return table(None, ["label", "items", "share", "95 % interval", *mean, ""], rows, name=name)


def _codebook(codebook: Fields) -> Iterator[Child]:
    for text in (codebook.get("title"), codebook.get("instructions")):
        if text:
            yield e("p", user_text(text, 2000))
    rows: list[list[Child]] = []
    for rule in codebook["variables"]:
        words = " ".join(filter(None, (rule.get("question"), rule.get("definition"))))
        rows.append([user_text(rule["name"], 80), rule.get("kind", ""), "", user_text(words, 1000)])
        for each in rule.get("categories") or ():
            rows.append(["", "", user_text(each["name"], 80), user_text(each.get("definition", ""), 1000)])
    yield table(None, ["variable", "kind", "category", "question or definition"], rows, kind="words", name="codebook")


def _prompt(prompt: Fields) -> Iterator[Child]:
    yield e(
        "p.soft",
        "The first message, in the order of the codebook; its SHA-256, with the examples and the schema: ",
        e("code", prompt["sha256"]),
    )
    yield e("pre", user_text(prompt["system"], LONGEST))
    yield e("p.soft", "In the second message: ")
    before = [*(f"{each}:" for each in prompt["examples"]), prompt["before_item"]]
    yield e("pre", user_text("\n".join(before), LONGEST))
    for each in prompt.get("questions") or ():  # behind the item, one at a time
        yield e("pre", user_text(each["text"], LONGEST))


def _usage(usage: Fields) -> dict[str, Any]:
    told = {name: usage[name] for name in ("answers", "prompt_tokens", "completion_tokens") if usage[name] is not None}
    if usage["price"] is not None:
        told["price"] = f"{usage['price']:.2f} {usage['currency'] or ''} by the owner's prices"
    return told


def paragraph(answer: Fields) -> str:
    """Methods and results in the past tense."""
    receipt, data = answer["receipt"], answer["data"]
    failed = Counter(entry["error"]["code"] for entry in data if "error" in entry)
    told = ", ".join(receipt["models"]) or receipt["model"]
    where = f", served by {receipt['host']}" if receipt["host"] else ""
    sentences = [
        f"{counted(len(data), 'item')} {agree(len(data), 'was', 'were')} labelled by a codebook of "
        f"{counted(len(answer['codebook']['variables']), 'variable')} with the model {shortened(told, 120)}{where} "
        f"({_dates(receipt)}). The prompt has the SHA-256 {receipt['prompt_sha256'][:16]}…; the seed was "
        f"{receipt['seed']}, and the temperature "
        + ("was not set" if receipt["temperature"] is None else f"{receipt['temperature']:g}")
        + f". The order of the categories was {receipt['category_order']}."
    ]
    if failed:
        by_code = ", ".join(f"{n:,} {code}" for code, n in failed.most_common())
        total = failed.total()
        sentences.append(f"{counted(total, 'item')} ({percent(total / len(data))}) had no labels: {by_code}.")
    for rule in answer["codebook"]["variables"]:
        labels = labels_of(answer, rule["name"])
        told_labels = [label for label in labels if label["value"] is not None]
        if not categories_of(rule) or not told_labels:
            continue
        shares = []
        for name in categories_of(rule)[:FREQUENT]:
            n = sum(
                name in label["value"] if isinstance(label["value"], list) else label["value"] == name
                for label in told_labels
            )
            shares.append(f"{shortened(name, 40)} {percent(n / len(told_labels))}")
        unsure = len(labels) - len(told_labels)
        without = f"; the labeller could not tell for {counted(unsure, 'item')}" if unsure else ""
        sentences.append(f"Uncorrected shares of {shortened(rule['name'], 60)}: {', '.join(shares)}{without}.")
    return " ".join([*sentences, *validation_sentences(answer)])
