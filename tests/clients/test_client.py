"""The client against a real server, over HTTP and gRPC: what comes back, what fails alone, what survives."""

import asyncio
import base64
import doctest
import inspect
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

import daguerre
from daguerre import AsyncClient, Client, RemarkWarning, errors
from tests.clients.conftest import address
from tests.e2e import harness
from tests.e2e.harness import Server, metrics

LABELS = ["a cat", "a cup of coffee", "a rocket launch"]


def test_vectors_are_those_of_a_plain_request(client: Client, inline: Server, photos: Path):
    found = client.embed(images=photos)
    assert (found.vectors.shape, found.vectors.dtype) == ((7, 1280), np.float32)
    assert [Path(id).name for id in found.ids][:2] == ["astronaut.jpg", "chelsea.jpg"]
    with inline.client() as plain:
        items = [harness.image(Path(file).read_bytes()) for file in found.files]
        said = plain.post("/v1/embeddings", json={"input": items, "encoding_format": "base64"}).json()
    expected = np.frombuffer(b"".join(_bytes(entry["embedding"]) for entry in said["data"]), "<f4").reshape(7, -1)
    assert same(found.vectors, expected)
    assert vars(found.receipt) | {"made_with": dict(found.receipt.made_with)} == said["receipt"]
    assert (found.model, found.fingerprint) == ("embedded", said["receipt"]["fingerprint"])
    assert found.ok.all()
    assert "7 × 1280" in repr(found)


def same(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    """Equal but for the last bits, which depend on how many cores a batch had."""
    return bool(np.abs(a - b).max() < 1e-6)


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)


def test_texts_keep_their_order_over_many_chunks(client: Client):
    texts = [f"text number {i}" for i in range(40)]
    found = client.embed(texts=texts, progress=False)
    assert found.ids == [str(i) for i in range(40)]
    assert found.tokens > 40 * 4
    assert same(client.embed(texts=texts[17]).vectors[0], found.vectors[17])
    with pytest.warns(RemarkWarning, match=r"1 of 2 texts were cut .*; see \.truncated"):
        long = client.embed(texts=["short", "word " * 400])
    assert long.truncated == [1]


def test_zero_shot_gives_scores_labels_and_tables(client: Client, photos: Path):
    given = [photos / name for name in ("chelsea.jpg", "coffee.jpg", "rocket.jpg")]
    found = client.zero_shot(images=given, labels=LABELS)
    assert found.best == LABELS
    assert found.scores.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    assert [top[0][0] for top in found.top(2)] == LABELS
    assert all(a[1] >= b[1] for a, b in found.top(2))
    table = found.to_pandas()
    assert list(table.columns) == ["label", *LABELS, "remark", "error"]
    assert list(table.index) == [path.name for path in given]
    none = client.zero_shot(images=given[:1], labels=LABELS[1:], none_of_these="a cat")
    assert none.best == [None]
    assert none.none_scores is not None
    assert none.none_scores[0] > 0.9
    assert client.zero_shot(images=given[:1], labels=LABELS[1:], none_min_cosine=0.9).best == [None]
    several = client.zero_shot(texts="a cat", labels=["a cat"], multi_label=True, negatives=["a dog", "a cow"])
    assert several.negatives == ["a dog", "a cow"]
    assert client.zero_shot(texts="a cat", labels=LABELS, templates=["{}!"]).templates == ["{}!"]


def test_labels_called_like_columns_have_columns_of_their_own(client: Client):
    table = client.zero_shot(texts="a cat", labels=["label", "error", "remark"]).to_pandas()
    assert list(table.columns) == ["label", "label: label", "label: error", "label: remark", "remark", "error"]


