"""The accuracy benchmark's result as Markdown."""

from collections.abc import Mapping
from typing import Any

from bench.measures import percent, table

Rows = list[list[object]]


def report(result: Mapping[str, Any]) -> str:
    """Every table of the result of `bench.accuracy`."""
    return "\n".join(
        [
            _zero_shot(result),
            "### Class by class\n",
            table(["label", "n", "drawings", "recall %", "precision %", "taken for"], result["per_class"]),
            "### scikit-image's photos\n",
            table(["photo", "label", "rank", "cosine", "best label", "its score"], result["photos"]),
            "### Prompt templates\n",
            _prompts(result["prompts"]),
            "### Logit scale\n",
            _temperature(result["temperature"]),
            '### decode="scaled"\n',
            table(
                ["JPEGs", "min cosine", "mean cosine"],
                [[name, f"{v['min']:.5f}", f"{v['mean']:.5f}"] for name, v in result["scaled_decoding"].items()],
            ),
        ]
    )


def _zero_shot(result: Mapping[str, Any]) -> str:
    parts = []
    for title, name in (("things", "zero_shot"), ("occasions", "occasions")):
        found = result[name]
        rows: Rows = [["chance", percent(found["chance"])], ["majority, micro", percent(found["majority, micro"])]]
        rows += [[key, percent(*value)] for key, value in found.items() if isinstance(value, list | tuple)]
        if name == "zero_shot":
            probe, groups = result["linear_probe"], result["clusters"]
            rows += [[f"linear probe, {kind}", percent(*probe[kind])] for kind in ("macro", "micro")]
            rows += [["k-means purity", percent(groups["purity"])], ["k-means NMI", float(groups["NMI"])]]
        heading = f"{title}: {found['images']} images, {found['classes']} labels"
        parts.append(table([heading, "% [95 % interval]"], rows))
    return "### Zero-shot\n\n" + "\n".join(parts)


def _prompts(found: list[dict[str, Any]]) -> str:
    tasks = [key for key in found[0] if key not in ("labels", "templates")]
    rows: Rows = []
    for row in found:
        cells = []
        for task in tasks:
            gain = row.get(f"{task} gain")
            cells.append(percent(row[task]) + (f"; {percent(*gain)}" if gain else ""))
        rows.append([f"“{row['labels']}”", f"`{row['templates']}`", *cells])
    return table(["labels like", "templates", *[f"{task}; gain" for task in tasks]], rows)


def _temperature(found: Mapping[str, Any]) -> str:
    halves, spread = found["transfer"], found["random halves"]
    return "\n".join(
        [
            table(list(halves[0]), [list(row.values()) for row in halves]),
            f"Fitted on 60 random halves: {spread['mean']:.1f} ± {spread['sd']:.1f}.\n",
            table(list(found["sizes"][0]), [list(row.values()) for row in found["sizes"]]),
            table(["scale", *found["regret"]], [["nats above the minimum", *found["regret"].values()]]),
            f"Least above the minimum: {found['optimum']:.1f}. Recommended: {found['recommended']:g}.\n",
        ]
    )
