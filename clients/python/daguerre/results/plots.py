"""Plots of results by matplotlib, which only these functions import. Each returns the axes that it drew on."""

import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daguerre.results.notebook import Shown
from daguerre.types.common import Float

Row = tuple[str, float | None, float | None, float | None]  # a name, a value, and the ends of its interval
NAMED = 20  # clusters that have their name in a map
LONGEST = 40  # characters of a name in a plot
COLUMNS = 6  # pictures beside each other


class IntervalPlot(Shown):
    """Base of results that are values with intervals."""

    def _intervals(self) -> tuple[Sequence[Row], str]:
        """Rows of the plot, and the label of their values."""
        raise NotImplementedError

    def plot(self, ax: Any = None) -> Any:
        """Draw the values and their intervals with matplotlib.

        Parameters
        ----------
        ax : axes to draw on; None: those of a new figure.

        Returns
        -------
        The axes.

        Examples
        --------
        >>> E.plot().figure.savefig("estimates.svg")
        """
        return interval_plot(*self._intervals(), ax)


def interval_plot(rows: Iterable[Row], label: str, ax: Any) -> Any:
    """Values with their intervals, one below the other; rows without a value are left out. `label`: of the values."""
    kept = [row for row in rows if row[1] is not None]
    ax = _axes(ax, height=1 + 0.25 * len(kept))
    for y, (_, value, low, high) in enumerate(kept):
        if low is not None and high is not None:
            ax.plot([low, high], [y, y], color="C0", linewidth=1.5)
        ax.plot([value], [y], marker="o", color="C0")
    ax.set_yticks(range(len(kept)))
    ax.set_yticklabels([_short(name) for name, *_ in kept], parse_math=False)
    ax.set_ylim(len(kept) - 0.5, -0.5)
    ax.set_xlabel(label, parse_math=False)
    return ax


def map_plot(coordinates: Float, labels: NDArray[np.int64], names: dict[int, str], ax: Any) -> Any:
    """A map of items, (n, 2), coloured by cluster, (n,); grey in none. The first clusters have names."""
    ax = _axes(ax)
    there = np.isfinite(coordinates).all(axis=1)
    size = max(2.0, min(24.0, 4000 / max(len(coordinates), 1)))
    for cluster in [-1, *names]:
        chosen = coordinates[there & (labels == cluster)]
        color = "0.8" if cluster < 0 else f"C{cluster % 10}"
        ax.scatter(chosen[:, 0], chosen[:, 1], s=size, color=color, linewidths=0)
        if 0 <= cluster < NAMED and len(chosen):
            x, y = np.median(chosen, axis=0)
            text = ax.text(x, y, _short(names[cluster]), fontsize=8, ha="center", va="center", parse_math=False)
            text.set_bbox({"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1})
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def picture_plot(pictures: Sequence[tuple[bytes, str]]) -> Any:
    """JPEGs beside each other, each with a line. Returns the axes, (n,)."""
    from PIL import Image

    across = min(COLUMNS, len(pictures))
    rows = math.ceil(len(pictures) / across)
    _, grid = _pyplot().subplots(rows, across, figsize=(1.7 * across, 2 * rows), squeeze=False, layout="constrained")
    for ax in grid.flat:
        ax.set_axis_off()
    for ax, (jpeg, line) in zip(grid.flat, pictures, strict=False):
        ax.imshow(np.asarray(Image.open(io.BytesIO(jpeg))))
        ax.set_title(_short(line), fontsize=7, parse_math=False)
    return grid.ravel()[: len(pictures)]


def _axes(ax: Any, height: float = 4.8) -> Any:
    """The axes that are given, or those of a new figure."""
    return _pyplot().subplots(figsize=(6.4, height), layout="constrained")[1] if ax is None else ax


def _pyplot() -> Any:
    """matplotlib.pyplot, or the error that says how to get it."""
    try:
        import matplotlib.pyplot as pyplot
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError("plots need matplotlib; pip install 'daguerre[plots]'") from exc
    return pyplot


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
