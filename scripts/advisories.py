"""Compare installed packages, and the lowest versions that the projects admit, with a list of known vulnerabilities.

`scripts/advisories` runs it with pip-audit. Direct dependencies only: what they bring is as new as they ask for.
Exit code 0: none is known; 1: some are; 2: the list could not be read.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from itertools import chain
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECTS = ("pyproject.toml", "clients/python/pyproject.toml", "protos/pyproject.toml")
OURS = ("daguerre", "daguerre-proto", "daguerre-service")
ACCEPTED: Mapping[str, str] = {  # identifier of an advisory → why it is not mended yet
    "CVE-2025-3000": "torch.jit.script on code of one's own; no release of torch 2.13 mends it",
}


def installed() -> dict[str, Version]:
    """The versions of the installed packages, without ours."""
    found = {canonicalize_name(each.name): Version(each.version) for each in distributions() if each.name}
    return {name: version for name, version in found.items() if name not in OURS}


def requirements(project: Path) -> Iterator[Requirement]:
    """The requirements of a project: to build it, to run it, and those of its extras."""
    content: dict[str, Any] = tomllib.loads(project.read_text(encoding="utf-8"))
    extras = content["project"].get("optional-dependencies", {}).values()
    lists = [content["build-system"]["requires"], content["project"]["dependencies"], *extras]
    for requirement in map(Requirement, chain.from_iterable(lists)):
        if canonicalize_name(requirement.name) not in OURS:
            yield requirement


def lowest(project: Path) -> dict[str, Version]:
    """The lowest version of each direct dependency that a project admits.

    Raises
    ------
    ValueError : a requirement without a lower bound.
    """
    found: dict[str, Version] = {}
    for requirement in requirements(project):
        name = canonicalize_name(requirement.name)
        bounds = [Version(each.version) for each in requirement.specifier if each.operator in (">=", "==", "~=")]
        if not bounds:
            raise ValueError(f"{project}: {requirement} has no lower bound; write {name}>=VERSION")
        found[name] = min(max(bounds), found.get(name, max(bounds)))
    return found


def audit(command: str, versions: Mapping[str, Version]) -> tuple[list[str], list[str]]:
    """The advisories for `versions`, a line for each, and the packages that the list does not have.

    Raises
    ------
    OSError : pip-audit could not read its list.
    """
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "requirements.txt")
        listed.write_text("".join(f"{name}=={version.public}\n" for name, version in sorted(versions.items())))
        options = ["--disable-pip", "--no-deps", "--progress-spinner", "off", "--format", "json", "-r", str(listed)]
        done = subprocess.run([command, *options], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError) as exc:
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        raise OSError(f"pip-audit could not read the list of advisories; is there a network? ({reason})") from exc
    missing = sorted(package["name"] for package in packages if "vulns" not in package)
    if len(missing) == len(packages):
        raise OSError("the list of advisories has none of the packages; is there a network?")
    lines = [
        f"{package['name']} {package['version']}: {each['id']}, mended in {', '.join(each['fix_versions']) or 'none'}"
        for package in packages
        for each in package.get("vulns", ())
        if not {each["id"], *each.get("aliases", ())} & ACCEPTED.keys()
    ]
    return sorted(lines), missing


def main(command: str) -> int:
    """Print what is known; the exit code."""
    compared = {"installed": installed(), **{f"lowest of {name}": lowest(ROOT / name) for name in PROJECTS}}
    count = 0
    for title, versions in compared.items():
        try:
            lines, missing = audit(command, versions)
        except OSError as exc:
            print(f"daguerre: {title}: {exc}", file=sys.stderr)
            return 2
        print(f"{title}: {len(versions)} packages, {len(lines)} advisories", *lines, sep="\n  ")
        if missing:
            print(f"  {len(missing)} packages are not in the list: {', '.join(missing)}")
        count += len(lines)
    for identifier, reason in ACCEPTED.items():
        print(f"accepted: {identifier}: {reason}")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
