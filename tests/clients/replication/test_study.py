"""A study by commands is bundled and run again from its pictures: every figure agrees, or is named."""

import asyncio
import csv
import io
import json
import os
import shutil
import socket
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import daguerre
from daguerre import AsyncClient, Client, DaguerreWarning, RemarkWarning
from daguerre.replication.operations import CLIENT_METHODS
from daguerre.replication.recording import Study
from tests.clients.replication.conftest import RecordedStudy, edited, run
from tests.e2e.harness import Server

STEPS = [
    *("embed_corpus", "duplicates", "cluster", "sample", "agreement", "train_classifier", "predict", "estimate"),
    "validate",
]


def test_every_figure_is_bit_equal_on_the_same_machine(recorded: RecordedStudy, photos_copy: Path, tmp_path: Path):
    os.rename(photos_copy / "coffee" / "coffee3.jpg", photos_copy / "renamed.bin")  # found by its hash
    with Client(recorded.server.url) as client:
        before = [each["id"] for each in client.classifiers()]
    done = run(recorded.server, "replicate", recorded.bundle, "--images", photos_copy, "-o", tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["status"] for row in rows} == {"bit-equal"}
    assert list(dict.fromkeys(row["operation"] for row in rows)) == STEPS
    assert {row["figure"] for row in rows} >= {"id", "vectors", "labels", "stratum", "predicted", "figures"}
    assert "the study is replicated" in done.output.splitlines()[-2]
    with Client(recorded.server.url) as client:
        assert [each["id"] for each in client.classifiers()] == before


def test_the_bundle_has_no_picture_and_nothing_of_this_machine(recorded: RecordedStudy, tmp_path: Path):
    again = tmp_path / "again.zip"
    summary = daguerre.bundle(recorded.folder, again)
    assert again.read_bytes() == recorded.bundle.read_bytes()
    assert summary.inputs == 20
    assert set(summary.left_out) == {"agreement.html"}
    daguerre.bundle(recorded.folder, tmp_path / "pages.zip", with_pages=True)
    private = [str(recorded.folder.parent), str(Path.home()), recorded.server.url, "127.0.0.1", "localhost"]
    private += [socket.gethostname(), str(recorded.server.port), os.environ.get("USER", "no user of this name")]
    pictures = [path.read_bytes() for path in recorded.pictures.rglob("*.jpg")]
    with zipfile.ZipFile(recorded.bundle) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {"README.txt", "inputs.csv", "manifest.json", "pages/estimate.html"} <= set(names)
        assert "pages/agreement.html" not in names
        for name in names:
            data = archive.read(name)
            assert not any(picture[:200] in data for picture in pictures), name
            text = data.decode("utf-8", "replace")
            if not name.endswith(".npy"):
                assert [each for each in private[:5] if each in text] == [], name
            if name.endswith((".json", "inputs.csv", ".txt")):
                assert [each for each in private if f'"{each}"' in text] == [], name
        inputs = list(csv.DictReader(io.StringIO(archive.read("inputs.csv").decode())))
        manifest = json.loads(archive.read("manifest.json"))
    assert [row["id"] for row in inputs] == sorted(
        str(p.relative_to(recorded.pictures)) for p in recorded.pictures.rglob("*.jpg")
    )
    row = next(row for row in inputs if row["id"] == "rocket/rocket1.jpg")
    assert (row["width"], row["height"]) == ("150", "90")
    assert manifest["fingerprints"] == [manifest["receipts"][0]["fingerprint"]]
    with zipfile.ZipFile(tmp_path / "pages.zip") as archive:
        assert "pages/agreement.html" in archive.namelist()


def test_another_picture_and_a_missing_one_are_named(recorded: RecordedStudy, photos_copy: Path, tmp_path: Path):
    changed = photos_copy / "chelsea" / "chelsea0.jpg"
    pixels = np.array(Image.open(changed))
    pixels[0, 0] ^= 1
    changed.unlink()  # a link to that of the study
    Image.fromarray(pixels).save(changed, "PNG")
    (photos_copy / "coffee" / "coffee0.jpg").unlink()
    first = edited(recorded.bundle, tmp_path / "first.zip", lambda members: None, steps=(1, 2, 3, 5))
    done = run(recorded.server, "replicate", first, "--images", photos_copy, "--json", code=7)
    answer = json.loads(done.stdout)
    assert not answer["agrees"]
    (remark,) = answer["remarks"]
    assert "chelsea/chelsea0.jpg: another picture has this name" in remark
    assert "coffee/coffee0.jpg: the picture is missing" in remark
    alone = edited(recorded.bundle, tmp_path / "alone.zip", lambda members: None, steps=(1,))
    lines = run(recorded.server, "replicate", alone, "--images", photos_copy, code=7).output.splitlines()
    assert "bit-equal: the study is not replicated, since pictures, models or files are lacking" in lines[-1]
    rows = {(row["operation"], row["figure"]): row for row in answer["figures"]}
    assert rows["embed_corpus", "vectors"]["status"] == "bit-equal"
    assert rows["embed_corpus", "vectors"]["rows"] == 18 * 1280
    assert rows["duplicates", ""]["status"] == "not run"
    assert "chelsea0.jpg" in rows["duplicates", ""]["note"]
    assert rows["cluster", "labels"]["status"] == "bit-equal"  # with the stored vectors of the two


