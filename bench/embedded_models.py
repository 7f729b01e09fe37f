"""Accuracy of the embedded models beside each other on Tux Paint's stamps, with labels in English, German and French.

    .venv/bin/python -m bench.embedded_models

Markdown to stdout. The labels are those of `bench.stamps`, and translations that were written down before any result
was seen. Templates: each model's own; in German and French the label alone. `scale` is the best logit scale by the rule
of `bench.calibration`, with English labels. It needs the packages of `requirements-weights/`.
"""

import argparse
import os
from pathlib import Path

from bench import stamps
from bench.accuracy import StampSet, captions
from bench.calibration import temperature
from bench.embedder import Embedder
from bench.measures import Array, balanced, hits, table
from bench.probes import linear_probe

MODELS = ("embedded", "embedded-large", "embedded-multilingual")
GERMAN = (
    *("Vogel", "Fisch", "Insekt", "Säugetier", "Kleidungsstück", "Frucht", "Gemüse", "Musikinstrument", "Geschirr"),
    *("Werkzeug", "Blume", "Planet", "Sportgerät", "Schachfigur", "Geld", "Haus", "Denkmal", "Verkehrsschild"),
    "Fahrzeug",
)
FRENCH = (
    *("oiseau", "poisson", "insecte", "mammifère", "vêtement", "fruit", "légume", "instrument de musique", "vaisselle"),
    *("outil", "fleur", "planète", "équipement de sport", "pièce d'échecs", "argent", "maison", "monument"),
    *("panneau de signalisation", "véhicule"),
)


def row(data: StampSet, cosines: Array) -> list[object]:
    """Top-1 and top-5 of all stamps, top-1 with classes of the same weight, of photos and of drawings, in %."""
    first, five = hits(cosines, data.truth, 1), hits(cosines, data.truth, 5)
    shares = (
        *(first.mean(), five.mean(), (balanced(data.truth) * first).sum()),
        *(first[~data.drawing].mean(), first[data.drawing].mean()),
    )
    return [f"{100 * share:.1f}" for share in shares]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    home = Path(os.environ.get("DAGUERRE_HOME", Path.home() / ".cache" / "daguerre"))
    parser.add_argument("--home", type=Path, default=home, help="DAGUERRE_HOME")
    parser.add_argument("--models", default=",".join(MODELS), help="models, separated by commas [default: %(default)s]")
    parser.add_argument("--probe", action="store_true", help="a linear probe too, which takes minutes")
    options = parser.parse_args()
    rows: list[list[object]] = []
    for name in options.models.split(","):
        model = Embedder(name, options.home)
        head = model.folder.spec.zero_shot
        assert head is not None
        data = StampSet(model, stamps.fetch(), stamps.LABELS)
        cosines = data.cosines(model, 0, head.templates)
        texts, which, own = captions(data)
        scale = temperature(cosines, data.truth, data.vectors[which] @ model.labels(texts, head.templates).T, own)
        shown = f"{scale['optimum']:.1f}"
        rows.append([name, "English", *row(data, cosines), shown])
        for language, labels in (("German", GERMAN), ("French", FRENCH)):
            rows.append([name, language, *row(data, data.vectors @ model.labels(labels, ("{}",)).T), ""])
        if options.probe:
            found = linear_probe(data.vectors, data.truth)
            print(name, "linear probe, classes and images:", found["macro"], found["micro"], flush=True)
    heads = ("model", "labels", "top-1", "top-5", "top-1, classes", "photos", "drawings", "scale")
    print(table(heads, rows))
    print("load:", *(f"{load:.1f}" for load in os.getloadavg()))


if __name__ == "__main__":
    main()