def test_bad_items_fail_alone_and_are_said(client: Client, mixed: Path):
    photos = mixed
    given = [photos / "coffee.jpg", b"no image", "nowhere.jpg", photos / "rocket.jpg", photos / "notes.txt"]
    with pytest.warns(errors.DaguerreWarning, match=r"3 of 5 items could not be used"):
        found = client.embed(images=given)
    assert found.ok.tolist() == [True, False, False, True, False]
    assert np.isnan(found.vectors[~found.ok]).all()
    assert np.isfinite(found.vectors[found.ok]).all()
    assert [(e.index, e.id, e.code) for e in found.errors] == [
        (1, "1", "unsupported_image"),
        (2, "nowhere.jpg", "unreadable_file"),
        (4, "notes.txt", "unsupported_image"),
    ]
    assert found.errors.by_code() == {"unsupported_image": 2, "unreadable_file": 1}
    assert list(found.errors.to_pandas().columns) == ["index", "id", "code", "message"]
    assert "3 without a result" in repr(found)
    good = found.drop_failed()
    assert (good.ids, good.files, len(good.errors)) == (["coffee.jpg", "rocket.jpg"], [str(given[0]), str(given[3])], 0)
    assert (good.vectors == found.vectors[[0, 3]]).all()
    with pytest.warns(errors.DaguerreWarning):
        scored = client.zero_shot(images=given[:2], labels=LABELS)
    assert scored.best[1] is None
    assert scored.top() == [[(scored.best[0], float(scored.scores[0].max()))], []]
    assert scored.to_pandas()["error"].tolist()[1] == "unsupported_image"


def test_items_that_all_fail_give_rows_of_the_right_width(client: Client):
    with pytest.warns(errors.DaguerreWarning):
        assert client.embed(images=[b"a"] * 5).vectors.shape == (5, 1280)
    with pytest.warns(errors.DaguerreWarning):
        assert client.zero_shot(images=["nowhere.jpg"], labels=LABELS).scores.shape == (1, 3)
    assert client.embed(texts=[]).vectors.shape == (0, 1280)
    assert client.zero_shot(texts=[], labels=LABELS).scores.shape == (0, 3)


def test_raise_ends_at_the_first_bad_item(client: Client, photos: Path):
    with pytest.raises(errors.ItemFailedError, match=r"nowhere\.jpg") as caught:
        client.embed(images=[photos / "coffee.jpg", "nowhere.jpg", b"x"], on_error="raise")
    assert (caught.value.item.index, caught.value.code) == (1, "unreadable_file")


def test_what_the_server_refuses_has_its_words_and_its_id(client: Client):
    with pytest.raises(errors.NotFoundError, match="there are: embedded") as caught:
        client.embed(texts="a", model="clip")
    assert (caught.value.status, caught.value.code, caught.value.param) == (404, "unknown_model", "model")
    assert caught.value.request_id in str(caught.value)
    for wrong, param in (({"dimensions": 3}, "dimensions"), ({"fingerprint": "f"}, None)):
        with pytest.raises(errors.DaguerreError) as found:
            client.embed(texts="a", **wrong)
        assert getattr(found.value, "param", None) == param
    with pytest.raises(errors.InvalidRequestError, match="at least 2"):
        client.zero_shot(texts="a", labels=["a"])


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        ({}, ValueError, "one of them"),
        ({"images": "a", "texts": "b"}, ValueError, "call it twice"),
        ({"texts": "a", "on_error": "skip"}, ValueError, "collect"),
        ({"texts": "a", "ids": "a"}, TypeError, "give a list"),
        ({"images": 3}, TypeError, "PIL image"),
        ({"images": "nowhere/"}, FileNotFoundError, "nowhere/"),
    ],
)
def test_wrong_arguments_say_the_way_out(client: Client, wrong, kind, said):
    with pytest.raises(kind, match=said):
        client.embed(**wrong)


def test_vectors_of_different_fingerprints_are_not_compared(client: Client, photos: Path):
    exact = client.embed(images=photos / "coffee.jpg")
    scaled = client.embed(images=photos / "coffee.jpg", decode="scaled")
    with pytest.raises(errors.FingerprintMismatchError, match=exact.fingerprint):
        exact.similarity(scaled)
    assert exact.similarity(client.embed(texts=["a cup of coffee", "a cat"])).argmax() == 0
    assert client.embed(texts="a", fingerprint=exact.fingerprint).fingerprint == exact.fingerprint


