"""Parts of one request at the same time."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any


async def gather_cancelling(parts: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run `parts` at the same time; the first error cancels the others and is raised as it is."""
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
