"""Studies over HTTP: two coders side by side, kill -9 in the middle, tokens that open nothing else, blinding."""

import io
import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from service.auth import is_open
from tests.e2e import harness
from tests.e2e.harness import Server, assert_error

ANNA, BEN = "key-of-the-owner", "key-of-another"  # API keys
N = 24
BOOK = {
    "title": "Protest",
    "variables": [
        {"name": "protest", "kind": "binary",
         "categories": [{"name": "yes", "examples": ["cats/00.jpg"]}, {"name": "no"}]},
        {"name": "signs", "kind": "categorical", "multiple": True, "required": False,
         "categories": [{"name": "banner"}, {"name": "flag"}, {"name": "placard"}]},
        {"name": "size", "kind": "continuous", "low": 0, "high": 10, "required": False},
        {"name": "remarks", "kind": "text"},
        {"name": "more crowded", "kind": "more", "ties": True},
    ],
}  # fmt: skip
SECRETS = re.compile(r"cats|secret-|\.jpg|0\.8125|coder-two|inclusion|stratum")  # ids, columns, names of others


def photo(i: int) -> bytes:
    """A JPEG on its side, with EXIF that names a place."""
    picture = Image.new("RGB", (400 + i, 300), (10 * i % 256, 90, 200))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "secret-place"
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


