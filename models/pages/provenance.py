"""Parts of pages about where results come from: receipts, and items that could not be used."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.pages.document import option_text, section
from models.pages.html import Html, count, facts, path_text, table, user_text

UNUSABLE = 50  # items listed at most


def receipt_facts(receipt: Mapping[str, Any]) -> Html:
    """A receipt, as a table of names and values."""
    return facts((user_text(name, 60), user_text(option_text(value), 300)) for name, value in receipt.items())


def model_words(model: str | None, receipt: Mapping[str, Any] | None) -> str:
    """The model with its revision and fingerprint, for a sentence; "" without a model."""
    if not model:
        return ""
    versions = [f"{name} {receipt[name]}" for name in ("revision", "fingerprint") if receipt and receipt.get(name)]
    return f"the model “{model}”" + (f" ({', '.join(versions)})" if versions else "")


def unusable_table(unusable: Sequence[Mapping[str, Any]], title: str) -> Html:
    """The items that could not be used, with their errors; entries have index, id and error."""
    rows = []
    for item in unusable[:UNUSABLE]:
        error = item.get("error") or {}
        name = item.get("id") or f"item {item.get('index')}"
        rows.append(
            [path_text(name, 160), user_text(error.get("code", ""), 60), user_text(error.get("message", ""), 300)]
        )
    shown = f"The first {UNUSABLE} of {count(len(unusable))}" if len(unusable) > UNUSABLE else None
    return section(title, table(shown, ["item", "error code", "message"], rows, kind="words"))
