"""A pretrained backbone with a new head, and its parts in the order in which they are trained."""

import re
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class Classifier(nn.Module):
    """A network: pixels (n, size, size, 3), 0 to 255, uint8 or float32 → logits (n, outputs).

    The backbone takes normalised float32 (n, 3, size, size) and returns features (n, width). They are centred and
    scaled by the statistics of the training images, so that one learning rate of the head suits all backbones. For a
    continuous target without bounds the output is the value itself, by `shift` and `spread`.
    """

    mean: Tensor
    std: Tensor
    center: Tensor
    scale: Tensor
    shift: Tensor
    spread: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        *,
        width: int,
        outputs: int,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(width, outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))
        self.register_buffer("center", torch.zeros(width))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("shift", torch.zeros(()))
        self.register_buffer("spread", torch.ones(()))

    def features(self, pixels: Tensor) -> Tensor:
        """Pixels (n, size, size, 3) → features of the backbone (n, width)."""
        x = (pixels.to(torch.float32) - self.mean) / self.std
        features: Tensor = self.backbone(x.permute(0, 3, 1, 2))
        return features

    def fit_scale(self, features: Tensor, weights: Tensor) -> None:
        """Set centre and scale from features (n, width) and weights (n,) of the training images."""
        share = (weights / weights.sum())[:, None]
        self.center.copy_((share * features).sum(0))
        self.scale.copy_((share * (features - self.center).square()).sum(0).mean().sqrt().clamp(min=1e-6))

    def classify(self, features: Tensor) -> Tensor:
        """Features (n, width) → outputs of the head (n, outputs), before `shift` and `spread`."""
        logits: Tensor = self.head((features - self.center) / self.scale)
        return logits

    def forward(self, pixels: Tensor) -> Tensor:
        return self.classify(self.features(pixels)) * self.spread + self.shift

    def unfreeze(self, blocks: int | None) -> None:
        """Train only the head and the last `blocks` blocks (None: all) from now on.

        Batch normalisation keeps its statistics: those of a few small batches would be worse, and results would depend
        on the batch.
        """
        every = blocks_of(self.backbone)
        first = 0 if blocks is None else max(len(every) - blocks, 0)
        trained = dict(list(every.items())[first:])
        names = {name for block in trained.values() for name in block}
        self.eval()
        self.head.requires_grad_(True)
        for name, parameter in self.backbone.named_parameters():
            parameter.requires_grad_(name in names)
        for name, module in self.backbone.named_modules():  # dropout of the blocks that learn
            block = _block(name + ".")
            if block in trained and not isinstance(module, _BatchNorm):
                module.training = True

    def groups(self, *, rate: float, decay: float, weight_decay: float) -> Iterator[dict[str, object]]:
        """Parameter groups for the optimiser: the rate of each block is `decay` times that of the block above it.

        Biases and scales of normalisation layers have no weight decay.
        """
        by_name = dict(self.backbone.named_parameters())
        blocks = [list(self.head.parameters())]
        blocks += [[by_name[name] for name in block] for block in reversed(blocks_of(self.backbone).values())]
        for depth, block in enumerate(blocks):
            for matrices in (True, False):
                parameters = [p for p in block if p.requires_grad and (p.ndim > 1) == matrices]
                if parameters:
                    lowered = rate * decay ** max(depth - 1, 0)  # the head and the uppermost block share one
                    yield {"params": parameters, "lr": lowered, "weight_decay": weight_decay if matrices else 0.0}


def blocks_of(backbone: nn.Module) -> dict[str, list[str]]:
    """Names of the backbone's parameters, block by block from the input to the output.

    A block is an element of the outermost list of layers. Parameters before the list are a block of their own; those
    after it, such as a final normalisation, belong to the last block.
    """
    blocks: dict[str, list[str]] = {}
    for name, _ in backbone.named_parameters():
        key = _block(name)
        blocks.setdefault(next(reversed(blocks), "") if key is None else key, []).append(name)
    return blocks


def _block(name: str) -> str | None:
    """The name up to its first number: "encoder.layer.3" of "encoder.layer.3.norm.weight"."""
    numbered = re.match(r"(?:.*?\.)?\d+(?=\.)", name)
    return numbered[0] if numbered else None