def test_vectors_are_made_again_from_the_pictures_and_changed_files_are_named(recorded: RecordedStudy, tmp_path: Path):
    """The clusters are those of the study, though the stored vectors are changed."""

    def change(members: dict[str, bytes]) -> None:
        name = "steps/0001-embed_corpus/result/vectors.npy"
        vectors = np.load(io.BytesIO(members[name]))
        vectors[4, 7] += 0.25
        out = io.BytesIO()
        np.save(out, vectors)
        members[name] = out.getvalue()
        record = json.loads(members["steps/0001-embed_corpus/step.json"])
        ids = [
            row["id"]
            for row in csv.DictReader(io.StringIO(members["steps/0001-embed_corpus/result/items.csv"].decode()))
        ]
        wanted.append(ids[4])
        assert record["digest"]

    wanted: list[str] = []
    bundle = edited(recorded.bundle, tmp_path / "changed.zip", change, steps=(1, 3, 4))
    with Client(recorded.server.url) as client:
        result = client.replicate(bundle, recorded.pictures)
    assert result.remarks == ["steps/0001-embed_corpus/result/vectors.npy was changed after the bundle was made"]
    (row,) = [each for each in result.figures if each.status != "bit-equal"]
    assert (row.operation, row.figure, row.status, row.note) == ("embed_corpus", "vectors", "different", wanted[0])
    assert row.largest == pytest.approx(0.25, abs=1e-6)
    assert not result.agrees
    assert "the study is not replicated" in result.lines()[-1]


def test_changed_tables_differ_by_the_largest_difference(recorded: RecordedStudy, tmp_path: Path):
    """And numbers within the tolerance agree."""

    def change(members: dict[str, bytes]) -> None:
        name = "steps/0004-sample/result/items.csv"
        table = pd.read_csv(io.BytesIO(members[name]), dtype=str)
        probability = table["inclusion_prob"].astype(float)
        probability[2] += 0.125
        members[name] = table.assign(inclusion_prob=[repr(each) for each in probability]).to_csv(index=False).encode()
        name = "steps/0005-agreement/result/figures.csv"
        figures = pd.read_csv(io.BytesIO(members[name]), dtype=str, keep_default_na=False)
        at = int(np.flatnonzero(figures["figure"].str.endswith("alpha.value"))[0])
        figures.loc[at, "value"] = repr(float(figures.loc[at, "value"]) + 1e-8)
        members[name] = figures.to_csv(index=False).encode()

    bundle = edited(recorded.bundle, tmp_path / "changed.zip", change, steps=(1, 3, 4, 5))
    with Client(recorded.server.url) as client:
        result = client.replicate(bundle, from_tables=True)
    rows = result.to_pandas().set_index(["operation", "figure"])
    assert rows.loc[("sample", "inclusion_prob"), "status"] == "different"
    assert rows.loc[("sample", "inclusion_prob"), "largest"] == pytest.approx(0.125)
    assert rows.loc[("agreement", "figures"), "status"] == "within tolerance"
    assert rows.loc[("agreement", "figures"), "largest"] == pytest.approx(1e-8, rel=1e-3)
    assert rows.loc[("embed_corpus", ""), "status"] == "not repeated"
    assert set(rows["status"]) == {"different", "within tolerance", "not repeated", "bit-equal"}
    assert len(result.remarks) == 2


def test_another_model_is_named(recorded: RecordedStudy, tmp_path: Path):
    def change(members: dict[str, bytes]) -> None:
        name = "steps/0001-embed_corpus/step.json"
        record = json.loads(members[name])
        record["receipt"]["fingerprint"] = "0" * 32
        members[name] = json.dumps(record).encode()

    bundle = edited(recorded.bundle, tmp_path / "other.zip", change, steps=(1,))
    with Client(recorded.server.url) as client:
        result = client.replicate(bundle, recorded.pictures)
    assert not result.agrees
    assert any("another model: the fingerprint is" in remark and "0" * 32 in remark for remark in result.remarks)


