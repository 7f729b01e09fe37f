"""Method of the client for estimates from any predictions and codes."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from daguerre.corpus.estimates import estimate_fields
from daguerre.errors import RemarkWarning
from daguerre.handles.corrected import AsyncCorrected
from daguerre.inputs.alignment import Code, json_value, missing_texts
from daguerre.results.corrected import CorrectedEstimates
from daguerre.session import Session
from daguerre.transport.operations import ESTIMATE_CORPUS


class EstimateMethods(Session):
    """Estimates for a corpus."""

    async def estimate(
        self,
        corpus: Any,
        codes: Any = None,
        *,
        predictions: Any = None,
        code: str = "code",
        coders: Sequence[str] = (),
        adjudicator: str | None = None,
        group: str | None = None,
        stratum: str | None = None,
        by: Sequence[str] | str = (),
        time: str | None = None,
        covariates: Sequence[str] | str = (),
        outcome: str | None = None,
        role: Literal["outcome", "covariate"] = "outcome",
        family: Literal["linear", "logistic"] | None = None,
        task: Literal["binary", "categorical", "continuous"] | None = None,
        positive: Code = None,
        rule: Literal["majority", "unanimous", "mean", "adjudicated"] | None = None,
        rename: Mapping[str, str] | None = None,
        missing: Sequence[str] | None = None,
        width: float | None = None,
        sample: Literal["probability", "convenience"] = "probability",
        confidence: float = 0.95,
        seed: int = 0,
    ) -> AsyncCorrected:
        """Estimate shares, means or a regression in a corpus, from any predictions, corrected by codes of a sample.

        Parameters
        ----------
        corpus : a table with a row for each item, coded or not (path or DataFrame): a column id or path, predictions,
            and whatever else is known of the items.
        codes : codes of the sample, as in `validate`. None: the column `code` of the corpus, empty where an item is not
            coded, with its column inclusion_prob or weight.
        predictions : columns of the corpus (labels, numbers, or scores of the positive class), or a mapping of names to
            columns, to {label: column of its scores}, or to predictions as in `validate`. None: the column label,
            value, prediction or score.
        coders, adjudicator, rule, rename, missing, task : as in `validate`.
        group : column of the account, author or source: items of one are not independent.
        stratum : column of the strata that the sample was drawn from.
        by : columns whose values have estimates of their own, and differences.
        time : column of numbers (years), for a linear trend.
        covariates : columns of a regression; numbers, or categories.
        outcome : column of the outcome, where what is coded is a covariate (role="covariate").
        family : None: linear for numbers, logistic for two classes.
        positive : the label that is estimated; None: the positive one of two, or each.
        width : width of an interval: the result says how many coded items it needs.
        sample : how coded items were chosen; "convenience" is refused, since it allows no estimate.
        confidence : level of the intervals.

        Returns
        -------
        Corrected : `.value`, `.to_pandas()`, also of="differences", "regression", "needed"; `.report("page.html")`.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.
        ValueError : tables that cannot be read.

        Examples
        --------
        >>> E = client.estimate("posts.csv", predictions=["llm", "clip"], by="party", group="account")
        >>> E.to_pandas()
        """
        fields, continuous, remarks = estimate_fields(
            corpus,
            codes,
            predictions=predictions,
            code=code,
            coders=list(coders),
            adjudicator=adjudicator,
            group=group,
            stratum=stratum,
            by=[by] if isinstance(by, str) else list(by),
            time=time,
            covariates=[covariates] if isinstance(covariates, str) else list(covariates),
            outcome=outcome,
        )
        fields |= {
            "task": task or ("continuous" if continuous else None),
            "positive": json_value(positive),
            "rule": rule,
            "rename": None if rename is None else {str(key): str(value) for key, value in rename.items()},
            "missing": missing_texts(missing),
            "role": role,
            "family": family,
            "width": width,
            "sample": sample,
            "confidence": confidence,
            "seed": seed,
        }
        answer = await self.ask(ESTIMATE_CORPUS, fields)
        for remark in (*remarks, *answer["remarks"]):
            self.warn(RemarkWarning(remark))
        return AsyncCorrected(**CorrectedEstimates.fields_of(answer, remarks), client=self)
