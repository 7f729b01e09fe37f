"""Networks of `transformers` with all of their weights, from a folder."""

from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

from models.errors import ModelUnavailable, quoted


def load(architecture: Any, folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    """The network of a folder, in `dtype` and for inference.

    Parameters
    ----------
    architecture : class of transformers with `from_pretrained`.

    Raises
    ------
    ModelUnavailable : the folder cannot be read, or lacks weights, which would be random.
    """
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        network, info = architecture.from_pretrained(
            str(folder),
            local_files_only=True,
            trust_remote_code=False,
            dtype=dtype,
            output_loading_info=True,
        )
    except Exception as exc:  # transformers raises nearly anything on damaged files
        raise ModelUnavailable(f"{folder.name}: its weights cannot be loaded ({quoted(exc)}); save it again") from exc
    finally:
        logging.set_verbosity(verbosity)
    if missing := sorted(info["missing_keys"]):
        raise ModelUnavailable(f"{folder.name} lacks {len(missing):,} weights, such as {missing[0]}; download it again")
    return network.requires_grad_(False).eval()
