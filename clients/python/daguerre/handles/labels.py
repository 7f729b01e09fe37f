"""Codebook labels that hold a client: their page, with codes of people beside them, and their position bias."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from daguerre.blocking import blocking
from daguerre.corpus.estimates import estimate_fields
from daguerre.corpus.positions import answered_questions, position_fields
from daguerre.corpus.validations import validation_fields
from daguerre.errors import DaguerreError, RemarkWarning
from daguerre.handles.page_sources import MOST_ITEMS, PageSource, page_source
from daguerre.handles.pages import (
    AsyncReported,
    Reported,
    ReportTexts,
    answer_page,
    held,
    require_client,
)
from daguerre.handles.pictures import PageMode, ReportImages, require_mode
from daguerre.inputs.files import require_folder
from daguerre.inputs.names import printable
from daguerre.results.labels import CodebookLabels
from daguerre.session import Session
from daguerre.storage.page_tables import require_tables, write_page
from daguerre.storage.tables import table_of
from daguerre.transport.operations import ESTIMATE_CORPUS, POSITION_BIAS, VALIDATE
from daguerre.types.common import listed

MOST_RAW = 1_500  # characters of a labeller's answer
NO_USAGE = {
    "answers": 0,
    "reused": 0,
    "prompt_tokens": None,
    "completion_tokens": None,
    "price": None,
    "currency": None,
}


@page_source.register
def _labels(result: CodebookLabels) -> PageSource:
    names = [printable(id) for id in result.ids]
    failed = {error.index: error for error in result.errors}
    places = list(range(len(result)))
    remarks = []
    if len(places) > MOST_ITEMS:
        places = sorted(np.random.default_rng(0).choice(len(places), MOST_ITEMS, replace=False).tolist())
        remarks.append(f"This page is of {MOST_ITEMS:,} items, drawn at random from {len(result):,}.")
    data = []
    for index, i in enumerate(places):
        entry = result.entries[i]
        answers = [{**each, "text": (each["text"] or "")[:MOST_RAW]} for each in entry.get("answers") or ()]
        own: dict[str, Any] = {"index": index, "id": names[i], "answers": answers}
        if i in failed:
            own["error"] = {"code": failed[i].code, "message": failed[i].message}
        else:
            own |= {name: entry[name] for name in ("labels", "variables", "categories")}
        data.append(own)
    answer = {
        "data": data,
        **{name: getattr(result, name) for name in ("codebook", "prompt", "receipt")},
        "usage": {**NO_USAGE, **(result.usage or _told(result))},
        "remarks": list(result.remarks),
    }
    return PageSource(kind="labels", answer=answer, ids=result.ids, files=result.files, names=names, remarks=remarks)


def _told(result: CodebookLabels) -> dict[str, int]:
    """The usage of labels that were read back, by their raw answers."""
    prompt, completion = result.tokens
    asked = (
        len(found) for entry, found in zip(result.entries, result.answers, strict=True) if entry.get("same_as") is None
    )
    return {"answers": sum(asked), "prompt_tokens": prompt, "completion_tokens": completion}


@dataclass(frozen=True, eq=False, repr=False)
class AsyncLabels(AsyncReported, CodebookLabels):
    __doc__ = CodebookLabels.__doc__

    async def report(
        self,
        path: "str | os.PathLike[str]",
        *,
        codes: Any = None,
        coders: Sequence[str] = (),
        repeats: Sequence[CodebookLabels] = (),
        images: ReportImages | None = None,
        texts: ReportTexts | None = None,
        pictures: PageMode = "blurred",
        tables: "str | os.PathLike[str] | None" = None,
    ) -> None:
        """Write the labels as one HTML page, which needs no network.

        It has the shares of each variable, the least certain items with their raw answers, errors, the prompt and the
        receipt; the position bias, where the categories were permuted; and with codes the validation and the corrected
        shares.

        Parameters
        ----------
        codes : codes of a random sample: of the only variable, as in `validate`; a table with a column for each
            variable that was coded; or a mapping of variables to codes.
        coders : columns of coders, where `codes` is a table of one variable.
        repeats : results of the same items by other seeds, for the position bias.
        images, texts, pictures, tables : as for other reports.

        Raises
        ------
        ValueError : codes of no variable, or none of the images is in `images`.
        DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> client.label("photos/", codebook="codebook.yaml").report("labels.html", codes="codes.csv")
        """
        await _write_report(self, self.client, path, codes, coders, repeats, images, texts, pictures, tables)


@dataclass(frozen=True, eq=False, repr=False)
class BlockingLabels(Reported, CodebookLabels):
    __doc__ = CodebookLabels.__doc__

    @property
    def asynchronous(self) -> AsyncLabels:
        """The same with asynchronous methods."""
        return held(AsyncLabels, self, None if self.client is None else self.client.asynchronous)

    report = blocking(AsyncLabels.report)  # type: ignore[arg-type]


async def _write_report(
    labels: CodebookLabels,
    client: Session | None,
    path: "str | os.PathLike[str]",
    codes: Any,
    coders: Sequence[str],
    repeats: Sequence[CodebookLabels],
    images: ReportImages | None,
    texts: ReportTexts | None,
    pictures: PageMode,
    tables: "str | os.PathLike[str] | None",
) -> None:
    require_mode(pictures)
    require_folder(path)
    require_tables(tables)
    session = require_client(client)
    source = page_source(labels)
    more: dict[str, Any] = {}
    if labels.receipt.get("category_order") == "permuted":
        if asked := answered_questions([labels, *repeats]):
            more["positions"] = await session.ask(POSITION_BIAS, {"variables": asked})
    elif repeats:
        position_fields([labels, *repeats])  # raises
    remarks = list(source.remarks)
    if codes is not None:
        more["validations"], more["estimates"], said = await _measured(labels, session, codes, coders)
        remarks += said
    source = replace(source, answer={**source.answer, **more}, remarks=remarks)
    page = await answer_page(session, source, images, texts, pictures)
    write_page(path, page.html, tables)


async def _measured(
    labels: CodebookLabels, session: Session, codes: Any, coders: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Answers of validations and estimates by variable, and remarks."""
    validations: dict[str, Any] = {}
    estimates: dict[str, Any] = {}
    remarks: list[str] = []
    for name, own, columns in _codes_by_variable(labels, codes, coders):
        rule = labels.codebook["variables"][labels.variables.index(name)]
        if rule["multiple"] or rule["kind"] == "text":
            kind = "several categories at once" if rule["multiple"] else "texts"
            remarks.append(f"{name}: has {kind}, which this page does not validate; validate a category by itself")
            continue
        positive = "yes" if rule["kind"] == "binary" and not rule["categories"] else None
        predictions = {name: labels.of(name)}
        read = validation_fields(predictions, own, coders=columns)
        task = "continuous" if read.continuous else None
        known = {str(code) for code in read.codes["code"]}
        positive = positive if positive in known else None
        sent = {"predictions": read.predictions, "codes": read.codes, "task": task, "positive": positive}
        validations[name] = await session.ask(VALIDATE, sent)
        remarks += _named(name, [*read.remarks, *validations[name]["remarks"]])
        try:
            fields, _, _ = estimate_fields(
                {"id": labels.ids},
                own,
                predictions=predictions,
                code="code",
                coders=columns,
                adjudicator=None,
                group=None,
                stratum=None,
                by=[],
                time=None,
                covariates=[],
                outcome=None,
            )
            estimates[name] = await session.ask(ESTIMATE_CORPUS, {**fields, "task": task, "positive": positive})
            remarks += _named(name, estimates[name]["remarks"])
        except (DaguerreError, ValueError) as exc:
            remarks.append(f"{name}: no corrected estimate could be made: {exc}")
            session.warn(RemarkWarning(remarks[-1]))
    return validations, estimates, list(dict.fromkeys(remarks))


def _named(name: str, remarks: Sequence[str]) -> list[str]:
    """Remarks that begin with the name of their variable."""
    return [remark if remark.startswith(f"{name}: ") else f"{name}: {remark}" for remark in remarks]


def _codes_by_variable(
    labels: CodebookLabels, codes: Any, coders: Sequence[str]
) -> Iterator[tuple[str, Any, Sequence[str]]]:
    """Variables with their codes and the columns of these. Raises ValueError."""
    names = labels.variables
    if isinstance(codes, Mapping) and codes and set(codes) <= set(names):
        yield from ((name, codes[name], coders) for name in names if name in codes)
        return
    if isinstance(codes, str | os.PathLike) or hasattr(codes, "columns"):
        table = table_of(codes)
        if not coders and (found := [name for name in names if table.has(name)]):
            yield from ((name, codes, [name]) for name in found)
            return
    if len(names) > 1:
        raise ValueError(
            f"codes: the codebook has {listed(names)}; give a table with a column for each that was coded, or a "
            "mapping of variables to codes"
        )
    yield names[0], codes, coders
