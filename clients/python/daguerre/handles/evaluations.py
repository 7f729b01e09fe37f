"""Evaluation of findings, for the client and for results of analyses."""

from typing import Any

from daguerre.corpus.evaluations import evaluation_answer
from daguerre.errors import RemarkWarning
from daguerre.results.evaluations import Evaluation
from daguerre.session import Session


async def evaluation(session: Session, findings: Any, **options: Any) -> Evaluation:
    """Evaluate findings, and warn of remarks. Options as for `Client.evaluate`."""
    answer, remarks = await evaluation_answer(session, findings, **options)
    result = Evaluation.of(answer, remarks)
    for remark in result.remarks:
        session.warn(RemarkWarning(remark))
    return result
