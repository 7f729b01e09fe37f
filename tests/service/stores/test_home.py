"""Access rights of the state: those of others are taken away, and nothing else is changed."""

import os
import stat
from pathlib import Path

import pytest

from service.stores.home import make_private, tighten


def modes(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): stat.S_IMODE(p.stat().st_mode) for p in (folder, *folder.rglob("*"))}


@pytest.mark.parametrize("mode", [0o777, 0o755, 0o750, 0o2770])
def test_the_state_is_tightened_and_models_are_not(tmp_path: Path, mode: int) -> None:
    home = tmp_path / "home"
    state = ("classifiers/a/1", "jobs/job_1/result", "files/file_1", "uploads", "studies/study_1")
    for folder in (*state, "models/embedded", "sources"):
        (home / folder).mkdir(parents=True)
    for file in ("classifiers/a/1/report.json", "state.sqlite3", "state.sqlite3-wal", "models/embedded/image.onnx"):
        (home / file).write_bytes(b"x")
        (home / file).chmod(mode & 0o666)
    outside = tmp_path / "outside"
    outside.write_bytes(b"x")
    outside.chmod(0o644)
    (home / "classifiers" / "link").symlink_to(outside)
    for path in (home, *home.rglob("*")):
        if path.is_dir():
            path.chmod(mode)
    before = modes(home)
    assert tighten(home) == []
    after = modes(home)
    for name, now in after.items():
        ours = ("classifiers", "jobs", "files", "studies", "uploads", "state")
        if name.startswith(ours) and not name.endswith("link"):
            assert now & 0o077 == 0, name
            assert now & 0o700 == before[name] & 0o700, name
        else:
            assert now == before[name], name
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


def test_what_is_created_later_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_private()
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").write_bytes(b"")
    finally:
        os.umask(before)
    assert modes(tmp_path)["folder"] == 0o700
    assert modes(tmp_path)["file"] == 0o600


def test_a_home_without_state_is_fine(tmp_path: Path) -> None:
    assert tighten(tmp_path / "nothing") == []
