"""The cluster of a run: connected to or started, and large enough that the run does not wait for ever."""

import logging
import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from daguerre.errors import DaguerreError, FingerprintMismatchError, RemarkWarning
from daguerre.ray.library import NO_STATISTICS, ray_library

WRITER = 0.5  # CPUs of a task that writes a part
AUTO, LOCAL = "auto", "local"
STARTS = 3


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Ray, connected to a cluster, or with one of this machine that ends with the block.

    Parameters
    ----------
    address : that of a cluster, such as "head:6379"; "auto": the cluster that this machine is a node of, or else one
        that is started here; "local": one that is started here.
    """
    ray = ray_library()
    if ray.is_initialized():
        yield ray
        return
    options: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
    options["runtime_env"] = {"env_vars": dict(NO_STATISTICS)}
    started = {name: options.pop(name) for name in ("include_dashboard",)}
    try:
        if address == LOCAL:
            raise ConnectionError
        ray.init(address=address, **options)
    except ConnectionError as exc:
        if address not in (AUTO, LOCAL):
            raise ConnectionError(
                f"ray: there is no cluster at {address!r} ({exc}); check the address, start one with `ray start --head`"
                ' on a node, or give "local" for one of this machine'
            ) from exc
        _start(ray, {**started, **options})
    try:
        yield ray
    finally:
        ray.shutdown()


def _start(ray: Any, options: Mapping[str, Any]) -> None:
    """Start a cluster of this machine. Ray gives it 30 seconds, which may be too few where others are at work."""
    for left in reversed(range(STARTS)):
        try:
            ray.init(address="local", **options)
            return
        except Exception as exc:  # Ray has no type of its own for that
            ray.shutdown()
            if "timed out during startup" not in str(exc):
                raise
            if not left:
                raise ConnectionError(
                    f"ray: a cluster did not start on this machine in {STARTS} attempts of 30 s; is it busy? Start one "
                    'with `ray start --head`, and give "auto"'
                ) from exc


def require_room(nodes: Sequence[Mapping[str, float]], actors: int, cpus: float, gpus: float) -> None:
    """Raise ValueError where the actors and a task that writes do not fit into a cluster: the run would never end.

    Parameters
    ----------
    nodes : the resources of each node, with "CPU" and "GPU".
    actors, cpus, gpus : number of actors, and CPUs and GPUs of each.
    """
    total = sum(node.get("CPU", 0.0) for node in nodes)
    need = actors * cpus + WRITER
    room = sum(_places(node, cpus, gpus) for node in nodes)
    each = f"{cpus:g} CPUs" + (f" and {gpus:g} GPUs" if gpus else "")
    fewer = min(room, int((total - WRITER) / cpus) if cpus else room)
    way = f"at most {fewer:,} fit" if fewer > 0 else "none fits"
    if need > total + 1e-9:
        raise ValueError(
            f"actors: {actors:,} of {each}, and {WRITER:g} CPUs for writing, are {need:g} CPUs, and the cluster has "
            f"{total:g}: it would wait for ever; {way}: ask for fewer actors, set cpus= (0.1 is enough where actors "
            "wait for servers), or add nodes"
        )
    if actors > room:
        raise ValueError(
            f"actors: {actors:,} of {each} do not fit on the {len(nodes):,} nodes of the cluster, which would wait for "
            f"ever: {way}; ask for fewer actors, or for less for each"
        )


def _places(node: Mapping[str, float], cpus: float, gpus: float) -> int:
    """The number of actors that fit on a node."""
    numbers = [(node.get("CPU", 0.0), cpus), (node.get("GPU", 0.0), gpus)]
    return min((math.floor(there / each + 1e-9) for there, each in numbers if each), default=2**31)


def nodes_of(ray: Any) -> list[Mapping[str, float]]:
    """The resources of the nodes that are alive."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def remark_on_others(ray: Any, need: float) -> None:
    """Warn where others use CPUs that the run needs: it waits for them."""
    free = ray.available_resources().get("CPU", 0.0)
    if need > free + 1e-9:
        warnings.warn(
            RemarkWarning(f"the run needs {need:g} CPUs of the cluster, of which {free:g} are free now; it waits"),
            stacklevel=4,
        )


@contextmanager
def quiet(ray: Any, *, progress: bool) -> Iterator[None]:
    """Let Ray say only what goes wrong, and show its progress bars where they are wanted."""
    loggers = {name: logging.getLogger(f"ray.data{name}") for name in ("", "._internal.progress")}
    levels = {name: logger.level for name, logger in loggers.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Ray's own settings, when they are copied
        context = ray.data.DataContext.get_current().copy()
        context.enable_progress_bars = progress
        loggers[""].setLevel(logging.WARNING)
        loggers["._internal.progress"].setLevel(logging.ERROR)  # it says that bars are off
        try:
            with ray.data.DataContext.current(context):
                yield
        finally:
            for name, logger in loggers.items():
                logger.setLevel(levels[name])


@contextmanager
def clear_errors(ray: Any) -> Iterator[None]:
    """Raise the SDK's own errors of actors and tasks as they are, and others of Ray as one line.

    An actor that cannot be made has its error as text only.
    """
    try:
        yield
    except ray.exceptions.RayError as exc:
        cause: BaseException | None = exc
        while cause is not None:
            if isinstance(cause, DaguerreError | ValueError):
                raise cause from exc
            cause = getattr(cause, "cause", None) or cause.__cause__
        if said := re.search(r"FingerprintMismatchError: (.+)", str(exc)):
            raise FingerprintMismatchError(said[1], code="fingerprint_mismatch") from exc
        lines = [line.strip() for line in str(exc).strip().splitlines() if line.strip()]
        if "No module named" in str(exc):
            raise DaguerreError(
                f"ray: the nodes of the cluster lack a module ({lines[-1]}); have the same version of daguerre[ray] on "
                'each of them, or give ray="local" for a cluster of this machine',
                code="other_environment",
            ) from exc
        raise RuntimeError(f"a process of the cluster failed: {lines[-1] if lines else exc!r}") from exc