def test_pictures_arrays_and_files_are_the_same_image(client: Client, photos: Path):
    path = photos / "coffee.jpg"
    with Image.open(path) as picture, path.open("rb") as file:
        picture.load()
        found = client.embed(images=[path, path.read_bytes(), file, picture, np.asarray(picture)])
    assert same(found.vectors, found.vectors[0])


def test_models_and_ping(client: Client, inline: Server):
    (card,) = client.models()
    with inline.client() as plain:
        said = plain.get("/v1/models").json()["data"][0]
    assert {name: getattr(card, name) for name in said if name != "object"} == {
        name: value for name, value in said.items() if name != "object"
    }
    assert card.fingerprint_of("scaled") == card.fingerprint_scaled
    assert card.fingerprint_of(None) == card.fingerprint
    by_gpu = replace(card, decode="gpu", fingerprint_gpu="g")
    assert (by_gpu.fingerprint_of(None), by_gpu.fingerprint_of("exact")) == ("g", card.fingerprint)
    assert by_gpu.receipt(None).decode == "gpu"
    found = client.ping()
    assert (found.version, found.ready) == (daguerre.__version__, True)


def test_vectors_of_a_server_that_decodes_on_its_gpu_can_be_searched(client: Client):
    """Decode "gpu" is no option of a request: the server decodes by its setting, and fingerprints are compared."""
    corpus = client.embed(texts=["a cat", "a rocket"])
    corpus = replace(corpus, receipt=replace(corpus.receipt, decode="gpu"))
    assert client.search("a cat", corpus, k=1).indexes.tolist() == [[0]]


def test_a_chunk_that_the_server_finds_too_large_is_split(narrow: Server, photos: Path):
    for scheme in ("http", "grpc"):
        with Client(address(narrow, scheme), retry_for=0) as client:
            whole = client.embed(images=photos)
            assert whole.ok.all()
            big = harness.jpeg("hubble_deep_field", quality=95)
            assert len(big) > 200_000
            with pytest.warns(errors.DaguerreWarning):
                found = client.embed(images=[photos / "coffee.jpg", big, photos / "rocket.jpg"])
            assert found.ok.tolist() == [True, False, True]
            assert found.errors[0].code == "body_too_large"
            assert "200,000" in found.errors[0].message


def test_asynchronous_and_synchronous_are_one(inline: Server, photos: Path):
    async def embed():
        async with AsyncClient(inline.url) as client:
            one, two = await asyncio.gather(client.embed(images=photos), client.embed(texts=["a"]))
            return one, two, await client.models()

    one, two, cards = asyncio.run(embed())
    with Client(inline.url) as client:
        assert same(client.embed(images=photos).vectors, one.vectors)
        assert same(client.embed(texts=["a"]).vectors, two.vectors)
        assert client.models() == cards
    for name in ("embed", "zero_shot", "embed_corpus", "models", "ping"):
        mine, theirs = getattr(Client, name), getattr(AsyncClient, name)
        assert inspect.signature(mine) == inspect.signature(theirs)
        assert mine.__doc__ == theirs.__doc__
        assert "Examples" in mine.__doc__
    assert inspect.signature(Client) == inspect.signature(AsyncClient)


