"""The .proto files are made of the schemas and explain each field; the stubs are made of the .proto files."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from pydantic import BaseModel, Field, create_model

from daguerre_proto.v1 import daguerre_pb2, daguerre_pb2_grpc
from protos.generate import schemas
from protos.generate.__main__ import generate, write
from protos.generate.build import Rules
from protos.generate.declarations import File, override
from protos.generate.declarations import message as declare
from protos.generate.lock import LockError
from protos.generate.table import FILES as DECLARED
from protos.generate.table import RULES

PROTOS = Path(__file__).parents[1] / "protos"
FILES = sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileDescriptorProto]:
    """The .proto files as the installed compiler reads them, with their comments."""
    return descriptors(PROTOS, FILES, tmp_path_factory.mktemp("protos") / "set")


def descriptors(root: Path, names: list[str], out: Path) -> dict[str, FileDescriptorProto]:
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(root), f"--descriptor_set_out={out}"]
    subprocess.run([*command, "--include_source_info", *names], check=True, cwd=root, timeout=60)
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
    assert mine.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)


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
        "analyses",
        "captions",
        "classifiers",
        "clusters",
        "collections",
        "common",
        "corpus",
        "daguerre",
        "embeddings",
        "estimates",
        "evaluations",
        "face_comparison",
        "job_answers",
        "jobs",
        "labels",
        "models",
        "pages",
        "representations",
        "validations",
        "video",
        "zero_shot",
    )
    assert [f"daguerre_proto/v1/{name}.proto" for name in names] == FILES


def test_the_generated_files_are_current():
    texts = generate(PROTOS, DECLARED, RULES, schemas.load())
    assert {path.relative_to(PROTOS).as_posix() for path in texts} == {*FILES, "lock.json"}
    for path, text in texts.items():
        assert path.read_text(encoding="utf-8") == text, "run scripts/protos"


@pytest.mark.parametrize("name", FILES)
def test_comments_speak_of_grpc(compiled: dict[str, FileDescriptorProto], name: str) -> None:
    """Descriptions are written for HTTP, some of whose words mean nothing in gRPC."""
    comments = " ".join(place.leading_comments for place in compiled[name].source_code_info.location)
    assert not re.search(r"base64|\bnull\b|(GET|POST|DELETE) /|`mode`|multipart", comments, re.IGNORECASE)


class Inner(BaseModel):
    """An inner schema."""

    x: float = Field(description="A number.")


ID = (str, Field(description="A name."))
SIZE = (int, Field(5, ge=1, description="A size."))
NOTE = (str | None, Field(None, description="A note; null for none."))
SMALL = (
    File(
        "small",
        (
            declare("Inner", "Inner"),
            declare("Small", "Small", oneof="choice: left right", left="string // Left.", right="bytes // Right."),
        ),
    ),
)
NO_RULES = Rules(types={}, fields={}, without=(), words=())


def generated(root: Path, **fields: Any) -> dict[str, str]:
    """Lines of fields in the .proto file that is made of a schema with these fields, below `root`."""
    known = {"Inner": Inner, "Small": create_model("Small", __doc__="A small schema.", **fields)}
    write(generate(root, SMALL, NO_RULES, known))
    text = (root / "daguerre_proto/v1/small.proto").read_text()
    small = text[text.index("message Small") :]
    return {line.split()[-3]: line.strip() for line in small.splitlines() if " = " in line}


def test_a_new_optional_field_gets_the_next_number(tmp_path: Path) -> None:
    before = generated(tmp_path, id=ID, size=SIZE)
    after = generated(tmp_path, note=NOTE, id=ID, size=SIZE)
    assert after == before | {"note": "optional string note = 5;"}
    assert '"note": "5 optional string"' in (tmp_path / "lock.json").read_text()


def test_the_order_of_fields_in_a_schema_does_not_matter(tmp_path: Path) -> None:
    assert generated(tmp_path, id=ID, size=SIZE) == generated(tmp_path, size=SIZE, id=ID)


def test_a_member_that_a_oneof_gets_later_is_written_beside_the_others(tmp_path: Path) -> None:
    fields = {"a": "string // A.", "b": "bytes // B.", "c": "bool // C."}
    before = declare("Small", "", "A message.", oneof="choice: a b", **fields)
    after = declare("Small", "", "A message.", oneof="choice: a b d", **fields, d="double // D.")
    for each in (before, after):
        write(generate(tmp_path, (File("small", (each,)),), NO_RULES, {}))
    file = descriptors(tmp_path, ["daguerre_proto/v1/small.proto"], tmp_path / "set")["daguerre_proto/v1/small.proto"]
    made = {field.name: (field.number, field.HasField("oneof_index")) for field in file.message_type[0].field}
    assert made == {"a": (1, True), "b": (2, True), "d": (4, True), "c": (3, False)}


def test_a_removed_field_becomes_reserved(tmp_path: Path) -> None:
    generated(tmp_path, id=ID, size=SIZE)
    fields = generated(tmp_path, id=ID)
    text = (tmp_path / "daguerre_proto/v1/small.proto").read_text()
    assert "size" not in fields
    assert '  reserved 2;\n  reserved "size";\n' in text
    assert generated(tmp_path, id=ID, note=NOTE)["note"] == "optional string note = 5;"
    with pytest.raises(LockError, match="reserved; choose another"):
        generated(tmp_path, id=ID, size=SIZE)


@pytest.mark.parametrize(
    ("annotation", "bounds"),
    [(str, {}), (float, {}), (list[int], {}), (dict[str, int], {}), (Inner, {}), (int, {"ge": -1}), (int | None, {})],
)
def test_the_lock_refuses_a_changed_type(tmp_path: Path, annotation: Any, bounds: dict[str, int]) -> None:
    generated(tmp_path, id=ID, size=(int, Field(0, ge=0, description="A size.")))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(LockError, match=r"Small.size is locked as uint32, and would become .*; choose another name"):
        generated(tmp_path, id=ID, size=(annotation, Field(description="A size.", **bounds)))
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_the_lock_refuses_renumbering(tmp_path: Path) -> None:
    generated(tmp_path, id=ID, size=SIZE)
    lock = tmp_path / "lock.json"
    text = lock.read_text()
    lock.write_text(text.replace('"size": "2 ', '"size": "7 '))
    with pytest.raises(LockError, match=r"Small.size is published with number 2, the lock has 7"):
        generated(tmp_path, id=ID, size=SIZE)
    lock.write_text(text.replace('"size": "2 ', '"size": "1 '))
    with pytest.raises(LockError, match="Small: id and size both have number 1"):
        generated(tmp_path, id=ID, size=SIZE)


def test_types_of_schemas_have_types_of_protobuf(tmp_path: Path) -> None:
    """A value without a fixed form is JSON."""
    types: dict[Any, str] = {
        str: "string",
        str | None: "optional string",
        bool: "bool",
        Literal["a", "b"] | None: "optional string",
        str | int: "string",
        float: "double",
        int: "int32",
        list[str] | None: "repeated string",
        tuple[float, float, float]: "repeated double",
        dict[str, float]: "map<string, double>",
        Inner: "Inner",
        Inner | None: "optional Inner",
        list[Inner]: "repeated Inner",
    }
    forms: dict[Any, str] = {
        dict[str, Any]: "string",
        list[dict[str, Any]]: "string",
        list[list[float]]: "string",
        Inner | dict[str, Any] | None: "optional string",
    }
    names = [f"f{i}" for i in range(3, 3 + len(types | forms))]
    expected = {name: f"{kind} {name} = {name[1:]};" for name, kind in zip(names, types.values(), strict=False)}
    for name, kind in zip(names[len(types) :], forms.values(), strict=True):
        expected[f"{name}_json"] = f"{kind} {name}_json = {name[1:]};"
    generated(tmp_path)
    fields = {
        name: (annotation, Field(description="A value."))
        for name, annotation in zip(names, [*types, *forms], strict=True)
    }
    made = generated(tmp_path, **fields)
    assert {name: line for name, line in made.items() if name not in ("left", "right")} == expected
    compiled = descriptors(tmp_path, ["daguerre_proto/v1/small.proto"], tmp_path / "set")
    assert len(compiled["daguerre_proto/v1/small.proto"].message_type[1].field) == len(made)


def test_comments_are_the_descriptions_with_values_and_defaults(tmp_path: Path) -> None:
    level: Any = (Literal["low", "high"], Field("low", description="A level."))
    generated(tmp_path, level=level, size=SIZE, notes=(list[str] | None, Field(None, description="Notes; or null.")))
    text = (tmp_path / "daguerre_proto/v1/small.proto").read_text()
    assert "// A small schema.\nmessage Small {" in text
    assert "  // A level. One of: low, high. Absent: low.\n  optional string level" in text
    assert "  // A size. Absent: 5.\n  optional uint32 size" in text
    assert "  // Notes; or empty.\n  repeated string notes" in text


def test_a_field_without_an_explanation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Small.new: neither the schema nor the table explains it"):
        generated(tmp_path, new=(str, Field()))


def test_a_table_that_names_what_is_not_there_is_refused(tmp_path: Path) -> None:
    files = (File("small", (declare("Inner", "Inner", without="y"),)),)
    with pytest.raises(ValueError, match="Inner: no field y in Inner"):
        generate(tmp_path, files, NO_RULES, {"Inner": Inner})
    with pytest.raises(ValueError, match="no module of schemas has Outer"):
        generate(tmp_path, (File("small", (declare("Outer", "Outer"),)),), NO_RULES, {"Inner": Inner})
    with pytest.raises(ValueError, match="is not"):
        override("string / comment")
