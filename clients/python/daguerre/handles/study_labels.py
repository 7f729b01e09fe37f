"""Codebook labels of a study on the server, by a labeller that its owner has set up."""

from collections.abc import Sequence
from typing import Literal

from daguerre.handles.study_base import AsyncStudyBase
from daguerre.results.study_labels import StudyLabelPlan, StudyLabels
from daguerre.transport.operations import PLAN_STUDY_LABELS, STUDY_LABELS
from daguerre.types.jobs import Job

Order = Literal["fixed", "permuted"]


class AsyncStudyLabels(AsyncStudyBase):
    """Methods of a study that label its items by its codebook."""

    async def label_plan(
        self,
        *,
        labeller: str | None = None,
        variables: Sequence[str] | None = None,
        filters: Sequence[str] = (),
        template: str | None = None,
        category_order: Order = "permuted",
        variable_order: Order = "fixed",
        seed: int = 0,
        temperature: float = 0.0,
        max_tokens: int = 1000,
    ) -> StudyLabelPlan:
        """The exact prompt and the estimated cost of labelling the items by the study's codebook: nothing is sent.

        Parameters
        ----------
        variables : of the codebook; None: all but those of pairs.
        filters : conditions that items fulfil, as for `.items`.
        labeller, template, variable_order, seed, temperature, max_tokens : as for `Client.label`.
        category_order : "permuted", so that the position of categories can be looked at; or "fixed".

        Returns
        -------
        StudyLabelPlan : print it; `label` takes it.

        Examples
        --------
        >>> plan = study.label_plan(labeller="qwen")
        >>> print(plan)
        """
        method = {
            **{"labeller": labeller, "variables": None if variables is None else list(variables)},
            **{"filters": list(filters), "template": template, "category_order": category_order},
            **{"variable_order": variable_order, "seed": seed, "temperature": temperature, "max_tokens": max_tokens},
        }
        answer = await self._ask(PLAN_STUDY_LABELS, method)
        return StudyLabelPlan(**answer, method={**method, "labeller": answer["labeller"]})

    async def label(
        self, plan: StudyLabelPlan, *, prefix: str | None = None, wait: bool = True, progress: bool | None = None
    ) -> StudyLabels | Job:
        """Label the items as planned: they are sent to the labeller's host. Labels become columns of the study.

        Nothing that was answered is asked again where the job is interrupted, or fails and is started again.

        Parameters
        ----------
        plan : of `label_plan`; where the labeller or the codebook has changed since, nothing is sent.
        prefix : prefix of the columns; None: the labeller's name. The label of a variable is in "PREFIX:VARIABLE".
        wait : whether to wait for the labels; otherwise the job is returned.

        Returns
        -------
        StudyLabels : `.counts`, `.columns`, `.job`, with which `client.finished_labels` has the raw answers.

        Raises
        ------
        ConflictError : the plan does not hold any more, or the study has other columns of these names.

        Examples
        --------
        >>> study.label(study.label_plan(labeller="qwen")).counts
        """
        fields = {**plan.method, "fingerprint": plan.fingerprint, "prefix": prefix}
        begun: Job = await self._ask(STUDY_LABELS, fields)
        if not wait:
            return begun
        done = await self._session.wait(begun.id, progress=progress, what="label")
        found = StudyLabels.of(done.result or {})
        self._remark(found.remarks[1:])
        return found
