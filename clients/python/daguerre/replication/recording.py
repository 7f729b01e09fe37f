"""Recording of the calls of a client as steps of a study."""

import asyncio
import functools
import inspect
import os
import platform
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from daguerre.corpus.classifiers import training_arguments
from daguerre.corpus.coded import CodedTable
from daguerre.corpus.features import split_features
from daguerre.corpus.training import read_training_table
from daguerre.errors import DaguerreWarning, RemarkWarning
from daguerre.inputs.crops import with_crops
from daguerre.replication.operations import DROPPED, RecordedMethod
from daguerre.replication.outcomes import Outcome, json_bytes, outcome_of, without_paths
from daguerre.replication.steps import FOLDER, FORMAT, RECORD, RESULT, StoredStep, folder_steps
from daguerre.replication.values import Encoder, NotRecorded, materialised, sha256
from daguerre.results.corpus import CorpusSummary
from daguerre.results.embeddings import read_parquet
from daguerre.session import KEPT, Session
from daguerre.storage.whole import whole_file
from daguerre.types.common import NO_MODEL, Receipt
from daguerre.types.jobs import Job
from daguerre.version import __version__

C = TypeVar("C")
VARIABLE = "DAGUERRE_STUDY"
_INSIDE: ContextVar[bool] = ContextVar("daguerre_inside_of_a_step", default=False)  # of a call that is recorded