def test_it_works_inside_of_a_running_loop_and_from_many_threads(client: Client):
    async def notebook():
        return client.embed(texts=["a"]).vectors

    expected = asyncio.run(notebook())
    found = []
    threads = [threading.Thread(target=lambda: found.append(client.embed(texts=["a"]).vectors)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(same(vectors, expected) for vectors in found)


def test_a_closed_client_says_so(inline: Server):
    client = Client(inline.url)
    client.embed(texts="a")
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.embed(texts="a")


def test_keys_are_sent_and_never_shown(guarded_server: Server, monkeypatch: pytest.MonkeyPatch):
    for scheme in ("http", "grpc"):
        url = address(guarded_server, scheme)
        with Client(url, api_key="open-sesame") as client:
            assert client.embed(texts="a").ok.all()
            assert "sesame" not in repr(client)
        for key in (None, "wrong"):
            with Client(url, api_key=key) as client, pytest.raises(errors.AuthenticationError) as caught:
                client.embed(texts="a")
            assert caught.value.status == 401
        monkeypatch.setenv("DAGUERRE_API_KEY", "open-sesame")
        monkeypatch.setenv("DAGUERRE_URL", url)
        with Client() as client:
            assert client.embed(texts="a").ok.all()
        monkeypatch.delenv("DAGUERRE_API_KEY")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_run_survives_a_server_that_is_killed_and_comes_back(home: Path, tmp_path: Path, scheme: str):
    settings = {"BENTOML_HOME": str(tmp_path / "bentoml"), "DAGUERRE_GRPC_PORT": str(harness.free_port())}
    first = harness.launch(tmp_path, settings=settings).wait_ready()
    texts = [f"text number {i} of a run that is interrupted" for i in range(600)]
    found: list[daguerre.Embeddings] = []

    def run() -> None:
        with Client(address(first, scheme), chunk_items=4, retry_for=60) as client:
            found.append(client.embed(texts=texts))

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.6)
    assert thread.is_alive(), "the run was too short"
    for process in reversed(first.processes()):
        process.kill()
    first.process.wait(10)
    time.sleep(0.5)
    second = harness.launch(tmp_path, settings=settings, port=first.port)
    try:
        second.wait_ready()
        thread.join(60)
        assert found[0].ok.all()
        with Client(second.url) as client:
            assert same(client.embed(texts=texts).vectors, found[0].vectors)
    finally:
        thread.join(60)
        second.stop()


INTERRUPTED = """
import sys, itertools, pathlib
from daguerre import Client
client = Client(sys.argv[1], chunk_items=2, in_flight=4)
images = (pathlib.Path(sys.argv[2]).read_bytes() for _ in itertools.count())
print("begun", flush=True)
try:
    client.embed(images=images)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    print(client.embed(texts=["still good"]).ok, flush=True)
"""


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_ctrl_c_ends_a_run_at_once_and_leaves_a_clean_client(inline: Server, photos: Path, scheme: str):
    command = [sys.executable, "-W", "error", "-c", INTERRUPTED, address(inline, scheme), str(photos / "coffee.jpg")]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stdout
    assert run.stdout.readline() == "begun\n"
    time.sleep(1.0)
    run.send_signal(signal.SIGINT)
    started = time.monotonic()
    out, err = run.communicate(timeout=30)
    assert time.monotonic() - started < 5
    assert (run.returncode, out, err) == (0, "interrupted\n[ True]\n", "")
    with inline.client() as plain:
        time.sleep(0.3)
        now = metrics(plain)["daguerre_items_total" + '{modality="image",operation="embeddings"}']
        time.sleep(0.5)
        assert metrics(plain)["daguerre_items_total" + '{modality="image",operation="embeddings"}'] == now


def test_a_forgotten_client_leaves_quietly(inline: Server):
    code = f"from daguerre import Client; print(Client({inline.url!r}).embed(texts='a').ok)"
    run = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code], capture_output=True, text=True, timeout=60
    )
    said = [line for line in run.stderr.splitlines() if not line.startswith("Executing ")]  # of a slow machine
    assert (run.returncode, run.stdout, said) == (0, "[ True]\n", [])


