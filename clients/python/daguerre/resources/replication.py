"""Method of the client that runs a bundled study again, and compares every figure."""

import inspect
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from daguerre.errors import ConnectError, DaguerreError, UnavailableError
from daguerre.progress import Progress
from daguerre.replication.bundles import items_of, open_bundle
from daguerre.replication.comparison import compared
from daguerre.replication.operations import DROPPED, RecordedMethod, recorded_method
from daguerre.replication.outcomes import outcome_of
from daguerre.replication.pictures import Pictures
from daguerre.replication.recording import unrecorded
from daguerre.replication.replay import CannotRun, Decoder, Repeated
from daguerre.replication.steps import StoredStep
from daguerre.results.replication import ReplicatedFigure, Replication, Status
from daguerre.session import KEPT, Session

EMBEDDING = ("embed", "zero_shot", "cluster")  # methods that take the model and the decoding of the study's receipt
SHOWN = 5  # pictures in a remark
TRAINED = "{classifier}"  # in place of the name of the classifier that a step trains


class ReplicationMethods(Session):
    """Replication of studies."""

    async def replicate(
        self,
        bundle: "str | os.PathLike[str]",
        images: "str | os.PathLike[str] | None" = None,
        *,
        from_tables: bool = False,
        tolerance: float = 1e-6,
        progress: bool | None = None,
    ) -> Replication:
        """Run every step of a bundled study again on this server, and compare every figure with the stored one.

        Steps take what the repeated steps before them gave: vectors, clusters, samples, classifiers and predictions are
        made again, with the recorded seeds, from the pictures on. What people gave (codes) is taken from the bundle.
        Classifiers are trained under names of their own, and deleted at the end.

        Parameters
        ----------
        bundle : a file of `daguerre.bundle`.
        images : the folder of the pictures. They are found by name or, whatever they are called, by their hashes.
        from_tables : leave out the steps that take pictures, and use their stored results for the others.
        tolerance : largest difference of two numbers that counts as agreement; of numbers above 1, in parts of them.

        Returns
        -------
        Replication : `.agrees`, `.figures`, `.to_pandas()`, `.lines()`, `.save("replication.csv")`.

        Raises
        ------
        DaguerreError : the file is no bundle, or not safe to read.
        ValueError : neither images nor from_tables.

        Examples
        --------
        >>> client.replicate("study.zip", images="photos/").agrees
        """
        if (images is None) != from_tables:
            raise ValueError(
                "images: give the folder of the pictures, or from_tables=True to run the steps that need none"
                if images is None
                else "from_tables: leaves out the steps with pictures; give it, or images, not both"
            )
        if not 0 <= tolerance < 1:
            raise ValueError(f"tolerance: got {tolerance}; give a number from 0 to below 1, such as 1e-6")
        pictures = Pictures(images)
        with open_bundle(bundle) as opened, tempfile.TemporaryDirectory(prefix="daguerre-") as scratch:
            run = _Run(
                self, {step.number: step for step in opened.steps}, pictures, Path(scratch), from_tables, tolerance
            )
            run.remarks += [f"{name} was changed after the bundle was made" for name in opened.changed]
            shown = Progress.wanted(self.progress if progress is None else progress)
            try:
                with Progress(shown, total=len(opened.steps), what="replicate", unit="step") as bar:
                    for step in opened.steps:
                        bar.add(0, stage=step.operation)
                        await run.step(step)
                        bar.add(1)
            finally:
                with unrecorded():
                    for made in run.trained:
                        with suppress(DaguerreError):
                            await made.delete()
        return Replication(figures=run.figures, tolerance=tolerance, remarks=run.remarks)


