"""Every block of README and docs runs as it is, in order, in a folder with a copy of examples/."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import RUN, SHOWN, blocks
from tests.e2e import harness
from tests.e2e.harness import ROOT, Server

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "clients/python/README.md", "examples/*.md", "bench/*.md", "protos/*.md")
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_names_its_language_and_can_be_pasted(path: Path) -> None:
    for block in blocks(path):
        assert block.language in (*RUN, *SHOWN), f"line {block.line}: name one of {RUN} or {SHOWN}"
        if block.language == "bash":
            assert not block.text.startswith("$ "), f"line {block.line}: a prompt cannot be pasted"
    assert path.read_text().count("\n```") % 2 == 0


@pytest.mark.parametrize(
    "path",
    [path for path in DOCUMENTS if any(b.language in RUN and not b.reason for b in blocks(path))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_the_blocks_run(path: Path, documented: Server, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    kept = tmp_path / ".cache" / "daguerre"
    kept.mkdir(parents=True)
    (kept / "models").symlink_to((harness.HOME / "models").resolve(), target_is_directory=True)  # exported already
    variables = {
        **harness.environment(),
        "HOME": str(tmp_path),
        "DAGUERRE_URL": documented.url,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "tests.docs.blocks", str(path), str(documented.port), str(documented.grpc_port)]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