@pytest.mark.parametrize("call", ["client.ping()", "asyncio.run(other.ping())", "asyncio.run(other.embed(texts='a'))"])
def test_a_fork_is_told_to_make_its_own(inline: Server, call: str):
    code = f"""
import asyncio, os
from daguerre import AsyncClient, Client
client, other = Client({inline.url!r}), AsyncClient({inline.url!r})
asyncio.run(other.embed(texts="a"))
child = os.fork()
if not child:
    try:
        {call}
    except RuntimeError as exc:
        os._exit(7 if "fork" in str(exc) else 1)
    os._exit(2)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout == "7\n"


def test_importing_it_is_quick_and_loads_nothing_heavy():
    code = "import time; t = time.process_time(); import {}, sys; print(time.process_time() - t, *sys.modules)"
    said, numpys = (
        [
            subprocess.run([sys.executable, "-c", code.format(name)], capture_output=True, text=True, check=True).stdout
            for _ in range(5)
        ]
        for name in ("daguerre", "numpy")
    )
    quickest, numpy_alone = (min(float(line.split()[0]) for line in lines) for lines in (said, numpys))
    assert quickest < 13 * numpy_alone, (quickest, numpy_alone)  # 0.3 to 0.65 s, 4 to 9 times, by the processor
    loaded = set(said[0].split()[1:])
    assert "numpy" in loaded
    assert not loaded & {"torch", "httpx", "grpc", "pandas", "pyarrow", "PIL", "tqdm", "click", "bentoml", "service"}


def test_nothing_is_shown_where_nobody_looks(client: Client, capfd: pytest.CaptureFixture[str]):
    client.embed(texts=["a"] * 5)
    assert capfd.readouterr().err == ""
    client.embed(texts=["a"] * 5, progress=True)
    assert "5/5" in capfd.readouterr().err


@pytest.mark.parametrize("url", ["gpu-server:3000", "ftp://x", "://", "grpc://host:1/path"])
def test_an_address_without_a_known_scheme_is_refused(url):
    with pytest.raises(ValueError, match="url: "):
        Client(url)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_server_that_is_not_there_is_said(scheme):
    started = time.monotonic()
    with Client(f"{scheme}://127.0.0.1:{harness.free_port()}", retry_for=0) as client:
        with pytest.raises(errors.ConnectError, match="nobody listens there: start the server with"):
            client.embed(texts="a")
        with pytest.raises(errors.ConnectError):
            client.ping()
    assert time.monotonic() - started < 10


@pytest.mark.thorough
@pytest.mark.parametrize("address", ["http://127.0.0.1", "http://localhost", "http://[::1]", "grpc://127.0.0.1"])
def test_where_nobody_listens_on_this_machine_a_client_fails_within_seconds(address):
    started = time.monotonic()
    url = f"{address}:{harness.free_port()}"
    with Client(url) as client, pytest.raises(errors.ConnectError, match="start the server with scripts/serve"):
        client.models()
    assert time.monotonic() - started < 15  # a minute before; 3 s on a machine at rest


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_server_that_has_answered_is_waited_for(scheme, inline):
    """The client of a long run waits for a server that is started again."""
    with Client(address(inline, scheme)) as client:
        client.models()
        assert client.asynchronous.transport.nobody_note(True) == ""
    with Client(f"{scheme}://127.0.0.1:1", retry_for=5) as client:
        assert client.asynchronous.transport.patient
    assert "scripts/serve" in client.asynchronous.transport.nobody_note(True)
    with Client(f"{scheme}://server.example:3000") as other:
        assert other.asynchronous.transport.nobody_note(True) == ""


@pytest.mark.slow
def test_a_server_that_is_loading_is_waited_for(home: Path, tmp_path: Path):
    server = harness.launch(tmp_path, settings={"BENTOML_HOME": str(tmp_path / "bentoml")})
    try:
        with Client(server.url, retry_for=60) as client:
            assert client.embed(texts="a").ok.all()
    finally:
        server.stop()


def test_warnings_can_be_turned_off(client: Client):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.DaguerreWarning)
        assert not client.embed(texts=[""]).ok.any()


def test_the_examples_of_the_docstrings_run(inline: Server, tmp_path: Path, photos: Path):
    """Each method's example, with its expected output where one is shown."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("chelsea", "coffee", "rocket"):
        (folder / f"{name}.jpg").write_bytes((photos / f"{name}.jpg").read_bytes())
    where = Path.cwd()
    os.chdir(tmp_path)
    try:
        finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
        scope = {"Client": lambda: Client(inline.url)}
        for name in ("embed", "zero_shot", "embed_corpus", "models", "ping"):
            for test in finder.find(getattr(Client, name), name, globs=scope):
                assert test.examples
                runner.run(test)
        assert runner.summarize(verbose=False).failed == 0
    finally:
        os.chdir(where)


def test_receipts_are_json(client: Client):
    assert json.dumps(vars(client.embed(texts="a").receipt))