class Study:
    """A folder in which the calls of a client are recorded, each as a step.

    Steps are in `steps/` of the folder. A call with the same arguments as an earlier one takes its place. Pictures are
    not copied, and no key, address or absolute path is written.

    Raises OSError where the folder cannot be made.
    """

    def __init__(self, folder: "str | os.PathLike[str]") -> None:
        self.folder = Path(folder)
        (self.folder / FOLDER).mkdir(parents=True, exist_ok=True)
        self._known: dict[int, StoredStep] = {}

    def steps(self) -> list[StoredStep]:
        """The steps so far, in order."""
        found = list(folder_steps(self.folder))
        self._known = {
            step.number: known if (known := self._known.get(step.number)) and known.record == step.record else step
            for step in found
        }
        return list(self._known.values())

    def encoded(
        self, operation: str, classifier: str | None, method: RecordedMethod, given: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The record of a call before it runs, and the files of its arguments."""
        record: dict[str, Any] = {
            "format": FORMAT,
            "operation": operation,
            "classifier": classifier,
            "problem": method.refused,
            "daguerre": __version__,
            "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.machine()}",
            "arguments": {},
        }
        if method.refused is not None:
            return record, {}
        encoder = Encoder(method, self.steps())
        try:
            if given.get("videos") is not None:
                raise NotRecorded("videos are not recorded yet")
            arguments, folder = _table_call(given) if given.get("table") is not None else (dict(given), None)
            if folder is not None:
                arguments["images"] = folder
            elif arguments.get("crops") is not None:
                images = next((name for name in method.images if arguments.get(name) is not None), None)
                if images is None:
                    raise NotRecorded("crops of this method are not recorded yet")
                arguments[images] = with_crops(arguments[images], arguments.pop("crops"))
            kept = {name: value for name, value in arguments.items() if name not in DROPPED and value is not None}
            record["arguments"] = encoder.arguments(kept)
            if folder is not None:
                record["arguments"]["images"]["$"] = "folder"
        except (NotRecorded, OSError, ValueError, TypeError) as exc:
            record["problem"] = f"the arguments could not be stored: {without_paths(str(exc))}"
            return record, {}
        return record, encoder.files

    def write(self, record: Mapping[str, Any], files: Mapping[str, bytes], result: Any) -> str | None:
        """Write a step with its result, and return the reason why it cannot be repeated, if there is one."""
        record = dict(record)
        if isinstance(result, Job):
            record["problem"] = "wait=False: the result was not there yet"
            outcome = Outcome()
        else:
            outcome = outcome_of(_of_file(result, record))
        if record["operation"] in ("train_classifier", "fine_tune") and hasattr(result, "card"):
            record["trained"] = [result.id]
        named = {old: "{classifier}" for old in record.get("trained", ())}
        outcome = outcome.renamed(named)
        made = outcome.files()
        identity = sha256(
            json_bytes([record["operation"], record["classifier"], _by_steps(record["arguments"]), record["problem"]])
        )
        record |= {
            "identity": identity,
            "receipt": _receipt(_of_file(result, record)),
            "digest": outcome.digest(),
            "result": {name: sha256(data) for name, data in made.items()},
            "files": {name: sha256(data) for name, data in files.items()},
        }
        with self._place(record) as (number, trained, folder):
            record |= {"number": number} | ({"trained": [*trained, *record["trained"]]} if "trained" in record else {})
            (folder / RESULT).mkdir(exist_ok=True)
            for name, data in (*files.items(), *((f"{RESULT}/{name}", data) for name, data in made.items())):
                (folder / name).write_bytes(data)
            with whole_file(folder / RECORD) as path:  # a step with a record is read by other processes
                Path(path).write_bytes(json_bytes(record))
        problem: str | None = record["problem"]
        return problem

    @contextmanager
    def _place(self, record: Mapping[str, Any]) -> Iterator[tuple[int, list[str], Path]]:
        """The number of a step, the classifiers that earlier runs of it trained, and its empty folder."""
        for step in self.steps():
            if step.record.get("identity") == record["identity"]:
                folder = self.folder / FOLDER / f"{step.number:04}-{step.operation}"
                trained = [each for each in step.classifiers if each not in record.get("trained", ())]
                shutil.rmtree(folder)
                folder.mkdir()
                yield step.number, trained, folder
                return
        number = 1 + max((int(path.name[:4]) for path in (self.folder / FOLDER).glob("[0-9]*-*")), default=0)
        while True:
            folder = self.folder / FOLDER / f"{number:04}-{record['operation']}"
            try:
                (self.folder / FOLDER / f".{number:04}").mkdir()  # of two processes, one gets the number
            except FileExistsError:
                number += 1
                continue
            if not any((self.folder / FOLDER).glob(f"{number:04}-*")):
                folder.mkdir()
                break
            (self.folder / FOLDER / f".{number:04}").rmdir()
            number += 1
        try:
            yield number, [], folder
        finally:
            (self.folder / FOLDER / f".{number:04}").rmdir()


def _by_steps(argument: Any) -> Any:
    """An argument whose results of earlier steps are the numbers of these, and not their fields.

    Fields differ when a step is run again: a clustering has the id of its job.
    """
    if isinstance(argument, Mapping):
        if argument.get("$") == "object" and argument["step"] is not None:
            return {name: argument[name] for name in ("$", "class", "step")}
        return {name: _by_steps(each) for name, each in argument.items()}
    return [_by_steps(each) for each in argument] if isinstance(argument, list) else argument


def _of_file(result: Any, record: Mapping[str, Any]) -> Any:
    """The vectors of a corpus, of which the method gives a summary only."""
    if not isinstance(result, CorpusSummary):
        return result
    made = read_parquet(result.out)
    wanted = {item["id"] for item in record["arguments"].get("source", {}).get("items", ())}
    return made[[id in wanted for id in made.ids]] if wanted else made


def _receipt(result: Any) -> dict[str, Any] | None:
    """Model and settings that made a result; None where no model has a part in it."""
    found = getattr(result, "receipt", None)
    if found is None and isinstance(getattr(result, "card", None), Mapping):
        encoders = [dict(each) for each in result.card.get("encoders", ())]
        return {"encoders": encoders} if encoders else None
    if isinstance(found, Receipt):
        return None if found == NO_MODEL else asdict(found)
    if isinstance(found, Mapping):
        return dict(found) or None
    receipts = getattr(result, "receipts", None)
    return {"analysers": dict(receipts)} if receipts else None


def _table_call(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str] | None]:
    """A training with a table of codes: the table as it is read, and its pictures by their paths below the folder."""
    arguments = dict(given)
    table = given["table"]
    if isinstance(given.get("features"), list | tuple):  # columns of the table
        table, arguments["features"] = split_features(table, given["features"])
    read: CodedTable = read_training_table(
        table, given.get("coders") or (), given.get("rule"), given.get("adjudicator")
    )
    arguments |= {"coders": None, "adjudicator": None}
    files: dict[str, str] | None = None
    root = given.get("images")
    if given.get("embeddings") is None:
        own = training_arguments(read, numeric=False, root=None if root is None else os.fspath(root))
        if (paths := own.get("images")) is not None:
            base = os.path.dirname(read.name) if root is None else os.fspath(root)
            below = [_below(path, base) for path in paths]
            files = dict(zip(below, paths, strict=True))
            read = replace(read, paths=below)
    arguments["table"] = read
    arguments["images"] = None
    return arguments, files


def _below(path: str, base: str) -> str:
    try:
        relative = os.path.relpath(path, base or ".").replace(os.sep, "/")
    except ValueError:  # on another drive
        return os.path.basename(path)
    return os.path.basename(path) if relative.startswith("../") else relative


@contextmanager
def unrecorded() -> Iterator[None]:
    """A context in which no call is recorded."""
    token = _INSIDE.set(True)
    try:
        yield
    finally:
        _INSIDE.reset(token)


def recorded(kind: type[C], methods: Mapping[str, RecordedMethod]) -> type[C]:
    """A class whose methods record their calls where its client has a study."""
    for operation, row in methods.items():
        setattr(kind, operation, _recorded(operation, row, getattr(kind, operation)))
    return kind


def _recorded(operation: str, row: RecordedMethod, method: Any) -> Any:
    signature = inspect.signature(method)

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        session: Session = self if isinstance(self, Session) else self._session
        if getattr(session, "recorder", None) is None or _INSIDE.get():
            return method(self, *args, **kwargs)  # without a frame of its own, so that warnings name the caller
        try:
            bound = signature.bind(self, *args, **kwargs)
        except TypeError:
            return method(self, *args, **kwargs)  # which raises it
        return _record(session, operation, row, method, bound)

    return call


async def _record(
    session: Session, operation: str, row: RecordedMethod, method: Any, bound: inspect.BoundArguments
) -> Any:
    """Call a method, and write the call and its result into the study."""
    study: Study = session.recorder  # type: ignore[attr-defined]  # of clients alone
    own, called = next(iter(bound.arguments.items()))
    for name in (*row.images, *row.texts, *row.either, "ids"):
        if name in bound.arguments:
            bound.arguments[name] = materialised(bound.arguments[name])
    given = {name: value for name, value in bound.arguments.items() if name != own}
    classifier = None if called is session else called.id
    record, files = await asyncio.to_thread(study.encoded, operation, classifier, row, given)
    outer, kept = KEPT.get(), list[DaguerreWarning]()
    token = KEPT.set(kept)
    try:
        with unrecorded():
            result = await method(*bound.args, **bound.kwargs)
        try:
            problem = await asyncio.to_thread(study.write, record, files, result)
            remark = problem and f"{operation} is in the study, but cannot be replicated: {problem}"
        except OSError as exc:  # the result is not lost with its record
            remark = f"{operation} is not in the study: {exc}; run it again"
    finally:
        KEPT.reset(token)
    if remark:
        kept.append(RemarkWarning(remark))
    for warning in kept:  # at the line that called, as without a study
        if outer is None:
            warnings.warn(warning, stacklevel=2)
        else:
            outer.append(warning)
    return result
