"""Programs and libraries of others, each installed by name into an environment of its own below `.cache/neighbours`.

They are not installed beside the service, since they bring many packages, plugins of pytest among them.
"""

import os
import subprocess
import sysconfig
import venv
from pathlib import Path

from filelock import FileLock

from tests.e2e.harness import ROOT

CACHE = ROOT / ".cache" / "neighbours"


def python_of(name: str, *packages: str, alone: bool = False) -> Path:
    """The interpreter of an environment that has these packages, in front of all that the tests have, or `alone`."""
    folder = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        ready, python = folder / "ready", folder / "bin" / "python"
        if not ready.is_file() or ready.read_text() != "\n".join(packages):
            venv.create(folder, with_pip=True, clear=True)
            found = subprocess.run(
                [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                capture_output=True,
                text=True,
                check=True,
            )
            # what is installed here already, torch among it, need not be downloaded again
            if not alone:
                Path(found.stdout.strip(), "ours.pth").write_text(sysconfig.get_path("purelib") + "\n" + _editable())
            install = [python, "-m", "pip", "install", "--quiet", *packages]
            subprocess.run(install, check=True, timeout=900, env=_environment())
            ready.write_text("\n".join(packages))
    return python


def run(python: Path, code: str, *arguments: str, timeout: float = 600, **variables: str) -> str:
    """Run a program in an environment and return what it prints. Fails with its errors."""
    found = subprocess.run(
        [python, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**_environment(), **variables},
    )
    assert found.returncode == 0, found.stdout[-2000:] + found.stderr[-4000:]
    return found.stdout


def _editable() -> str:
    return f"{ROOT / 'clients' / 'python'}\n{ROOT / 'protos'}\n"


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "VIRTUAL_ENV"))}
