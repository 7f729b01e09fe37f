"""EfficientNet-Lite0 and Lite2 in torch up to their pooled features, for export and fine-tuning.

Source: Tan and Le, "EfficientNet", ICML 2019; the Lite variant (2020) drops squeeze-and-excitation and uses ReLU6.
Module names are those of the published weights, so that they load by name.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

Blocks = Sequence[tuple[int, int, int, int, int]]  # repeats, kernel, stride, expansion, channels out
LITE0: Blocks = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
LITE2: Blocks = (  # 1.1 times as wide, in multiples of 8, and 1.2 times as deep
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 48),
    (4, 3, 2, 6, 88),
    (4, 5, 1, 6, 120),
    (5, 5, 2, 6, 208),
    (1, 3, 1, 6, 352),
)


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding: the odd pixel goes right and below."""

    def forward(self, input: Tensor) -> Tensor:
        pads: list[int] = []
        for size, kernel, stride in zip(input.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            size = int(size)  # the export traces one fixed size
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(input, pads), self.weight, None, self.stride, 0, 1, self.groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    """Inverted residual: expand, depthwise, project."""

    def __init__(self, inner: int, outer: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inner * expansion
        self.expands, self.skips = expansion != 1, stride == 1 and inner == outer
        if self.expands:
            self._expand_conv, self._bn0 = SameConv(inner, wide, 1, bias=False), _norm(wide)
        self._depthwise_conv = SameConv(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = _norm(wide)
        self._project_conv, self._bn2 = SameConv(wide, outer, 1, bias=False), _norm(outer)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        out: Tensor = self._bn2(self._project_conv(y))
        return x + out if self.skips else out


class EfficientNetLite(nn.Module):
    """`forward`: pixels (n, 3, size, size), normalised float32 → pooled features (n, 1280)."""

    def __init__(self, architecture: Blocks = LITE0) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = SameConv(3, 32, 3, 2, bias=False), _norm(32)
        blocks, inner = [], 32
        for repeats, kernel, stride, expansion, outer in architecture:
            for i in range(repeats):
                blocks.append(Block(inner, outer, kernel, stride if i == 0 else 1, expansion))
                inner = outer
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = SameConv(inner, 1280, 1, bias=False), _norm(1280)
        self._fc = nn.Linear(1280, 1000)  # its rows are the targets of the text projection

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        pooled: Tensor = F.relu6(self._bn1(self._conv_head(x))).mean((2, 3))
        return pooled


def load(state: Mapping[str, Tensor], architecture: Blocks = LITE0) -> EfficientNetLite:
    """Load a network with the published weights; every key must match."""
    network = EfficientNetLite(architecture)
    network.load_state_dict(dict(state), strict=True)
    return network.eval()


def classifier_rows(network: EfficientNetLite) -> Tensor:
    """Direction of each ImageNet class in feature space, (1000, 1280)."""
    return network._fc.weight.detach()
