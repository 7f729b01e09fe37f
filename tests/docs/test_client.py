"""The Python package that the server offers at /client/: built by scripts/wheels, installed by its address."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import httpx
import pytest

from tests.e2e import harness
from tests.e2e.harness import ROOT, Server


@pytest.mark.thorough
def test_the_wheel_of_the_server_is_installed_and_used(documented: Server, tmp_path: Path) -> None:
    subprocess.run([ROOT / "scripts" / "wheels"], check=True, timeout=300, cwd=tmp_path)
    page = httpx.get(f"{documented.url}/client/", trust_env=False).text
    (address,) = re.findall(r"daguerre\[all\] @ (\S+\.whl)", page)
    assert address.startswith(documented.url)
    target = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), address]
    subprocess.run(command, check=True, timeout=300)
    program = (
        "import daguerre, daguerre_proto, sys; from daguerre import Client\n"
        f"assert all(m.__file__.startswith({str(target)!r}) for m in (daguerre, daguerre_proto))\n"
        "print(Client(sys.argv[1]).embed(texts='a cat').vectors.shape)"
    )
    variables = {**harness.environment(), "PYTHONPATH": f"{target}:{sysconfig.get_path('purelib')}"}
    for url in (documented.url, f"grpc://{documented.grpc_target}"):
        command = [sys.executable, "-S", "-c", program, url]
        done = subprocess.run(command, capture_output=True, text=True, env=variables, cwd=tmp_path, timeout=60)
        assert done.stdout == "(1, 1280)\n", done.stderr


def test_a_wheel_that_is_not_there_is_404(documented: Server) -> None:
    answer = httpx.get(f"{documented.url}/client/../pyproject.toml", trust_env=False)
    assert answer.status_code == 404
    answer = httpx.get(f"{documented.url}/client/daguerre-9.whl", trust_env=False)
    assert answer.status_code == 404
    assert "scripts/wheels makes" in answer.json()["error"]["message"]
