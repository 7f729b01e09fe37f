"""Imports point one way, serving stays light, and no room grows beyond what one can read."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SDK = "clients/python/daguerre/"
FILES = {
    str(path.relative_to(ROOT)): path
    for room in ("models", "service", SDK)
    for path in sorted((ROOT / room).rglob("*.py"))
    if "__pycache__" not in path.parts
}
TORCH = {"torch", "transformers"}
TORCH_ROOMS = {
    "models/encoders/export.py",
    "models/encoders/torch_session.py",
    *(f"models/sources/{name}.py" for name in ("describe", "make", "networks", "oracle", "torch_graphs")),
    "models/embedded/network.py",
    "models/embedded/build.py",
    *(
        f"models/finetune/{name}.py"
        for name in ("augment", "checkpoint", "device", "export", "loop", "network", "run", "starts")
    ),
}
NOT_IN_MODELS = {"service", "bentoml", "fastapi", "starlette", "grpc", "uvicorn", "httpx", "aiohttp"}
SERVING = [
    "service.http",
    "service.grpc_server",
    "service.engine",
    "service.pipelines.embed",
    "service.pipelines.zero_shot",
]


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of modules that `tree` imports anywhere, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they point"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("__import__", "importlib.import_module"):
            yield ast.literal_eval(node.args[0])


def roots(name: str) -> set[str]:
    tree = ast.parse(FILES[name].read_text(encoding="utf-8"))
    return {module.partition(".")[0] for module in imported(tree)}


def test_the_reader_of_imports_sees_them_all():
    """Otherwise the tests below could not fail."""
    source = "import a.b\ndef f():\n    from c import d\n    __import__('e.f')\nif 1:\n    import importlib as g\n"
    assert set(imported(ast.parse(source))) == {"a.b", "c", "c.d", "e.f", "importlib"}
    assert {"models/catalog.py", "service/http.py"} <= FILES.keys()
    assert "torch" in roots("models/embedded/network.py")
    assert "fastapi" in roots("service/http.py")


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("models/")])
def test_models_know_nothing_of_the_service_or_of_the_web(name):
    assert not roots(name) & NOT_IN_MODELS


@pytest.mark.parametrize("name", sorted(FILES.keys() - TORCH_ROOMS))
def test_only_the_export_imports_torch(name):
    assert not roots(name) & TORCH


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("service/")])
def test_the_service_reaches_no_room_that_imports_torch(name):
    forbidden = {room.removesuffix(".py").replace("/", ".") for room in TORCH_ROOMS}
    assert not forbidden & set(imported(ast.parse(FILES[name].read_text(encoding="utf-8"))))


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(SDK)])
def test_the_sdk_knows_the_wire_and_nothing_behind_it(name):
    assert not roots(name) & {"service", "models", "bentoml", "fastapi", "pydantic", *TORCH}


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith(SDK)])
def test_what_serves_knows_nothing_of_the_sdk(name):
    assert "daguerre" not in roots(name)


@pytest.mark.parametrize("name", FILES)
def test_a_file_can_be_read_in_one_sitting(name):
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("name", FILES)
def test_each_module_says_what_it_is_for(name):
    assert (ast.get_docstring(ast.parse(FILES[name].read_text(encoding="utf-8"))) or "").strip()


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES.values()}), ids=lambda p: p.name)
def test_each_folder_is_a_package(folder):
    assert (folder / "__init__.py").is_file()


def in_a_fresh_interpreter(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return result.stdout.strip()


@pytest.mark.parametrize("name", SERVING)
def test_serving_loads_neither_torch_nor_transformers(name):
    loaded = in_a_fresh_interpreter(
        f"import sys, {name}; print(*sorted({{m.partition('.')[0] for m in sys.modules}}))"
    ).split()
    assert "numpy" in loaded  # the list is a real one
    slow = {"pandas", "scipy", "sklearn"}  # each process of a server would start twice as slowly
    assert not {*TORCH, *slow, "onnx", "onnxscript", "sentence_transformers"} & set(loaded)


def test_models_come_without_a_web_library():
    loaded = in_a_fresh_interpreter(
        "import sys, models.__main__, models.encoders.processors, models.encoders.onnx;"
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
