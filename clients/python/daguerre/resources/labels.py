"""Methods of the client for codebook labels."""

import asyncio
import os
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from daguerre.corpus.codebooks import Codebook
from daguerre.corpus.label_methods import label_fields, labels_of_answers, multiverse_fields
from daguerre.corpus.labels import LabelsSummary, delete_run, label_corpus, read_labels
from daguerre.dispatch.collect import OnError
from daguerre.errors import ItemError, ItemFailedError, RemarkWarning
from daguerre.handles.labels import AsyncLabels
from daguerre.handles.multiverse import AsyncMultiverse
from daguerre.handles.reported import reported
from daguerre.inputs.crops import with_crops
from daguerre.inputs.items import Images, Texts, images_or_texts
from daguerre.inputs.source import Unreadable
from daguerre.results.base import Errors
from daguerre.results.labels import CodebookLabels
from daguerre.results.multiverse import MultiverseEstimates
from daguerre.session import Session
from daguerre.transport.operations import (
    ESTIMATE_MULTIVERSE,
    LABEL,
    LABELLERS,
    LABELS,
    PLAN_LABELS,
)
from daguerre.types.common import Payload
from daguerre.types.jobs import Job
from daguerre.types.labels import LabellerCard, LabelPlan, LabelsAnswer

Order = Literal["fixed", "permuted"]


