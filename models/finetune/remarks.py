"""Notes on a fine-tuning run: limits of its data and of its figures."""

from collections.abc import Iterator

from models.classifiers.network import Reading
from models.classifiers.records import Note
from models.finetune.calibrate import COLDEST, HOTTEST
from models.finetune.checkpoint import Progress
from models.finetune.options import Options
from models.finetune.outcome import Predictions
from models.finetune.targets import Targets

FEW = 10  # training images of a class below which a note is made


def remarks(
    options: Options,
    targets: Targets,
    test: Predictions,
    progress: Progress,
    reading: Reading,
    versions: dict[str, str],
) -> Iterator[Note]:
    """Notes on a completed run; `test` may be empty, `versions` are those at the end of the run."""
    for label, n in targets.counts()["train"].items():
        if n < FEW and targets.labels:
            yield Note("few_images", f"{label!r} has {n} training images, too few for figures to rely on")
    if not len(test):
        yield Note(
            "no_test",
            "there are no test images; figures of the validation images are too good, since they stopped training",
        )
    if options.unfreeze != "none" and options.stages.index(progress.curve[progress.best].stage) == 0:
        yield Note(
            "head_is_best",
            "training more than the head did not lower the validation loss, so the best epoch of the head is kept",
        )
    if not COLDEST * 1.01 < reading.temperature < HOTTEST / 1.01:
        yield Note(
            "temperature_at_bound",
            f"the temperature is {reading.temperature:.2g}, the limit of its range: the validation images are too few"
            " or too easy for calibration, so use probabilities only to rank images",
        )
    if None in reading.half_widths.values():
        yield Note("no_interval", "too few validation images for a prediction interval: 95 % needs 19, 90 % needs 9")
    if changed := [name for name, then in progress.versions.items() if versions.get(name) != then]:
        yield Note("versions_changed", f"versions of libraries changed during the run: {', '.join(changed)}")
