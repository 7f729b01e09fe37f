"""A model on disk: whole or refused, made once, and the commands that make and check it."""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from models.__main__ import main
from models.analysers.table import ANALYSERS
from models.catalog import folder
from models.catalog.folder import MANIFEST, build, locate, model_path, open_folder, open_or_export, write_manifest
from models.catalog.rows import CATALOG, EMBEDDED
from models.catalog.spec import ModelSpec
from models.disk import sha256
from models.errors import ModelUnavailable
from models.sources import export

ROOT = Path(__file__).parents[3]
SPEC = replace(EMBEDDED, name="small", recipe=99)


def make(path: Path, spec: ModelSpec = SPEC) -> None:
    (path / "image.onnx").write_bytes(b"graph" * 100)
    (path / "text.onnx").write_bytes(b"another graph")
    (path / "tokenizer.json").write_text("{}")
    write_manifest(path, spec, parity={"min_cosine": 0.99999}, made_with={"torch": "2"})


@pytest.fixture
def made(tmp_path: Path) -> Path:
    path = tmp_path / "made"
    path.mkdir()
    make(path)
    return path


def change_manifest(path: Path, **changes: object) -> None:
    manifest = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps({**manifest, **changes}))


def never(path: Path) -> None:
    raise AssertionError("it was made again")


# reading


def test_a_folder_comes_back_as_it_was_written(made):
    found = open_folder(made)
    assert found.path == made
    assert found.spec == SPEC  # tuples, nested rows and all
    assert found.spec.fingerprint() == SPEC.fingerprint()
    assert found.parity == {"min_cosine": 0.99999}
    assert found.made_with == {"torch": "2"}


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def refusal(path: Path) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        open_folder(path)
    assert path.name in caught.value.message
    assert str(path.parent) not in caught.value.message  # it may travel to a caller
    assert "export it again" in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("name", ["image.onnx", "tokenizer.json"])
def test_one_flipped_bit_is_found(made, name):
    damage(made / name)
    assert f"{name} is missing or damaged" in refusal(made)


def test_a_missing_file_is_found(made):
    (made / "image.onnx").unlink()
    assert "image.onnx is missing" in refusal(made)


def test_an_absent_folder_or_manifest_is_refused(made):
    refusal(made.parent / "nowhere")
    (made / MANIFEST).unlink()
    assert MANIFEST in refusal(made)


def test_a_manifest_cut_anywhere_is_refused(made):
    text = (made / MANIFEST).read_text()
    for length in range(0, len(text), 97):
        (made / MANIFEST).write_text(text[:length])
        assert MANIFEST in refusal(made)


@pytest.mark.parametrize(
    "content",
    ["null", "[]", "3", '{"format": 1}', '{"format": 1, "spec": {}, "files": {}}', "\x80 no UTF-8"],
)
def test_a_manifest_that_is_no_manifest_is_refused(made, content):
    (made / MANIFEST).write_bytes(content.encode("latin-1"))
    refusal(made)


def test_a_manifest_whose_files_are_a_list_is_refused(made):
    change_manifest(made, files=["image.onnx"])
    refusal(made)


def test_a_manifest_that_leaves_a_graph_out_is_refused(made):
    files = json.loads((made / MANIFEST).read_text())["files"]
    for name in ("image.onnx", "text.onnx"):
        change_manifest(made, files={other: digest for other, digest in files.items() if other != name})
        assert name in refusal(made)


@pytest.mark.parametrize("version", [2, 99, "1", None])
def test_another_format_is_refused_by_its_number(made, version):
    change_manifest(made, format=version)
    message = refusal(made)
    assert f"format {version}" in message
    assert f"reads {folder.FORMAT}" in message


def test_a_fingerprint_that_this_version_would_not_compute_is_refused(made):
    change_manifest(made, fingerprint="0" * 32)
    message = refusal(made)
    assert "0" * 32 in message
    assert SPEC.fingerprint() in message