class LabelMethods(Session):
    """Labels of items by the variables of a codebook, by a labeller that the server's owner has set up."""

    async def labellers(self) -> list[LabellerCard]:
        """The labellers of the server, the default first: where each sends items, and what is kept."""
        return await self.ask(LABELLERS)

    @reported(AsyncLabels)
    async def label(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        codebook: Codebook,
        labeller: str | None = None,
        template: str | None = None,
        examples: Images | None = None,
        example_texts: Mapping[str, str] | None = None,
        category_order: Order = "fixed",
        variable_order: Order = "fixed",
        seed: int = 0,
        temperature: float = 0.0,
        max_tokens: int = 1000,
        crops: Any = None,
        ids: Sequence[str] | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> CodebookLabels:
        """Label items by a codebook. The items are sent to the labeller's host, if it has one; see `labellers`.

        An answer that does not fit the codebook is asked for again, and is an error of its item in the end: no label is
        a guess. Identical items are asked about once.

        Parameters
        ----------
        images, texts, crops, ids, on_error, progress : as for `embed`.
        codebook : as for coders: a .yaml or .json file, or a mapping.
        labeller : name of a labeller; None: the server's default.
        template : instructions in place of the default ones, with {variables} and {answer}, and {instructions}.
        examples, example_texts : pictures and texts of items that the codebook names as examples, by their ids; they
            are shown to the labeller. Others are left out.
        category_order, variable_order : "permuted": an order for each item, drawn by `seed`.
        temperature, max_tokens : of the model's answers. A labeller of kind local takes no temperature: it computes the
            likelihood of each category in place of drawing an answer.

        Returns
        -------
        CodebookLabels : `L["protest"]`, `.to_pandas()`, `.answers`, `.receipt`, `.prompt`, `.errors`.

        Raises
        ------
        PermissionDeniedError : the server has no labeller.
        NotFoundError : there is no such labeller.
        ValueError : the codebook cannot be read.

        Examples
        --------
        >>> L = client.label("photos/", codebook="codebook.yaml")
        >>> client.validate(L["protest"], "codes.csv").figures
        """
        fields = label_fields(
            codebook=codebook,
            labeller=labeller,
            template=template,
            examples=examples,
            example_texts=example_texts,
            category_order=category_order,
            variable_order=variable_order,
            seed=seed,
            temperature=temperature,
            max_tokens=max_tokens,
        )
        run = secrets.token_hex(16)

        async def ask(items: Sequence[Payload]) -> LabelsAnswer:
            return await self.transport.call(LABEL, {**fields, "run": run}, items=items)

        given, count = images_or_texts(None if images is None else with_crops(images, crops), texts, ids)
        try:
            gathered = await self.gather(given, count, ask, on_error, progress, "label", None)
        finally:
            await delete_run(self, run)
        for remark in dict.fromkeys(each for _, answer in gathered.answers for each in answer.remarks[1:]):
            self.warn(RemarkWarning(remark))
        return labels_of_answers(gathered.ids, gathered.files, gathered.errors, gathered.answers)

    async def label_plan(
        self, /, images: Images | None = None, texts: Texts | None = None, *, codebook: Codebook, **method: Any
    ) -> LabelPlan:
        """The exact prompt, and the numbers of requests, pixels and tokens of `label`: nothing is sent to the labeller.

        Parameters
        ----------
        images, texts : at most as many as the server takes in a request; None: the prompt alone.
        codebook, method : as for `label`: labeller, template, examples and so on.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> print(client.label_plan("photos/", codebook="codebook.yaml"))
        """
        fields = label_fields(codebook=codebook, **method)
        if images is None and texts is None:
            return await self.ask(PLAN_LABELS, fields)
        return await self.ask(PLAN_LABELS, fields, items=await asyncio.to_thread(_payloads, images, texts))

    async def label_job(
        self, /, images: Images | None = None, texts: Texts | None = None, *, codebook: Codebook, **method: Any
    ) -> Job:
        """Submit the same as a job of the server, which goes on without this client; `finished_labels` has its labels.

        Parameters
        ----------
        images, texts : at most as many as the server takes in a request.
        codebook, method : as for `label`.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.
        """
        fields = label_fields(codebook=codebook, **method)
        operation = LABEL.reading(Job.read, mode="job")
        return await self.ask(operation, fields, items=await asyncio.to_thread(_payloads, images, texts))

    @reported(AsyncLabels)
    async def finished_labels(self, id: str, *, ids: Sequence[str] | None = None) -> CodebookLabels:
        """Get the labels of a job by its id; `ids` names its items, else they have the ids that
        were sent with them, or numbers. Raises NotFoundError.

        Examples
        --------
        >>> client.wait(job.id)
        >>> client.finished_labels(job.id)
        """
        answer = await self.ask(LABELS, {"id": id})
        n = len(answer.entries)
        told = [str(i) if each.get("id") is None else str(each["id"]) for i, each in enumerate(answer.entries)]
        names = told if ids is None else list(ids)
        if len(names) != n:
            raise ValueError(f"ids: {len(names)} for {n} items; give one for each")
        errors = Errors(
            [ItemError(i, names[i], each.code, each.message) for i, each in sorted(answer.failures.items())]
        )
        return labels_of_answers(names, names, errors, [(list(range(n)), answer)])

    async def label_corpus(
        self,
        /,
        source: Images,
        out: "str | os.PathLike[str]",
        *,
        codebook: Codebook,
        retry_errors: bool = False,
        retry_for: float = 3600.0,
        progress: bool | None = None,
        **method: Any,
    ) -> LabelsSummary:
        """Label a folder of any size into a Parquet file. An interrupted run continues when it is called again.

        Nothing that was answered is asked again, also where this process or the server was killed. Items that the
        labeller could not be asked about (`labeller_unreachable` and the like) are tried in each run.

        Parameters
        ----------
        source : as for `embed_corpus`.
        out : a .parquet file with a row for each item: id, a column for each variable, cannot_tell, error. Beside it,
            NAME.answers.jsonl has the receipt, the prompt, and the raw answers.
        retry_errors : ask again about items without a usable answer in an earlier run.
        retry_for : seconds for which a failing request is retried.
        codebook, method : as for `label`.

        Returns
        -------
        LabelsSummary : numbers of items that were labelled, were there already, and failed.

        Raises
        ------
        FingerprintMismatchError : the file has labels of another method. It is not changed.

        Examples
        --------
        >>> client.label_corpus("photos/", "labels.parquet", codebook="codebook.yaml")
        """
        return await label_corpus(
            self,
            source,
            out,
            label_fields(codebook=codebook, **method),
            retry_errors=retry_errors,
            retry_for=retry_for,
            progress=progress,
        )

    @reported(AsyncLabels)
    async def read_labels(self, path: "str | os.PathLike[str]") -> CodebookLabels:
        """Read the labels of `label_corpus` back. Raises ValueError.

        Examples
        --------
        >>> client.read_labels("labels.parquet")["protest"]
        """
        return await asyncio.to_thread(read_labels, path)

    async def compare_labellers(
        self,
        labels: Mapping[str, Any],
        *,
        of: str,
        variable: str | None = None,
        codes: Any = None,
        coders: Sequence[str] = (),
        adjudicator: str | None = None,
        corpus: Any = None,
        group: str | None = None,
        difference: tuple[str, Any, Any] | None = None,
        confidence: float = 0.95,
        seed: int = 0,
    ) -> AsyncMultiverse:
        """Estimate the share of a category by each of several results of `label`, uncorrected and corrected.

        The spread of the uncorrected estimates shows how far a finding hangs on the choice of model and prompt.

        Parameters
        ----------
        labels : results of `label` by name, of the same items; or predictions by name, as `validate` takes them.
        of : the category whose share is estimated.
        variable : name of the variable; None: the only one.
        codes, coders, adjudicator, corpus, group, difference, confidence, seed : as for `multiverse`.

        Returns
        -------
        Multiverse : `.to_pandas()`, `.summary`, `.report("multiverse.html")`.

        Raises
        ------
        ValueError : there are fewer than two results, or they are of different items.

        Examples
        --------
        >>> client.compare_labellers({"qwen": A, "gemma": B}, of="yes", variable="protest", codes="codes.csv")
        """
        fields, remarks = await asyncio.to_thread(
            lambda: multiverse_fields(
                labels,
                of=of,
                variable=variable,
                codes=codes,
                coders=list(coders),
                adjudicator=adjudicator,
                corpus=corpus,
                group=group,
                difference=difference,
            )
        )
        answer = await self.ask(ESTIMATE_MULTIVERSE, {**fields, "confidence": confidence, "seed": seed})
        for remark in (*remarks, *answer["remarks"]):
            self.warn(RemarkWarning(remark))
        return AsyncMultiverse(**MultiverseEstimates.fields_of(answer, remarks), client=self)


def _payloads(images: Images | None, texts: Texts | None) -> list[Payload]:
    """All items at once. Raises ItemFailedError for one that cannot be read."""
    sources, _ = images_or_texts(images, texts, None)
    found = []
    for i, source in enumerate(sources):
        try:
            found.append(source.read())
        except Unreadable as exc:
            raise ItemFailedError(ItemError(i, source.id, exc.code, exc.message)) from exc
    return found
