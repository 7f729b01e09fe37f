"""Codebooks that cannot be read are refused before anything is sent."""

from pathlib import Path

import pytest

from daguerre.corpus.codebooks import read_codebook


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("there-is-none.yaml", None, "No such file"),
        ("latin.yaml", "variables: [é]".encode("latin-1"), "no text in UTF-8"),
        ("half.json", b'{"variables": [', "is no JSON"),
        ("half.yaml", b"variables: [", "is no YAML"),
        ("list.yaml", b"- a\n", "holds no codebook"),
        ("codes.csv", b"id\n", "a codebook is a .yaml or .json file"),
    ],
)
def test_files_that_hold_no_codebook_are_named(name: str, content: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=reason) as error:
        read_codebook(path)
    assert name in str(error.value)
