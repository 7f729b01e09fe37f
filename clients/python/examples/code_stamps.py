"""Codes of made-up coders for pictures of the stamps, in place of people's: whether there is an animal, with errors.

python code_stamps.py sample.csv anna=0.05 ben=0.08
"""

import csv
import random
import sys
from collections.abc import Mapping
from pathlib import Path

CODES = ("a thing", "an animal")  # the labels of the zero-shot run, so that the two can be compared


def fill_in(table: str | Path, coders: Mapping[str, float], seed: int = 0) -> None:
    """Fill in the columns of coders who each err at a rate of their own."""
    chance = random.Random(seed)
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        animal = row["id"].startswith("animals/")
        for coder, error in coders.items():
            row[coder] = CODES[animal != (chance.random() < error)]
    with open(table, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    fill_in(sys.argv[1], {name: float(error) for name, _, error in (given.partition("=") for given in sys.argv[2:])})
