"""Concurrent execution of parts of one request."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any


async def gather_cancelling(parts: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run `parts` concurrently; the first error cancels the others and is raised unchanged."""
    if len(parts) == 1:
        await parts[0]
        return
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
