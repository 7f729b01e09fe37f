"""The settings: read from the environment, complete or refused, with keys that stay secret."""

import pytest
from pydantic import ValidationError

from models.images.decoding import ImageLimits
from service import settings as settings_module
from service.settings import Settings, read


def refusal(**values: object) -> str:
    with pytest.raises(ValidationError) as caught:
        Settings(**values)
    return str(caught.value)


def test_the_defaults_stand_and_stay_on_this_machine():
    settings = read()
    assert settings == Settings()
    assert settings.models == ("embedded",)
    assert (settings.host, settings.device, settings.placement) == ("127.0.0.1", "cpu", "inline")
    assert settings.keys() == ()
    assert not settings.insecure


def test_variables_are_read(monkeypatch, tmp_path):
    for name, value in {"HOME": str(tmp_path), "QUEUE": "5000", "INSECURE": "true", "LANES": "3"}.items():
        monkeypatch.setenv(f"DAGUERRE_{name}", value)
    settings = read()
    assert (settings.home, settings.queue, settings.insecure, settings.lanes) == (tmp_path, 5000, True, 3)


@pytest.mark.parametrize("name", ["DAGUERRE_QUEU", "DAGUERRE_QUEUE_", "daguerre_hots", "DAGUERRE_"])
def test_an_unknown_variable_is_refused_and_told_which_there_are(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    with pytest.raises(ValueError, match="no such setting") as caught:
        read()
    assert str(caught.value).startswith(f"{name}: no such setting; ")
    assert "--help lists them" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "nearest"), [("QUEU", "QUEUE"), ("MODEL", "MODELS"), ("KEYS_FILE", "API_KEYS_FILE"), ("PROT", "PORT")]
)
def test_the_nearest_setting_is_suggested(monkeypatch, name, nearest):
    monkeypatch.setenv(f"DAGUERRE_{name}", "1")
    with pytest.raises(ValueError, match=rf"did you mean DAGUERRE_{nearest}\?"):
        read()


@pytest.mark.parametrize(
    ("given", "size"),
    [("0", 0), ("2GiB", 2**31), ("1.5 GiB", 3 * 2**29), ("500 MB", 500_000_000), ("20000000", 20_000_000)],
)
def test_sizes_have_units(monkeypatch, given, size):
    monkeypatch.setenv("DAGUERRE_VECTOR_CACHE", given)
    assert read().vector_cache == size


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("2 GB of it", "vector_cache: '2 GB of it' is no size; write 2 GiB, 500 MB or bytes"),
        ("-1", "vector_cache: '-1' is no size; write 2 GiB, 500 MB or bytes"),
        ("1 kB", "vector_cache: 1000 bytes are too few; give 16777216 (16 MiB) or more, or 0"),
    ],
)
def test_a_size_that_cannot_be_is_refused(monkeypatch, given, message):
    monkeypatch.setenv("DAGUERRE_VECTOR_CACHE", given)
    with pytest.raises(ValueError, match=r"^vector_cache: ") as caught:
        read()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("LANES", "abc", "DAGUERRE_LANES: got 'abc', should be a whole number"),
        ("lanes", "1.5", "DAGUERRE_LANES: got '1.5', should be a whole number"),
        ("LANES", "0", "DAGUERRE_LANES: got '0', should be greater than or equal to 1"),
        ("MAX_ASPECT_RATIO", "wide", "DAGUERRE_MAX_ASPECT_RATIO: got 'wide', should be a number"),
        ("SOLO", "maybe", "DAGUERRE_SOLO: got 'maybe', should be true or false"),
        ("PLACEMENT", "here", "DAGUERRE_PLACEMENT: got 'here', should be 'inline' or 'process'"),
    ],
)
def test_an_invalid_value_is_explained_in_words(monkeypatch, name, value, message):
    monkeypatch.setenv(f"DAGUERRE_{name}", value)
    with pytest.raises(ValueError, match="DAGUERRE_") as caught:
        read()
    assert str(caught.value) == message


def test_a_variable_in_lower_case_is_the_same_setting(monkeypatch):
    monkeypatch.setenv("daguerre_queue", "4999")
    assert read().queue == 4999


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch):
    monkeypatch.setenv("DAGUERRE_MODELS", "")
    monkeypatch.setenv("DAGUERRE_PORT", "")
    assert read() == Settings()


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        Settings().port = 1


def test_an_unknown_name_is_refused_in_code_too():
    assert "queu" in refusal(queu=1)


@pytest.mark.parametrize(
    ("given", "models"),
    [("a", ("a",)), ("a,b", ("a", "b")), (" a , /models/b c ,", ("a", "/models/b c")), ("b,a", ("b", "a"))],
)
def test_models_are_a_list_with_commas_in_order(monkeypatch, given, models):
    monkeypatch.setenv("DAGUERRE_MODELS", given)
    assert read().models == models


def test_a_list_of_no_model_is_refused(monkeypatch):
    monkeypatch.setenv("DAGUERRE_MODELS", " , ")
    with pytest.raises(ValueError, match="names no model"):
        read()


def test_home_is_absolute(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings(home="~/state").home == tmp_path / "state"
    monkeypatch.chdir(tmp_path)
    assert Settings(home="here").home == tmp_path / "here"


def test_inline_has_one_entry_worker():
    message = refusal(placement="inline", entry_workers=2)
    assert "entry_workers: 2 with placement inline" in message
    assert "DAGUERRE_PLACEMENT=process" in message
    assert Settings(placement="process", entry_workers=2).entry_workers == 2


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("a=cuda:1", (("a", "cuda:1"),)),
        (" a = cuda:0 , /models/b=c=cuda:1 ,", (("a", "cuda:0"), ("/models/b=c", "cuda:1"))),
        ("a=cuda:0,a=cuda:1", (("a", "cuda:0"), ("a", "cuda:1"))),
    ],
)
def test_places_are_pairs_of_model_and_device(monkeypatch, given, place):
    monkeypatch.setenv("DAGUERRE_PLACE", given)
    assert read().place == place


