"""Imports point one way and never in a circle, serving stays light, and no file grows beyond what one can read."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable

import pytest

from protos.generate import schemas
from tests.layers import DYNAMIC, FILES, LAYERS, MODULES, ROOT, SDK, edges, imported, imported_by, layer, parsed

TORCH = {"torch", "transformers"}
TORCH_FILES = {
    *(f"models/sessions/{name}.py" for name in ("gpu_jpeg", "torch", "torch_gpu", "torch_probe")),
    *(f"models/sources/{name}.py" for name in ("cases", "describe", "export", "networks", "oracle", "torch_graphs")),
    *(f"models/sources/{name}.py" for name in ("class_graph", "classifiers", "detectors", "loading", "word_detectors")),
    *(f"models/sources/{name}.py" for name in ("face_models", "generation_graph", "writers", "writing_networks")),
    *(f"models/sources/{name}.py" for name in ("chat_models", "chat_processors", "chat_schema", "chat_session")),
    "models/embedded/network.py",
    "models/embedded/build.py",
    "models/embedded/e5.py",
    "models/embedded/classes.py",
    *(
        f"models/finetune/{name}.py"
        for name in ("augment", "checkpoint", "device", "export", "loop", "network", "run", "starts")
    ),
}
NOT_IN_MODELS = {"service", "bentoml", "fastapi", "starlette", "grpc", "uvicorn", "httpx", "aiohttp"}
HALF_A_SENTENCE = re.compile(r"(What|Of|How|Whoever)\b")
SERVING = [  # what an entry process and a runner import
    *("service.app", "service.api.entry", "service.api.http.app", "service.api.grpc.server"),
    *("service.inference.engine", "service.pipelines.embeddings", "service.pipelines.zero_shot"),
]


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in graph[module]:
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            at = stack.index(module)
            component, stack[at:] = stack[at:], []
            if len(component) > 1:
                found.append(sorted(component))

    for module in graph:
        if module not in index:
            visit(module)
    return found


def roots(name: str) -> set[str]:
    return {module.partition(".")[0] for module in imported_by(FILES[name])}


def importers(names: Iterable[str], forbidden: set[str]) -> dict[str, set[str]]:
    """The files among `names` that import `forbidden` packages, with those."""
    found = {name: roots(name) & forbidden for name in names}
    assert found  # otherwise nothing is tested
    return {name: wrong for name, wrong in found.items() if wrong}


def test_the_reader_of_imports_sees_them_all():
    """Otherwise the tests below could not fail."""
    source = "import a.b\ndef f():\n    from c import d\n    __import__('e.f')\nif 1:\n    import importlib as g\n"
    assert set(imported(ast.parse(source))) == {"a.b", "c", "c.d", "e.f", "importlib"}
    assert set(
        imported(ast.parse("from importlib import import_module as m, import_module\nimport_module('a.b')"))
    ) >= {"a.b"}
    assert DYNAMIC in set(imported(ast.parse("import importlib\nimportlib.import_module(name)")))
    assert {"models/catalog/rows.py", "service/api/http/app.py"} <= FILES.keys()
    assert "torch" in roots("models/embedded/network.py")
    assert "fastapi" in roots("service/api/http/app.py")


def test_the_search_for_circles_finds_them():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_import_goes_in_a_circle():
    """Imports inside functions and those for type checking only are counted."""
    assert circles({module: edges(module) for module in MODULES}) == []


def test_no_import_points_upwards():
    """A module imports from its own layer or from lower ones, never from a higher one or from one beside it."""
    wrong = []
    for module in MODULES:
        rank, prefix = layer(module)
        for other in edges(module):
            below, where = layer(other)
            if where != prefix and below <= rank:
                wrong.append((module, other, where))
    assert not wrong


def test_every_layer_exists():
    assert [prefix for prefixes in LAYERS for prefix in prefixes if prefix not in MODULES] == []


def test_names_that_are_computed_are_imported_in_one_place():
    """Kinds of jobs name their functions in a table; everything else is imported by a name that can be read."""
    computed = {name for name in FILES if DYNAMIC in imported_by(FILES[name])}
    assert computed == {"service/jobs/kinds.py"}


@pytest.mark.parametrize(("folder", "most"), [("service", 16), (SDK, 24)])
def test_the_top_of_a_package_can_be_taken_in_at_a_glance(folder, most):
    """Few entries, and no two that share a prefix: those want a folder."""
    names = [
        path.stem
        for path in (ROOT / folder).iterdir()
        if (path.suffix == ".py" or path.is_dir()) and path.name != "__pycache__"
    ]
    assert len(names) <= most
    prefixes = [name.partition("_")[0] for name in names if "_" in name.strip("_")]
    assert [prefix for prefix in prefixes if prefix in names or prefixes.count(prefix) > 1] == []


def test_models_know_nothing_of_the_service_or_of_the_web():
    assert importers([name for name in FILES if name.startswith("models/")], NOT_IN_MODELS) == {}


def test_only_the_export_imports_torch():
    assert importers(FILES.keys() - TORCH_FILES, TORCH) == {}


def test_the_service_imports_no_file_that_imports_torch():
    forbidden = {file.removesuffix(".py").replace("/", ".") for file in TORCH_FILES}
    wrong = {name: forbidden & imported_by(FILES[name]) for name in FILES if name.startswith("service/")}
    assert wrong
    assert not any(wrong.values()), wrong


def test_the_sdk_knows_the_wire_and_nothing_behind_it():
    behind = {"service", "models", "bentoml", "fastapi", "pydantic", *TORCH}
    assert importers([name for name in FILES if name.startswith(SDK)], behind) == {}


def test_what_serves_knows_nothing_of_the_sdk():
    assert importers([name for name in FILES if not name.startswith(SDK)], {"daguerre"}) == {}


def test_a_file_can_be_read_in_one_sitting():
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in FILES.items()}
    assert {name: n for name, n in lines.items() if n > 400} == {}


def test_each_module_says_what_it_is_for():
    assert [name for name, path in FILES.items() if not (ast.get_docstring(parsed(path)) or "").strip()] == []


def test_docstrings_begin_with_a_noun_phrase_or_an_imperative():
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    wrong = [
        (name, docstring)
        for name, path in FILES.items()
        for node in ast.walk(parsed(path))
        if isinstance(node, kinds) and HALF_A_SENTENCE.match(docstring := ast.get_docstring(node) or "")
    ]
    assert wrong == []


def test_schemas_describe_fields_by_a_noun_phrase():
    """The descriptions are those of the OpenAPI document and of the .proto files."""
    described = {
        f"{name}.{field}": info.description
        for name, schema in schemas.load().items()
        for field, info in schema.model_fields.items()
        if info.description
    }
    assert "Receipt.fingerprint" in described
    wrong = re.compile(rf"{HALF_A_SENTENCE.pattern}|(Its|Their|Yours)\b")
    assert {field: text for field, text in described.items() if wrong.match(text)} == {}


def test_each_folder_is_a_package():
    folders = {path.parent for path in FILES.values()}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def in_a_fresh_interpreter(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return result.stdout.strip()


def test_serving_loads_neither_torch_nor_transformers():
    loaded = in_a_fresh_interpreter(
        f"import sys, {', '.join(SERVING)}; print(*sorted({{m.partition('.')[0] for m in sys.modules}}))"
    ).split()
    assert "numpy" in loaded  # the list is a real one
    slow = {"pandas", "scipy", "sklearn"}  # each process of a server would start twice as slowly
    assert not {*TORCH, *slow, "onnx", "onnxscript", "sentence_transformers"} & set(loaded)


def test_supervisor_and_runners_load_no_routes_methods_or_schemas():
    loaded = set(in_a_fresh_interpreter("import sys, service.app; print(*sorted(sys.modules))").split())
    assert "service.inference.runner.service" in loaded  # the list is a real one
    entry_only = {"fastapi", "grpc", "service.api.entry", "service.pipelines", "service.schemas", "service.tasks"}
    assert not entry_only & loaded  # their import takes half of the time in which such a process starts


def test_models_come_without_a_web_library():
    loaded = in_a_fresh_interpreter(
        "import sys, models.__main__, models.encoders.processors, models.sessions.onnx;"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    ).split()
    assert "onnxruntime" in loaded
    assert not (NOT_IN_MODELS | TORCH) & set(loaded)


def test_telemetry_is_off_before_the_library_that_has_it_is_imported():
    said = in_a_fresh_interpreter(
        "import os, sys, models; early = 'onnxruntime' not in sys.modules;"
        "import service; print(early, os.environ['ORT_DISABLE_TELEMETRY'], os.environ['HF_HUB_DISABLE_TELEMETRY'],"
        "os.environ['BENTOML_DO_NOT_TRACK'])"
    )
    assert said == "True 1 1 True"
