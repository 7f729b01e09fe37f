"""The peers, as rows: how each is installed, started and asked, and which of its options are tried."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Options = dict[str, Any]
HERE = Path(__file__).parent
CORES = len(os.sched_getaffinity(0))
IMAGE_MODEL, TEXT_MODEL = "clip-random", "all-minilm-l6-v2"
INT8 = "int8"  # in the name of each server that runs a graph of 8 bits
GRAPHS: Mapping[str, Options] = {  # onnxruntime's own dynamic quantisation, with the options that may be fastest
    "int8": {"weight_type": "QInt8", "per_channel": False},
    "uint8": {"weight_type": "QUInt8", "per_channel": False},
    "int8-channels": {"weight_type": "QInt8", "per_channel": True},
}
QUIET = {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}


@dataclass(frozen=True)
class Places:
    """Paths of the files that `prepare` made for the servers."""

    environments: Path
    clip: Path  # in the layout of a model hub
    graphs: Mapping[str, Path]  # of the same image tower: "fp32", as this service runs it, and GRAPHS
    sentences: Path  # all-MiniLM-L6-v2, in the layout of a model hub


@dataclass(frozen=True)
class Peer:
    """One peer at one task.

    environment : its folder's name; its packages are `requirements`, the first of them itself.
    options : what calibration tries; `changes` are then tried on top of the best of them. Each holds the peer's own
        settings and `encoding`, a key of `wire.ENCODINGS`.
    """

    name: str
    task: str  # "image" or "text"
    environment: str
    ready: str
    options: Sequence[Options]
    changes: Sequence[Options]
    command: Callable[[Places, int, Options], list[str]]
    env: Callable[[Options], Mapping[str, str]]


REQUIREMENTS: Mapping[str, Sequence[str]] = {
    # transformers 5 gives CLIP's features another shape; without torchvision, which does not fit torch 2.13
    "infinity": (
        *("infinity-emb[server,torch]==0.0.78", "torch>=2.13,<2.14", "transformers<5"),
        *("aiohttp", "click<8.2", "pillow==13.0.0"),
    ),
    "litserve": (
        *("litserve==0.2.19", "onnxruntime==1.31.1", "numpy==2.4.6", "pillow==13.0.0"),
        *("python-multipart", "uvloop", "httptools"),
    ),
    "ray": (
        *("ray[serve]==2.60.0", "onnxruntime==1.31.1", "numpy==2.4.6", "pillow==13.0.0"),
        *("python-multipart", "uvloop", "httptools"),
    ),
}


def _infinity(folder: Callable[[Places], Path], model: str) -> Callable[[Places, int, Options], list[str]]:
    def command(places: Places, port: int, options: Options) -> list[str]:
        given = {
            "model-id": folder(places),
            "served-model-name": model,
            "engine": "torch",
            "device": "cpu",
            "dtype": "float32",
            "batch-size": options["batch_size"],
            "host": "127.0.0.1",
            "port": port,
            "log-level": "warning",
        }
        flags = ["--no-bettertransformer", "--no-model-warmup", "--compile" if options["compile"] else "--no-compile"]
        program = places.environments / "infinity" / "bin" / "infinity_emb"
        return [str(program), "v2", *(str(x) for k, v in given.items() for x in (f"--{k}", v)), *flags]

    return command


def _infinity_env(options: Options) -> Mapping[str, str]:
    return {**QUIET, "INFINITY_ANONYMOUS_USAGE_STATS": "0", "OMP_NUM_THREADS": str(options["threads"])}


def _script(environment: str, script: str) -> Callable[[Places, int, Options], list[str]]:
    def command(places: Places, port: int, options: Options) -> list[str]:
        python = places.environments / environment / "bin" / "python"
        return [str(python), str(HERE / script), str(places.graphs[options["graph"]]), str(port), json.dumps(options)]

    return command


def _ray_env(options: Options) -> Mapping[str, str]:
    fast = {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"} if options["haproxy"] else {}
    other = options["graph"] != "fp32"  # two servers run side by side
    ports = {"RAY_SERVE_HAPROXY_METRICS_PORT": str(9101 + other), "RAY_SERVE_HAPROXY_STATS_PORT": str(8404 + other)}
    patient = {  # it is stopped for minutes: its own watchmen must not take it for dead
        "RAY_health_check_failure_threshold": "1000",
        "RAY_SERVE_PROXY_UNHEALTHY_TIMEOUT_S": "3600",
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "600",
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "600",
    }
    return {**QUIET, **patient, **fast, **ports, "RAY_USAGE_STATS_ENABLED": "0"}


def _litserve(workers: int, threads: int, requests: int, timeout: float, rows: int) -> Options:
    return {
        **{"workers": workers, "threads": threads, "max_batch_size": requests, "timeout": timeout, "rows": rows},
        **{"fast_queue": True, "encoding": "litserve-upload", "graph": "fp32"},
    }


def _ray(replicas: int, threads: int, batch: int, timeout: float) -> Options:
    return {
        **{"replicas": replicas, "threads": threads, "max_batch_size": batch, "timeout": timeout},
        **{"haproxy": True, "encoding": "ray", "graph": "fp32"},
    }


_LITSERVE = Peer(
    name="litserve",
    task="image",
    environment="litserve",
    ready="/health",
    options=[
        _litserve(CORES, 1, 4, 0.002, 4),
        _litserve(CORES, 1, 8, 0.01, 8),
        _litserve(CORES, 1, 16, 0.05, 16),
        _litserve(1, CORES, 8, 0.01, 8),
        _litserve(1, CORES, 16, 0.05, 16),
    ],
    changes=[{"fast_queue": False}, {"encoding": "litserve-json"}],
    command=_script("litserve", "litserve_server.py"),
    env=lambda options: QUIET,
)
_RAY = Peer(
    name="ray",
    task="image",
    environment="ray",
    ready="/",
    options=[_ray(CORES, 1, 4, 0.005), _ray(CORES, 1, 8, 0.01), _ray(CORES, 1, 16, 0.05), _ray(1, CORES, 8, 0.01)],
    changes=[{"haproxy": False}],
    command=_script("ray", "ray_server.py"),
    env=_ray_env,
)


def _quantised(peer: Peer) -> Peer:
    """The same server with each of GRAPHS."""
    first, *others = GRAPHS
    options = [{**each, "graph": first} for each in peer.options]
    changes = [*peer.changes, *({"graph": graph} for graph in others)]
    return replace(peer, name=f"{peer.name} {INT8}", options=options, changes=changes)


PEERS: Sequence[Peer] = (
    Peer(
        name="infinity",
        task="image",
        environment="infinity",
        ready="/health",
        options=[{"batch_size": n, "threads": CORES, "compile": False, "encoding": "infinity"} for n in (4, 8, 16, 32)],
        changes=[{"threads": 1}, {"compile": True}],
        command=_infinity(lambda places: places.clip, IMAGE_MODEL),
        env=_infinity_env,
    ),
    *(_LITSERVE, _RAY, _quantised(_LITSERVE), _quantised(_RAY)),
    Peer(
        name="infinity",
        task="text",
        environment="infinity",
        ready="/health",
        options=[
            {"batch_size": n, "threads": CORES, "compile": False, "encoding": "infinity-text"} for n in (8, 16, 32)
        ],
        changes=[{"threads": 1}],
        command=_infinity(lambda places: places.sentences, TEXT_MODEL),
        env=_infinity_env,
    ),
)
OURS: Mapping[str, Mapping[str, Sequence[str]]] = {  # task → placement, or INT8 for inline with that model → encodings
    "image": {
        "inline": ("json", "multipart", "grpc"),
        "process": ("multipart", "grpc"),
        INT8: ("json", "multipart", "grpc"),
    },
    "text": {"inline": ("text-json", "text-grpc"), INT8: ("text-json", "text-grpc")},
}


def served(task: str, server: str) -> str:
    """Name of this service's model for a task in the arm `server`."""
    name = {"image": IMAGE_MODEL, "text": TEXT_MODEL}[task]
    return f"{name}-{INT8}" if server == INT8 else name


LOADS: Mapping[str, Sequence[str]] = {
    "image": ("1x1", "8x1", "32x1", "4x32"),
    "text": ("1x1", "32x1", "4x32"),
}
