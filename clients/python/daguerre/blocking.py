"""Blocking twins of asynchronous methods: the same signature, the same docstring, run by a client's thread."""

import functools
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from daguerre.types.jobs import Job

P = ParamSpec("P")
T = TypeVar("T")
H = TypeVar("H")  # an asynchronous handle
W = TypeVar("W")  # its blocking twin
A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Closing:
    """A context manager that closes at its end."""

    def close(self) -> None: ...

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClosing:
    """An asynchronous context manager that closes at its end."""

    async def close(self) -> None: ...

    async def __aenter__(self: T) -> T:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Runner(Protocol):
    """Runs coroutines of an asynchronous client, and waits for them."""

    def run(self, work: Coroutine[Any, Any, T]) -> T: ...


class Blocking(Protocol[A_co]):
    """An object with blocking twins of the methods of `asynchronous`."""

    @property
    def asynchronous(self) -> A_co: ...

    @property
    def _runner(self) -> Runner: ...


def blocking(
    method: Callable[Concatenate[A, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Blocking[A], P], T]:
    """The blocking twin of a method."""

    @functools.wraps(method)
    def call(self: Blocking[A], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._runner.run(method(self.asynchronous, *args, **kwargs))

    return call


@overload
def blocking_handle(
    method: Callable[Concatenate[A, P], Coroutine[Any, Any, H]], twin: Callable[[Any, H], W]
) -> Callable[Concatenate[Blocking[A], P], W]: ...
@overload
def blocking_handle(
    method: Callable[Concatenate[A, P], Coroutine[Any, Any, H | Job]], twin: Callable[[Any, H], W]
) -> Callable[Concatenate[Blocking[A], P], W | Job]: ...
def blocking_handle(method: Any, twin: Callable[[Any, Any], Any]) -> Any:
    """The blocking twin of a method that gives a handle, or a job: `twin(runner, handle)` is the handle's own twin."""

    @functools.wraps(method)
    def call(self: Blocking[Any], /, *args: Any, **kwargs: Any) -> Any:
        found = self._runner.run(method(self.asynchronous, *args, **kwargs))
        return found if isinstance(found, Job) else twin(self._runner, found)

    return call


def blocking_result(
    method: Callable[Concatenate[A, P], Coroutine[Any, Any, H]], twin: Callable[[Any, H], W]
) -> Callable[Concatenate[Blocking[A], P], W]:
    """The same for a method that never gives a job."""
    return blocking_handle(method, twin)