class _Run:
    """One replication under way."""

    def __init__(
        self,
        client: Session,
        stored: Mapping[int, StoredStep],
        pictures: Pictures,
        scratch: Path,
        from_tables: bool,
        tolerance: float,
    ) -> None:
        self.client = client
        self.stored = stored
        self.pictures = pictures
        self.scratch = scratch
        self.from_tables = from_tables
        self.tolerance = tolerance
        self.figures: list[ReplicatedFigure] = []
        self.remarks: list[str] = []
        self.repeated: dict[int, Repeated] = {}
        self.classifiers: dict[str, Any] = {}
        self.trained: list[Any] = []

    async def step(self, step: StoredStep) -> None:
        """Run a step again, and compare its result."""
        method = recorded_method(step.operation, step.record.get("classifier"))
        try:
            if method is None:
                self._not_run(step, f"{step.operation!r:.40} is no method that is replicated")
            elif self.from_tables and any(True for _ in items_of(step.record["arguments"])):
                self._not_run(step, "it takes pictures; its stored result is used", "not repeated")
            else:
                await self._again(step, method)
        except CannotRun as exc:
            self._not_run(step, str(exc))
        except (ConnectError, UnavailableError):
            raise
        except (DaguerreError, ValueError, TypeError, LookupError, AttributeError, RecursionError, OSError) as exc:
            self._not_run(step, f"{exc}"[:300])

    def _not_run(self, step: StoredStep, reason: str, status: Status = "not run") -> None:
        self.figures.append(
            ReplicatedFigure(
                step=step.number,
                operation=step.operation,
                figure="",
                rows=0,
                status=status,
                note=" ".join(reason.split()),
            )
        )

    async def _again(self, step: StoredStep, method: RecordedMethod) -> None:
        record = step.record
        if problem := method.refused or record.get("problem"):
            raise CannotRun(str(problem))
        decoder = Decoder(step, method, self.pictures, self.stored, self.repeated, self.classifiers, self.scratch)
        arguments = decoder.arguments()
        own = record.get("classifier")
        called = self.client if own is None else self._classifier(str(own))
        function = getattr(called, method.repeat or step.operation)
        arguments |= _model(record, method.repeat or step.operation, arguments)
        if "name" in arguments and step.operation == "train_classifier":
            arguments["name"] = self._name(str(arguments["name"]))
        known = inspect.signature(function).parameters
        if unknown := [name for name in arguments if name not in known or name in DROPPED]:
            raise CannotRun(f"{unknown[0]!r:.40} is no argument of {step.operation}")
        with unrecorded(), _unwarned():
            result = await function(**arguments)
        if step.operation == "train_classifier":
            self.trained.append(result)
            self.classifiers |= dict.fromkeys(step.classifiers, result)
        self._compare(step, result, decoder.lacking)

    def _classifier(self, id: str) -> Any:
        if id not in self.classifiers:
            raise CannotRun(f"the classifier {id} was not trained in this study, or not again")
        return self.classifiers[id]

    def _name(self, name: str) -> str:
        """A name for a classifier that the server does not have yet."""
        token = os.urandom(4).hex()
        return f"replicated-{re.sub('[^a-z0-9._-]', '', name)[:30]}-{token}"

    def _compare(self, step: StoredStep, result: Any, lacking: Mapping[str, str]) -> None:
        names = {made.id: old for old, made in self.classifiers.items()}
        names |= {made.name: old.partition("@")[0] for old, made in self.classifiers.items()}
        if step.operation == "train_classifier":
            names |= {result.id: TRAINED}
        outcome = outcome_of(result).renamed(names)
        note, same = self._model_note(step, result)
        self.repeated[step.number] = Repeated(result, outcome, same)
        old = step.outcome
        if lacking:
            old = old.without(lacking)
            listed = list(lacking.values())
            more = f", and {len(listed) - SHOWN:,} more" if len(listed) > SHOWN else ""
            self.remarks.append(f"step {step.number}, {step.operation}: {'; '.join(listed[:SHOWN])}{more}")
        if note is not None:
            self.remarks.append(f"step {step.number}, {step.operation}: {note}")
        self.figures += compared(step.number, step.operation, old, outcome, self.tolerance)

    def _model_note(self, step: StoredStep, result: Any) -> tuple[str | None, bool]:
        """A remark where a result is of another model than in the study, and whether it is of the same."""
        was = step.record.get("receipt") or {}
        now = getattr(getattr(result, "receipt", None), "fingerprint", None)
        before = was.get("fingerprint")
        if not before or not now or before == now:
            return None, True
        return f"another model: the fingerprint is {now}, and was {before}, of {was.get('model')!r:.60}", False


def _model(record: Mapping[str, Any], operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The model and decoding of the study, where the call left them to the server."""
    receipt = record.get("receipt") or {}
    direct = any(arguments.get(name) is not None for name in ("images", "texts"))
    if operation not in EMBEDDING or not direct or not receipt.get("model"):
        return {}
    known = {"model": receipt["model"], "decode": receipt.get("decode") or None}
    return {name: value for name, value in known.items() if value and arguments.get(name) is None}


@contextmanager
def _unwarned() -> Any:
    """Keep warnings of repeated calls from the user, who had them in the study."""
    token = KEPT.set([])
    try:
        yield
    finally:
        KEPT.reset(token)