class Running:
    """A server with keys and a folder of pictures, which can be killed and started again at its address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        data = folder / "data" / "photos"
        (data / "cats").mkdir(parents=True)
        for i in range(N):
            (data / "cats" / f"{i:02}.jpg").write_bytes(photo(i))
        (data / "notes.txt").write_text("secret-notes")
        (data / "way-out.jpg").symlink_to(folder / "outside.jpg")
        (folder / "outside.jpg").write_bytes(photo(99))
        self.server: Server = self._launch(None)
        self.home = self.server.home

    def _launch(self, port: int | None) -> Server:
        settings = {
            "DAGUERRE_DATA": str(self.folder / "data"),
            **{"DAGUERRE_API_KEYS": f"{ANNA},{BEN}", "BENTOML_HOME": str(self.folder / "bentoml")},
            **{"DAGUERRE_GRPC_PORT": "0"},
        }
        return harness.launch(self.folder, settings=settings, port=port).wait_ready(400)

    def kill(self) -> None:
        """kill -9 of all processes, and a new start."""
        for process in self.server.processes():
            os.kill(process.pid, signal.SIGKILL)
        self.server.process.wait(10)
        self.server = self._launch(self.server.port)

    def client(self, key: str = ANNA) -> httpx.Client:
        return self.server.client(headers={"authorization": f"Bearer {key}"})


@pytest.fixture(scope="module")
def running(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    made = Running(tmp_path_factory.mktemp("studies"))
    yield made
    assert made.server.stop() == 0
    assert "Traceback" not in made.server.said()


@pytest.fixture(scope="module")
def study(running: Running) -> dict[str, str]:
    """A study of the folder with columns, a codebook and an assignment; the tokens by the names of people."""
    with running.client() as owner:
        made = owner.post("/v1/studies", json={"name": "protest", "folder": "photos"})
        assert made.status_code == 201, made.text
        assert (made.json()["items"], made.json()["left_out"]) == (N, 2)
        ids = [item["id"] for item in owner.get("/v1/studies/protest/items").json()["data"]]
        columns = {"score": [i / 16 for i in range(N)], "secret-label": ["secret-cat", "secret-dog"] * (N // 2)}
        assert owner.put("/v1/studies/protest/columns", json={"ids": ids, "columns": columns}).status_code == 200
        assert owner.put("/v1/studies/protest/codebook", json=BOOK).json()["version"] == 1
        sample = {"design": "stratified", "size": 16, "strata": "secret-label", "allocation": "equal"}
        body = {
            "name": "one",
            "sample": sample,
            "coders": ["coder-one", "coder-two"],
            "adjudicators": ["judge"],
            "seed": 3,
        }
        made = owner.post("/v1/studies/protest/assignments", json=body)
        assert made.status_code == 201, made.text
        return {each["name"]: each["token"] for each in made.json()["tokens"]}


def code_all(client: httpx.Client, answer: Any, most: int = 1000) -> list[str]:
    """Code by `answer(key)` what comes next, as a page does; returns the keys in the order of coding."""
    coded = []
    following = client.get("/v1/coding/next").json()["data"]
    while following and len(coded) < most:
        unit = following[0]
        assert client.get(f"/v1/coding/pictures/{unit['pictures'][0]}", params={"size": "256"}).status_code == 200
        saved = client.put(f"/v1/coding/units/{unit['key']}/codes", json={"codes": answer(unit["key"])})
        assert saved.status_code == 200, saved.text
        coded.append(unit["key"])
        following = saved.json()["next"]
    return coded


def test_items_are_filtered_sorted_and_paged(running: Running, study: dict[str, str]) -> None:
    with running.client() as owner:
        items = "/v1/studies/protest/items"
        page = owner.get(items, params={"sort": "score", "descending": True, "limit": 2}).json()
        assert [item["columns"]["score"] for item in page["data"]] == [23 / 16, 22 / 16]
        assert (page["total"], page["next_offset"]) == (N, 2)
        few = owner.get(items, params=[("filter", "score>=1"), ("filter", "secret-label=secret-dog")]).json()
        assert few["total"] == 4
        assert owner.get(items, params={"filter": "score="}).json()["total"] == 0
        assert owner.get(items, params={"search": "CATS/0"}).json()["total"] == 10
        assert_error(owner.get(items, params={"filter": "colour=red"}), 422, "unknown_column")
        item = owner.get(f"{items}/{page['data'][0]['key']}").json()
        assert (item["id"], item["codes"]) == ("cats/23.jpg", [])


def test_pictures_are_upright_without_metadata_and_kept_by_browsers(running: Running, study: dict[str, str]) -> None:
    with running.client() as owner:
        (item,) = owner.get("/v1/studies/protest/items", params={"limit": 1}).json()["data"]
        path = f"/v1/studies/protest/items/{item['key']}/picture"
        for size, side in (("256", 256), ("1024", 400), ("full", 400)):
            for _ in range(2):  # made, and read from the disk
                answer = owner.get(path, params={"size": size})
                picture = Image.open(io.BytesIO(answer.content))
                assert (picture.format, picture.height, dict(picture.getexif())) == ("JPEG", side, {})
                assert picture.height > picture.width
                assert b"secret" not in answer.content
            assert answer.headers["cache-control"].startswith("private")
            again = owner.get(path, params={"size": size}, headers={"if-none-match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")


def test_two_coders_code_side_by_side_and_a_kill_loses_nothing(running: Running, study: dict[str, str]) -> None:
    kept: dict[str, dict[str, Any]] = {"coder-one": {}, "coder-two": {}}

    def code(name: str, most: int) -> None:
        with running.client(study[name]) as client:
            following = client.get("/v1/coding/next").json()["data"]
            for _ in range(most):
                unit = following[0]
                value = "no" if name == "coder-two" and int(unit["key"], 16) % 3 == 0 else "yes"
                codes = {"protest": {"value": value}, "signs": {"value": ["flag", "banner"]}, "size": {"value": 2}}
                saved = client.put(f"/v1/coding/units/{unit['key']}/codes", json={"codes": codes, "note": "seen"})
                assert saved.status_code == 200, saved.text
                kept[name][unit["key"]] = value  # what was answered
                following = saved.json()["next"]
                if not following:
                    return

    def both(most: int) -> None:
        threads = [threading.Thread(target=code, args=(name, most)) for name in kept]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    both(7)
    assert {name: len(there) for name, there in kept.items()} == {"coder-one": 7, "coder-two": 7}
    running.kill()
    for name, there in kept.items():
        with running.client(study[name]) as client:
            units = client.get("/v1/coding/units").json()
            found = {u["key"]: u["codes"]["protest"]["value"] for u in units["data"] if u["done"]}
            assert found == there
            assert units["progress"] == {"assigned": 16, "done": 7}
            assert [u["codes"]["signs"]["value"] for u in units["data"] if u["done"]] == [["banner", "flag"]] * 7
    both(100)
    assert {name: len(there) for name, there in kept.items()} == {"coder-one": 16, "coder-two": 16}
    assert list(kept["coder-one"]) != list(kept["coder-two"])  # an order of each coder's own
    with running.client() as owner:
        progress = owner.get("/v1/studies/protest/assignments/one/progress").json()
        differ = sum(value == "no" for value in kept["coder-two"].values())
        assert (progress["complete"], progress["differing"], progress["adjudicated"]) == (16, differ, 0)


def test_saving_again_changes_nothing_and_undo_goes_back(running: Running, study: dict[str, str]) -> None:
    with running.client(study["coder-one"]) as client:
        unit = client.get("/v1/coding/units").json()["data"][0]
        path = f"/v1/coding/units/{unit['key']}/codes"
        first = {"codes": {"size": {"value": 5.5}}}
        assert client.put(path, json=first).json()["saved"] == 1
        assert client.put(path, json=first).json()["saved"] == 0
        told = client.put(path, json={"codes": {"protest": {"cannot_tell": True}}}).json()
        assert told["unit"]["codes"]["protest"] == {"value": None, "cannot_tell": True}
        assert client.post("/v1/coding/undo").json()["unit"]["codes"]["protest"] == unit["codes"]["protest"]
        back = client.post("/v1/coding/undo").json()
        assert (back["undone"], back["unit"]) == (1, unit)
        for codes, code in (
            ({"size": {"value": 11}}, "invalid_code"),
            ({"size": {"value": "2"}}, "invalid_code"),
            ({"protest": {"value": "maybe"}}, "invalid_code"),
            ({"more crowded": {"value": "first"}}, "unknown_variable"),
        ):
            assert_error(client.put(path, json={"codes": codes}), 422, code)
        assert client.get(f"/v1/coding/units/{unit['key']}").json() == unit


def test_nothing_that_a_coder_gets_tells_of_others(running: Running, study: dict[str, str]) -> None:
    """Neither ids, which name classes, nor columns, strata or probabilities, nor the other coder and their codes."""
    with running.client(study["coder-one"]) as client:
        texts = [client.get(path).text for path in ("/v1/coding", "/v1/coding/next", "/v1/coding/units")]
        about = json.loads(texts[0])
        assert about["codebook"]["variables"][0]["categories"][0]["examples"][0] != "cats/00.jpg"
        example = about["codebook"]["variables"][0]["categories"][0]["examples"][0]
        assert client.get(f"/v1/coding/pictures/{example}").status_code == 200
        assert [variable["name"] for variable in about["codebook"]["variables"]] == [
            "protest",
            "signs",
            "size",
            "remarks",
        ]
        unit = json.loads(texts[2])["data"][0]
        texts += [client.get(f"/v1/coding/units/{unit['key']}").text]
        texts += [client.put(f"/v1/coding/units/{unit['key']}/codes", json={"codes": {}}).text]
        assert all('"differing":[]' in text for text in texts[2:])
        for text in texts:
            assert SECRETS.search(text) is None, text
        picture = client.get(f"/v1/coding/pictures/{unit['pictures'][0]}")
        assert not SECRETS.search(str(picture.headers))
        with running.client() as owner:
            assigned = {u["pictures"][0] for u in json.loads(texts[2])["data"]}
            every = {item["key"] for item in owner.get("/v1/studies/protest/items").json()["data"]}
        for key in every - assigned - {example}:
            assert_error(client.get(f"/v1/coding/pictures/{key}"), 404, "unknown_item")


def test_an_adjudicator_decides_without_names_and_exports_know_it(running: Running, study: dict[str, str]) -> None:
    with running.client() as owner, running.client(study["judge"]) as judge:
        before = owner.get("/v1/studies/protest/assignments/one/disagreements").json()
        assert before["total"] > 1
        units = judge.get("/v1/coding/units").json()["data"]
        assert len(units) == before["total"]
        assert units[0]["differing"] == [
            {
                "variable": "protest",
                "codes": [{"value": "no", "cannot_tell": False}, {"value": "yes", "cannot_tell": False}],
            }
        ]
        assert "coder-" not in json.dumps(units)
        refused = judge.put(f"/v1/coding/units/{units[0]['key']}/codes", json={"codes": {"size": {"value": 2}}})
        assert_error(refused, 422, "unknown_variable")
        assert len(code_all(judge, lambda key: {"protest": {"value": "no"}})) == before["total"]
        assert judge.post("/v1/coding/undo").json()["undone"] == 1
        assert len(judge.get("/v1/coding/next").json()["data"]) == 1
        code_all(judge, lambda key: {"protest": {"value": "no"}})
        progress = owner.get("/v1/studies/protest/assignments/one/progress").json()
        assert progress["adjudicated"] == progress["differing"] == before["total"]
        params = {"variable": "protest", "layout": "wide"}
        wide = owner.get("/v1/studies/protest/codes", params=params).json()
        assert wide["columns"] == ["id", "inclusion_prob", "stratum", "coder-one", "coder-two", "adjudicator"]
        assert {row[1] for row in wide["rows"]} == {16 / 24}
        final = owner.get("/v1/studies/protest/codes", params={**params, "layout": "final"}).json()
        rules = [row[final["columns"].index("rule")] for row in final["rows"]]
        assert (rules.count("adjudicated"), rules.count("unanimous")) == (before["total"], 16 - before["total"])
        text = owner.get("/v1/studies/protest/codes", params={**params, "format": "csv"}).text
        assert text.splitlines()[0] == ",".join(wide["columns"])


def test_agreement_so_far_is_that_of_the_same_codes(running: Running, study: dict[str, str]) -> None:
    with running.client() as owner:
        found = owner.get("/v1/studies/protest/agreement", params={"variable": "protest", "resamples": 50}).json()
        wide = owner.get("/v1/studies/protest/codes", params={"variable": "protest", "layout": "wide"}).json()
        alike = [row[3] == row[4] for row in wide["rows"]]
        assert found["percent"]["value"] == pytest.approx(sum(alike) / len(alike))
        assert (found["items"], found["coders"]) == (16, ["coder-one", "coder-two"])
        assert sorted(each["item"] for each in found["differ"]) == sorted(
            row[0] for row, same in zip(wide["rows"], alike, strict=True) if not same
        )
        one = owner.get("/v1/studies/protest/agreement", params={"variable": "signs", "category": "flag"}).json()
        assert one["percent"]["value"] == 1


def test_label_studio_goes_out_and_comes_in(running: Running, study: dict[str, str]) -> None:
    with running.client() as owner:
        tasks = owner.get("/v1/studies/protest/label-studio").json()
        assert len(tasks) == 16
        results = tasks[0]["annotations"][0]["result"]
        assert {each["type"] for each in results} == {"choices", "number"}
        assert all(each["to_name"] == "image" for each in results)
        same = owner.post("/v1/studies/protest/label-studio", json={"tasks": tasks}).json()
        assert same["codes"] == 0
        assert same["unchanged"] >= 16 * 2 * 3
        assert [remark.partition(" of ")[2] for remark in same["remarks"]] == [
            "'judge', an adjudicator, are left out; adjudicators decide with their token"
        ]
        broken = {"tasks": [{"data": {"image": "http://[bad"}, "annotations": []}]}
        refused = owner.post("/v1/studies/protest/label-studio", params={"assignment": "one"}, json=broken)
        assert_error(refused, 422, "invalid_request")
        assert "tasks[0]: its image 'http://[bad' is no address" in refused.text
        body = {"name": "two", "items": [{"id": "cats/05.jpg"}], "coders": ["carla"]}
        assert owner.post("/v1/studies/protest/assignments", json=body).status_code == 201
        theirs = {  # as Label Studio's own export has it
            "id": 1, "project": 83, "data": {"image": "https://host/upload/photos/cats/05.jpg?d=1"},
            "annotations": [{"id": 9, "completed_by": 7, "was_cancelled": False, "lead_time": 4.2, "result": [
                {"id": "a", "from_name": "protest", "to_name": "img", "type": "choices", "value": {"choices": ["no"]}},
                {"id": "b", "from_name": "size", "to_name": "img", "type": "number", "value": {"number": 4}},
                {"id": "c", "from_name": "remarks", "to_name": "img", "type": "textarea",
                 "value": {"text": ["x", "y"]}},
                {"id": "d", "from_name": "box", "to_name": "img", "type": "rectanglelabels", "value": {"x": 1}},
            ]}],
        }  # fmt: skip
        sent = {"tasks": [theirs], "names": {"7": "carla"}}
        found = owner.post("/v1/studies/protest/label-studio", params={"assignment": "two"}, json=sent).json()
        assert (found["codes"], len(found["remarks"])) == (3, 1)
        long = owner.get("/v1/studies/protest/codes", params={"assignment": "two"}).json()
        values = {row[long["columns"].index("variable")]: row[long["columns"].index("code")] for row in long["rows"]}
        assert values == {"protest": "no", "size": 4.0, "remarks": "x\ny"}


def test_a_new_codebook_after_codes_is_a_new_version(running: Running, study: dict[str, str]) -> None:
    with running.client() as owner:
        book = json.loads(json.dumps(BOOK))
        book["variables"][1]["categories"] = [{"name": "banner"}, {"name": "drum"}]
        changed = owner.put("/v1/studies/protest/codebook", json=book).json()
        assert (changed["version"], len(changed["remarks"])) == (2, 1)
        assert owner.put("/v1/studies/protest/codebook", json=book).json()["version"] == 2
        assert (
            owner.get("/v1/studies/protest/codebook", params={"version": 1}).json()["codebook"]["variables"][1][
                "categories"
            ][1]["name"]
            == "flag"
        )
        left = owner.get("/v1/studies/protest/codes", params={"assignment": "one"}).json()
        assert left["remarks"]
        assert not any(row[left["columns"].index("variable")] == "signs" for row in left["rows"])
        assert owner.put("/v1/studies/protest/codebook", json=BOOK).json()["version"] == 2  # nobody has coded by it
        again = owner.get("/v1/studies/protest/codes", params={"assignment": "one"}).json()
        assert sum(row[again["columns"].index("variable")] == "signs" for row in again["rows"]) == 32


def test_tokens_open_nothing_but_coding_and_keys_do_not_open_it(running: Running, study: dict[str, str]) -> None:
    with running.client() as plain:
        document = plain.get("/openapi.json").json()
    tried = 0
    with running.client(study["coder-one"]) as coder, running.client() as owner, running.client(BEN) as other:
        for path, operations in document["paths"].items():
            url = path.replace("{name}", "protest").replace("{assignment}", "one").replace("{coder}", "coder-one")
            url = re.sub(r"{\w+}", "x", url)
            for method in operations:
                if is_open(path):
                    continue
                coding = path.startswith("/v1/coding")
                asking = owner if coding else coder
                assert asking.request(method, url).status_code == (401 if coding else 403), (method, path)
                if path.startswith("/v1/studies/{name}"):
                    body = {"json": {"variables": []}} if method in ("put", "post") else {}
                    assert other.request(method, url, **body).status_code == 404, (method, path)
                tried += 1
        assert other.get("/v1/studies").json()["data"] == []
    assert tried > 60


def test_a_revoked_token_is_none(running: Running, study: dict[str, str]) -> None:
    coders = "/v1/studies/protest/assignments/one/coders"
    with running.client() as owner, running.client(study["coder-two"]) as coder:
        assert coder.get("/v1/coding").status_code == 200
        assert owner.delete(f"{coders}/coder-two").json() == {"name": "coder-two", "revoked": True}
        for path in ("/v1/coding", "/v1/coding/next", "/v1/coding/units", "/v1/coding/pictures/x"):
            assert_error(coder.get(path), 401, "invalid_token")
        fresh = owner.post(coders, json={"name": "coder-two"}).json()["token"]
        assert_error(coder.get("/v1/coding"), 401, "invalid_token")
        with running.client(fresh) as again:
            assert again.get("/v1/coding").json()["progress"]["done"] == 16
        with running.client(fresh[:-1] + ("a" if fresh[-1] != "a" else "b")) as wrong:
            assert_error(wrong.get("/v1/coding"), 401, "invalid_token")
        for path in running.home.rglob("study.sqlite3*"):
            assert fresh.encode() not in path.read_bytes()


def test_pairs_are_coded_and_overlap_is_balanced(running: Running, study: dict[str, str]) -> None:
    with running.client() as owner:
        pairs = [{"a": "cats/00.jpg", "b": f"cats/{i:02}.jpg", "inclusion_prob": 0.5} for i in range(1, 10)]
        body = {"name": "pairs", "pairs": pairs, "coders": ["p", "q", "r"], "overlap": 2}
        made = owner.post("/v1/studies/protest/assignments", json=body).json()
        assert (made["kind"], made["units"], made["fit_for_inference"]) == ("pairs", 9, True)
        for each in made["tokens"]:
            with running.client(each["token"]) as coder:
                assert coder.get("/v1/coding").json()["progress"]["assigned"] == 6
                code_all(coder, lambda key: {"more crowded": {"value": "equal"}})
        rows = owner.get("/v1/studies/protest/codes", params={"assignment": "pairs", "variable": "more crowded"}).json()
        assert len(rows["rows"]) == 18
        assert rows["columns"][:3] == ["id", "other", "coder"]


def test_pictures_that_are_sent_are_kept_and_deleted_with_the_study(running: Running) -> None:
    with running.client() as owner:
        assert owner.post("/v1/studies", json={"name": "sent", "title": "Sent"}).status_code == 201
        assert_error(owner.post("/v1/studies", json={"name": "sent"}), 409, "study_exists")
        files = [("input", (f"album/{i}.jpg", photo(i))) for i in range(3)]
        assert owner.post("/v1/studies/sent/items", files=files).json() == {"added": 3, "items": 3, "refused": []}
        assert owner.post("/v1/studies/sent/items", files=files).json()["added"] == 0
        other = [("input", ("album/0.jpg", photo(7)))]
        assert_error(owner.post("/v1/studies/sent/items", files=other), 409, "item_exists")
        mixed = [("input", ("good.jpg", photo(8))), ("input", ("bad.jpg", b"no image"))]
        form = {"request": (None, json.dumps({"on_error": "skip"}))}
        skipped = owner.post("/v1/studies/sent/items", files=[*mixed, *form.items()]).json()
        assert (skipped["added"], skipped["refused"][0]["id"]) == (1, "bad.jpg")
        assert_error(owner.post("/v1/studies/protest/items", files=mixed), 409, "study_of_a_folder")
        (folder,) = [path.parent for path in running.home.glob("studies/*/meta.json") if b'"sent"' in path.read_bytes()]
        assert len(list((folder / "pictures").iterdir())) == 4
        size = owner.get("/v1/studies/sent").json()["bytes"]
        assert int((folder / "pictures.size").read_text()) == size
        key = owner.get("/v1/studies/sent/items").json()["data"][0]["key"]
        assert owner.get(f"/v1/studies/sent/items/{key}/picture").status_code == 200
        gone = owner.delete("/v1/studies/sent").json()
        assert (gone["pictures"], gone["bytes"], gone["thumbnails"]) == (4, size, 1)
        assert not folder.exists()
        assert_error(owner.get("/v1/studies/sent"), 404, "unknown_study")


def test_a_folder_is_below_the_server_s_data(running: Running) -> None:
    with running.client() as owner:
        for folder in ("..", "/etc", "photos/../..", "nowhere", "photos/notes.txt"):
            answer = owner.post("/v1/studies", json={"name": "outside", "folder": folder})
            assert_error(answer, 422, "unknown_folder")
        assert_error(owner.get("/v1/studies/outside"), 404, "unknown_study")


def test_deleting_the_study_ends_its_tokens(running: Running, study: dict[str, str]) -> None:
    with running.client() as owner, running.client(study["coder-one"]) as coder:
        gone = owner.delete("/v1/studies/protest").json()
        assert (gone["items"], gone["pictures"], gone["assignments"]) == (N, 0, ["one", "two", "pairs"])
        assert gone["codes"] > 32
        assert_error(coder.get("/v1/coding/next"), 401, "invalid_token")
        assert list(running.home.glob("studies/*")) == []
        assert len(list((running.folder / "data" / "photos" / "cats").iterdir())) == N
