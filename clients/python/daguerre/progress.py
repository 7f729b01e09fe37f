"""A progress bar in a terminal or a notebook."""

import sys
from importlib.util import find_spec
from types import TracebackType
from typing import Any


class Progress:
    """A progress bar that counts items.

    Parameters
    ----------
    shown : whether to show the bar; see `wanted`.
    total : number of items; None if it is not known.
    """

    def __init__(self, shown: bool, *, total: int | None, what: str, done: int = 0, unit: str = "item") -> None:
        self._bar: Any = None
        self._failed = 0
        if shown:
            self._bar = _kind()(total=total, desc=what, unit=unit, unit_scale=False, initial=done, smoothing=0.1)

    @staticmethod
    def wanted(setting: bool | None) -> bool:
        """`setting`; for None, whether stderr is a terminal or this is a Jupyter notebook."""
        return setting if setting is not None else _in_notebook() or sys.stderr.isatty()

    def add(self, items: int, *, failed: int = 0, stage: str | None = None) -> None:
        """Count finished items, `failed` of them without a result, and show the current stage."""
        if self._bar is None:
            return
        if stage is not None:
            self._bar.set_postfix_str(stage, refresh=False)
        self._failed += failed
        if failed:
            self._bar.set_postfix(failed=self._failed, refresh=False)
        self._bar.update(items)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    made = shell.get_ipython() if shell is not None and hasattr(shell, "get_ipython") else None
    return type(made).__name__ == "ZMQInteractiveShell"


def _kind() -> Any:
    """tqdm's bar: of widgets in a notebook that has them, of text otherwise."""
    if _in_notebook() and find_spec("ipywidgets"):
        from tqdm.notebook import tqdm as widget

        return widget
    from tqdm import tqdm

    return tqdm
