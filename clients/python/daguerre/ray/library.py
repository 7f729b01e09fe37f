"""The library Ray, imported when it is needed, without its statistics of usage."""

import os
from typing import Any

NO_STATISTICS = {"RAY_USAGE_STATS_ENABLED": "0"}  # read when Ray is imported, and by each of its processes


def ray_library() -> Any:
    """Import Ray with its datasets. Raises ModuleNotFoundError with the command that installs it."""
    for name, value in NO_STATISTICS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as exc:
        raise ModuleNotFoundError(
            f"runs over a cluster need Ray with its datasets ({exc.name or exc} is missing); "
            "pip install 'daguerre[ray]'"
        ) from exc
    return ray
