"""`python -m bench.gpu.wheels FOLDER` gathers what the service needs on a bare machine with torch, as wheels.

The packages are those that daguerre-service depends on, in the versions that are installed here, without those that
such a machine has. `install` unpacks them there, without a network.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LIMIT = 60 * 10**6  # bytes
THERE = frozenset(  # on the bare machine
    {
        *("filelock", "huggingface-hub", "joblib", "numpy", "onnx", "onnxruntime", "onnxruntime-gpu", "packaging"),
        *("pillow", "prometheus-client", "pyyaml", "regex", "safetensors", "scikit-learn", "scipy", "setuptools"),
        *("sympy", "threadpoolctl", "tokenizers", "torch", "torchvision", "tqdm", "transformers", "typing-extensions"),
        "uvloop",
    }
)
MORE = ("psutil",)  # of the benchmark itself
TARGET = {"python_version": "3.12", "platform_machine": "x86_64", "sys_platform": "linux", "extra": ""}
PLATFORMS = [f"manylinux{name}_x86_64" for name in ("_2_34", "_2_31", "_2_28", "_2_27", "_2_24", "_2_17", "2014", "1")]


def needed(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names and installed versions of the packages that `names` need, without those that the machine has."""
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        wanted = Requirement(waiting.pop())
        name = canonicalize_name(wanted.name)
        if name in seen or name in THERE or not _applies(wanted, ""):
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(f"{name} is needed and not installed here; install the project first") from None
        if name != "daguerre-service":
            yield name, found.version
        for line in found.requires or ():
            if any(_applies(Requirement(line), extra) for extra in ("", *wanted.extras)):
                waiting.append(line.partition(";")[0])


def _applies(wanted: Requirement, extra: str) -> bool:
    return wanted.marker is None or wanted.marker.evaluate({**TARGET, "extra": extra})


def gather(folder: Path) -> int:
    """Download the wheels into `folder`, and return their size in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    pinned = [f"{name}=={version}" for name, version in sorted(needed(["daguerre-service", *MORE]))]
    platforms = [part for name in PLATFORMS for part in ("--platform", name)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", "3.12", "--implementation", "cp", *platforms, "--dest", str(folder), *pinned]
    subprocess.run(command, check=True)
    return sum(path.stat().st_size for path in folder.glob("*.whl"))


def install(folder: Path, site: Path) -> None:
    """Unpack the wheels of `folder` into `site`, without a network."""
    wheels = sorted(map(str, folder.glob("*.whl")))
    if not wheels:
        raise SystemExit(f"--wheels: {folder} has no wheels; make it by: python -m bench.gpu.wheels {folder}")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
    command += ["--no-cache-dir", "--upgrade", "--target", str(site)]
    subprocess.run([*command, *wheels], check=True)


def environment(site: Path | None) -> dict[str, str]:
    """The environment in which the repository and `site` are found."""
    paths = [str(ROOT), str(ROOT / "clients" / "python"), str(ROOT / "protos")]
    before = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*([str(site)] if site else []), *paths, *filter(None, [before])]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu.wheels", description=__doc__)
    parser.add_argument("folder", type=Path, help="for the wheels; below a path that git ignores, such as .whl")
    folder: Path = parser.parse_args().folder
    size = gather(folder)
    print(f"{folder}: {len(list(folder.glob('*.whl')))} wheels, {size / 1e6:.1f} MB")
    if size > LIMIT:
        raise SystemExit(f"these are more than {LIMIT / 1e6:.0f} MB; leave packages to the machine")


if __name__ == "__main__":
    main()
