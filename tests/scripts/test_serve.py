"""scripts/serve: what it installs, and what it passes on to the service."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$(dirname "$0")/calls"
"""


@pytest.mark.parametrize(
    ("arguments", "extras", "rest"),
    [
        (["--port", "3001"], "export,video,collections", " --port 3001"),
        (["--light", "--port", "3001"], "video,collections", " --port 3001"),
        (["--light"], "video,collections", ""),
    ],
)
def test_a_light_install_has_no_torch(tmp_path: Path, arguments: list[str], extras: str, rest: str) -> None:
    for name in ("serve", "env.sh"):
        (tmp_path / "scripts").mkdir(exist_ok=True)
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts" / name)
    for name in ("pyproject.toml", "constraints.txt", "protos/pyproject.toml", "clients/python/pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "requirements-weights.txt", tmp_path)
    for name in ("build/client", "clients/python/daguerre", "protos/daguerre_proto", ".venv/bin"):
        (tmp_path / name).mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    subprocess.run([tmp_path / "scripts" / "serve", *arguments], check=True, env={"PATH": "/usr/bin:/bin"})
    calls = (python.parent / "calls").read_text().splitlines()
    assert any(f"-e .[{extras}] " in call for call in calls)
    assert calls[-1] == f"-m service{rest}"
