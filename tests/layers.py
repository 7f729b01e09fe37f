"""The layers of the code, from the top down. The modules of one line do not import those of its other entries.

tests/test_architecture.py enforces this order, and scripts/draw_architecture.py draws it.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SDK_LAYERS = (
    ("daguerre.__main__",),
    ("daguerre.cli",),
    ("daguerre.bertopic", "daguerre.ray", "daguerre.sklearn"),
    ("daguerre",),  # the public names, in its __init__
    ("daguerre.batches",),
    ("daguerre.client",),
    ("daguerre.async_client",),
    ("daguerre.resources",),
    ("daguerre.handles",),
    ("daguerre.replication",),
    ("daguerre.corpus",),
    ("daguerre.session",),
    ("daguerre.dispatch",),
    ("daguerre.transport",),
    ("daguerre.results",),
    ("daguerre.storage",),
    ("daguerre.version", "daguerre.inputs"),
    ("daguerre.errors",),
    ("daguerre.blocking", "daguerre.progress"),
    ("daguerre.types",),
)
SERVICE_LAYERS = (
    ("service.__main__",),
    ("service.app",),
    ("service.api.entry",),
    ("service.api.http", "service.api.grpc"),
    ("service.api",),
    ("service.pipelines",),
    ("service.context",),
    ("service.tasks",),
    ("service.jobs",),
    ("service.stores",),
    ("service.inference",),
    ("service.schemas",),
    ("service.auth", "service.body_budget"),
    ("service.settings",),
    ("service.errors",),
    ("service.metrics",),
    ("service",),  # the version, in its __init__
)
MODELS_LAYERS = (
    ("models.__main__",),
    ("models.finetune",),
    ("models.pages",),
    ("models.backends",),
    ("models.embedded",),
    ("models.estimates",),
    ("models.validations",),
    ("models.classifiers", "models.sources"),
    ("models.sessions",),
    ("models.encoders", "models.zero_shot"),
    ("models.analysers", "models.faces"),
    ("models.video", "models.similarity", "models.catalog"),
    ("models.clustering", "models.annotation", "models.correction"),
    ("models.images", "models.codes"),
    ("models.errors", "models.disk", "models.intervals", "models.lifetime", "models.stopping", "models.vectors"),
    ("models",),  # telemetry is switched off, in its __init__
)
LAYERS = (*SDK_LAYERS, *SERVICE_LAYERS, *MODELS_LAYERS)

ROOT = Path(__file__).parents[1]
SDK = "clients/python/daguerre/"
FILES = {
    str(path.relative_to(ROOT)): path
    for folder in ("models", "service", SDK)
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "__pycache__" not in path.parts
}
DYNAMIC = "<a name that is computed>"


def module_name(name: str) -> str:
    """The dotted name of a file."""
    return name.removeprefix("clients/python/").removesuffix(".py").replace("/", ".").removesuffix(".__init__")


MODULES = {module_name(name): path for name, path in FILES.items()}


def called(function: ast.expr) -> str:
    """The last name of a function that is called: f of `f()` and of `module.f()`."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of modules that `tree` imports anywhere: inside functions, for type checking only, or by name."""
    importers = {"__import__", "import_module"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "importlib":
            importers |= {alias.asname or alias.name for alias in node.names if alias.name == "import_module"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they point"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and called(node.func) in importers:
            first = node.args[0]
            yield first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else DYNAMIC


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported_by(path: Path) -> frozenset[str]:
    """Full names of modules that a file imports."""
    return frozenset(imported(parsed(path)))


@cache
def edges(module: str) -> set[str]:
    """The modules of this repository that `module` imports."""
    found = imported_by(MODULES[module])
    return {name for name in found if name in MODULES and not is_only_a_package(name, found)} - {module}


def is_only_a_package(name: str, found: frozenset[str]) -> bool:
    """Whether `name` is only on the way to one of its modules: `from a.b import c` where `a.b.c` is a module."""
    return any(other.startswith(f"{name}.") and other in MODULES for other in found)


def layer(module: str) -> tuple[int, str]:
    """The rank of a module's layer, 0 at the top, and the layer's prefix. Fails where no layer has the module."""
    matches = [
        (len(prefix), rank, prefix)
        for rank, prefixes in enumerate(LAYERS)
        for prefix in prefixes
        if module == prefix or ("." in prefix and module.startswith(f"{prefix}."))
    ]
    assert matches, f"{module} is in no layer of tests/layers.py"
    _, rank, prefix = max(matches)
    return rank, prefix
