"""One small run, for tests and for the processes that they kill."""

from pathlib import Path
from typing import Any

from models.classifiers.folders import Collection, read_collection
from models.finetune.options import Augmentation, Options
from models.finetune.outcome import Outcome
from models.finetune.run import finetune

OPTIONS = Options(
    task="categorical",
    unfreeze="all",
    last_blocks=1,
    head_epochs=4,
    epochs=3,
    patience=3,
    batch=8,
    rate=3e-3,
    augmentation=Augmentation(crop=0.1),
)


def train(data: Collection | Path, out: Path, *, start: str, options: Options = OPTIONS, **more: Any) -> Outcome:
    """Fine-tune on one thread, at work in `work` beside `out`."""
    collection = data if isinstance(data, Collection) else read_collection(data)
    work = out.with_name("work")
    return finetune(collection, start=start, options=options, work=work, out=out, threads=1, **more)
