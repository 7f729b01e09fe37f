"""Reads our Dockerfile, and runs its lines in folders where there is no container engine."""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = re.compile(r"(?<![\w.])/(?=(?:opt/|var/lib/daguerre))")  # paths that a stage has of its own


@dataclass
class Stage:
    """FROM `base` AS `name`, and what follows: (instruction, argument) in order."""

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [argument for name, argument in self.steps if name == instruction]


def read(text: str) -> dict[str, Stage]:
    """The stages by name, in order."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    stages: dict[str, Stage] = {}
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        instruction, argument = line.strip().split(maxsplit=1)
        if instruction == "FROM":
            base, _, name = argument.split()
            stages[name] = current = Stage(name, base)
        else:
            current.steps.append((instruction, argument))
    return stages


def lineage(stages: Mapping[str, Stage], name: str) -> list[Stage]:
    """The stage and those it is built on, the first one first."""
    found: list[Stage] = []
    while name in stages:
        found.insert(0, stages[name])
        name = stages[name].base
    return found


def environment(stages: Mapping[str, Stage], name: str) -> dict[str, str]:
    """ENV of a stage and of those before it."""
    return {
        key: value
        for stage in lineage(stages, name)
        for argument in stage.all("ENV")
        for key, _, value in (pair.partition("=") for pair in shlex.split(argument))
    }


def copies(stage: Stage) -> list[tuple[str | None, list[str], str]]:
    """COPY of a stage: from which other one (None: the build's folder), what, whither."""
    found = []
    for argument in stage.all("COPY"):
        words = argument.split()
        source = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else None
        found.append((source, words[:-1], words[-1]))
    return found


class DryRun:
    """Runs RUN and COPY of stages, each in a folder below `place` that stands for its root."""

    def __init__(self, place: Path, stages: Mapping[str, Stage], *, python: str) -> None:
        self.place = place
        self.stages = stages
        self._python = python
        self._made: set[str] = set()

    def root(self, name: str) -> Path:
        return self.place / name

    def here(self, name: str, text: str) -> str:
        """`text` with the stage's own paths where they are now."""
        return OURS.sub(f"{self.root(name)}/", text)

    def make(self, name: str) -> Path:
        """The folder of a stage, with those it needs made first."""
        stage = self.stages[name]
        if name in self._made:
            return self.root(name)
        self.root(name).mkdir(parents=True)
        if stage.base in self.stages:
            _copy(self.make(stage.base), self.root(name))
        for source, _, _ in copies(stage):
            if source:
                self.make(source)
        arguments: dict[str, str] = {}
        for instruction, argument in stage.steps:
            if instruction == "ARG" and "=" in argument:
                key, _, value = argument.partition("=")
                arguments[key] = value.strip('"')
            elif instruction == "COPY":
                (found,) = [c for c in copies(Stage(name, "", [(instruction, argument)]))]
                self._copied(name, *found)
            elif instruction == "RUN" and not argument.startswith("groupadd"):  # users are the engine's
                self._run(name, argument, arguments)
        self._made.add(name)
        return self.root(name)

    def workdir(self, name: str) -> Path:
        (folder,) = {w for stage in lineage(self.stages, name) for w in stage.all("WORKDIR")}
        return Path(self.here(name, folder))

    def _copied(self, name: str, source: str | None, what: list[str], whither: str) -> None:
        for item in what:
            origin = Path(self.here(source, item)) if source else ROOT / item
            target = Path(self.here(name, whither)) if whither.startswith("/") else self.workdir(name) / whither
            if whither.endswith("/") or len(what) > 1:
                target = target / origin.name
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(origin, target)

    def _run(self, name: str, command: str, arguments: Mapping[str, str]) -> None:
        self.workdir(name).mkdir(parents=True, exist_ok=True)
        inherited = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_")) or k in ("PATH", "TMPDIR")}
        given = environment(self.stages, name)
        env = {**inherited, "HOME": str(self.place), **{k: self.here(name, v) for k, v in given.items()}, **arguments}
        command = self.here(name, command).replace("python -m venv", f"{shlex.quote(self._python)} -m venv")
        done = subprocess.run(["sh", "-ec", command], cwd=self.workdir(name), env=env, capture_output=True, text=True)
        assert done.returncode == 0, f"{name}: {command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def words(argument: str) -> list[str]:
    """The exec form of CMD and ENTRYPOINT."""
    return [str(word) for word in json.loads(argument[argument.index("[") :])]


def _copy(origin: Path, target: Path) -> None:
    """As links where the file is a stage's, which no step changes in place; the working tree's are copied."""
    linked = ROOT not in origin.parents
    if origin.is_dir():
        shutil.copytree(
            origin,
            target,
            symlinks=True,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__", "*.egg-info") if not linked else None,
            copy_function=_link if linked else shutil.copy2,
        )
    else:
        (_link if linked else shutil.copy2)(str(origin), str(target))


def _link(origin: str, target: str) -> str:
    Path(target).unlink(missing_ok=True)
    os.link(origin, target)
    return target
