"""Vision-language models of `transformers` as analysers of captions: import, and comparison with `generate`."""

import tempfile
from pathlib import Path

from models.analysers import vision_language
from models.analysers.folder import AnalyserFolder, install
from models.analysers.spec import AnalyserSpec, Part
from models.catalog.folder import link_source, source_path, write_manifest
from models.catalog.spec import Precision, Source
from models.sources import export
from models.sources.chat_processors import TASKS, architecture_of, weights_of
from models.sources.writing_networks import CAPTION_NOTICE

BATCH = 4  # rows on a CPU: the weights are read once for each token of them all


def import_chat_model(
    source: Path,
    home: Path,
    *,
    name: str,
    licence: str | None = None,
    replace: bool = False,
    precision: Precision = "fp32",
) -> AnalyserFolder:
    """Describe a folder of transformers as an analyser named `name`, and return its folder in `home`.

    The weights stay where they are: `home` gets a link to their folder.

    Raises
    ------
    ModelUnavailable : the architecture is not supported, or needs remote code; files are missing or damaged.
    """
    with tempfile.TemporaryDirectory() as staging:
        folder = Path(staging) / "made"
        folder.mkdir()
        export_chat_model(source, folder, name=name, licence=licence, precision=precision)
        made = install(folder, home, replace=replace)
    link_source(source, source_path(name, home))
    return made


def export_chat_model(
    source: Path, folder: Path, *, name: str, licence: str | None = None, precision: Precision = "fp32"
) -> AnalyserSpec:
    """Write the analyser of the folder `source` into the empty `folder`, with its manifest. Raises ModelUnavailable."""
    architecture = architecture_of(source)
    part = Part(row_bytes=vision_language.row_bytes(), answer_bytes=vision_language.ANSWER_BYTES, cpu_batch=BATCH)
    spec = AnalyserSpec(
        name=name,
        kind="captions",
        description=f"{architecture} from the folder {source.name}.",
        source=Source(
            kind="folder", locator=source.name, revision="as its files' sha256 say", weights=weights_of(source)
        ),
        licence=licence or "not stated; see where the folder came from",
        parts={vision_language.WRITE: part, vision_language.JUDGE: part},
        settings={
            "decoder": vision_language.DECODER,
            "chat": int(architecture not in TASKS),
            "tasks": " ".join(TASKS.get(architecture, ())),
        },
        precision=precision,
        notice=CAPTION_NOTICE,
    )
    write_manifest(folder, spec, parity={}, made_with=export.versions())
    return spec