def test_a_warning_names_the_line_that_called(client: Client, inline: Server, photos: Path):
    given = [photos / "coffee.jpg", b"no image"]
    with pytest.warns(daguerre.DaguerreWarning, match="1 of 2") as caught:
        client.embed(images=given)
    assert [warning.filename for warning in caught] == [__file__]

    async def asynchronous():
        async with AsyncClient(inline.url) as other:
            await other.embed(images=given)

    with pytest.warns(daguerre.DaguerreWarning, match="1 of 2") as caught:
        asyncio.run(asynchronous())
    assert [warning.filename for warning in caught] == [__file__]


def test_closing_ends_what_another_thread_is_doing(inline: Server):
    client = Client(inline.url, chunk_items=1)
    begun, said = threading.Event(), []

    def endless():
        while True:
            begun.set()
            yield "a text"

    def work():
        with pytest.raises(RuntimeError, match="closed while it worked"):
            client.embed(texts=endless())
        said.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(10)
    client.close()
    thread.join(10)
    assert said == [True]


def test_a_key_is_taken_as_a_file_has_it_and_refused_where_no_header_can_have_it():
    Client("http://127.0.0.1:1", api_key=" secret\n").close()
    for wrong in ("two\nlines", "schlüssel"):
        with pytest.raises(ValueError, match="header") as caught:
            AsyncClient("http://127.0.0.1:1", api_key=wrong)
        assert wrong not in str(caught.value)


def test_files_that_are_left_out_are_a_warning_at_the_callers_line(client: Client, mixed: Path):
    with pytest.warns(RemarkWarning, match=r"2 files or folders were left out \(hidden files and folders: 1") as caught:
        assert len(client.embed(images=mixed)) == 7
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(RemarkWarning, match="2 files or folders"):
        client.zero_shot(images=[mixed], labels=LABELS)
    with pytest.warns(RemarkWarning, match="2 files or folders"):
        client.describe_images(mixed)
    with pytest.warns(RemarkWarning, match="2 files or folders"):
        client.duplicates(images=mixed, kind="exact")


UNKNOWN = ["\U0001f600", "a cat", "\U0001f525\U0001f525", "\u732b", "\u200b x", "\u200b", "\U0001f600 cat"]


def test_texts_of_which_the_model_knows_no_token_are_remarked(client: Client):
    with pytest.warns(RemarkWarning, match=r"4 of 7 texts have no token that the model knows.*\.unknown") as caught:
        found = client.embed(texts=UNKNOWN)
    assert [warning.filename for warning in caught] == [__file__]
    assert found.unknown == [0, 2, 3, 5]
    assert found.ok.all()
    with pytest.warns(RemarkWarning):
        scored = client.zero_shot(texts=[*UNKNOWN, "word " * 400], labels=["a cat", "a dog"])
    remarks = ["unknown", None, "unknown", "unknown", None, "unknown", None, "truncated"]
    assert scored.remarks == remarks
    table = scored.to_pandas()
    assert [None if pd.isna(remark) else remark for remark in table["remark"]] == remarks
    assert found.drop_failed().unknown == found.unknown


def test_texts_that_the_model_cannot_tell_apart_are_no_duplicates(client: Client):
    with pytest.warns(RemarkWarning):
        found = client.duplicates(texts=[*UNKNOWN, "a cat"], kind="semantic")
    assert [group.members for group in found.groups] == [(1, 6, 7)]
    assert found.errors.by_code() == {"unknown_text": 4}
    with pytest.warns(RemarkWarning):
        nothing = client.duplicates(texts=[text for text in UNKNOWN if " " not in text], kind="semantic")
    assert (len(nothing), len(nothing.groups), nothing.errors.by_code()) == (4, 0, {"unknown_text": 4})
    assert nothing.kept.all()
    with pytest.raises(errors.InvalidRequestError, match=r"labels: .* has no token that the model knows"):
        client.zero_shot(texts="a cat", labels=["\u732b", "\u72ac"])


def test_half_of_a_surrogate_pair_fails_alone(client: Client):
    with pytest.warns(errors.DaguerreWarning, match="1 of 3"):
        found = client.embed(texts=["a", "cut \ud83d", "b"])
    assert [(error.index, error.code) for error in found.errors] == [(1, "not_a_text")]
    assert "half of a surrogate pair" in found.errors[0].message


