"""The training loop: the head, then more of the network, each stage until the validation loss stops falling.

The head is trained first, so that an untrained head does not distort the features (Kumar et al., ICLR 2022); lower
blocks have lower rates, and blocks are unfrozen from the top (Howard and Ruder, ULMFiT, ACL 2018). The optimiser is
AdamW, with a warm-up epoch and a cosine schedule.

Each epoch depends only on the weights, the state of the optimiser and the seed. A run that was interrupted therefore
gives exactly the weights of one that was not, with the same versions, device and number of threads; on a GPU as far
as its kernels are deterministic.
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.classifiers.records import Epoch
from models.errors import TrainingError
from models.finetune.augment import augment
from models.finetune.checkpoint import Checkpoint, Progress
from models.finetune.network import Classifier
from models.finetune.options import Options, Precision
from models.finetune.targets import Targets

_EVALUATE = 16  # batch size without gradients; larger batches only fill caches and memory
_LEAST_RATE = 0.02  # end of the cosine schedule
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}

Report = Callable[[float], None]  # takes the share that is done; may raise to stop the run


class Loop:
    """The training of one network on decoded images.

    Parameters
    ----------
    rows : (n, size, size, 3) uint8, in the order of `targets`.
    device, precision : as selected by `select_device`.
    """

    def __init__(
        self,
        network: Classifier,
        rows: NDArray[np.uint8],
        targets: Targets,
        options: Options,
        *,
        device: torch.device,
        precision: Precision,
    ) -> None:
        self._network = network.to(device)
        self._rows, self._options, self._device, self._precision = rows, options, device, precision
        self._train = np.flatnonzero(targets.split == "train")
        self._validation = np.flatnonzero(targets.split == "validation")
        boosted = targets.weights
        if targets.labels:
            boosted = boosted * targets.boost[targets.values.astype(int)]
        values = targets.values
        if options.bounds is not None:
            values = (values - options.bounds[0]) / (options.bounds[1] - options.bounds[0])
        elif not targets.labels:
            known, share = values[self._train], targets.weights[self._train] / targets.weights[self._train].sum()
            shift = float(share @ known)
            spread = math.sqrt(float(share @ np.square(known - shift)))
            network.shift.fill_(shift)
            network.spread.fill_(spread)
            values = (values - shift) / spread
        with torch.no_grad():  # an untrained head predicts the prior
            network.head.bias.copy_(torch.from_numpy(_prior(values[self._train], boosted[self._train], options)))
        self._values = torch.from_numpy(values).to(device, torch.float32)
        self._weights = torch.from_numpy(boosted).to(device, torch.float32)
        self._plain_weights = targets.weights
        trained = {f"backbone.{name}" for name, _ in network.backbone.named_parameters()}
        self._kept = [name for name in network.state_dict() if not name.startswith("backbone.") or name in trained]
        self._scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")

    def run(self, checkpoint: Checkpoint, fresh: Progress, report: Report) -> tuple[Progress, dict[str, Tensor]]:
        """Train from the checkpoint to the end; the network then has the weights of the best epoch.

        Returns
        -------
        The progress, and the tensors that differ from the starting point.
        """
        progress = checkpoint.progress or fresh
        initial = self._weights_of(len(self._options.stages) - 1)
        best: dict[str, Tensor] = checkpoint.load("best") if progress.best >= 0 else {}
        for stage in range(progress.stage, len(self._options.stages)):
            if stage != progress.stage:
                progress = replace(progress, stage=stage, epoch=0, stale=0, scaler={})
            self._restore({**initial, **best})
            progress, best = self._run_stage(stage, progress, best, checkpoint, report)
        self._restore({**initial, **best})
        self._network.eval()
        return progress, best

    def logits(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Logits (n, k) of some rows in fp32, with `shift` and `spread` applied."""
        self._network.eval()
        with torch.inference_mode():
            parts = [self._network(self._pixels(part)).cpu().numpy() for part in _parts(indices, _EVALUATE)]
        return np.concatenate(parts).astype(np.float64)

    def _run_stage(
        self, stage: int, progress: Progress, best: dict[str, Tensor], checkpoint: Checkpoint, report: Report
    ) -> tuple[Progress, dict[str, Tensor]]:
        options, network = self._options, self._network
        name = options.stages[stage]
        network.unfreeze({"head": 0, "last": options.last_blocks, "all": None}[name])
        rate = options.head_rate if name == "head" else options.rate
        optimiser = torch.optim.AdamW(
            network.groups(rate=rate, decay=options.rate_decay, weight_decay=options.weight_decay), foreach=False
        )
        full = [float(group["lr"]) for group in optimiser.param_groups]
        if progress.epoch:
            self._load_state(checkpoint.load("state"), optimiser, progress)
        features = self._features(report) if name == "head" else None
        if features is not None and not progress.epoch:
            network.fit_scale(features[self._train], self._weights[self._train])
        epochs = options.head_epochs if name == "head" else options.epochs
        before = sum(options.head_epochs if s == "head" else options.epochs for s in options.stages[:stage])
        planned = options.head_epochs + options.epochs * (len(options.stages) - 1)
        while progress.epoch < epochs and progress.stale < options.patience:
            started = time.perf_counter()
            epoch = progress.epoch

            def done(part: float, epoch: int = epoch) -> None:
                report((before + epoch + part) / planned)

            trained = self._train_epoch(optimiser, full, (stage, epoch, epochs), features, done)
            loss, score = self._validate(features)
            if not (math.isfinite(loss) and math.isfinite(trained)):
                raise TrainingError(
                    f"rate: the loss became {loss} in epoch {epoch + 1} of stage {name}; take a rate below {rate:g}"
                )
            seconds = time.perf_counter() - started
            line = Epoch(
                stage=name,
                epoch=epoch + 1,
                rate=float(optimiser.param_groups[0]["lr"]),
                train_loss=trained,
                validation_loss=loss,
                score=score,
                seconds=seconds,
            )
            better = loss < progress.best_loss
            falling = loss < min((e.validation_loss for e in progress.curve if e.stage == name), default=math.inf)
            progress = replace(
                progress,
                epoch=epoch + 1,
                stale=0 if falling else progress.stale + 1,
                curve=(*progress.curve, line),
                best=len(progress.curve) if better else progress.best,
                scaler=self._scaler.state_dict(),
                seconds=progress.seconds + seconds,
            )
            if better:
                best = self._weights_of(stage)
            checkpoint.save(progress, self._state(stage, optimiser), best if better else None)
        return progress, best

    def _train_epoch(
        self,
        optimiser: torch.optim.Optimizer,
        full: Sequence[float],
        where: tuple[int, int, int],
        features: Tensor | None,
        report: Report,
    ) -> float:
        """Train for one epoch, in random order; return the mean loss."""
        stage, epoch, epochs = where
        key = (self._options.seed, stage, epoch)
        order = np.random.default_rng(key).permutation(self._train)
        batches = _parts(order, self._options.batch)
        learning = [p for p in self._network.parameters() if p.requires_grad]
        total = 0.0
        with torch.random.fork_rng(devices=[self._device] if self._device.type == "cuda" else []):
            torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))  # dropout
            for i, batch in enumerate(batches):
                factor = _factor((epoch + i / len(batches)) / epochs, warm=0 if features is not None else 1 / epochs)
                for group, rate in zip(optimiser.param_groups, full, strict=True):
                    group["lr"] = rate * factor
                with self._autocast():
                    if features is not None:
                        outputs = self._network.classify(features[batch])
                    else:
                        changed = augment(self._pixels(batch), self._options.augmentation, key, batch.tolist())
                        outputs = self._network.classify(self._network.features(changed))
                loss = (self._weights[batch] * self._losses(outputs.float(), batch)).mean()
                optimiser.zero_grad(set_to_none=True)
                self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
                self._scaler.unscale_(optimiser)
                torch.nn.utils.clip_grad_norm_(learning, 1.0)
                self._scaler.step(optimiser)
                self._scaler.update()
                total += float(loss.detach()) * len(batch)
                report((i + 1) / len(batches))
        return total / len(order)

    def _validate(self, features: Tensor | None) -> tuple[float, float]:
        """Weighted loss and score on the validation images."""
        indices = self._validation
        training = {m: m.training for m in self._network.modules()}
        self._network.eval()
        with torch.inference_mode():
            if features is not None:
                outputs = self._network.classify(features[indices])
            else:
                parts = _parts(indices, _EVALUATE)
                outputs = torch.cat([self._network.classify(self._network.features(self._pixels(p))) for p in parts])
            weights = self._weights[indices].double()
            loss = float((weights * self._losses(outputs, indices).double()).sum() / weights.sum())
        for module, mode in training.items():
            module.training = mode
        return loss, self._score(outputs.cpu().numpy().astype(np.float64), indices)

    def _losses(self, outputs: Tensor, indices: NDArray[np.int64]) -> Tensor:
        """Losses (n,) of outputs (n, k); for a bounded target of its share of the range (Papke and Wooldridge 1996)."""
        targets = self._values[indices]
        if self._options.task == "categorical":
            return F.cross_entropy(outputs, targets.long(), reduction="none")
        if self._options.task == "binary" or self._options.bounds is not None:
            return F.binary_cross_entropy_with_logits(outputs[:, 0], targets, reduction="none")
        return 0.5 * (outputs[:, 0] - targets).square()

    def _score(self, outputs: NDArray[np.float64], indices: NDArray[np.int64]) -> float:
        targets, weights = self._values[indices].cpu().numpy(), self._plain_weights[indices]
        if self._options.task == "categorical":
            return float(np.average(outputs.argmax(1) == targets, weights=weights))
        if self._options.task == "binary":
            return float(np.average((outputs[:, 0] >= 0) == (targets > 0.5), weights=weights))
        values = outputs[:, 0] if self._options.bounds is None else 0.5 * (1 + np.tanh(outputs[:, 0] / 2))
        spread = float(np.average(np.square(targets - np.average(targets, weights=weights)), weights=weights))
        return 1 - float(np.average(np.square(targets - values), weights=weights)) / max(spread, 1e-12)

    def _features(self, report: Report) -> Tensor:
        """Features (n, width) of all training and validation images without augmentation; zeros for other images."""
        self._network.eval()
        features: Tensor | None = None
        with torch.no_grad():
            for part in _parts(np.concatenate([self._train, self._validation]), _EVALUATE):
                batch = self._network.features(self._pixels(part))
                if features is None:
                    features = batch.new_zeros(len(self._rows), batch.shape[1])
                features[part] = batch
                report(0.0)
        assert features is not None
        return features

    def _pixels(self, indices: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self._rows[indices])).to(self._device)

    def _autocast(self) -> AbstractContextManager[object]:
        if self._precision == "fp32":
            return nullcontext()
        return torch.autocast(self._device.type, _DTYPES[self._precision])

    def _weights_of(self, stage: int) -> dict[str, Tensor]:
        """A copy on the CPU of the tensors that the stages up to this one can have changed."""
        if self._options.stages[stage] == "head":
            names = [name for name in self._kept if not name.startswith("backbone.")]
        else:
            names = self._kept
        state = self._network.state_dict()
        return {name: state[name].detach().cpu().clone() for name in names}

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        self._network.load_state_dict(tensors, strict=False)

    def _state(self, stage: int, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
        """The weights, and the state of the optimiser by parameter name."""
        state = {f"weights/{name}": tensor for name, tensor in self._weights_of(stage).items()}
        for name, parameter in self._network.named_parameters():
            for key, value in optimiser.state.get(parameter, {}).items():
                state[f"optimiser/{key}/{name}"] = value
        return state

    def _load_state(self, state: dict[str, Tensor], optimiser: torch.optim.Optimizer, progress: Progress) -> None:
        weights = {name.removeprefix("weights/"): t for name, t in state.items() if name.startswith("weights/")}
        self._restore(weights)
        parameters = dict(self._network.named_parameters())
        for name, tensor in state.items():
            kind, _, rest = name.partition("/")
            if kind == "optimiser":
                key, _, parameter = rest.partition("/")
                device = "cpu" if key == "step" else self._device  # where AdamW keeps them
                optimiser.state[parameters[parameter]][key] = tensor.to(device)
        self._scaler.load_state_dict(dict(progress.scaler))


def _prior(values: NDArray[np.float64], weights: NDArray[np.float64], options: Options) -> NDArray[np.float64]:
    """The constant logits (k,) with the lowest loss; k is the number of classes of a categorical target, else 1."""
    if options.task == "categorical":
        shares = np.bincount(values.astype(int), weights) / weights.sum()
        return np.asarray(np.log(shares) - np.log(shares).mean())
    if options.task == "continuous" and options.bounds is None:
        return np.zeros(1)
    mean = np.clip(np.average(values, weights=weights), 1e-3, 1 - 1e-3)
    return np.array([np.log(mean / (1 - mean))])


def _factor(done: float, *, warm: float) -> float:
    """The factor of the learning rate: rises linearly to 1 at `warm`, then falls as half a cosine."""
    if done < warm:
        return max(done / warm, 0.02)
    return _LEAST_RATE + (1 - _LEAST_RATE) * 0.5 * (1 + math.cos(math.pi * (done - warm) / (1 - warm)))


def _parts(indices: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [indices[i : i + size] for i in range(0, len(indices), size)]
