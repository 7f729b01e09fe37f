"""The table of operations: each is one of the service's, over both transports, and answers are read alike."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from daguerre.transport import operations
from daguerre.transport.grpc.messages import answer_content, fill
from daguerre.transport.grpc.transport import SERVICE
from daguerre.transport.operations import Operation
from daguerre.types.predictions import PredictAnswer
from daguerre_proto.v1 import classifiers_pb2, clusters_pb2, corpus_pb2, embeddings_pb2, jobs_pb2, zero_shot_pb2

BY_NAME = {name: each for name, each in vars(operations).items() if isinstance(each, Operation)}


@pytest.mark.parametrize("name", [name for name, each in BY_NAME.items() if each.rpc != operations.HTTP_ONLY])
def test_each_is_a_method_of_grpc_whose_request_has_the_fields_of_the_path(name: str):
    operation = BY_NAME[name]
    fields = SERVICE.methods_by_name[operation.rpc].input_type.fields_by_name
    named = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    assert set(named) <= set(fields)


def test_those_of_http_alone_are_about_studies():
    """Coders work in a browser, so that no study is served over gRPC: docs/studies.md."""
    paths = [each.path for each in BY_NAME.values() if each.rpc == operations.HTTP_ONLY]
    assert paths
    assert all(path.startswith(("/v1/studies", "/v1/folders")) for path in paths)


def test_requests_are_filled_by_name_through_options_lists_and_codes():
    embed = embeddings_pb2.EmbedRequest()
    fill(embed, {"on_error": "skip", "decode": "scaled", "dimensions": 64, "encoding_format": "base64", "mode": "job"})
    assert (embed.options.model_options.on_error, embed.options.model_options.decode) == (2, 2)
    assert (embed.options.dimensions, embed.options.model_options.as_job) == (64, True)

    label = zero_shot_pb2.ZeroShotRequest()
    fill(label, {"labels": ["a"], "templates": [], "negatives": None, "none_of_these": {"min_cosine": 0.5}})
    assert label.HasField("templates")
    assert not label.HasField("negatives")
    assert label.none_of_these.WhichOneof("rule") == "min_cosine"

    train = classifiers_pb2.TrainRequest()
    fill(train, {"targets": ["x", True, 2, None], "bounds": [0.0, 1.0], "codes": {"code": [1], "rule": "mean"}})
    assert [code.WhichOneof("value") for code in train.targets.values] == ["label", "flag", "number", None]
    assert (train.bounds.low, train.bounds.high, train.codes.code[0].number) == (0.0, 1.0, 1.0)

    video = classifiers_pb2.PredictRequest()
    fill(video, {"input": [{"video": {"file": "f"}, "sampling": {"n": 2, "detector": {"threshold": 0.5}}}]})
    assert video.input[0].video.sampling.detector.threshold == 0.5

    estimate = classifiers_pb2.EstimateRequest()
    fill(estimate, {"classifier": "c", "corpus": {"n": 3, "mean": [0.5]}})
    assert (estimate.n, list(estimate.mean)) == (3, [0.5])


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"decode": "fast"}, "decode: got 'fast', should be 'exact' or 'scaled'"),
        ({"speed": 3}, "speed: EmbedRequest has no such field"),
        ({"dimensions": -1}, "-1"),
    ],
)
def test_what_a_message_cannot_hold_is_refused(fields: dict[str, Any], error: str):
    with pytest.raises(ValueError, match=error):
        fill(embeddings_pb2.EmbedRequest(), fields)


def messages() -> Iterator[Any]:
    job = jobs_pb2.Job(id="j", state="succeeded", result_json='{"n": 1}')
    yield clusters_pb2.ClusterResponse(job=job), {"id": "j", "result": {"n": 1}, "error": None, "eta_seconds": None}
    yield jobs_pb2.Job(classifier="c@1"), {"result": {"classifier": "c@1"}}
    card = classifiers_pb2.Classifier(id="c@1", bounds={"low": 0, "high": 1}, made_with_json="{}")
    yield card, {"object": "classifier", "bounds": [0, 1], "made_with": {}, "fingerprint": None, "versions": []}
    answer = clusters_pb2.Clustering(id="k", coordinates=[0, 1, 2, 3], answer_json='{"method": "kmeans"}')
    yield answer, {"method": "kmeans", "coordinates": [[0, 1], [2, 3]], "silhouettes": []}
    yield clusters_pb2.Clustering(answer_json="{}"), {"coordinates": None}
    yield corpus_pb2.File(id="f", shape=[2, 3], dtype="<f4"), {"object": "file", "shape": [2, 3], "video": None}
    film = corpus_pb2.File(video={"width": 2})
    yield film, {"shape": None, "dtype": None, "video": {**VIDEO, "width": 2}}
    yield corpus_pb2.Sample(n=1), {"ids": None, "inclusion_prob": None, "indexes": [], "remarks": []}
    found = classifiers_pb2.EstimateResponse(estimates=[{"label": "a", "value": 0.5, "classical": [1]}])
    yield found, {"estimates": {"a": {**ESTIMATED, "value": 0.5, "classical": [1]}}}
    vector = embeddings_pb2.EmbedResponse(data=[{"vector": b"abcd"}, {"error": {"code": "c", "message": "m"}}])
    yield vector, {"usage": {"prompt_tokens": 0}, "receipt": None}


VIDEO = {
    **dict.fromkeys(("duration", "width", "height", "rotation"), 0),
    **{"variable_rate": False, "interlaced": False, "codec": "", "container": "", "frame_rate": None},
}
ESTIMATED = {**dict.fromkeys(("value", "low", "high", "naive", "n_coded", "n_corpus"), 0)}


@pytest.mark.parametrize(("message", "expected"), list(messages()))
def test_messages_are_read_as_the_content_of_http(message: Any, expected: dict[str, Any]):
    content = answer_content(message)
    assert {name: content[name] for name in expected} == expected


def test_a_list_of_cards_lacks_the_reports_and_failures_stand_beside_vectors():
    (card,) = answer_content(classifiers_pb2.ListClassifiersResponse(classifiers=[{"made_with_json": "{}"}]))["data"]
    assert {"report", "worst"}.isdisjoint(card)
    entries = [{"vector": b"abcd"}, {"error": {"code": "c", "message": "m"}}]
    first, second = answer_content(embeddings_pb2.EmbedResponse(data=entries))["data"]
    assert first == {"embedding": b"abcd"}
    assert (second["embedding"], second["error"]) == (None, {"code": "c", "message": "m"})


def predicted(*entries: dict[str, Any]) -> PredictAnswer:
    content = {"classifier": "c", "task": "binary", "labels": ["a", "b"], "data": entries, "truncated": [0]}
    return PredictAnswer.read({**content, "receipt": None}, "r")


def test_answers_merge_also_where_all_items_of_one_failed():
    good = {"label": "a", "probabilities": {"a": 0.75, "b": 0.25}, "crossed": [0.5, 0.5]}
    bad = {"error": {"code": "c", "message": "m"}}
    merged = PredictAnswer.merged([predicted(bad), predicted(good, bad)])
    assert (merged.best, sorted(merged.failures), merged.truncated) == ([None, "a", None], [0, 2], [0, 1])
    assert merged.probabilities[1].tolist() == [0.75, 0.25]
    assert merged.crossed[1].tolist() == [0.5, 0.5]
    assert np.isnan(merged.crossed[[0, 2]]).all()
    assert np.isnan(merged.values).all()
