"""Random changes to training images that keep their class: mirroring, cropping, changes of colour.

Changes depend only on the seed, the epoch and the image, not on the batch, so that an interrupted run gives the same
result.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models.finetune.options import Augmentation

_GREY = (0.299, 0.587, 0.114)  # Rec. 601 luma


def draw(options: Augmentation, key: Sequence[int], index: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Draw the changes to the image `index` under `key`: seed, stage and epoch.

    Returns
    -------
    ndarray of float64, shape (8,)
        Mirrored or not, -1 or 1; width and height of the crop and its centre, in units of the image, which reaches
        from -1 to 1; factors of brightness, contrast and saturation.
    """
    random = np.random.default_rng([*key, index]).random(8)
    mirror = -1.0 if options.flip and random[0] < 0.5 else 1.0
    width, height = 1 - options.crop * random[1:3]
    x, y = (1 - width) * (2 * random[3] - 1), (1 - height) * (2 * random[4] - 1)
    return np.array([mirror, width, height, x, y, *(1 + options.colour * (2 * random[5:8] - 1))])


def augment(pixels: Tensor, options: Augmentation, key: Sequence[int], indices: Sequence[int]) -> Tensor:
    """Change a batch.

    Parameters
    ----------
    pixels : (n, size, size, 3), 0 to 255, uint8 or float32.
    key, indices : as in `draw`; one index for each image.

    Returns
    -------
    Tensor of float32, shape (n, size, size, 3)
        0 to 255.
    """
    changes = torch.from_numpy(np.stack([draw(options, key, int(i)) for i in indices])).to(pixels.device, torch.float32)
    x = pixels.to(torch.float32).permute(0, 3, 1, 2)  # (n, 3, size, size)
    if options.flip or options.crop:
        mirror, width, height, left, top = changes[:, :5].T
        affine = torch.zeros(len(x), 2, 3, device=x.device)
        affine[:, 0, 0], affine[:, 0, 2] = mirror * width, left
        affine[:, 1, 1], affine[:, 1, 2] = height, top
        grid = F.affine_grid(affine, list(x.shape), align_corners=False)
        x = F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
    if options.colour:
        brightness, contrast, saturation = changes[:, 5:, None, None, None].unbind(1)  # (n, 1, 1, 1) each
        x = x * brightness
        grey = (x * torch.tensor(_GREY, device=x.device)[:, None, None]).sum(1, keepdim=True)  # (n, 1, size, size)
        mean = grey.mean((2, 3), keepdim=True)
        x = mean + contrast * (x - mean)
        grey = mean + contrast * (grey - mean)
        x = (grey + saturation * (x - grey)).clamp(0, 255)
    return x.permute(0, 2, 3, 1)
