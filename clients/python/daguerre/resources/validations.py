"""Method of the client for the validation of predictions."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from daguerre.corpus.validations import validation_fields
from daguerre.errors import NotFoundError, RemarkWarning
from daguerre.handles.validation import AsyncValidation
from daguerre.inputs.alignment import Code, json_value, missing_texts
from daguerre.results.validations import Validated
from daguerre.session import Session
from daguerre.transport.operations import CLASSIFIER, VALIDATE


class ValidationMethods(Session):
    """Validation of predictions from anywhere."""

    async def validate(
        self,
        predictions: Any,
        codes: Any,
        *,
        coders: Sequence[str] = (),
        adjudicator: str | None = None,
        column: str | None = None,
        by: Any = None,
        task: Literal["binary", "categorical", "continuous"] | None = None,
        labels: Sequence[Code] | None = None,
        positive: Code = None,
        rule: Literal["majority", "unanimous", "mean", "adjudicated"] | None = None,
        rename: Mapping[str, str] | None = None,
        missing: Sequence[str] | None = None,
        level: Literal["nominal", "ordinal", "interval"] | None = None,
        recall: float = 0.8,
        resamples: int | None = None,
        seed: int = 0,
    ) -> AsyncValidation:
        """Measure predictions against codes that people gave.

        Parameters
        ----------
        predictions : a result of `zero_shot` or `Classifier.predict`; a classifier, for its out-of-fold predictions; a
            Series or mapping of ids to labels, numbers, or scores of the positive class; a table with a column of ids
            and one of labels or numbers, or one of scores for each label (path or DataFrame). Several, as a mapping of
            names to any of these, are compared too.
        codes : a table, long (coder, item, code) or wide (a column for each coder), as a path or a DataFrame; a Series
            or mapping of ids to codes; or a mapping of coders to these. The columns inclusion_prob or weight, and
            group, count.
        coders : columns of the coders; none: all columns that are not known otherwise.
        adjudicator : the coder who decides where the others differ: a column, a name in the column coder, or the path
            of another table of codes, "NAME=FILE" too.
        column : column of the predictions in a table; None: label, value, or the only one.
        by : group by which errors are told apart, with differences of groups: a column of the table of codes, or a
            Series or mapping of items to groups. The label "undecided" is a share of its own.
        task : None: by the codes.
        labels : the classes in order, for two the positive one last.
        positive : the positive class of two; None: by their names, as in training (docs/classifiers.md).
        rule : how codes of several coders become one; None: adjudicated with an adjudicator, otherwise majority, or the
            mean of numbers.
        rename : predicted label → the code that it stands for, such as {"a photo of a cat": "cat"}.
        missing : texts that are no code; None: NA, N/A, NaN, NULL, None and the like.
        level : level of measurement for the agreement; None: nominal, or interval for numbers.
        recall : smallest recall, for the threshold with the best precision at that recall.
        resamples : number of bootstrap resamples; None: 1000.

        Returns
        -------
        Validation : `.figures`, `.by_group`, `.differences`, `.agreement`, `.threshold`, `.to_pandas()`,
            `.report("page.html")`.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.
        ValueError : predictions or codes that cannot be read.

        Examples
        --------
        >>> Z = client.zero_shot(embeddings=X, labels=["a cat", "a dog"])
        >>> client.validate(Z, "sample.csv", rename={"a cat": "cat", "a dog": "dog"}).figures["accuracy"]
        >>> client.validate({"zero-shot": Z, "probe": clf}, "sample.csv").differences
        """
        read = validation_fields(
            predictions, codes, coders=list(coders), adjudicator=adjudicator, rule=rule, column=column, by=by
        )
        fields: dict[str, Any] = {
            "predictions": read.predictions,
            "codes": read.codes,
            "task": task or ("continuous" if read.continuous else None),
            "labels": None if labels is None else [json_value(each) for each in labels],
            "positive": json_value(positive),
            "rule": rule,
            "rename": None if rename is None else {str(key): str(value) for key, value in rename.items()},
            "missing": missing_texts(missing),
            "level": level,
            "recall": recall,
            "resamples": resamples,
            "seed": seed,
        }
        try:
            answer = await self.ask(VALIDATE, fields)
        except NotFoundError:
            if not (unknown := await self._without_unknown(read.predictions)):
                raise
            read.remarks.extend(unknown)
            answer = await self.ask(VALIDATE, fields)
        for remark in (*read.remarks, *answer["remarks"]):
            self.warn(RemarkWarning(remark))
        return AsyncValidation(**Validated.fields_of(answer, read.files, read.remarks), client=self)

    async def _without_unknown(self, predictions: Sequence[dict[str, Any]]) -> list[str]:
        """Remove the classifiers that the server does not have from predictions that they made; remarks on them."""
        remarks = []
        for each in predictions:
            if each["classifier"] is None or "item" not in each:
                continue
            try:
                await self.ask(CLASSIFIER, {"name": each["classifier"]})
            except NotFoundError:
                remarks.append(
                    f"{each['name']}: these are predictions of {each['classifier']}, which is not on this server, so "
                    "that it is not known whether it was trained on the coded items; if it was, the figures are far "
                    "too good"
                )
                each["classifier"] = None
        return remarks
