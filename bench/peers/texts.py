"""The fixed list of texts: 320 passages of the repository's LICENSE, from 3 to 200 words."""

import random

from bench.servers import ROOT

COUNT, SHORTEST, LONGEST, SEED = 320, 3, 200, 0


def texts() -> list[str]:
    """The same ones every time: LICENSE is the Apache License 2.0, word for word."""
    words = (ROOT / "LICENSE").read_text().split()
    rng = random.Random(SEED)
    lengths = [rng.randint(SHORTEST, LONGEST) for _ in range(COUNT)]
    starts = [rng.randrange(len(words) - length) for length in lengths]
    return [" ".join(words[start : start + length]) for start, length in zip(starts, lengths, strict=True)]
