"""Pictures of plain colours with shapes, which are small and all different."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def write(folder: Path, n: int, *, seed: int = 0) -> list[str]:
    """Write `n` JPEGs of 320 × 240 pixels: red ones with a circle, blue ones with a square. Returns their names."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for i in range(n):
        red = i % 2 == 0
        ground = tuple(int(each) for each in rng.integers(0, 90, 3) + ([150, 0, 0] if red else [0, 0, 150]))
        picture = Image.new("RGB", (320, 240), ground)
        x, y = (int(each) for each in rng.integers(20, 140, 2))
        draw = ImageDraw.Draw(picture)
        (draw.ellipse if red else draw.rectangle)((x, y, x + 90, y + 80), fill=(250, 240, int(rng.integers(0, 255))))
        names.append(f"{'circle' if red else 'square'}-{i:04}.jpg")
        picture.save(folder / names[-1], quality=80)
    return names
