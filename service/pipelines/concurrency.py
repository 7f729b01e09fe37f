"""Concurrent execution of parts of one request."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def gather_cancelling(parts: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Run `parts` concurrently and return their results; the first error cancels the others and is raised unchanged."""
    if len(parts) == 1:
        return [await parts[0]]
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
