"""Fine-tuning: check at once, train in the worker process."""

from dataclasses import asdict

from models.classifiers.store import check_name
from service.inference.engine import Engine
from service.jobs import Job, Jobs
from service.schemas.classifiers import FineTuneRequest
from service.stores.classifiers import Classifiers
from service.stores.data_folder import inside
from service.tasks.fine_tune import options_of, start_of

KIND = "fine_tune"


async def submit(
    engine: Engine, classifiers: Classifiers, jobs: Jobs, request: FineTuneRequest, *, owner: str | None
) -> Job:
    """Queue a job that trains a classifier. Raises TrainingError, Unprocessable, Forbidden, Overloaded."""
    settings = engine.settings

    def check() -> None:
        classifiers.check_owner(check_name(request.name), owner)
        options_of(request)
        inside(settings.data, request.folder, "folder")
        start_of(settings.data, settings.home, request.start)

    await engine.in_thread(check)
    params = {
        "request": request.model_dump(),
        "data": str(settings.data),
        "device": settings.device,
        "limits": asdict(settings.image_limits),
    }
    return await jobs.submit(KIND, params, owner=owner)
