"""Claims: what a living process writes is left alone by all, and what a killed one has left can be removed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.stores.claims import claim, release, remove_unclaimed

HOLDER = """
import sys, time
from pathlib import Path
from service.stores.claims import claim
assert claim(Path(sys.argv[1]))
print("claimed", flush=True)
time.sleep(60)
"""


def made(path: Path, kind: str) -> Path:
    if kind == "file":
        path.write_bytes(b"x")
    else:
        path.mkdir()
        (path / "data").write_bytes(b"x")
    return path


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_claimed_path_stays_until_it_is_released(tmp_path: Path, kind: str) -> None:
    path = made(tmp_path / "a", kind)
    assert claim(path)
    remove_unclaimed(path)
    assert path.exists()
    release(path)
    remove_unclaimed(path)
    assert not path.exists()
    remove_unclaimed(path)
    release(path)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_kill_ends_a_claim(tmp_path: Path, kind: str) -> None:
    path = made(tmp_path / "a", kind)
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"claimed\n"
        remove_unclaimed(path)
        assert path.exists()
        assert not claim(path)
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
    remove_unclaimed(path)
    assert not path.exists()


def test_what_is_not_there_cannot_be_claimed(tmp_path: Path) -> None:
    assert not claim(tmp_path / "nothing")
