"""A fine-tuning run: decode, train, calibrate, export. A run that was interrupted continues where it stopped."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from filelock import FileLock, Timeout

from models.classifiers.folders import Collection, LabelledImage
from models.classifiers.network import GRAPH, MANIFEST, Network, Reading, manifest_of
from models.disk import replace_text, sync_file, sync_folder
from models.errors import TrainingError
from models.finetune import calibrate
from models.finetune.checkpoint import Checkpoint, Progress
from models.finetune.device import select_device
from models.finetune.export import export
from models.finetune.loop import Loop
from models.finetune.memory import reuse_memory
from models.finetune.network import Classifier
from models.finetune.options import Options, Precision
from models.finetune.outcome import Outcome, Predictions
from models.finetune.pixels import Pixels, decode_images
from models.finetune.remarks import remarks
from models.finetune.starts import Start, load_start
from models.finetune.targets import Targets, read_targets
from models.images.decoding import ImageLimits

OUTCOME = "outcome.json"
_PARITY_IMAGES = 32
_DECODED, _TRAINED = 0.1, 0.95  # progress at the end of these steps

Report = Callable[[float, str], None]  # takes progress from 0 to 1 and the stage; may raise to stop the run


def finetune(
    collection: Collection,
    *,
    start: str,
    options: Options,
    work: Path,
    out: Path,
    device: str = "cpu",
    threads: int = 0,
    limits: ImageLimits | None = None,
    report: Report = lambda progress, stage: None,
) -> Outcome:
    """Fine-tune a network on `collection`, and write a folder `out` that `Network` opens without torch.

    Called again with the same arguments after an interruption, it continues after the last complete epoch; after
    completion, it returns the same outcome.

    Parameters
    ----------
    start : "embedded", or a folder of an image model written by `save_pretrained`.
    work : folder for decoded images and checkpoints of this run only; emptied at the end.
    out : folder for the result; created by one rename at the end.
    device : "cpu" or "cuda:N"; a device that is not available is an error.
    threads : threads of torch and of decoding; 0: their defaults.

    Raises
    ------
    TrainingError : invalid targets, another run in `work` or `out`, an infinite loss.
    ModelUnavailable : the starting point or device is not available, or the ONNX graph differs from torch.
    """
    limits = limits or ImageLimits()
    selected, precision = select_device(device, options.precision)
    report(0.0, "start")
    starting_point = load_start(start)
    key = _key(collection.items, options, starting_point, limits)
    work.mkdir(parents=True, exist_ok=True)
    before = torch.get_num_threads()
    try:
        with FileLock(work / ".lock", timeout=0), reuse_memory():
            if threads:
                torch.set_num_threads(threads)
            if out.exists():
                outcome = _completed(out, key)
            else:
                outcome = _run(
                    collection, starting_point, options, selected, precision, work, out, key, limits, threads, report
                )
            _clear(work)
    except Timeout as exc:
        raise TrainingError(f"work: another process uses {work.name}; wait for it, or give another folder") from exc
    finally:
        torch.set_num_threads(before)
    report(1.0, "done")
    return outcome


def _run(
    collection: Collection,
    start: Start,
    options: Options,
    device: torch.device,
    precision: Precision,
    work: Path,
    out: Path,
    key: str,
    limits: ImageLimits,
    threads: int,
    report: Report,
) -> Outcome:
    pixels = decode_images(
        collection.items,
        start.pixelwise.preprocess,
        work,
        limits=limits,
        threads=threads,
        report=lambda part: report(_DECODED * part, "decoding"),
    )
    items = [collection.items[i] for i in pixels.kept]
    if not items:
        raise TrainingError(
            f"target: no image can be decoded (the first: {pixels.dropped[0].reason}); give readable images"
        )
    targets = read_targets(items, options)
    network = Classifier(
        start.backbone,
        width=start.width,
        outputs=len(targets.labels) if options.task == "categorical" else 1,
        mean=start.pixelwise.mean,
        std=start.pixelwise.std,
    )
    loop = Loop(network, pixels.rows, targets, options, device=device, precision=precision)
    checkpoint = Checkpoint(work / "checkpoint", key=key)
    versions = _versions()
    fresh = Progress(key=key, versions=versions)
    progress, best = loop.run(
        checkpoint, fresh, lambda part: report(_DECODED + (_TRAINED - _DECODED) * part, "training")
    )
    report(_TRAINED, "exporting")

    names = [item.name for item in items]
    groups = [item.group for item in items]

    def predictions(split: str) -> Predictions:
        rows = np.flatnonzero(targets.split == split)
        outputs = len(targets.labels) if options.task == "categorical" else 1
        return Predictions(
            names=tuple(names[i] for i in rows),
            targets=targets.values[rows],
            weights=targets.weights[rows],
            groups=tuple(groups[i] for i in rows),
            logits=loop.logits(rows) if rows.size else np.empty((0, outputs)),
        )

    validation, test = predictions("validation"), predictions("test")
    reading = _reading(options, targets, validation)
    notes = (
        *collection.notes,
        *remarks(options, targets, test, progress, reading, versions),
    )
    outcome = Outcome(
        reading=reading,
        fingerprint=_fingerprint(start, best, reading),
        start={"name": start.name, "fingerprint": start.fingerprint, "licence": start.licence},
        options=json.loads(json.dumps(asdict(options))),
        counts=targets.counts(),
        curve=progress.curve,
        best=progress.best,
        validation=validation,
        test=test,
        parity=0.0,
        parity_images=0,
        device=str(device),
        precision=precision,
        dropped=(*collection.dropped, *pixels.dropped),
        notes=notes,
        versions=versions,
        seconds=progress.seconds,
    )
    return _write(outcome, network, pixels, targets, start, key, out)


def _write(
    outcome: Outcome, network: Classifier, pixels: Pixels, targets: Targets, start: Start, key: str, out: Path
) -> Outcome:
    """Export and compare the graph, and create the folder `out` by one rename."""
    rows = np.flatnonzero(targets.split != "train")[:_PARITY_IMAGES]
    out.parent.mkdir(parents=True, exist_ok=True)
    for leftover in out.parent.glob(f".{out.name}.staging-*"):  # of a run that was killed; this run has the lock
        shutil.rmtree(leftover, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.staging-", dir=out.parent))
    staging.chmod(out.parent.stat().st_mode)  # mkdtemp gives access to the owner only
    try:
        parity = export(network, np.ascontiguousarray(pixels.rows[rows]), staging / GRAPH)
        outcome = replace(outcome, parity=parity, parity_images=len(rows))
        replace_text(staging / OUTCOME, outcome.to_json())
        manifest = manifest_of(
            outcome.reading,
            start.pixelwise.preprocess,
            staging,
            fingerprint=outcome.fingerprint,
            start=dict(outcome.start),
            key=key,
            parity={"relative_difference": parity, "images": len(rows)},
            options=dict(outcome.options),
            made_with=dict(outcome.versions),
        )
        replace_text(staging / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False))
        Network(staging)  # raises unless the folder can be opened
        sync_file(staging / GRAPH)
        staging.rename(out)
        sync_folder(out.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return outcome


def _reading(options: Options, targets: Targets, validation: Predictions) -> Reading:
    if options.task != "continuous":
        temperature = calibrate.temperature(validation.logits, validation.targets, validation.weights)
        return Reading(task=options.task, labels=targets.labels, temperature=temperature, half_widths={})
    plain = Reading(task="continuous", bounds=options.bounds, half_widths={})
    residuals = validation.targets - plain.values(validation.logits)
    widths = {level: calibrate.half_width(residuals, validation.weights, float(level)) for level in calibrate.LEVELS}
    return replace(plain, half_widths=widths)


def _key(items: Sequence[LabelledImage], options: Options, start: Start, limits: ImageLimits) -> str:
    """A hash that identifies a run by its items, options, starting point and limits."""
    rows = [(item.name, item.sha256, item.target, item.split, item.weight, item.group) for item in items]
    parts: list[Any] = [rows, asdict(options), start.fingerprint, asdict(limits)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _fingerprint(start: Start, tensors: dict[str, torch.Tensor], reading: Reading) -> str:
    """32 hex digits, equal for networks whose predictions are comparable."""
    digest = hashlib.sha256(json.dumps([start.fingerprint, asdict(reading)]).encode())
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].numpy().tobytes())  # in C order, also of a transposed tensor
    return digest.hexdigest()[:32]


def _completed(out: Path, key: str) -> Outcome:
    if Network(out).manifest.get("key") != key:
        raise TrainingError(f"out: {out.name} holds another run; give a folder that does not exist")
    return Outcome.from_json((out / OUTCOME).read_text(encoding="utf-8"))


def _clear(work: Path) -> None:
    """Remove decoded images and checkpoints."""
    for path in (*work.glob("pixels.*"), *work.glob(".*.tmp")):
        path.unlink()
    shutil.rmtree(work / "checkpoint", ignore_errors=True)


def _versions() -> dict[str, str]:
    return {
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__,
        "pillow": version("pillow"),
    }
