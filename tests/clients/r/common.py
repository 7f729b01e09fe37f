"""R with the package: whether it is there, and commands that run with the package's library."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.e2e.harness import ROOT

PACKAGE = ROOT / "clients" / "r"
EXAMPLES = ROOT / "examples"
NEEDED = ("cli", "curl", "jsonlite", "rlang", "tibble", "yaml", "testthat", "roxygen2", "knitr", "rmarkdown")


@cache
def has_r() -> bool:
    if shutil.which("Rscript") is None:
        return False
    asked = f"stopifnot(all(c({', '.join(map(repr, NEEDED))}) %in% rownames(installed.packages())))"
    return subprocess.run(["Rscript", "-e", asked], capture_output=True, timeout=60).returncode == 0


MARKS = [
    pytest.mark.skipif(not has_r(), reason=f"needs R with {', '.join(NEEDED)}: docs/r.md has Debian's packages"),
    pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session"),
]


def environment(library: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command with the package's library."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DAGUERRE_")}
    return {**inherited, "R_LIBS": str(library), "LC_ALL": "C.UTF-8", "NOT_CRAN": "true", **variables}


def run(command: list[str], library: Path, cwd: Path, variables: Mapping[str, str], seconds: int = 600) -> str:
    """The output of a command with the package's library. Raises AssertionError with it where the command fails."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(library, variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def install(folder: Path) -> Path:
    """Install the package into a library of R, and return it."""
    run(["R", "CMD", "INSTALL", "--no-docs", f"--library={folder}", str(PACKAGE)], folder, ROOT, {})
    return folder