@pytest.mark.parametrize("given", ["a", "a=", "=cuda:0", "a=cuda:0,b"])
def test_a_place_that_is_no_pair_is_refused_by_name(monkeypatch, given):
    monkeypatch.setenv("DAGUERRE_PLACE", given)
    with pytest.raises(ValueError, match=r"is not model=device; write clip=cuda:0"):
        read()


def test_lanes_are_those_of_the_device_unless_they_are_set():
    assert Settings().lanes_on("cpu") == Settings().lanes
    assert (Settings().lanes_on("cuda:0"), Settings(lanes=7).lanes_on("cuda:0")) == (2, 7)


def test_bentomls_batching_is_for_one_model():
    assert "bentoml serves a single model, not 2" in refusal(
        placement="process", runner_batching="bentoml", models=("a", "b")
    )
    assert Settings(placement="process", runner_batching="bentoml").runner_batching == "bentoml"


def test_torch_cannot_be_held_to_a_memory_limit():
    assert "DAGUERRE_BACKEND=onnx" in refusal(backend="torch", gpu_memory=10**9)


def test_the_queue_must_hold_one_full_request():
    assert "queue: 10 cannot hold one request of max_items = 1000" in refusal(queue=10)
    assert Settings(queue=10, max_items=10).queue == 10


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 0),
        ("port", 65536),
        ("placement", "both"),
        ("decode", "fast"),
        ("lanes", 0),
        ("gpu_memory", 0),
        ("backend", "tensorflow"),
        ("window", 0),
        ("max_items", 0),
        ("max_image_bytes", 0),
        ("max_aspect_ratio", 0.5),
        ("max_aspect_ratio", float("nan")),
        ("request_timeout", 0),
        ("label_cache", -1),
        ("max_batch_texts", "many"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name, value):
    assert name in refusal(**{name: value})


def test_image_limits_are_the_settings():
    limits = Settings(max_image_bytes=10, max_image_pixels=20, max_aspect_ratio=3).image_limits
    assert limits == ImageLimits(max_bytes=10, max_pixels=20, max_aspect_ratio=3)


def test_a_pixel_limit_beyond_pillows_own_is_refused_at_the_start():
    assert "max_image_pixels" in refusal(max_image_pixels=10**9)


# keys


def test_keys_come_from_the_setting_and_the_file(tmp_path):
    file = tmp_path / "keys"
    file.write_text("# the lab\nfirst   # Ada's\n\n  second\t\n#third\n", encoding="utf-8")
    settings = Settings(api_keys=" zero, ,one", api_keys_file=file)
    assert settings.keys() == (b"zero", b"one", b"first", b"second")


def test_a_keys_file_may_lie_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "keys").write_text("k\n")
    assert Settings(api_keys_file="~/keys").keys() == (b"k",)


def test_a_keys_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        Settings(api_keys_file=tmp_path / "none").keys()


def test_a_keys_file_without_a_key_is_an_error_and_no_open_door(tmp_path):
    (tmp_path / "keys").write_text("# none yet\n")
    with pytest.raises(ValueError, match="keys"):
        Settings(api_keys_file=tmp_path / "keys").keys()


def test_keys_are_not_shown():
    settings = Settings(api_keys="hunter2")
    assert "hunter2" not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"


def test_keys_are_not_shown_when_another_setting_is_wrong(monkeypatch):
    monkeypatch.setenv("DAGUERRE_API_KEYS", "hunter2")
    monkeypatch.setenv("DAGUERRE_ENTRY_WORKERS", "2")
    with pytest.raises(ValueError, match="entry_workers") as caught:
        read()
    assert "hunter2" not in str(caught.value)


def test_the_sdks_variables_in_the_same_environment_are_not_ours(monkeypatch):
    monkeypatch.setenv("DAGUERRE_URL", "http://elsewhere:3000")
    monkeypatch.setenv("DAGUERRE_API_KEY", "secret")
    assert read().host == "127.0.0.1"


def test_grpc_is_on_the_next_port_unless_it_is_told_otherwise():
    assert Settings(port=4000).grpc_address == 4001
    assert Settings(grpc_port=0).grpc_address == 0
    for wrong in ({"port": 4000, "grpc_port": 4000}, {"port": 65535}):
        with pytest.raises(ValidationError, match="DAGUERRE_GRPC_PORT"):
            Settings(**wrong)
    assert Settings(port=65535, grpc_port=0).grpc_address == 0


@pytest.mark.parametrize(
    ("said", "wanted"),
    [("max 100000", None), ("100000 100000", 1), ("50000 100000", 1), ("", None), ("x y", None), ("1 0", None)],
)
def test_a_containers_quota_counts(tmp_path, said, wanted):
    file = tmp_path / "cpu.max"
    file.write_text(said)
    every = settings_module._cores(tmp_path / "absent")
    assert settings_module._cores(file) == (every if wanted is None else wanted)


def test_a_collector_is_an_address(monkeypatch):
    monkeypatch.setenv("DAGUERRE_TRACES", "localhost:4318")
    with pytest.raises(ValueError, match="traces: 'localhost:4318' is no address of HTTP; write http://collector:4318"):
        read()
