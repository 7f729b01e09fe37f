"""Thumbnails stay within their bound, and the oldest go first."""

import os
from pathlib import Path

from service.stores.thumbnails import Thumbnails


def test_the_oldest_are_removed_beyond_the_bound(tmp_path: Path) -> None:
    cache = Thumbnails(tmp_path, 1000)
    for i in range(12):
        cache.write(f"tag{i:02}", bytes(100))
        os.utime(tmp_path / f"tag{i:02}.jpg", (i, i))
    there = sorted(path.stem for path in tmp_path.iterdir())
    assert "tag11" in there
    assert "tag00" not in there
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1000
    assert cache.read("tag11") == bytes(100)
    assert cache.read("tag00") is None


def test_what_cannot_be_kept_is_not(tmp_path: Path) -> None:
    Thumbnails(tmp_path / "deleted", 1000).write("tag", b"x")
    Thumbnails(tmp_path, 10).write("tag", bytes(11))
    assert list(tmp_path.iterdir()) == []