def test_a_bundle_makes_nothing_read_files_of_this_machine(recorded: RecordedStudy, tmp_path: Path):
    """Whatever its arguments say: nothing of them is sent anywhere."""
    secret = tmp_path / "secret.csv"
    secret.write_text("id,anna,ben\na,1,1\nb,0,1\n")
    hostile = [
        {"coder": str(secret)},
        {"coder": ["x=" + str(secret)]},
        {"coder": {"$": "table", "file": "../../../secret.csv", "name": "a.csv", "decimal_comma": False}},
        {"coder": {"$": "object", "class": "Client", "fields": {}, "step": None}},
        {"coder": {"$": "surprise"}},
        {"coder": {"items": []}},
        {"out": str(tmp_path / "written")},
    ]

    def change(members: dict[str, bytes]) -> None:
        name = "steps/0005-agreement/step.json"
        members[name] = json.dumps({**json.loads(members[name]), "arguments": arguments}).encode()

    with Client(recorded.server.url) as client:
        for arguments in hostile:
            result = client.replicate(edited(recorded.bundle, tmp_path / "h.zip", change, steps=(5,)), from_tables=True)
            (row,) = result.figures
            assert row.status == "not run", arguments
    assert not (tmp_path / "written").exists()


def test_steps_of_another_form_and_refused_methods_are_not_run(recorded: RecordedStudy, tmp_path: Path):
    """Whatever a bundle says: a step that cannot be read is named, and ends neither the others nor the program."""
    hostile: list[tuple[str, dict[str, object], str]] = [
        ("fine_tune", {"name": "kinds", "folder": "x"}, "fine-tuning is not repeated"),
        ("embed", {"images": {"$": "images"}}, "items"),
        ("embed", {"images": {"$": "images", "items": 5}}, "not iterable"),
    ]
    with Client(recorded.server.url) as client:
        for operation, arguments, reason in hostile:

            def change(
                members: dict[str, bytes], operation: str = operation, arguments: dict[str, object] = arguments
            ) -> None:
                record = json.loads(members["steps/0005-agreement/step.json"])
                record |= {"operation": operation, "arguments": arguments, "problem": None}
                members["steps/0005-agreement/step.json"] = json.dumps(record).encode()

            result = client.replicate(edited(recorded.bundle, tmp_path / "h.zip", change, steps=(5,)), from_tables=True)
            (row,) = result.figures
            assert row.status == "not run", row
            assert reason in row.note


