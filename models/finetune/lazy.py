"""Lazy import of fine-tuning, which needs torch."""

from collections.abc import Callable
from importlib import import_module

from models.errors import ModelsError
from models.finetune.outcome import Outcome


def load_finetune() -> Callable[..., Outcome]:
    """`models.finetune.run.finetune`. Raises ModelsError where torch is not installed."""
    try:
        finetune: Callable[..., Outcome] = import_module("models.finetune.run").finetune
    except ModuleNotFoundError as exc:
        raise ModelsError(f"fine-tuning needs {exc.name}: pip install 'daguerre-service[export]'") from exc
    return finetune
