"""No page, thumbnail or copy shows a face that the detector finds: OpenCV's looks at every picture in them."""

import base64
import io
import re
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import daguerre
from daguerre import cli
from tests import face_pictures
from tests.e2e.harness import Server
from tests.models.clips import make
from tests.models.face_samples import as_stored, crowd, opencv_faces
from tests.models.image_samples import photo

NUMBERS = {"a.jpg": 1, "b.jpg": 2, "c.jpg": 3, "d.jpg": 4, "e.jpg": 0, "f.jpg": 2}
HEIGHTS = (150, 110, 90, 70)


@pytest.fixture(scope="module")
def crowds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of known numbers of faces, one of which lies on its side by its EXIF orientation."""
    folder = tmp_path_factory.mktemp("blurred")
    for seed, (name, n) in enumerate(NUMBERS.items()):
        picture = crowd(*HEIGHTS[:n], seed=seed, size=(600, 400))
        (folder / name).write_bytes(as_stored(picture, 6 if name == "f.jpg" else 1))
    return folder


@pytest.fixture(scope="module")
def client(inline: Server):
    with daguerre.Client(inline.url) as client:
        yield client


def clear_faces(jpeg: bytes) -> int:
    """Faces that OpenCV finds in a picture at several sizes and that are not blurred.

    A blurred ellipse may still be taken for a face: its middle has no edges.
    """
    picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
    clear = 0
    for scale in (1, 2, 640 / max(picture.size)):
        sides = [max(32, round(side * scale)) for side in picture.size]
        pixels = np.asarray(picture.resize(sides, Image.Resampling.BICUBIC))
        for left, top, width, height in opencv_faces(pixels)[:, :4]:
            inner = pixels[
                round(top + height / 4) : round(top + height * 3 / 4),
                round(left + width / 4) : round(left + width * 3 / 4),
            ]
            if inner.size:
                grey = cv2.resize(cv2.cvtColor(np.ascontiguousarray(inner), cv2.COLOR_RGB2GRAY), (32, 32))
                clear += bool(cv2.Laplacian(grey, cv2.CV_64F).std() > 12)
    return clear


def pixels_of(jpeg: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(jpeg)) as picture:
        return np.asarray(picture.convert("RGB"), int)


def pictures_of(page: str | Path) -> list[bytes]:
    html = page.read_text(encoding="utf-8") if isinstance(page, Path) else page
    return [base64.b64decode(each) for each in re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", html)]


def test_the_check_itself_finds_faces_that_are_shown(client, crowds, tmp_path):
    assert clear_faces((crowds / "d.jpg").read_bytes()) >= 4
    client.faces(crowds).report(tmp_path / "shown.html", pictures="thumbnails")
    assert sum(map(clear_faces, pictures_of(tmp_path / "shown.html"))) >= 6


@pytest.mark.slow
def test_no_page_shows_a_face(client, inline, crowds, tmp_path):
    """Every kind of page with pictures, by default."""
    labels = ["some", "none"]
    embedded = client.embed(crowds)
    found = client.analyse(crowds, {"faces": {}, "objects": {}})
    sure = client.zero_shot(crowds, labels=labels)
    results = {
        "analyses": found,
        "zero-shot": sure,
        "duplicates": client.duplicates(images=crowds, kind="semantic", threshold=0.5),
        "search": client.search(crowds / "a.jpg", embedded, k=6),
        "clusters": client.cluster(embeddings=embedded, method="kmeans", k=2),
    }
    with pytest.warns(daguerre.DaguerreWarning, match="1 of 6 images have no row in the table"):
        results["crops"] = client.analyse(crowds, ["visual"], crops=found.crops(analyser="faces"))
    frames = [np.asarray(crowd(*HEIGHTS[: k + 1], seed=k, size=(640, 360))) for k in range(3)]
    clip = make(frames=3, rate=1, size=(640, 360), picture=lambda k, width, height: frames[k])
    results["video"] = client.faces(videos={"clip": clip}, sampling={"thumbnail": 320})
    for kind, result in results.items():
        page = tmp_path / f"{kind}.html"
        result.report(page, images=None if kind == "video" else crowds)
        shown = pictures_of(page)
        assert shown, kind
        assert [clear_faces(each) for each in shown] == [0] * len(shown), kind
        text = page.read_text(encoding="utf-8")
        assert "Faces are blurred where a detector found them" in text, kind
    with client.video(io.BytesIO(clip), name="clip", thumbnail=160) as opened:
        opened.zero_shot(labels=labels).timeline(tmp_path / "timeline.html")
    shown = pictures_of(tmp_path / "timeline.html")
    assert len(shown) == 3
    assert not any(map(clear_faces, shown))
    several = {f"{i}-{name}": crowds / name for i in range(3) for name in sorted(NUMBERS)}
    few = {"strengths": [10.0], "folds": 2, "inner_folds": 2, "resamples": 100}
    model = client.train_classifier(
        "faces-blurred", images=several, targets=["a", "b", "b", "a"] * 4 + ["a", "b"], **few
    )
    model.save_report(tmp_path / "model.html", images=several)
    shown = pictures_of(tmp_path / "model.html")
    assert shown
    assert not any(map(clear_faces, shown))
    client.delete_classifier("faces-blurred")


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::daguerre.RemarkWarning")
def test_no_page_of_faces_shows_one_nor_do_copies(analysing_server, tmp_path):
    """Thirteen faces of nine people: portraits, a whole figure, cut-outs, and six on one photo."""
    folder = face_pictures.write_all(tmp_path / "people")
    assert sum(clear_faces(path.read_bytes()) > 0 for path in folder.iterdir()) == len(face_pictures.NAMES)
    with daguerre.Client(analysing_server.url) as client:
        found = client.face_vectors(folder)
        client.faces(folder).report(tmp_path / "faces.html")
        client.face_attributes(folder).report(tmp_path / "attributes.html")
        client.persons(found).report(tmp_path / "persons.html", images=folder)
        client.face_matches(folder / "obama.jpg", images=folder).report(tmp_path / "matches.html", images=folder)
        for kind in ("faces", "attributes", "persons", "matches"):
            shown = pictures_of(tmp_path / f"{kind}.html")
            assert shown, kind
            assert [clear_faces(each) for each in shown] == [0] * len(shown), kind
        copies = client.blur(folder, tmp_path / "copies")
    assert len(copies.paths) == len(face_pictures.NAMES)
    assert [clear_faces(Path(path).read_bytes()) for path in copies.paths] == [0] * len(copies.paths)


def test_faces_of_a_page_are_blurred_once(client, inline, crowds, tmp_path):
    """A page has what `POST /v1/images` has blurred; a second ellipse around the first one would be larger."""
    client.duplicates(images=[crowds / "d.jpg"] * 2, ids=["a", "b"], kind="near").report(
        tmp_path / "once.html", images={"a": crowds / "d.jpg", "b": crowds / "d.jpg"}
    )
    shown = [pixels_of(each) for each in pictures_of(tmp_path / "once.html")]
    image = base64.b64encode((crowds / "d.jpg").read_bytes()).decode()
    body = {"input": [{"image": image}], "blur": "faces", "thumbnail": max(shown[0].shape)}
    answer = httpx.post(f"{inline.url}/v1/images", json=body, timeout=60, trust_env=False).json()["data"]
    once = pixels_of(base64.b64decode(answer[0]["thumbnail"]))
    assert shown
    for page in shown:
        assert (np.abs(page - once).max(axis=2) > 40).mean() < 0.002  # blurred twice: 0.017


def test_copies_for_an_appendix_show_no_face(client, inline, crowds, tmp_path):
    made = client.blur(crowds, tmp_path / "copies")
    assert dict(zip(made.ids, made.faces, strict=True)).items() >= {"a.jpg": 1, "b.jpg": 2, "e.jpg": 0}.items()
    for path in made.paths:
        with Image.open(path) as copy:
            assert (copy.size, copy.format, dict(copy.getexif())) == ((600, 400), "JPEG", {})
        assert clear_faces(Path(path).read_bytes()) == 0
    with Image.open(tmp_path / "copies" / "a.jpg") as copy:
        lower = np.asarray(copy, int)[200:]
    assert np.abs(lower - np.asarray(crowd(150, seed=0), int)[200:]).mean() < 4
    with pytest.raises(ValueError, match="is in the folder of the pictures"):
        client.blur(crowds, crowds / "copies")
    done = CliRunner().invoke(
        cli.main, ["--url", inline.url, "blur", str(crowds), "-o", str(tmp_path / "whole"), "--whole"]
    )
    assert done.exit_code == 0, done.output
    assert "6 copies" in done.stderr
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == sorted(NUMBERS)


@pytest.mark.slow
def test_pictures_of_a_study_are_blurred_on_request(client, inline, crowds):
    study = client.create_study("faces-blurred")
    try:
        study.add(crowds)
        with httpx.Client(base_url=inline.url, timeout=60) as http:
            for item in study.items():
                address = f"/v1/studies/faces-blurred/items/{item['key']}/picture"
                for size in ("256", "1024", "full"):
                    shown = {
                        blur: http.get(address, params={"size": size, "blur": blur})
                        for blur in ("none", "faces", "picture")
                    }
                    assert len({each.headers["etag"] for each in shown.values()}) == 3
                    assert clear_faces(shown["faces"].content) == 0 == clear_faces(shown["picture"].content)
                    again = http.get(address, params={"size": size, "blur": "faces"})
                    assert again.content == shown["faces"].content
                    if NUMBERS[item["id"]]:
                        assert clear_faces(shown["none"].content) > 0
        assert study.picture(study.items()[0]["key"], "full", "faces")[:2] == b"\xff\xd8"
    finally:
        client.delete_study("faces-blurred")


def test_thumbnails_of_images_are_blurred_on_request(client, inline, crowds):
    image = base64.b64encode((crowds / "d.jpg").read_bytes()).decode()
    whole = {"x": 0, "y": 0, "width": 600, "height": 400}
    with httpx.Client(base_url=inline.url, timeout=60) as http:
        body = {"input": [{"image": image}, {"image": image, "crop": whole}], "thumbnail": 320, "picture": True}
        for entry in http.post("/v1/images", json={**body, "blur": "faces"}).json()["data"]:
            assert entry["faces"] >= 4
            assert not any(clear_faces(base64.b64decode(entry[name])) for name in ("thumbnail", "picture"))
        shown = http.post("/v1/images", json=body).json()["data"][0]
        assert "faces" not in shown
        assert clear_faces(base64.b64decode(shown["picture"])) >= 4
    assert photo("coffee").shape
