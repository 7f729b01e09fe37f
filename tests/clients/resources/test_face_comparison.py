"""Matches, persons and errors of faces, from Python, the command line and HTTP: pages, corrections, refusals."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import daguerre
from daguerre import cli
from daguerre.corpus.faces import codes_of, corrections_of
from daguerre.results.embeddings import from_array, read_embeddings
from daguerre.results.face_comparison import Persons
from tests import face_pictures
from tests.clients.conftest import address
from tests.e2e import harness

OBAMA = [f"{name}#0" for name in face_pictures.PEOPLE["obama"]]
pytestmark = pytest.mark.filterwarnings("ignore::daguerre.RemarkWarning")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of three people, and one of six others."""
    return face_pictures.write_all(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module", params=["http", "grpc"])
def connected(request, analysing_server):
    with daguerre.Client(address(analysing_server, request.param)) as client:
        yield client


@pytest.fixture(scope="module")
def found(analysing_server, people):
    with daguerre.Client(analysing_server.url) as client:
        yield client.face_vectors(people)


@pytest.fixture(scope="module")
def many(found):
    """Vectors of 120 faces of 30 people, which are no faces."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((30, 128))[np.repeat(np.arange(30), 4)] + 1.1 * rng.standard_normal((120, 128))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return from_array(x.astype(np.float32), [f"f{i}" for i in range(120)], found.receipt, modality="face")


def test_one_person_on_five_pictures_is_one_group_and_all_others_are_apart(connected, found, tmp_path):
    for threshold in (None, 0.45, 0.55):
        persons = connected.persons(found, threshold=threshold)
        assert sorted(persons[0].faces) == sorted(OBAMA)
        assert [len(each.faces) for each in persons.persons] == [5] + [1] * 8
    assert connected.persons(found).threshold_origin == "model"
    assert connected.persons(found, threshold=0.363).to_pandas().equals(connected.persons(found).to_pandas())
    cosines = found.vectors @ found.vectors.T
    own = [found.faces.index(face) for face in OBAMA]
    rest = [i for i in range(len(cosines)) if i not in own]
    assert persons[0].cohesion == pytest.approx(cosines[np.ix_(own, own)][np.triu_indices(5, 1)].mean(), abs=1e-6)
    assert cosines[np.ix_(own, own)].min() > 0.6 > 0.36 > cosines[np.ix_(own, rest)].max()
    found.to_parquet(tmp_path / "faces.parquet")
    assert connected.persons(tmp_path / "faces.parquet").to_pandas().equals(connected.persons(found).to_pandas())


def test_corrections_in_the_table_hold_and_come_back(connected, found, tmp_path):
    path = tmp_path / "persons.csv"
    connected.persons(found).to_csv(path)
    table = pd.read_csv(path, dtype=str)
    table.loc[table.face == OBAMA[0], "person"] = "split off"
    table.loc[table.face.isin(["t1.jpg#0", "t1.jpg#1", "biden.jpg#0"]), "person"] = "merged"
    table.to_csv(path, index=False)
    corrected = connected.persons(found, corrections=path)
    wanted = dict(zip(table.face, table.person, strict=True))
    assert {frozenset(each.faces) for each in corrected.persons} == {
        frozenset(face for face, person in wanted.items() if person == name) for name in set(wanted.values())
    }
    with pytest.raises(FileExistsError, match="its corrections would be lost"):
        corrected.to_csv(path)
    moved = corrected.to_pandas().set_index("face")
    assert moved.corrected.all()
    assert moved.index[moved.moved].tolist().count(OBAMA[0]) == 1
    assert moved.moved.sum() == 3  # one is split off, and two of three single faces join the third
    corrected.to_csv(path, overwrite=True)
    again = connected.persons(found, corrections=path)
    assert again.labels.tolist() == corrected.labels.tolist()
    free = table[["face", "person"]].copy()
    free.loc[free.person != "merged", "person"] = ""  # the others are left to the vectors
    assert sorted(connected.persons(found, corrections=free)[0].faces) == sorted(OBAMA)
    pairs = {"a": [OBAMA[0]], "b": [OBAMA[1]], "same": ["0"]}
    apart = connected.persons(found, corrections=pairs)
    assert apart.labels[found.faces.index(OBAMA[0])] != apart.labels[found.faces.index(OBAMA[1])]
    twice = {"face": [OBAMA[0], OBAMA[0]], "person": ["1", "2"]}
    with pytest.raises(ValueError, match="is person '1' in one row and '2' in another"):
        connected.persons(found, corrections=twice)
    with pytest.raises(daguerre.InvalidRequestError, match="are different people there, and one person by `same`"):
        connected.persons(found, same=[OBAMA[:2]], different=[OBAMA[:2]])
    for alone in ({"nobody.jpg#0": "1"}, {"a": ["nobody.jpg#0"], "b": [OBAMA[0]], "same": ["1"]}):
        with pytest.raises(ValueError, match=r"'nobody\.jpg#0' in .* is the id of no face"):
            connected.persons(found, corrections=alone)
    for name in ("item", "id"):
        one = connected.persons(found, corrections={name: [OBAMA[0], "t1.jpg#0"], "person": ["4", ""]})
        assert "person '4' of the corrections has one face only" in one.remarks[0]
    with pytest.raises(daguerre.InvalidRequestError, match=r"'nobody\.jpg#0' is the id of no face"):
        connected.persons(found, same=[["nobody.jpg#0", OBAMA[0]]])


def test_a_target_matches_the_pictures_of_its_person(connected, found, people):
    matches = connected.face_matches(people / "obama2.jpg", images=people)
    table = matches.to_pandas()
    assert set(table[table.match].face) == set(OBAMA) - {"obama2.jpg#0"}  # a face is no match of itself
    np.testing.assert_allclose(table.distance, 1 - table.cosine)
    assert table.cosine.is_monotonic_decreasing
    assert (matches.counts.tolist(), matches.itself.tolist()) == ([4], [1])
    several = connected.face_matches(found[["biden.jpg", "t1.jpg"]], found, top=2, threshold=0.3)
    assert several.targets == ["biden.jpg#0", *(f"t1.jpg#{i}" for i in range(6))]
    cosines = found[["biden.jpg", "t1.jpg"]].vectors @ found.vectors.T
    assert several.counts.tolist() == ((cosines >= 0.3).sum(axis=1) - 1).tolist()
    assert set(several.itself.tolist()) == {1}
    assert not (several.to_pandas().target == several.to_pandas().face).any()
    one = connected.face_matches(found.to_embeddings()[["t1.jpg#1"]], found).to_pandas()
    assert set(one.target) == {"t1.jpg#1"}
    with pytest.raises(ValueError, match="give faces to compare with, or images= or videos="):
        connected.face_matches(found)


def test_a_sample_refuses_vectors_of_faces(connected, found):
    for given in (found, found.to_embeddings()):
        with pytest.raises(ValueError, match=r"vectors of faces, by which samples are not drawn; to code faces, give"):
            connected.sample(3, embeddings=given)
    assert len(connected.sample(3, ids=found.faces, n=len(found.faces)).ids) == 3


def test_errors_on_coded_pairs(connected, many):
    codes = {id: str(i // 4) for i, id in enumerate(many.ids)}
    measured = connected.verify_faces(many, codes, groups={id: "ab"[i // 4 % 2] for i, id in enumerate(many.ids)})
    cosines = many.vectors.astype(float) @ many.vectors.T.astype(float)
    i, j = np.triu_indices(120, 1)
    same = i // 4 == j // 4
    assert measured.false_non_match.value == pytest.approx((cosines[i, j][same] < 0.363).mean())
    assert measured.false_match.value == pytest.approx((cosines[i, j][~same] >= 0.363).mean())
    pairs = pd.DataFrame({"a": [many.ids[k] for k in i], "b": [many.ids[k] for k in j], "same": same.astype(int)})
    assert connected.verify_faces(many, pairs).false_match.high == pytest.approx(measured.false_match.high)
    assert list(measured.to_pandas("groups").group) == ["a", "b"]
    assert len(measured.to_pandas("differences")) == 1
    assert measured.to_pandas("pairs").same.sum() == 12
    assert measured.to_pandas().false_match.is_monotonic_decreasing
    with pytest.raises(daguerre.InvalidRequestError, match="no pairs of different people"):
        connected.verify_faces(many, dict.fromkeys(many.ids, "one"))
    with pytest.raises(ValueError, match="none of its faces is among the 120"):
        connected.verify_faces(many, {"x": "1"})
    more = connected.verify_faces(many, {**codes, "gone#0": "1"})
    assert more.false_match == measured.false_match
    assert "1 of 121 faces with a person in" in more.remarks[0]
    assert "'gone#0'" in more.remarks[0]
    with pytest.raises(ValueError, match="got 'maybe'; write 1 for one person, 0 for two"):
        connected.verify_faces(many, {"a": ["f0"], "b": ["f1"], "same": ["maybe"]})


def test_a_face_with_two_codes_is_refused_from_columns_and_files(tmp_path):
    faces = ["a", "a", "b"]
    assert codes_of({"face": faces, "person": ["1", "", "3"]}, ["a", "b"]).persons == ["1", "3"]
    for name, more in (("person", {}), ("group", {"person": ["1", "1", "3"]})):
        table = pd.DataFrame({"face": faces, name: ["1", "2", "3"], **more})
        table.to_csv(tmp_path / "codes.csv", index=False)
        for given in (table, tmp_path / "codes.csv"):
            with pytest.raises(ValueError, match=f"'a' is {name} '1' in one row and '2' in another"):
                codes_of(given, ["a", "b"])
    with pytest.raises(ValueError, match="'a' is group 'x' in one row and 'y' in another"):
        codes_of({"a": "1", "b": "2"}, ["a", "b"], pd.DataFrame({"face": faces, "group": ["x", "y", "x"]}))


def test_ids_that_are_formulas_are_texts_in_files_and_come_back(tmp_path):
    ids = ["=HYPERLINK(1)#0,x.jpg#0", "+1.jpg#0", "'=quoted.jpg#0", "plain.jpg#0"]
    face = {"person": 0, "cosine": None, "other": None, "other_cosine": None}
    rows = [{**face, **dict.fromkeys(("close", "corrected", "moved"), False)} for _ in ids]
    answer = {"faces": rows, "persons": [], "margin": 0.05, "remarks": []}
    common = {"threshold": 0.3, "threshold_origin": "given", "model": "m", "receipt": {}, "notice": "", "ids": ids}
    made = Persons(**Persons.fields_of(answer, ids, {**common, "answer": answer}))
    made.to_csv(tmp_path / "persons.csv")
    table = pd.read_csv(tmp_path / "persons.csv", dtype=str)
    assert not table.face.str.startswith(("=", "+")).any()
    assert made.to_pandas().face.tolist() == ids
    assert corrections_of(tmp_path / "persons.csv", ids).same == [ids]
    assert codes_of(tmp_path / "persons.csv", ids).persons == ["0"] * 4
    pairs = {"a": table.face[:2], "b": table.face[2:], "same": ["1", "0"]}
    assert codes_of(pairs, ids).pairs == [(ids[0], ids[2], True), (ids[1], ids[3], False)]


def test_pages_blur_faces_unless_they_are_wanted(analysing_server, found, many, people, tmp_path):
    with daguerre.Client(analysing_server.url) as client:
        persons = client.persons(found)
        matches = client.face_matches(found[["biden.jpg"]], found)
        sizes = {}
        for name, result in (("persons", persons), ("matches", matches)):
            for pictures in ("blurred", "thumbnails", "none"):
                page = tmp_path / f"{name}-{pictures}.html"
                result.report(page, images=people, pictures=pictures, tables=tmp_path / name)
                text = page.read_text()
                sizes[name, pictures] = len(re.findall("data:image/jpeg", text))
                assert ("Faces are blurred where a detector found them" in text) == (pictures == "blurred")
                assert ("by which groups cannot be checked" in text) == (pictures == "blurred")
        assert sizes["persons", "blurred"] == sizes["persons", "thumbnails"] >= 13
        assert sizes["persons", "none"] == sizes["matches", "none"] == 0
        measured = client.verify_faces(many, {id: str(i // 4) for i, id in enumerate(many.ids)})
        measured.report(tmp_path / "verification.html")
        text = (tmp_path / "verification.html").read_text()
        assert "Errors over thresholds" in text
        assert "<svg" in text
    assert (tmp_path / "persons" / "persons-blurred-close-faces.csv").is_file()


def test_commands_write_the_same_tables(analysing_server, found, many, people, tmp_path):
    faces, out = tmp_path / "faces.parquet", tmp_path / "out.csv"

    def run(*arguments: object, code: int = 0) -> str:
        done = CliRunner().invoke(cli.main, ["--url", analysing_server.url, *map(str, arguments)])
        assert done.exit_code == code, done.output
        return done.output

    for _ in range(2):  # the second run finds nothing left to be done, and keeps the receipt
        run("face-vectors", people, "-o", faces)
        assert read_embeddings(faces).receipt.revision == found.receipt.revision != ""
    page = tmp_path / "p.html"
    said = run("persons", faces, "-o", out, "--report", page, "--root", people, "--pictures", "thumbnails")
    assert "13 faces in 9 groups" in said
    text = page.read_text()
    assert "The vectors of the faces are in the file faces.parquet" in text
    assert "no vector is kept" not in text
    assert found.receipt.revision in text
    boxes = re.findall(r'<li><div class="two">.*?</li>', text, re.DOTALL)
    assert boxes
    assert all(box.count("<img") == 2 for box in boxes)
    assert len(re.findall("data:image/jpeg", page.read_text())) >= 13
    table = pd.read_csv(out)
    assert set(table[table.person == 0].face) == set(OBAMA)
    run("persons", faces, "--corrections", out, "-o", tmp_path / "again.csv")
    assert pd.read_csv(tmp_path / "again.csv").person.tolist() == table.person.tolist()
    run("face-matches", people / "biden.jpg", "--in", faces, "--top", 3, "-o", out)
    assert len(pd.read_csv(out)) == 3
    assert "biden.jpg#0" not in set(pd.read_csv(out).face)
    many.to_parquet(tmp_path / "many.parquet")
    codes = pd.DataFrame({"face": many.ids, "person": np.arange(120) // 4, "group": np.arange(120) // 4 % 2})
    codes.to_csv(tmp_path / "codes.csv", index=False)
    said = run("verify-faces", tmp_path / "many.parquet", tmp_path / "codes.csv", "--wished", 0.05, "-o", out)
    assert "equal error rate" in said
    assert {"threshold", "false_match", "false_non_match_high"} <= set(pd.read_csv(out).columns)
    assert "--threshold" in run("persons", faces, "--threshold", 2, code=2)


def block(rows: object, fingerprint: str, **more: object) -> dict[str, object]:
    x = np.asarray(rows, "<f4")
    header = {"modality": "face", "model": "sface", "fingerprint": fingerprint, "dimension": x.shape[1]}
    return {**header, "data": harness.base64_of(x.tobytes()), **more}


def test_odd_input_has_a_clear_answer(analysing_server, found):
    sface = found.fingerprint
    x = found.vectors
    cases = [
        ("persons", {"vectors": [block(x[:1], sface)]}, 200, "there is one face"),
        ("persons", {"vectors": [block(np.ones((2, 4)), "other")]}, 422, "the model 'sface' has none of its own"),
        ("persons", {"vectors": [block(x[[0, 0]], sface)], "threshold": 1}, 200, "only faces with equal vectors"),
        ("persons", {"vectors": [block(x, sface)], "threshold": -1}, 200, "all faces are put together"),
        ("persons", {"vectors": [block(x, sface)], "threshold": -1.1}, 422, "threshold"),
        ("persons", {"vectors": [block(np.empty((0, 128)), sface)]}, 422, "has no faces"),
        ("persons", {"vectors": [block(x * np.nan, sface)]}, 422, "NaN or infinity, and 12 others"),
        ("persons", {"vectors": [block(x, sface)], "ids": ["a"]}, 422, "ids: 1 for 13 faces"),
        ("persons", {}, 422, "vectors: are missing; send the vectors of faces as one block"),
        ("persons", {"vectors": [block(x, sface, modality="text")]}, 422, "send them with modality face"),
        ("persons", {"vectors": [block(x, "m", modality="image")]}, 422, "modality 'image'; send one block of"),
        ("matches", {"vectors": [block(x, sface)]}, 422, "targets: are missing"),
        ("matches", {"vectors": [block(x, sface)], "targets": block(x, "m")}, 422, "make both with one model"),
        ("matches", {"vectors": [block(x, sface)], "targets": block(x[:, :5], sface)}, 422, "have 5 numbers each"),
        ("matches", {"vectors": [block(x, sface)], "targets": block(x, sface), "top": 0}, 422, "top"),
        (
            "matches",
            {"vectors": [block(np.ones((400, 4)), "m")], "targets": block(np.ones((300, 4)), "m"), "top": 400},
            *(413, "top: 400 faces of 300 targets are 120,000, at most 100,000 are listed in one answer"),
        ),
        ("verification", {"vectors": [block(x, sface)]}, 422, "pairs: are missing; send pairs that people coded"),
        (
            "verification",
            {"vectors": [block(x, sface)], "pairs": [{"a": "0", "b": "99", "same": True}]},
            *(422, "'99' is the id of no face"),
        ),
    ]
    with analysing_server.client() as client:
        for path, body, status, message in cases:
            answer = client.post(f"/v1/faces/{path}", json=body)
            assert answer.status_code == status, (path, answer.text)
            assert message in answer.text, (path, message, answer.text[:600])


def test_without_the_switch_all_of_it_is_refused(guarded_server, found):
    body = {"vectors": [block(found.vectors, found.fingerprint)]}
    for path in ("matches", "persons", "verification"):
        with guarded_server.client(headers={"authorization": "Bearer open-sesame"}) as client:
            answer = client.post(f"/v1/faces/{path}", json=body)
        assert answer.status_code == 403, answer.text
        assert answer.json()["error"]["code"] == "switched_off"