def test_a_table_of_a_bundle_reads_no_picture_of_this_machine(
    recorded: RecordedStudy, photos_copy: Path, tmp_path: Path
):
    """Neither by its index or keys, nor by ids, nor beside the file that it says it was read from."""
    secret = sorted((photos_copy / "coffee").iterdir())
    codes = ["a", "b"] * (len(secret) // 2)
    elsewhere = [str(path) for path in secret]
    with zipfile.ZipFile(recorded.bundle) as archive:
        name = next(each for each in archive.namelist() if each.endswith("train_classifier/step.json"))
        record = json.loads(archive.read(name))
    fields = {**record["arguments"]["table"]["fields"], "texts": None, "code": codes, "coder": codes, "coders": ["a"]}
    whole = {"$": "object", "class": "CodedTable", "step": None}
    beside = [path.name for path in secret]
    above = [os.path.join("..", "..", "..", *path.parts[1:]) for path in secret]
    hostile: list[dict[str, object]] = [
        {"$": "frame", "index": elsewhere, "index_name": "path", "columns": [["code", codes]]},
        {"$": "mapping", "items": [["path", {"$": "mapping", "items": [[e, 1] for e in elsewhere]}], ["code", codes]]},
        {**whole, "fields": {**fields, "ids": above, "item": above, "paths": None}},
        {**whole, "fields": {**fields, "name": str(secret[0].parent / "x.csv"), "ids": beside, "item": beside}},
    ]
    hostile[-1]["fields"]["paths"] = beside  # type: ignore[index]
    with Client(recorded.server.url) as client:
        for table in hostile:

            def change(members: dict[str, bytes], table: dict[str, object] = table) -> None:
                images = {"images": {"$": "folder", "items": []}} if table["$"] == "object" else {}
                arguments = {"name": "x", "table": table, "folds": 2, "resamples": 10, **images}
                members[name] = json.dumps({**record, "arguments": arguments}).encode()

            bundle = edited(recorded.bundle, tmp_path / "h.zip", change, steps=(record["number"],))
            (row,) = client.replicate(bundle, tmp_path).figures
            assert row.status == "not run", (table, row)


@pytest.mark.thorough
@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_script_records_the_same_steps(inline: Server, corpus: Path, tmp_path: Path, scheme: str):
    """With results as arguments, texts that stay out of the bundle, and a call that replaces an earlier one."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for kind in ("chelsea", "coffee"):
        for i in range(3):
            shutil.copy(corpus / f"{kind}{i}.jpg", pictures)
    url = inline.url if scheme == "http" else f"grpc://{inline.grpc_target}"
    study = tmp_path / "study"
    with Client(url, study=study, progress=False) as client:
        X = client.embed(images=iter(sorted(pictures.iterdir())))
        crops = {"id": ["coffee1.jpg"], "x": [0], "y": [0], "width": [40], "height": [40]}
        client.zero_shot(images=pictures / "coffee1.jpg", labels=["a cat", "a cup"], crops=crops)
        looks = client.visual_features(pictures)
        for _ in range(2):  # jobs of two ids
            C = client.cluster(embeddings=X, method="kmeans", k=2)
            client.sample(4, clusters=C, allocation="equal")
        client.sample(2, near="a cat", embeddings=X[:4])
        client.embed(texts=["a private text"])
        targets = pd.Series({str(path): path.name[:2] for path in sorted(pictures.iterdir())})
        small = client.train_classifier("small", embeddings=X, targets=targets, folds=2, resamples=100)
        codes = pd.DataFrame({"path": [str(path) for path in pictures.iterdir()]})
        codes["anna"] = [Path(path).name[:2] for path in codes["path"]]
        codes["size"] = [os.path.getsize(path) for path in codes["path"]]
        client.train_classifier("table", table=codes, images=pictures, features=["size"], folds=2, resamples=100)
        predicted = small.predict(images=pictures).to_pandas()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RemarkWarning)  # on six codes, and features that do not differ
            client.train_classifier("seen", images=pictures, targets=targets, features=looks, folds=2, resamples=100)
            posts = predicted.assign(code=[id[:2] for id in predicted.index])[["label", "code"]]
            client.estimate(posts.assign(author="Ann", text="a private text"), predictions="label")
    summary = daguerre.bundle(study, tmp_path / "s.zip")
    (given,) = (columns for name, columns in summary.columns.items() if "estimate" in name)
    assert given == ["author"]
    assert "is included with author\n" in str(summary)
    assert (summary.steps, summary.inputs, summary.not_repeatable) == (12, 6, {})
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"a private text" not in everything
    assert str(tmp_path).encode() not in everything
    with Client(url, progress=False) as client:
        result = client.replicate(tmp_path / "s.zip", pictures)
        assert client.classifiers()[0]["name"] != "replicated"
    rows = result.to_pandas()
    (lacking,) = rows[rows["status"] != "bit-equal"].to_dict("records")
    assert (lacking["operation"], lacking["note"]) == (
        "embed",
        "the texts are not in the bundle; make it with --with-texts",
    )
    daguerre.bundle(study, tmp_path / "t.zip", with_texts=True)
    with zipfile.ZipFile(tmp_path / "t.zip") as archive:
        assert any(b"a private text" in archive.read(name) for name in archive.namelist())


def test_wrong_use_is_refused(recorded: RecordedStudy, tmp_path: Path):
    server = recorded.server
    assert "either --images" in run(server, "replicate", recorded.bundle, code=2).output
    assert "no step is recorded" in run(server, "bundle", tmp_path, "-o", tmp_path / "x.zip", code=2).output
    assert ".zip" in run(server, "bundle", recorded.folder, "-o", tmp_path / "x.csv", code=2).output
    with Client(server.url) as client:
        with pytest.raises(ValueError, match="tolerance: got 1"):
            client.replicate(recorded.bundle, recorded.pictures, tolerance=1)
        with pytest.raises(ValueError, match="not both"):
            client.replicate(recorded.bundle, recorded.pictures, from_tables=True)


def test_warnings_of_recorded_calls_name_the_line_that_called(inline: Server, corpus: Path, tmp_path: Path):
    given = [corpus / "chelsea0.jpg", corpus / "broken.jpg"]

    async def asynchronous() -> None:
        async with AsyncClient(inline.url, study=tmp_path / "a") as other:
            await other.embed(images=given)

    with pytest.warns(DaguerreWarning, match="1 of 2") as caught:
        asyncio.run(asynchronous())
    with Client(inline.url, study=tmp_path / "b") as client, pytest.warns(DaguerreWarning, match="1 of 2") as blocking:
        client.embed(images=given)
    assert {warning.filename for warning in (*caught, *blocking)} == {__file__}
    assert daguerre.bundle(tmp_path / "a", tmp_path / "a.zip").inputs == 2
    results = [(tmp_path / name / "steps" / "0001-embed" / "step.json").read_bytes() for name in "ab"]
    assert results[0] == results[1]


def test_steps_that_are_recorded_at_once_have_numbers_of_their_own(tmp_path: Path):
    study = Study(tmp_path)

    def write(i: int) -> None:
        record, files = study.encoded("scale", None, CLIENT_METHODS["scale"], {"a": [str(i)]})
        Study(tmp_path).write(record, files, {"value": i})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(24)))
    assert [step.number for step in study.steps()] == list(range(1, 25))
    assert {step.outcome.figures["value"] for step in study.steps()} == set(map(str, range(24)))
    write(3)  # again
    assert len(study.steps()) == 24
