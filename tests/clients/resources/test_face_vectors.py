"""Vectors of faces from Python and from the command line: tables, files, comparisons, and refusals."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import daguerre
from daguerre import cli
from daguerre.results.face_vectors import FaceVectors
from tests import face_pictures
from tests.clients.conftest import address
from tests.e2e import harness
from tests.models.clips import make
from tests.models.face_samples import crowd

pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")


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


def test_faces_have_ids_vectors_and_crops(connected, people, found):
    again = connected.face_vectors(people)
    assert isinstance(again, FaceVectors)
    np.testing.assert_array_equal(again.vectors, found.vectors)
    assert found.vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6)
    assert found.faces == list(found.to_pandas().item) == list(found.crops().item)
    assert found.faces[-6:] == [f"t1.jpg#{i}" for i in range(6)]
    assert found.counts()["face"].to_dict() == {**dict.fromkeys(found.ids, 1), "t1.jpg": 6}
    bare = connected.faces(people).to_pandas().drop(columns="analyser")
    pd.testing.assert_frame_equal(found.to_pandas().drop(columns="analyser"), bare)
    some = found[["obama.jpg", "t1.jpg"]]
    assert some.faces == ["obama.jpg#0", *found.faces[-6:]]
    assert some.vectors.shape == (7, 128)
    assert "13 faces in 8 pictures, sface" in repr(found)


def test_a_file_gives_the_vectors_back(found, tmp_path, analysing_server, people):
    found.to_parquet(tmp_path / "faces.parquet")
    back = daguerre.Embeddings.read_parquet(tmp_path / "faces.parquet")
    assert (back.ids, back.modality, back.receipt) == (found.faces, "face", found.receipt)
    np.testing.assert_array_equal(back.vectors, found.vectors)
    table = pq.read_table(tmp_path / "faces.parquet")
    assert table.schema.field("vector").type.list_size == 128
    assert table.column_names == [*found.to_pandas().columns, "vector"]
    out = tmp_path / "run.parquet"

    def ran(*arguments: object) -> str:
        done = CliRunner().invoke(cli.main, ["--url", analysing_server.url, *map(str, arguments)])
        assert done.exit_code == 0, done.output
        return done.output + done.stderr

    ran("face-vectors", people, "-o", out)
    assert "0 analysed" in ran("face-vectors", people, "-o", out)
    with daguerre.Client(analysing_server.url) as client:
        read = client.read_face_vectors(out)
        assert (read.faces, read.fingerprint) == (found.faces, found.fingerprint)
        np.testing.assert_array_equal(read.vectors, found.vectors)
        pd.testing.assert_frame_equal(read.to_pandas(), found.to_pandas())
    ran("cluster", out, "--method", "agglomerative", "--distance", 1 - 0.363, "-o", tmp_path / "c.csv")
    clusters = pd.read_csv(tmp_path / "c.csv", index_col="id").cluster
    assert clusters["obama.jpg#0"] == clusters["obama3.jpg#0"] != clusters["biden.jpg#0"]
    refused = CliRunner().invoke(cli.main, ["face-vectors", str(people), "-o", str(tmp_path / "faces.csv")])
    assert refused.exit_code == 2
    assert "vectors are written as Parquet" in refused.output


def test_search_duplicates_and_clusters_take_the_result(connected, found):
    near = connected.search(found[["obama2.jpg"]], found, k=5)
    assert {id.partition("#")[0] for id, _ in near[0]} == set(face_pictures.PEOPLE["obama"])
    (same,) = connected.duplicates(embeddings=found, threshold=0.6).groups
    assert {found.faces[i].partition("#")[0] for i in same.members} == set(face_pictures.PEOPLE["obama"])
    clusters = connected.cluster(embeddings=found, method="agglomerative", linkage="average", distance=1 - 0.363)
    assert clusters.modality == "face"
    one = [id for id, label in zip(clusters.ids, clusters.labels, strict=True) if label == 0]
    assert {id.partition("#")[0] for id in one} == set(face_pictures.PEOPLE["obama"])
    assert len(set(clusters.labels)) == 9
    for use in (
        lambda: connected.zero_shot(embeddings=found, labels=["a", "b"]),
        lambda: connected.train_classifier("x", labels=["a", "b"] * 6 + ["a"], embeddings=found),
    ):
        with pytest.raises(ValueError, match=r"they are of faces, .*client\.embed\(images, crops=F\.crops\(\)\)"):
            use()
    with pytest.raises(ValueError, match="a text or picture is none; give vectors of the faces"):
        connected.search("a man in a suit", found)


def test_the_same_person_is_near_in_every_pair(found):
    at = dict(zip(found.faces, found.vectors, strict=True))
    own = [at[f"{name}#0"] for name in face_pictures.PEOPLE["obama"]]
    others = [row for face, row in at.items() if not face.startswith("obama")]
    assert min(a @ b for a, b in combinations(own, 2)) > 0.6
    assert max(a @ b for a in own for b in others) < 0.363


def test_frames_of_videos_and_pictures_without_faces(connected, people):
    frames = [np.asarray(crowd(*[90] * n, size=(640, 360), seed=1)) for n in (2, 0, 1)]
    clip = make(frames=3, rate=1, size=(640, 360), picture=lambda k, width, height: frames[k])
    of_video = connected.face_vectors(videos={"clip": clip}, sampling={"every": "1s"}, on_error="raise")
    assert of_video.faces == ["clip@0.000#0", "clip@0.000#1", "clip@2.000#0"]
    assert of_video.vectors.shape == (3, 128)
    assert of_video.to_embeddings().files == ["clip"] * 3
    with pytest.warns(daguerre.DaguerreWarning, match="1 of 2 items"):
        none = connected.face_vectors(
            {"coffee": harness.jpeg("coffee", width=300), "broken": b"no"}, on_error="collect"
        )
    assert none.faces == []
    assert [error.id for error in none.errors] == ["broken"]


def test_vectors_are_no_part_of_a_page_or_of_a_bundle(found, people, tmp_path):
    found.report(tmp_path / "page.html", images=people)
    page = (tmp_path / "page.html").read_text()
    assert "Vectors of faces are biometric data" in page
    strings = [each["vector"] for entry in found.entries for each in entry["results"]["face_vectors"]["findings"]]
    assert not [each for each in strings if each[8:40] in page]


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_server_without_the_switch_refuses(inline, scheme, people, found, tmp_path):
    clip = make(frames=2, rate=1, size=(64, 48))
    with daguerre.Client(address(inline, scheme)) as client:
        assert "face_vectors" not in {card.kind for card in client.analysers()}
        for use in (
            lambda: client.face_vectors(people),
            lambda: client.face_vectors(videos={"clip": clip}),
            lambda: client.analyse_corpus(people, tmp_path / "run.parquet", ["face_vectors"]),
            lambda: client.search(found[["biden.jpg"]], found),
            lambda: client.duplicates(embeddings=found),
            lambda: client.cluster(embeddings=found),
        ):
            with pytest.raises(daguerre.PermissionDeniedError, match="DAGUERRE_FACE_RECOGNITION=true") as refused:
                use()
            assert refused.value.code == "switched_off"
    done = CliRunner().invoke(
        cli.main, ["--url", address(inline, scheme), "face-vectors", str(people), "-o", str(tmp_path / "no.parquet")]
    )
    assert done.exit_code == 5  # refused
    assert "biometric data" in done.output + done.stderr
    assert not (tmp_path / "no.parquet").exists()


async def _ids(url: str, people: Path) -> list[str]:
    async with daguerre.AsyncClient(url) as client:
        return (await client.face_vectors(people / "biden.jpg")).faces


def test_the_asynchronous_client_gives_the_same(analysing_server, people):
    import asyncio

    assert asyncio.run(_ids(analysing_server.url, people)) == ["biden.jpg#0"]
