"""Which options are best for each peer, on this machine: found by trying them, one server at a time."""

import math
from typing import Any

from bench.peers.arms import PEERS, Options, Peer
from bench.peers.stage import Stage
from bench.peers.verify import Differs
from bench.servers import ServerFailed
from bench.throughput import say

Json = dict[str, Any]
NEAR = 0.97  # of the best: there one client's speed decides
SECONDS = {"1x1": 1.0, "32x1": 2.0, "4x32": 4.0}


def calibrate(stage: Stage, *, scale: float = 1.0) -> dict[str, list[Json]]:
    """Each peer's options with what they gave, best first; `scale` shortens every trial."""
    return {f"{peer.name} {peer.task}": _peer(stage, peer, scale) for peer in PEERS}


def _peer(stage: Stage, peer: Peer, scale: float) -> list[Json]:
    tried = [_try(stage, peer, options, scale) for options in peer.options]
    for change in peer.changes:
        tried.append(_try(stage, peer, {**ranked(tried)[0]["options"], **change}, scale))
    return ranked(tried)


def ranked(tried: list[Json]) -> list[Json]:
    """Best first: by images/s under load, and among those near the best by one client's."""
    least = NEAR * max(trial["score"] for trial in tried)

    def merit(trial: Json) -> tuple[bool, float]:
        near = trial["score"] >= least > 0
        return near, trial["alone"] if near else trial["score"]

    return sorted(tried, key=merit, reverse=True)


def _try(stage: Stage, peer: Peer, options: Options, scale: float) -> Json:
    say(f"{peer.name}, {peer.task}: {options}")
    trial: Json = {"options": options, "score": 0.0, "alone": 0.0}
    try:
        with stage.peer(peer, options)() as server:
            server.wait_ready()
            stage.verify(server, peer.name, peer.task, options["encoding"])
            for load, seconds in SECONDS.items():
                warm = _warm(load)
                found = stage.load(
                    server, peer.name, peer.task, options["encoding"], load, seconds=scale * seconds, warm=warm
                )
                trial[load] = found["per_second"]
                if found["errors"]:
                    raise Differs(f"{load}: {found['errors']}")
        trial["score"] = math.sqrt(trial["32x1"] * trial["4x32"])
        trial["alone"] = trial["1x1"]
    except (ServerFailed, Differs, OSError) as exc:
        trial["failed"] = str(exc)[-200:]
        say(f"  failed: {exc}")
    else:
        say("  " + ", ".join(f"{load} {trial[load]:.1f}/s" for load in SECONDS))
    return trial


def _warm(load: str) -> float:
    return 0.0 if load == "4x32" else 0.4
