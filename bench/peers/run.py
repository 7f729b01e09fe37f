"""The rounds: in each every server under every load, and the bound before each, in an order drawn anew."""

import dataclasses
import json
import os
import random
import statistics
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.bound import Bound, Config
from bench.peers.arms import LOADS, OURS, PEERS, REQUIREMENTS
from bench.peers.prepare import Ready
from bench.peers.stage import Stage
from bench.peers.verify import Differs
from bench.servers import Process, ServerFailed
from bench.throughput import CORES, SETTLE, machine, say
from bench.workers import Worker

Json = dict[str, Any]
BATCHES = (1, 4, 8, 16, 32)
SECONDS = {"image": {"1x1": 1.6, "8x1": 1.6, "32x1": 2.4, "4x32": 6.0}, "text": {"1x1": 1.0, "32x1": 1.2, "4x32": 3.0}}
WARM = 0.4  # none at 4x32: there a request lasts longer than that, and the first ones count


@dataclasses.dataclass
class Arm:
    """A server at one task, stopped while it is not its turn."""

    name: str
    task: str
    encodings: tuple[str, ...]
    server: Process

    @property
    def key(self) -> str:
        return f"{self.name} {self.task}"


class Run:
    """The whole run; `results` fills as it goes."""

    def __init__(
        self, ready: Ready, work: Path, stack: ExitStack, *, calibration: dict[str, list[Json]], scale: float
    ) -> None:
        self._stage = Stage(ready, work, stack)
        self._scale = scale
        self._stack = stack
        self._random = random.Random(0)
        photos = self._stage.photos
        self._bound = stack.enter_context(Worker(Bound, str(ready.image.path), photos, CORES))
        self._configs: dict[str, Config] = {}
        self._arms: list[Arm] = []
        self.results: Json = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "photos": {"count": len(photos), "mean_bytes": statistics.fmean(map(len, photos))},
            "settings": {"seconds": SECONDS, "scale": scale, "warm": WARM},
            "versions": {name: _named(ready.versions[name], rows) for name, rows in REQUIREMENTS.items()},
            "calibration": calibration,
            "bound_calibration": {},
            "verified": {},
            "bound": {"encode": [], "decode_encode": [], "single": []},
            "cells": [],
            "failed": {},
        }

    def prepare(self, *, batches: tuple[int, ...] = BATCHES) -> None:
        """Find the bound's best configurations, and start, check and stop every server."""
        say("calibrating the bound")
        found = self._bound.ask("calibrate", batches=batches, seconds=0.5 * self._scale, timeout=900)
        self._configs = {kind: ranked[0][0] for kind, ranked in found.items()}
        self.results["bound_calibration"] = {
            kind: [{**dataclasses.asdict(config), "value": value} for config, value in ranked]
            for kind, ranked in found.items()
        }
        for task, placements in OURS.items():
            for placement, encodings in placements.items():
                self._start(placement, task, tuple(encodings), self._stage.ours(task, placement))
        for peer in PEERS:
            options = self.results["calibration"][f"{peer.name} {peer.task}"][0]["options"]
            self._start(peer.name, peer.task, (options["encoding"],), self._stage.peer(peer, options))

    def _start(self, name: str, task: str, encodings: tuple[str, ...], start: Any) -> None:
        server = self._stack.enter_context(start())
        arm = Arm(name, task, encodings, server)
        try:
            server.wait_ready()
            self.results["verified"][arm.key] = {e: self._stage.verify(server, name, task, e) for e in encodings}
        except (ServerFailed, Differs, OSError) as exc:
            self._lost(arm, str(exc)[-500:])
            server.stop()
            return
        server.pause()
        self._arms.append(arm)
        say(f"{arm.key} is ready: {self.results['verified'][arm.key]}")

    def round(self, number: int) -> None:
        for arm in self._random.sample(self._arms, len(self._arms)):
            if arm.task == "image":
                self._in_process(number, "encode")
            self._turn(arm, number)
        for kind in ("decode_encode", "single", "encode"):
            self._in_process(number, kind)
        self.results["machine"]["load_average_after"] = os.getloadavg()
        self.results["settings"]["rounds"] = number + 1

    def _in_process(self, number: int, kind: str) -> None:
        say(f"round {number + 1}: in-process {kind}")
        time.sleep(SETTLE)
        found = self._bound.ask(kind, config=self._configs[kind], seconds=1.6 * self._scale, timeout=120)
        kept = {"p50": statistics.median(found)} if kind == "single" else dataclasses.asdict(found)
        self.results["bound"][kind].append({"round": number, **kept})

    def _turn(self, arm: Arm, number: int) -> None:
        arm.server.resume()
        time.sleep(SETTLE)
        loads = [(encoding, load) for encoding in arm.encodings for load in LOADS[arm.task]]
        for encoding, load in self._random.sample(loads, len(loads)):
            if not arm.server.alive:
                self._lost(arm, f"ended in round {number + 1}; what it did not answer is among its errors")
                self._arms.remove(arm)
                return
            say(f"round {number + 1}: {arm.key}: {encoding} {load}")
            seconds, warm = self._scale * SECONDS[arm.task][load], 0.0 if load == "4x32" else WARM
            found = self._stage.load(arm.server, arm.name, arm.task, encoding, load, seconds=seconds, warm=warm)
            self.results["cells"].append({"round": number, "task": arm.task, "server": arm.name, **found})
        arm.server.pause()

    def _lost(self, arm: Arm, why: str) -> None:
        self.results["failed"][arm.key] = why
        say(f"{arm.key}: {why}")

    def write(self, out: Path) -> None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(self.results, indent=1) + "\n")


def _named(versions: dict[str, str], requirements: Any) -> dict[str, str]:
    """The versions of the packages that a list of requirements names."""
    plain = {name.lower().replace("_", "-"): number for name, number in versions.items()}
    wanted = [row.split("[")[0].split("=")[0].split("<")[0].split(">")[0] for row in requirements]
    return {name: plain[name] for name in wanted}
