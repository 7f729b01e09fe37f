"""No bound admits a version with a known vulnerability, and the check against a list says what it finds."""

import json
import sys
from importlib.metadata import version

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from scripts import advisories

# the first versions without a known vulnerability, from public advisories, November 2026
MENDED = {
    "click": "8.3.3",  # CVE-2026-7246
    "filelock": "3.20.3",  # CVE-2026-22701, CVE-2025-68146
    "grpcio": "1.66.2",  # CVE-2024-11407, CVE-2024-7246
    "onnx": "1.21.0",  # CVE-2026-27489, CVE-2026-28500, CVE-2026-34445
    "orjson": "3.11.6",  # CVE-2025-67221
    "pillow": "12.3.0",  # CVE-2026-25990, CVE-2026-40192, CVE-2026-55379
    "pillow-heif": "1.7.0",  # CVE-2026-28231, CVE-2026-84383 of libheif
    "protobuf": "6.33.5",  # CVE-2026-0994, CVE-2025-4565
    "pyarrow": "23.0.1",  # CVE-2026-25087, CVE-2023-47248
    "pydantic-settings": "2.14.2",  # GHSA-4xgf-cpjx-pc3j
    "pytest": "9.0.3",  # CVE-2025-71176
    "python-multipart": "0.0.31",  # CVE-2026-53538, CVE-2026-53539, CVE-2026-53540, CVE-2026-42561
    "sentencepiece": "0.2.1",  # CVE-2026-1260
    "setuptools": "83.0.0",  # CVE-2026-59890, CVE-2025-47273
    "starlette": "1.3.1",  # CVE-2026-54283, CVE-2026-54282, CVE-2026-48818, CVE-2026-48710
    "tqdm": "4.66.3",  # CVE-2024-34062
    "transformers": "5.10.0",  # CVE-2026-9856, CVE-2026-5241, CVE-2026-4372
}


@pytest.mark.parametrize("project", advisories.PROJECTS)
def test_no_bound_admits_a_version_with_a_known_vulnerability(project):
    lowest = advisories.lowest(advisories.ROOT / project)
    assert lowest
    assert {n: str(v) for n, v in lowest.items() if n in MENDED and v < Version(MENDED[n])} == {}


@pytest.mark.parametrize("project", advisories.PROJECTS)
def test_bounds_are_met_by_what_is_installed(project):
    installed = advisories.installed()
    for requirement in advisories.requirements(advisories.ROOT / project):
        name = canonicalize_name(requirement.name)
        if name in installed:
            assert requirement.specifier.contains(installed[name], prereleases=True), requirement


def test_installed_packages_are_named_with_their_versions():
    installed = advisories.installed()
    assert str(installed["pillow"]) == version("pillow")
    assert not installed.keys() & set(advisories.OURS)


def test_the_lowest_version_is_read_from_bounds(tmp_path):
    project = tmp_path / "pyproject.toml"
    project.write_text(
        '[build-system]\nrequires = ["setuptools>=83"]\n'
        '[project]\ndependencies = ["A_b>=1.2,<2", "c==3; python_version>\'3\'"]\n'
        '[project.optional-dependencies]\nx = ["daguerre[grpc]", "a.b>=1.1", "d~=4.5"]\n'
    )
    assert advisories.lowest(project) == {
        "setuptools": Version("83"),
        "a-b": Version("1.1"),
        "c": Version("3"),
        "d": Version("4.5"),
    }
    project.write_text(project.read_text().replace('"d~=4.5"', '"d<5"'))
    with pytest.raises(ValueError, match=r"d<5 has no lower bound; write d>=VERSION"):
        advisories.lowest(project)


def pip_audit(folder, program: str) -> str:
    """A program in place of pip-audit, which has no network here. `names` are the packages that it is asked for."""
    path = folder / "pip-audit"
    path.write_text(
        f"#!{sys.executable}\nimport json, sys\nlines = open(sys.argv[-1]).read().split()\n"
        f"names = [line.partition('==')[::2] for line in lines]\n{program}\n"
    )
    path.chmod(0o755)
    return str(path)


REPORT = """
known = [{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["99.0"]},
         {"id": "PYSEC-2026-2", "aliases": ["CVE-2025-3000"], "fix_versions": []}]
packages = [{"name": n, "version": v, "vulns": known if n == VULNERABLE else []} for n, v in names[1:]]
packages.append({"name": names[0][0], "skip_reason": "not there"})
print(json.dumps({"dependencies": packages, "fixes": []}))
sys.exit(1)
"""


def test_findings_are_printed_and_fail(tmp_path, capsys):
    command = pip_audit(tmp_path, REPORT.replace("VULNERABLE", '"protobuf"'))
    assert advisories.main(command) == 1
    out = capsys.readouterr().out
    assert f"protobuf {version('protobuf')}: PYSEC-2026-1, mended in 99.0" in out
    assert "protobuf 6.33.5: PYSEC-2026-1" in out
    assert "PYSEC-2026-2" not in out
    assert "accepted: CVE-2025-3000: " in out
    assert "1 packages are not in the list: " in out
    assert out.count("1 advisories") == 4


def test_nothing_known_is_success(tmp_path, capsys):
    assert advisories.main(pip_audit(tmp_path, REPORT.replace("VULNERABLE", "None"))) == 0
    assert capsys.readouterr().out.count(", 0 advisories") == 4


@pytest.mark.parametrize(
    "program",
    [
        "sys.exit('ERROR: Failed to connect')",
        f"print(json.dumps({json.dumps({'dependencies': [{'name': 'a', 'skip_reason': 'b'}]})}))",
        "print('{}')",
    ],
)
def test_without_a_network_it_is_said(tmp_path, capsys, program):
    assert advisories.main(pip_audit(tmp_path, program)) == 2
    assert "is there a network?" in capsys.readouterr().err