def test_columns_and_mappings_are_read_in_every_method_that_takes_texts(client: Client):
    assert client.embed(texts={"t1": "a cat", "t2": "a dog"}).ids == ["t1", "t2"]
    found = client.duplicates(texts={"t1": "a cat", "t2": "a cat", "t3": "a dog"}, kind="semantic")
    assert [group.ids for group in found.groups] == [("t1", "t2")]
    table = pd.DataFrame({"text": ["a", "b", "c"]})
    for call, options in ((client.embed, {}), (client.duplicates, {"kind": "semantic"}), (client.cluster, {})):
        with pytest.raises(TypeError, match="texts: got a DataFrame"):
            call(texts=table, **options)


def test_a_client_pickles_by_its_address(client: Client):
    with pickle.loads(pickle.dumps(client)) as copy:
        assert repr(copy) == repr(client)
        assert copy.asynchronous.limits == client.asynchronous.limits
        assert copy.embed(texts="a cat").ids == ["0"]
    other = pickle.loads(pickle.dumps(AsyncClient(client.asynchronous.url, model="embedded", timeout=7)))
    assert other.default_model == "embedded"
    with Client(http_client=httpx.AsyncClient()) as own, pytest.raises(TypeError, match="make one in each process"):
        pickle.dumps(own)


def test_a_key_is_in_no_repr_and_in_the_pickle_only_if_it_was_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGUERRE_API_KEY", "from-the-environment")
    with Client("http://user:secret@127.0.0.1:1", retry_for=0) as of_environment:
        assert b"from-the-environment" not in pickle.dumps(of_environment)
        with pytest.raises(errors.ConnectError) as caught:
            of_environment.ping()
    with Client("http://127.0.0.1:1", api_key="given") as given:
        assert b"given" in pickle.dumps(given)
    said = [repr(of_environment), str(caught.value), repr(given), str(vars(given))]
    assert not any(word in text for word in ("secret", "from-the-environment", "'given'") for text in said)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_an_asynchronous_client_works_in_a_second_event_loop(inline: Server, scheme: str):
    """In one after the other, and in two at once."""
    code = f"""
import asyncio, threading
from daguerre import AsyncClient
client = AsyncClient({address(inline, scheme)!r}, retry_for=0)
async def embed():
    return (await client.embed(texts=["a cat", "a dog"])).ok.tolist()
print(asyncio.run(embed()), asyncio.run(embed()))
found = []
threads = [threading.Thread(target=lambda: found.append(asyncio.run(embed()))) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(found)
asyncio.run(client.close())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout.splitlines() == ["[True, True] [True, True]", str([[True, True]] * 3)], run.stderr


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"k1": "a cat"}, r"labels: got a mapping.*list\(x.values"),
        (["a cat", None], r"labels\[1\]: got None, which is no text; leave it out"),
        (["a cat", float("nan")], r"labels\[1\]: got nan"),
        (["a cat", 3], r"labels\[1\]: got 3"),
        ({"a cat", "a dog"}, "labels: got a set, which has no order"),
        ("a cat", "labels: got a str"),
    ],
)
def test_labels_are_texts_in_an_order(client: Client, labels, message):
    with pytest.raises(TypeError, match=message):
        client.zero_shot(texts=["x"], labels=labels)


def test_one_template_is_no_list_of_letters(client: Client):
    with pytest.raises(TypeError, match=r"templates: got a str, 'a photo of \{\}'; give a list"):
        client.zero_shot(texts=["x"], labels=["a", "b"], templates="a photo of {}")
    with pytest.raises(TypeError, match="none_of_these: got True; give a text"):
        client.zero_shot(texts=["x"], labels=["a", "b"], none_of_these=True)


def test_a_corpus_is_parquet_in_a_folder_that_is_there(client: Client, photos: Path, tmp_path: Path):
    with pytest.raises(ValueError, match=r"ends in \.csv, and the file is Parquet; name it x\.parquet"):
        client.embed_corpus(photos, tmp_path / "x.csv")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere'; create it first"):
        client.embed_corpus(photos, tmp_path / "nowhere" / "x.parquet")
    assert not list(tmp_path.iterdir())
