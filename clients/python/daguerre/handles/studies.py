"""A study on the server as an object: pictures, columns, codebook, coders, codes."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from daguerre.blocking import Runner, blocking, blocking_result
from daguerre.corpus.codebooks import Codebook, read_codebook, without_defaults, write_codebook
from daguerre.corpus.studies import assigned
from daguerre.dispatch.chunks import Chunks, Taken, read_all
from daguerre.errors import ItemError
from daguerre.handles.pages import held
from daguerre.handles.reported import AsyncAgreement, BlockingAgreement, waiting
from daguerre.handles.study_analyses import AsyncStudyAnalyses, StudyAnalyses
from daguerre.handles.study_data import AsyncStudyData
from daguerre.inputs.items import Images, count_items, image_sources
from daguerre.inputs.source import Unreadable
from daguerre.progress import Progress
from daguerre.results.agreement import Agreement
from daguerre.results.base import Errors
from daguerre.results.studies import StudyAssignment, StudyCodes
from daguerre.transport.operations import (
    ADD_PICTURES,
    ASSIGN,
    ASSIGNMENTS,
    CODEBOOK,
    DELETE_STUDY,
    DISAGREEMENTS,
    FROM_LABEL_STUDIO,
    FROM_LABEL_STUDIO_ONLY,
    LABEL_STUDIO,
    PUT_CODEBOOK,
    RENEW_TOKEN,
    REVOKE_TOKEN,
    STUDY,
    STUDY_AGREEMENT,
    STUDY_CODES,
    STUDY_PROGRESS,
)
from daguerre.types.common import Content

Design = Literal["simple", "stratified", "active", "purposive"]


class AsyncCodingStudy(AsyncStudyAnalyses, AsyncStudyData):
    """A study on the server, for asynchronous code. `CodingStudy` has the same methods for all other code.

    Attributes
    ----------
    name : name of the study.
    card : title, folder, items, columns, codebook, assignments, codes as they were when the object was made; `describe`
        asks again.
    """

    async def describe(self) -> Content:
        """Describe the study as it is now: items, bytes, columns, codebook, assignments, codes."""
        self.card = await self._ask(STUDY)
        return self.card

    async def add(self, images: Images, *, ids: Sequence[str] | None = None, progress: bool | None = None) -> Errors:
        """Send pictures, which the server keeps until the study is deleted.

        A picture that is there already under its id changes nothing: an interrupted call can be repeated.

        Parameters
        ----------
        images, ids, progress : as for `Client.embed`; the ids are those of the items.

        Returns
        -------
        Errors : pictures that could not be used.

        Examples
        --------
        >>> client.create_study("protest").add("photos/")
        """
        session = self._session
        given = image_sources(images, ids, settled=True)
        sources = await asyncio.to_thread(lambda: list(given))
        names = given.ids()
        session.warn_of_left_out(given.left_out)
        chunks = Chunks(iter(sources), items=session.limits.items, size=session.limits.bytes)
        errors: list[ItemError] = []
        shown = Progress.wanted(session.progress if progress is None else progress)
        at = 0
        with Progress(shown, total=count_items(images), what="add") as bar:
            while chunk := await asyncio.to_thread(chunks.take):
                refused = await self._send(chunk, names[at : at + len(chunk)], at)
                errors += refused
                at += len(chunk)
                bar.add(len(chunk), failed=len(refused))
        return Errors(errors)

    async def _send(self, chunk: list[Taken], ids: Sequence[str], start: int) -> list[ItemError]:
        read = await asyncio.to_thread(read_all, chunk)
        good = [(i, each) for i, each in enumerate(read) if not isinstance(each, Unreadable)]
        errors = [
            ItemError(start + i, ids[i], each.code, each.message)
            for i, each in enumerate(read)
            if isinstance(each, Unreadable)
        ]
        if good:
            fields = {"name": self.name, "ids": [ids[i] for i, _ in good]}
            answer = await self._session.ask(ADD_PICTURES, fields, items=[each for _, each in good])
            for each in answer["refused"]:
                i = good[each["index"]][0]
                errors.append(ItemError(start + i, ids[i], each["code"], each["message"]))
        return sorted(errors, key=lambda error: error.index)

    async def set_codebook(self, codebook: Codebook) -> int:
        """Save the codebook: a .yaml or .json file, or a mapping. Returns its version.

        Where codes exist, it is a new version, and the codes are kept; a remark says which do not fit it.
        """
        answer = await self._ask(PUT_CODEBOOK, await asyncio.to_thread(read_codebook, codebook))
        self._remark(answer["remarks"])
        return int(answer["version"])

    async def codebook(self, version: int | None = None, *, save: "str | os.PathLike[str] | None" = None) -> Content:
        """Get the codebook, or an earlier version; `save` writes it as .yaml or .json."""
        answer = await self._ask(CODEBOOK, {"version": version})
        content = without_defaults(answer["codebook"])
        if save is not None:
            await asyncio.to_thread(write_codebook, content, save)
        return content

    async def assign(
        self,
        name: str,
        coders: Sequence[str],
        *,
        size: int | None = None,
        design: Design = "simple",
        strata: str | None = None,
        scores: str | None = None,
        uniform: float = 0.2,
        allocation: Literal["proportional", "equal", "floor"] = "proportional",
        floor: int = 0,
        filters: Sequence[str] = (),
        items: Any = None,
        pairs: Any = None,
        adjudicators: Sequence[str] = (),
        overlap: int | None = None,
        seed: int = 0,
    ) -> StudyAssignment:
        """Draw items with known probabilities, or name them, and distribute them among coders.

        Parameters
        ----------
        name : name of the assignment.
        coders, adjudicators : names of people. Adjudicators decide where coders differ, without their names.
        size, design : number of items to draw: "simple"; "stratified" by the column `strata`; "active", more of those
            with uncertain `scores`, with known probabilities; or "purposive", the highest, which allows no estimates.
        scores, uniform : column of scores, for active draws of probabilities of the positive class; and the share of
            the uniform part of these draws.
        allocation, floor : as for `Client.sample`.
        filters : conditions that items are drawn from, such as "score>=0.5".
        items : ids in place of a draw; or a result of `Client.sample` or a table with id, inclusion_prob and stratum.
        pairs : a table of pairs with the ids `a` and `b`, or (a, b) in a list, for variables of pairs.
        overlap : number of coders of each item; None: all.

        Returns
        -------
        StudyAssignment : `.tokens` by name, which are shown this once; `.save_tokens("tokens.csv")`.

        Examples
        --------
        >>> client.study("protest").assign("first", ["anna", "ben"], size=200, overlap=2).tokens["anna"]
        """
        fields: dict[str, Any] = {"coders": list(coders), "adjudicators": list(adjudicators), "overlap": overlap}
        if size is not None:
            fields["sample"] = {
                **{"design": design, "size": size, "strata": strata, "scores": scores},
                **({"uniform": uniform} if design == "active" else {}),
                **{"allocation": allocation, "floor": floor, "filters": list(filters)},
            }
        if items is not None:
            fields["items"] = assigned(items, ("id",))
        if pairs is not None:
            fields["pairs"] = assigned(pairs, ("a", "b"))
        answer = await self._session.ask(ASSIGN, {**fields, "study": self.name, "name": name, "seed": seed})
        self._remark(answer["remarks"])
        return StudyAssignment.of(answer)

    async def assignments(self) -> list[Content]:
        """List the assignments, without their tokens."""
        return list((await self._ask(ASSIGNMENTS))["data"])

    async def new_token(self, assignment: str, name: str, *, adjudicator: bool = False) -> str:
        """Give a coder a new token in place of the old one, or add an adjudicator."""
        fields = {"study": self.name, "assignment": assignment, "name": name}
        role = "adjudicator" if adjudicator else "coder"
        return str((await self._session.ask(RENEW_TOKEN, {**fields, "role": role}))["token"])

    async def revoke(self, assignment: str, name: str) -> bool:
        """Make the token of a coder invalid; codes are kept. Returns whether there was one."""
        fields = {"study": self.name, "assignment": assignment, "coder": name}
        return bool((await self._session.ask(REVOKE_TOKEN, fields))["revoked"])

    async def progress(self, assignment: str | None = None) -> Content:
        """Count what is coded, what differs and what is decided, with the progress of each person.

        Parameters
        ----------
        assignment : name of the assignment; None: the only one.
        """
        if assignment is None:
            names = [str(each["name"]) for each in (await self._ask(ASSIGNMENTS))["data"]]
            if len(names) != 1:
                there = f"{len(names)}: {', '.join(names)}; name one" if names else "none yet; make one with assign"
                raise ValueError(f"assignment: the study {self.name!r} has {there}")
            (assignment,) = names
        return dict(await self._ask(STUDY_PROGRESS, {"assignment": assignment}))

    async def agreement(
        self,
        variable: str | None = None,
        *,
        assignment: str | None = None,
        category: str | None = None,
        resamples: int | None = None,
        seed: int = 0,
    ) -> AsyncAgreement:
        """Measure the agreement of the coders so far, at the level of the variable.

        Parameters
        ----------
        variable, assignment, category : as for `codes`; None: the only one.
        """
        fields = {"assignment": assignment, "variable": variable, "category": category}
        answer = await self._ask(STUDY_AGREEMENT, {**fields, "resamples": resamples, "seed": seed})
        result = Agreement.of(answer, [])
        self._remark(result.remarks)
        return held(AsyncAgreement, result, self._session)

    async def disagreements(self, assignment: str, variable: str | None = None, *, most: int = 1000) -> list[Content]:
        """List the items on which coders differ, with the code of each and the decision."""
        answer = await self._ask(DISAGREEMENTS, {"assignment": assignment, "variable": variable, "limit": most})
        return list(answer["data"])

    async def codes(
        self,
        variable: str | None = None,
        *,
        layout: Literal["long", "wide", "final"] | None = None,
        assignment: str | None = None,
        category: str | None = None,
        majority: bool = False,
        adjudicators: bool = False,
    ) -> StudyCodes:
        """Get codes as a table, with inclusion probabilities and strata.

        Parameters
        ----------
        layout : "wide", a column for each coder (of one variable; the default with a variable); "long", a row for each
            code (the default without); "final", the code of each item that is decided, unanimous or a single one.
        category : of a variable with several categories, of which each code becomes yes or no.
        majority : whether in "final" most coders decide where nobody has.
        adjudicators : whether "long" has the codes of adjudicators too.

        Returns
        -------
        StudyCodes : `.columns`, which `Client.agreement`, `estimate` and others take; `.to_pandas()`, `.save(path)`.

        Examples
        --------
        >>> client.agreement(client.study("protest").codes("protest").columns)
        """
        shape = layout or ("long" if variable is None else "wide")
        fields: dict[str, Any] = {"variable": variable, "layout": shape, "assignment": assignment, "category": category}
        fields |= {"majority": majority or None, "adjudicators": adjudicators or None}
        table = StudyCodes.of(await self._ask(STUDY_CODES, fields))
        self._remark(table.remarks)
        return table

    async def label_studio(self, assignment: str | None = None) -> list[Any]:
        """Get the codes as annotated tasks in the JSON format of Label Studio."""
        return await self._session.ask(LABEL_STUDIO, {"name": self.name, "assignment": assignment})

    async def add_label_studio(
        self, tasks: Sequence[Any], assignment: str | None = None, *, names: Mapping[str, str] | None = None
    ) -> Content:
        """Save annotations of Label Studio as codes of an assignment's coders.

        Parameters
        ----------
        tasks : as of Label Studio's JSON export.
        assignment : name of the assignment; None: the only one.
        names : name of the coder by the value of completed_by; None: the value.
        """
        fields: dict[str, Any] = {"name": self.name, "tasks": list(tasks), "names": dict(names or {})}
        if assignment is None:
            answer = await self._session.ask(FROM_LABEL_STUDIO_ONLY, fields)
        else:
            answer = await self._session.ask(FROM_LABEL_STUDIO, {**fields, "assignment": assignment})
        self._remark(answer["remarks"])
        return dict(answer)

    async def delete(self) -> Content:
        """Delete the study with its pictures, codes and tokens, and return what was deleted."""
        return dict(await self._ask(DELETE_STUDY))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


class CodingStudy(StudyAnalyses):
    __doc__ = (AsyncCodingStudy.__doc__ or "").replace(
        "for asynchronous code. `CodingStudy` has the same methods for all other code.",
        "in a notebook or a script. `AsyncCodingStudy` has the same methods for asynchronous code.",
    )

    def __init__(self, runner: Runner, asynchronous: AsyncCodingStudy) -> None:
        self._runner = runner
        self.asynchronous = asynchronous
        self.name = asynchronous.name
        self.card = asynchronous.card

    describe = blocking(AsyncCodingStudy.describe)
    add = blocking(AsyncCodingStudy.add)
    items = blocking(AsyncCodingStudy.items)
    picture = blocking(AsyncCodingStudy.picture)
    lookup = blocking(AsyncCodingStudy.lookup)
    set_columns = blocking(AsyncCodingStudy.set_columns)
    columns = blocking(AsyncCodingStudy.columns)
    delete_column = blocking(AsyncCodingStudy.delete_column)
    table = blocking(AsyncCodingStudy.table)
    embed = blocking(AsyncCodingStudy.embed)
    embeddings = blocking(AsyncCodingStudy.embeddings)
    delete_embeddings = blocking(AsyncCodingStudy.delete_embeddings)
    search = blocking(AsyncCodingStudy.search)
    set_codebook = blocking(AsyncCodingStudy.set_codebook)
    codebook = blocking(AsyncCodingStudy.codebook)
    assign = blocking(AsyncCodingStudy.assign)
    assignments = blocking(AsyncCodingStudy.assignments)
    new_token = blocking(AsyncCodingStudy.new_token)
    revoke = blocking(AsyncCodingStudy.revoke)
    progress = blocking(AsyncCodingStudy.progress)
    agreement = blocking_result(AsyncCodingStudy.agreement, waiting(BlockingAgreement))
    disagreements = blocking(AsyncCodingStudy.disagreements)
    codes = blocking(AsyncCodingStudy.codes)
    label_studio = blocking(AsyncCodingStudy.label_studio)
    add_label_studio = blocking(AsyncCodingStudy.add_label_studio)
    delete = blocking(AsyncCodingStudy.delete)

    def __repr__(self) -> str:
        return repr(self.asynchronous).replace("<Async", "<")
