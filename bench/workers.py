"""A process of its own for each thing that takes part, idle until it is asked."""

import contextlib
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any


class Worker:
    """Makes `factory(*args)` in a fresh process and calls its methods there, one at a time."""

    def __init__(self, factory: Callable[..., Any], *args: Any) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would take over this process' threads
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, factory, args), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, method: str, *, timeout: float = 60, **options: Any) -> Any:
        """Call `method` and return its result. Raises TimeoutError, and RuntimeError with the method's error."""
        self.begin(method, **options)
        return self.result(timeout=timeout)

    def begin(self, method: str, **options: Any) -> None:
        """Start `method`, whose `result` is fetched later."""
        self._pipe.send((method, options))

    def result(self, *, timeout: float = 60) -> Any:
        """Result of the method that was started by `begin`."""
        if not self._pipe.poll(timeout):
            raise TimeoutError(f"no answer within {timeout:g} seconds")
        failure, result = self._pipe.recv()
        if failure:
            raise RuntimeError(failure)
        return result

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.join(2)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(5)


def _serve(pipe: Connection, factory: Callable[..., Any], args: tuple[Any, ...]) -> None:
    with contextlib.suppress(EOFError, ConnectionError, KeyboardInterrupt):  # the other end is gone, and the work too
        made = factory(*args)
        while True:
            method, options = pipe.recv()
            try:
                answer = None, getattr(made, method)(**options)
            except Exception as exc:
                answer = f"{method}: {type(exc).__name__}: {exc}", None
            pipe.send(answer)
