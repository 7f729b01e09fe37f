"""The state of a run, saved after each epoch as safetensors and JSON, and consistent whenever the process is killed.

`run.json` is replaced last and names its tensor files with their hashes; other files are removed.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from models.classifiers.records import Epoch
from models.disk import replace_file, replace_text, sha256
from models.errors import TrainingError

FORMAT = 1
_RUN = "run.json"

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The progress of a run. Everything else follows from the options and the items."""

    key: str  # identifies the run: its items, options and starting point
    stage: int = 0
    epoch: int = 0  # completed epochs of this stage
    stale: int = 0  # epochs since this stage's lowest validation loss
    curve: tuple[Epoch, ...] = ()
    best: int = -1  # index into the curve
    scaler: Mapping[str, float] = field(default_factory=dict)  # state of the fp16 gradient scaler
    versions: Mapping[str, str] = field(default_factory=dict)  # versions of libraries at the first epoch
    seconds: float = 0.0

    @property
    def best_loss(self) -> float:
        return self.curve[self.best].validation_loss if self.best >= 0 else float("inf")


class Checkpoint:
    """The folder of one run.

    Attributes
    ----------
    progress : the progress saved last, or None.
    """

    def __init__(self, folder: Path, *, key: str) -> None:
        """Open the folder. Raises TrainingError where it holds another run, or damaged files."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._files: dict[str, tuple[str, str]] = {}  # "state", "best" → file name, hash
        self.progress: Progress | None = None
        if (folder / _RUN).is_file():
            self._read(key)

    def _read(self, key: str) -> None:
        again = "give an empty work folder to begin anew"
        try:
            saved: dict[str, Any] = json.loads((self._folder / _RUN).read_text(encoding="utf-8"))
            if saved["format"] != FORMAT:
                raise TrainingError(f"checkpoint: has format {saved['format']}, this version reads {FORMAT}; {again}")
            progress = saved["progress"]
            if progress["key"] != key:
                raise TrainingError(
                    f"checkpoint: {self._folder.name} holds a run with other images, options or starting point; {again}"
                )
            self._files = {role: (name, digest) for role, (name, digest) in saved["files"].items()}
            self.progress = Progress(**{**progress, "curve": tuple(Epoch(**row) for row in progress["curve"])})
            for name, digest in self._files.values():
                if sha256(self._folder / name) != digest:
                    raise TrainingError(f"checkpoint: {name} is damaged; {again}")
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise TrainingError(f"checkpoint: {self._folder.name}/{_RUN} cannot be read; {again}") from exc

    def load(self, role: str) -> dict[str, Tensor]:
        """The tensors saved as "state" or "best", on the CPU."""
        return load_file(self._folder / self._files[role][0])

    def save(self, progress: Progress, state: Tensors, best: Tensors | None) -> None:
        """Save `state`, and `best` unless it is None (unchanged), with their progress."""
        number = len(progress.curve)
        for role, tensors in (("state", state), ("best", best)):
            if tensors is None:
                continue
            path = self._folder / f"{role}-{number:05}.safetensors"
            plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
            replace_file(path, lambda staging, plain=plain: save_file(plain, staging))  # type: ignore[misc]
            self._files[role] = (path.name, sha256(path))
        saved = {"format": FORMAT, "progress": asdict(progress), "files": self._files}
        replace_text(self._folder / _RUN, json.dumps(saved))
        self.progress = replace(progress)
        named = {name for name, _ in self._files.values()}
        for left in {*self._folder.glob("*.safetensors"), *self._folder.glob(".*.tmp")}:
            if left.name not in named:
                left.unlink()
