"""Download of a model's files from the hub, the only download of the project.

The commit is pinned, so the files cannot change; they are hashed when the model is imported.
"""

import os
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from models.catalog.folder import source_path
from models.catalog.hub import HUB, HubModel
from models.errors import ModelUnavailable

_SETTINGS = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "[0-9]_*/*",  # sentence-transformers: pooling and dense layers
)
_WEIGHTS = (  # the first kind that exists is taken
    ("model.safetensors",),
    ("model.safetensors.index.json", "model-*-of-*.safetensors"),
    ("pytorch_model.bin",),
    ("pytorch_model.bin.index.json", "pytorch_model-*-of-*.bin"),
)


def files_to_fetch(files: Sequence[str]) -> list[str]:
    """Select the files of a repository that an import needs. Raises ModelUnavailable without weights."""
    settings = [f for f in files if any(fnmatch(f, pattern) for pattern in _SETTINGS)]
    for kind in _WEIGHTS:
        weights = [f for f in files if any(fnmatch(f, pattern) for pattern in kind)]
        if kind[0] in weights:
            return [f for f in settings if f not in weights] + weights
    raise ModelUnavailable("the repository has neither model.safetensors nor pytorch_model.bin; use another model")


def fetch(name: str, home: Path) -> Path:
    """Download the hub's model `name` with a progress bar, unless it is complete, and return its folder.

    Raises
    ------
    ModelUnavailable : unknown name, no network, or HF_HUB_OFFLINE is set.
    """
    row = HUB.get(name)
    if row is None:
        raise ModelUnavailable(
            f"{name!r} is not a known model of the hub; choose one of: {', '.join(HUB)}. "
            "To import a folder: python -m models import FOLDER"
        )
    folder = source_path(name, home)
    complete = folder / f".complete-{row.revision}"
    if complete.is_file():
        return folder
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        raise ModelUnavailable(
            f"{name!r} is not in {folder.parent.name}/ and HF_HUB_OFFLINE forbids fetching it; unset it, or copy "
            f"{row.repository} at {row.revision} to a folder and run: python -m models import FOLDER --name {name}"
        )
    _download(row, folder)
    complete.touch()
    return folder


def _download(row: HubModel, folder: Path) -> None:
    import huggingface_hub  # imported here, because no serving code may reach it

    try:  # the description of the repository is the one request that is not repeated where there is no network
        described = huggingface_hub.HfApi().model_info(row.repository, revision=row.revision, timeout=30)
        files = files_to_fetch([file.rfilename for file in described.siblings or ()])
        huggingface_hub.snapshot_download(
            row.repository, revision=row.revision, allow_patterns=files, local_dir=str(folder)
        )
    except ModelUnavailable:
        raise
    except Exception as exc:  # of the library, its HTTP client and the system
        raise ModelUnavailable(
            f"{row.name!r} could not be fetched ({row.repository} at {row.revision[:12]}): {type(exc).__name__}: "
            f"{str(exc).splitlines()[0] if str(exc) else 'no reason given'}; check the network, or copy the "
            f"files from a machine with a network and run: python -m models import FOLDER --name {row.name}"
        ) from exc
