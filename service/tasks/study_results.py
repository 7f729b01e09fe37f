"""Training from the codes of a study as a job, which the study remembers at its end."""

from typing import Any

from service.jobs.kinds import Context
from service.stores.study_runs import write_run
from service.tasks import train as train_task
from service.tasks.study_analyses import study_of

TRAIN = "train"


def train(context: Context) -> dict[str, Any]:
    """Train on the task in the job's folder; the classifier is kept whatever becomes of the study."""
    result = train_task.job(context)
    params = context.params
    with study_of(context) as (study, _):
        figures = {**result, "n": params["n"], "remarks": params["remarks"]}
        run, _ = write_run(study, operation=TRAIN, options=params["options"], receipt=params["receipt"], result=figures)
    return {**figures, "study": study.name, "run": run}