def test_a_row_that_was_edited_in_the_manifest_is_refused(made):
    manifest = json.loads((made / MANIFEST).read_text())
    change_manifest(made, spec={**manifest["spec"], "recipe": 100})
    assert "fingerprint" in refusal(made)


def test_sha256_is_that_of_the_file(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# making


def test_a_folder_is_made_once(tmp_path):
    first = build(SPEC, tmp_path, make)
    assert first.path == model_path(SPEC, tmp_path)
    assert open_folder(first.path) == first
    assert build(SPEC, tmp_path, never) == first


def test_a_folder_with_graphs_of_an_older_version_is_made_anew_where_torch_is(tmp_path, monkeypatch):
    path = build(SPEC, tmp_path, make).path
    manifest = json.loads((path / MANIFEST).read_text())
    del manifest["graphs"]  # as the first version wrote it
    (path / MANIFEST).write_text(json.dumps(manifest))
    old = open_folder(path)
    assert old.graphs == 1
    monkeypatch.setattr(folder, "lookup", lambda name: SPEC)
    monkeypatch.setattr(folder, "run_module", lambda *given: build(SPEC, tmp_path, never))
    monkeypatch.setattr(folder, "find_spec", lambda name: None)  # without torch it is served as it is
    assert open_or_export("small", tmp_path) == old
    monkeypatch.undo()
    assert build(SPEC, tmp_path, make).graphs == folder.GRAPHS
    assert build(SPEC, tmp_path, never).graphs == folder.GRAPHS


@pytest.mark.parametrize("name", ["image.onnx", MANIFEST])
def test_a_damaged_folder_is_made_anew(tmp_path, name):
    path = build(SPEC, tmp_path, make).path
    damage(path / name)
    (path / "left over").write_text("by something else")
    if name == MANIFEST:
        (path / MANIFEST).write_text("{")
    assert open_folder(build(SPEC, tmp_path, make).path).spec == SPEC
    assert not (path / "left over").exists()


def test_a_make_that_fails_leaves_nothing_and_can_be_tried_again(tmp_path):
    def fails(path: Path) -> None:
        (path / "half").write_text("…")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        build(SPEC, tmp_path, fails)
    assert [p.suffix for p in (tmp_path / "models").iterdir()] == [".lock"]
    assert build(SPEC, tmp_path, make).spec == SPEC


def test_a_make_that_writes_no_whole_folder_is_refused(tmp_path):
    def writes_no_manifest(path: Path) -> None:
        (path / "image.onnx").write_bytes(b"graph")

    with pytest.raises(ModelUnavailable):
        build(SPEC, tmp_path, writes_no_manifest)
    assert not model_path(SPEC, tmp_path).exists()


def test_another_fingerprint_is_another_folder(tmp_path):
    one, two = build(SPEC, tmp_path, make), model_path(replace(SPEC, recipe=100), tmp_path)
    assert one.path != two
    assert one.path.name.startswith("small-")


def test_a_folder_of_a_newer_format_is_left_alone(tmp_path):
    path = build(SPEC, tmp_path, make).path
    change_manifest(path, format=folder.FORMAT + 1)
    with pytest.raises(ModelUnavailable, match="format 2"):
        build(SPEC, tmp_path, make)
    assert json.loads((path / MANIFEST).read_text())["format"] == folder.FORMAT + 1


def test_a_folder_can_be_read_by_whom_the_umask_lets(tmp_path):
    """An image or a lab's shared home is filled by one user and served by another."""
    probe = tmp_path / "probe"
    probe.mkdir()
    assert build(SPEC, tmp_path, make).path.stat().st_mode == probe.stat().st_mode


RACE = """
import sys, time
from dataclasses import replace
from pathlib import Path
from models.catalog.rows import EMBEDDED
from models.catalog.folder import build, write_manifest

spec = replace(EMBEDDED, name="small", recipe=99)

def slowly(path):
    with open(sys.argv[2], "a") as log:
        log.write("made\\n")
    (path / "early.bin").write_bytes(b"x")
    time.sleep(0.5)
    (path / "image.onnx").write_bytes(b"x")
    (path / "text.onnx").write_bytes(b"x")
    write_manifest(path, spec, parity={}, made_with={})

print(build(spec, Path(sys.argv[1]), slowly).path)
"""


def test_two_processes_that_race_make_it_once_and_nobody_sees_it_half_made(tmp_path):
    log = tmp_path / "log"
    final = model_path(SPEC, tmp_path)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(tmp_path), str(log)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    seen = 0
    end = time.monotonic() + 60
    while any(racer.poll() is None for racer in racers) and time.monotonic() < end:
        if final.exists():
            assert open_folder(final).spec == SPEC
            seen += 1
        time.sleep(0.005)
    said = [racer.communicate(timeout=30)[0].strip() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    assert said == [str(final)] * 2
    assert log.read_text() == "made\n"
    assert seen
    assert sorted(p.suffix for p in final.parent.iterdir() if p != final) == [".lock"]


# finding


def test_find_opens_what_is_there_without_an_export(embedded_folder, embedded_home, monkeypatch):
    monkeypatch.setattr(subprocess, "run", never)
    assert open_or_export("embedded", embedded_home) == embedded_folder


def test_a_catalogue_model_keeps_the_catalogues_words_and_templates(embedded_home, embedded_folder, tmp_path):
    """A folder outlives upgrades that change no vector; what a row says beyond vectors must not be an old one."""
    path = model_path(EMBEDDED, tmp_path)
    shutil.copytree(embedded_folder.path, path)
    manifest = json.loads((path / MANIFEST).read_text())
    spec = manifest["spec"]
    old = {**spec, "notice": "an older notice", "zero_shot": {**spec["zero_shot"], "logit_scale": 1.0}}
    change_manifest(path, spec=old)
    found = open_or_export("embedded", tmp_path)
    assert found.spec == EMBEDDED


@pytest.mark.parametrize(
    ("said", "reason"), [("Traceback …\\nOSError: disk full", "OSError: disk full"), ("", "no output")]
)
def test_an_export_that_fails_says_why(said, reason, tmp_path, monkeypatch):
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\nprintf '{said}' >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(ModelUnavailable) as caught:
        open_or_export("embedded", tmp_path)
    assert caught.value.message == f"model 'embedded' could not be exported: {reason}"


def test_a_model_is_located_by_its_folder(made):
    assert locate(str(made), made.parent).spec == SPEC


def test_what_is_neither_a_name_nor_a_folder_is_refused(tmp_path):
    with pytest.raises(ModelUnavailable) as caught:
        locate("clop", tmp_path)
    assert "'clop'" in caught.value.message
    assert all(name in caught.value.message for name in (*CATALOG, MANIFEST))


# weights


def weights_of(tmp_path: Path, content: bytes = b"abc") -> ModelSpec:
    (tmp_path / "weights.bin").write_bytes(content)
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of b"abc"
    return replace(SPEC, source=replace(SPEC.source, weights={"weights.bin": digest}))


def test_the_catalogues_own_weights_are_taken(tmp_path):
    export.check_weights(weights_of(tmp_path), [tmp_path / "weights.bin"])


def test_weights_with_another_hash_are_refused(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"weights\.bin: another file than the catalogue's 'small' names"):
        export.check_weights(weights_of(tmp_path, b"abd"), [tmp_path / "weights.bin"])


def test_weights_that_the_catalogue_does_not_name_are_refused(tmp_path):
    spec = weights_of(tmp_path)
    (tmp_path / "other.bin").write_bytes(b"abc")
    with pytest.raises(ModelUnavailable, match=r"other\.bin"):
        export.check_weights(spec, [tmp_path / "weights.bin", tmp_path / "other.bin"])


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"weights\.bin missing"):
        export.check_weights(weights_of(tmp_path), [])


# the commands


def command(*arguments: str, prelude: str = "") -> subprocess.CompletedProcess[str]:
    run = "import runpy; runpy.run_module('models', alter_sys=True, run_name='__main__')"
    start = ["-c", f"{prelude}; {run}"] if prelude else ["-m", "models"]
    return subprocess.run(
        [sys.executable, *start, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_list_prints_each_model_with_its_licence():
    done = command("list")
    assert done.returncode == 0
    for spec in [*CATALOG.values(), *ANALYSERS.values()]:
        assert any(spec.name in line and spec.licence in line for line in done.stdout.splitlines())


def test_files_of_an_analyser_are_verified(tmp_path):
    assert command("analyser", "visual-features", "faces", "--home", str(tmp_path)).returncode == 0
    (path,) = (tmp_path / "analysers").glob("faces-*/")
    listed = command("list", "--home", str(tmp_path)).stdout
    states = {line.split()[0]: line.split()[3] for line in listed.splitlines() if line.startswith(("faces ", "sface "))}
    assert states == {"faces": "installed", "sface": "built"}
    assert command("verify", "faces", "--home", str(tmp_path)).stdout == f"{path}: complete and unchanged\n"
    graph = next(path.glob("*.onnx"))
    graph.write_bytes(b"no graph")
    damaged = command("verify", "faces", "--home", str(tmp_path))
    assert damaged.returncode == 1
    assert f"{graph.name} is missing or damaged" in damaged.stderr


def test_export_of_what_is_there_says_where_it_lies(embedded_home, embedded_folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["models", "export", "embedded", "--home", str(embedded_home)])
    main()
    said = capsys.readouterr().out
    assert said.startswith(f"embedded: {embedded_folder.path} (image_min_cosine ")
    assert f"text_min_cosine {embedded_folder.parity['text_min_cosine']:.7f}" in said


def test_verify_says_complete(embedded_home, embedded_folder):
    done = command("verify", "embedded", "--home", str(embedded_home))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{embedded_folder.path}: complete and unchanged\n"


def test_verify_of_a_damaged_folder_fails_and_names_the_file(embedded_folder, tmp_path):
    path = model_path(EMBEDDED, tmp_path)
    shutil.copytree(embedded_folder.path, path)
    damage(path / "bridge.npz")
    done = command("verify", "embedded", "--home", str(tmp_path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.strip() == f"model folder {path.name}: bridge.npz is missing or damaged; export it again"


def test_verify_of_nothing_fails(tmp_path):
    done = command("verify", "embedded", "--home", str(tmp_path))
    assert done.returncode == 1
    assert "no readable model.json; export it again" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [(), ("verify",), ("export", "clop"), ("lost",)], ids=" ".join)
def test_a_wrong_command_is_told_the_right_ones(arguments):
    done = command(*arguments)
    assert done.returncode == 2
    assert "usage: python -m models" in done.stderr


def test_an_export_without_torch_says_what_to_install(tmp_path):
    done = command("export", "embedded", "--home", str(tmp_path), prelude="import sys; sys.modules['torch'] = None")
    assert done.returncode == 1
    assert "exporting needs torch: pip install 'daguerre-service[export]', or copy the folder embedded-" in done.stderr
    assert done.stderr.strip().endswith("of DAGUERRE_HOME/models from a machine that has exported it")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_two_exports_of_the_embedded_model_into_an_empty_home_agree(embedded_folder, tmp_path):
    start = [sys.executable, "-m", "models", "export", "embedded", "--home", str(tmp_path)]
    racers = [subprocess.Popen(start, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [racer.communicate(timeout=300)[0] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    path = model_path(EMBEDDED, tmp_path)
    assert all(str(path) in words for words in said)
    assert open_folder(path).spec == EMBEDDED
    assert sorted(p.suffix for p in path.parent.iterdir() if p != path) == [".lock"]
    for name in ("tokenizer.json", "image.onnx", "text.onnx"):  # a second export makes the same graphs
        assert sha256(path / name) == sha256(embedded_folder.path / name)
