"""Plots of results, as SVG files that do not change unless the figures do."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

OURS, OTHERS = "#1f6f8b", "#b8b8b8"


def bars(
    panels: Mapping[str, Mapping[str, Sequence[float]]], *, line: float, unit: str, ours: Sequence[str], path: Path
) -> None:
    """A panel for each load: a bar for each server's median, whiskers from its smallest to its largest round.

    Parameters
    ----------
    panels : load → server → its rounds.
    line : dashed across every panel: what none can pass.
    ours : how the names of our own servers begin; they are coloured.
    """
    settings = {"svg.hashsalt": "bench", "svg.fonttype": "none", "font.size": 9}
    with plt.rc_context(settings):
        figure, axes = plt.subplots(1, len(panels), figsize=(2.4 * len(panels) + 1.2, 3.2), sharex=True, sharey=True)
        for axis, (title, servers) in zip(axes if len(panels) > 1 else [axes], panels.items(), strict=True):
            names = list(servers)
            middle = [statistics.median(values) for values in servers.values()]
            below = [m - min(values) for m, values in zip(middle, servers.values(), strict=True)]
            above = [max(values) - m for m, values in zip(middle, servers.values(), strict=True)]
            colours = [OURS if name.startswith(tuple(ours)) else OTHERS for name in names]
            axis.barh(names, middle, xerr=[below, above], color=colours, ecolor="#444444", capsize=2)
            axis.axvline(line, color="black", linestyle="--", linewidth=1)
            axis.set_title(f"clients x images: {title}", fontsize=9)
            axis.set_xlabel(unit)
            axis.spines[["top", "right"]].set_visible(False)
        axis.invert_yaxis()
        figure.tight_layout()
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
