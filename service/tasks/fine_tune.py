"""Fine-tuning as a job, from images below DAGUERRE_DATA to a stored network. Only the worker imports torch."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.catalog.folder import installed, source_path
from models.classifiers.folders import read_collection
from models.classifiers.store import Store
from models.finetune.lazy import load_finetune
from models.finetune.options import Augmentation, Options
from models.finetune.report import report_of
from models.images.decoding import ImageLimits
from service.jobs.kinds import Context
from service.schemas.classifiers import FineTuneRequest
from service.stores.classifiers import require_owner
from service.stores.data_folder import inside

EMBEDDED = "embedded"


def options_of(request: FineTuneRequest) -> Options:
    """The options as `models` takes them. Raises TrainingError."""
    return Options(
        task=request.task,
        positive=request.positive,
        bounds=request.bounds,
        unfreeze=request.unfreeze,
        epochs=request.epochs,
        head_epochs=request.head_epochs,
        patience=request.patience,
        batch=request.batch,
        class_weight="balanced" if request.balanced else None,
        augmentation=Augmentation(flip=request.flip, crop=request.crop, colour=request.colour),
        validation=request.validation,
        seed=request.seed,
    )


def start_of(data: Path | None, home: Path, start: str) -> str:
    """The start of fine-tuning: "embedded", the source of an imported model, or a folder below `data`.

    Raises Unprocessable.
    """
    if start == EMBEDDED:
        return start
    if start in installed(home) and (source := source_path(start, home)).is_dir():
        return str(source)
    return str(inside(data, start, "start"))


def job(context: Context) -> dict[str, Any]:
    """Fine-tune and store the network. After a kill, it resumes after the last complete epoch."""
    request = FineTuneRequest.model_validate(context.params["request"])
    data = Path(context.params["data"])
    source = inside(data, request.folder, "folder")
    start = start_of(data, context.home, request.start)
    out = context.folder / "out"
    outcome = load_finetune()(
        read_collection(source),
        start=start,
        options=options_of(request),
        work=context.folder / "work",
        out=out,
        device=context.params["device"],
        threads=context.threads,
        limits=ImageLimits(**context.params["limits"]),
        report=lambda done, stage: context.report(0.97 * done, stage),
    )
    context.report(0.98, "figures and their intervals")
    store = Store(context.home / "classifiers")
    require_owner(store, request.name, context.owner)  # who may have begun to use the name in the meantime
    stored = store.save_network(
        request.name,
        out,
        report_of(outcome).to_json(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        owner=context.owner,
        token=context.id,
    )
    return {"classifier": stored.label}
