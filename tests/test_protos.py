"""The checked-in stubs are those of the .proto files, which say what each field is."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from daguerre_proto.v1 import daguerre_pb2, daguerre_pb2_grpc

PROTOS = Path(__file__).parents[1] / "protos"
FILES = sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileDescriptorProto]:
    """The .proto files as the installed compiler reads them, with their comments."""
    out = tmp_path_factory.mktemp("protos") / "set"
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(PROTOS), f"--descriptor_set_out={out}"]
    subprocess.run([*command, "--include_source_info", *FILES], check=True, cwd=PROTOS, timeout=60)
    return {file.name: file for file in FileDescriptorSet.FromString(out.read_bytes()).file}


@pytest.mark.parametrize("name", FILES)
def test_the_stubs_are_current(compiled: dict[str, FileDescriptorProto], name: str) -> None:
    """Compared as descriptors: the stubs are made by an older compiler, whose code looks different."""
    stub = import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    mine = FileDescriptorProto.FromString(stub.DESCRIPTOR.serialized_pb)
    theirs = FileDescriptorProto()
    theirs.CopyFrom(compiled[name])
    theirs.ClearField("source_code_info")
    for file in (mine, theirs):
        for message in file.message_type:
            _forget_json_names(message)
    assert mine == theirs, "run scripts/protos"


def _forget_json_names(message):
    for field in [*message.field, *message.extension]:
        field.ClearField("json_name")
    for inner in message.nested_type:
        _forget_json_names(inner)


@pytest.mark.parametrize("name", FILES)
def test_every_message_and_method_and_most_fields_are_explained(
    compiled: dict[str, FileDescriptorProto], name: str
) -> None:
    """A field whose name and type say all may go without: those of a message type with a comment of its own."""
    file = compiled[name]
    said = {tuple(place.path): place.leading_comments.strip() for place in file.source_code_info.location}
    for i, message in enumerate(file.message_type):
        assert said[4, i], message.name
        for j, field in enumerate(message.field):
            assert said[4, i, 2, j] or field.type_name or field.label == field.LABEL_REPEATED, (
                message.name,
                field.name,
            )
    for i, kind in enumerate(file.enum_type):
        assert said[5, i], kind.name
        for j, value in enumerate(kind.value):
            assert said[5, i, 2, j], value.name
    for i, service in enumerate(file.service):
        assert said[6, i], service.name
        for j, method in enumerate(service.method):
            assert said[6, i, 2, j], method.name


def test_the_stubs_run_with_more_than_one_protobuf():
    """Newer compilers write a check into their code that refuses other versions; `scripts/protos` uses an older one."""
    for stub in PROTOS.rglob("*_pb2*.py"):
        assert "runtime_version" not in stub.read_text()
    assert re.search(r"grpcio-tools==1\.63\.", (PROTOS.parent / "scripts" / "protos").read_text())


def test_the_stubs_of_methods_are_those_of_the_service():
    names = [method.name for method in daguerre_pb2.DESCRIPTOR.services_by_name["Daguerre"].methods]
    assert [name for name in names if not hasattr(daguerre_pb2_grpc.DaguerreServicer, name)] == []
    assert names[:5] == ["Embed", "EmbedStream", "ZeroShot", "ListModels", "GetModel"]


def test_every_file_is_in_the_package():
    names = (
        "classifiers",
        "clusters",
        "common",
        "corpus",
        "daguerre",
        "embeddings",
        "job_answers",
        "jobs",
        "models",
        "video",
        "zero_shot",
    )
    assert [f"daguerre_proto/v1/{name}.proto" for name in names] == FILES
