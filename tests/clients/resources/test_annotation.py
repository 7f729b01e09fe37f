"""The SDK draws what people code, and judges by it, over HTTP and gRPC."""

import asyncio
import decimal
import json

import httpx
import numpy as np
import pandas as pd
import pytest

from daguerre import Client, DaguerreWarning, InvalidRequestError
from daguerre.transport import operations
from daguerre.transport.grpc.transport import GrpcTransport
from daguerre_proto.v1 import corpus_pb2 as pb
from tests.clients.conftest import kinds
from tests.clients.pretended import COMPARED, OURS, PAIRS, QUICK, SAMPLE, made, server


def test_a_sample_is_drawn_from_what_has_a_result():
    there = server(samples=SAMPLE)
    with there.client() as client:
        found = client.cluster(embeddings=made())
        drawn = client.sample(2, clusters=found, allocation="equal", seed=3)
        said = there.fields("/v1/samples")
        assert said == {
            "design": "stratified",
            "size": 2,
            "strata": ["0", "0", "-1"],
            "allocation": "equal",
            "floor": 0,
            "seed": 3,
        }
        assert drawn.indexes.tolist() == [3, 0]
        assert drawn.ids == [made().ids[3], made().ids[0]]
        assert drawn.stratum == ["-1", "0"]
        assert drawn.inclusion_prob.tolist() == [0.5, 1.0]
        assert list(drawn.to_pandas().columns) == ["index", "stratum", "inclusion_prob"]
        assert "2 of 3 items" in repr(drawn)
        for wrong, why in (
            ({"clusters": found, "scores": [1] * 5}, "one design"),
            ({}, "or n to draw from"),
            ({"clusters": found, "n": 4}, "4 and 5 items"),
            ({"n": 4, "design": "stratified"}, "needs clusters"),
            ({"near": "a cat"}, "near needs embeddings"),
        ):
            with pytest.raises(ValueError, match=why):
                client.sample(2, **wrong)


def test_the_design_of_a_draw_follows_from_what_is_given():
    purposive = {**SAMPLE, "design": "purposive", "inclusion_prob": None, "strata": [], "fit_for_inference": False}
    there = server(samples=lambda request, body: httpx.Response(200, json=purposive, headers=OURS))
    with there.client() as client:
        for given in ({"n": 3}, {"scores": [0.1, np.nan, 0.3, 0.4]}, {"near": made(2, ()), "embeddings": made()}):
            there.asked.clear()
            drawn = client.sample(2, **given)
            said = there.fields("/v1/samples")
            assert said["design"] == ("simple" if "n" in given else "purposive")
            assert said.get("n") == given.get("n")
        assert len(said["scores"]) == 4
        assert drawn.inclusion_prob is None
        assert drawn.indexes.tolist() == [3, 0]
        assert drawn.to_pandas()["inclusion_prob"].isna().all()
        assert "not fit for inference" in repr(drawn)


def test_pairs_are_drawn_and_clusterings_compared(tmp_path):
    there = server(pairs=PAIRS, comparisons=COMPARED)
    with there.client() as client:
        a = client.cluster(embeddings=made())
        pairs = client.draw_pairs({"a": a, "b": [0, 1, 2, 3, 4]}, 1, 1, disputed=1, unclustered="exclude")
        said = there.fields("/v1/pairs")
        assert said["clusterings"] == {"a": [0, 0, -1], "b": [0, 2, 3]}
        assert (pairs.a.tolist(), pairs.b.tolist()) == ([0, 0], [3, 2])
        assert pairs.b_ids == [made().ids[3], made().ids[2]]
        pairs.save(tmp_path / "pairs.csv")
        table = pd.read_csv(tmp_path / "pairs.csv")
        assert list(table.columns)[:3] == ["a_id", "b_id", "same"]
        assert table["same"].isna().all()
        assert pairs.to_pandas()["inclusion_prob"].tolist() == [0.25, 0.25]
        found = client.compare(pairs, [True, np.nan], {"a": a}, held_out=0.25)
        said = there.fields("/v1/comparisons")
        assert (said["a"], said["b"], said["same"], said["stratum"]) == ([0], [3], [True], ["within"])
        assert (said["unclustered"], said["inclusion_prob"], said["held_out"]) == ("exclude", [0.25], 0.25)
        assert said["clusterings"] == {"a": [0, -1, 0, -1, -1]}
        assert found.left_out == 1
        assert found.configurations[0].f1.value == 0.5
        assert found.configurations[0].recall is None
        assert found.to_pandas().loc["a", "f1_low"] == 0.25
        assert "winner: a" in repr(found)
        client.compare([(0, 1)], [1], a)
        with pytest.raises(ValueError, match="same: got 2"):
            client.compare(pairs, [2, 1], a)
        with pytest.raises(ValueError, match="different numbers"):
            client.draw_pairs({"a": a, "b": [0]}, 1, 1)
        with pytest.raises(ValueError, match="whole number"):
            client.draw_pairs([0.5, 1.0], 1, 1)


def test_both_transports_make_the_same_of_draws():
    """Of what the server says in JSON, and in messages."""
    over_http = server(samples=SAMPLE, pairs=PAIRS, comparisons=COMPARED)
    messages = {
        "DrawSample": pb.Sample(**{name: value for name, value in SAMPLE.items() if value is not None}),
        "DrawPairs": pb.PairsResponse(
            **{**PAIRS, "pairs": [{k: v for k, v in each.items() if v is not None} for each in PAIRS["pairs"]]}
        ),
        "CompareClusterings": pb.ComparisonResponse(answer_json=json.dumps(COMPARED)),
    }
    sent = {}

    async def send(path, message):
        method = path.rpartition("/")[2]
        sent[method] = message
        return messages[method].SerializeToString(), {"daguerre-version": "0.1.0"}

    grpc = GrpcTransport("grpc://nowhere", api_key=None, timeout=1)
    grpc._send = send
    clusterings = {"a": [0, 0, -1], "b": [0, 1, 2]}
    drawn = {"clusterings": clusterings, "within": 1, "between": 1, "disputed": 0, "seed": 0}
    coded = {"a": [0], "b": [1], "same": [True], "clusterings": clusterings}
    with over_http.client() as client:
        http = client.asynchronous.transport
        for operation, fields in (
            (operations.SAMPLE, {"design": "simple", "size": 2, "n": 3, "seed": 3}),
            (operations.PAIRS, drawn),
            (operations.COMPARE, coded),
        ):
            assert client.run(http.call(operation, fields)) == asyncio.run(grpc.call(operation, fields))
    assert list(pb.PairsRequest.FromString(sent["DrawPairs"]).clusterings["a"].values) == [0, 0, -1]
    assert list(pb.ComparisonRequest.FromString(sent["CompareClusterings"]).same) == [True]


def test_coders_agree(client: Client):
    found = client.agreement(["a", "b"] * 4, [1, 1, 2, 2, 3, 3, 4, 4], [1, 1, 0, 0, 1, 0, None, 1])
    assert found.items == 3
    assert found.percent.value == pytest.approx(2 / 3)
    assert found.kappa is not None
    assert "alpha" in repr(found)


def test_items_and_pairs_are_drawn_and_clusterings_judged(client: Client, corpus, embedded, inline):
    found = client.cluster(embeddings=embedded, **QUICK)
    drawn = client.sample(9, clusters=found, allocation="equal", seed=1)
    assert len(drawn) == 9
    assert pd.Series(drawn.stratum).value_counts().tolist() == [3, 3, 3]
    assert not any("broken" in id for id in drawn.ids)
    assert (1 / drawn.inclusion_prob).sum() == pytest.approx(32)
    assert drawn.fit_for_inference
    cats = client.sample(5, near="a cat", embeddings=embedded)
    assert set(kinds(cats.ids)) == {"chelsea"}
    assert cats.inclusion_prob is None
    assert len(client.sample(3, n=100, seed=2)) == 3
    other = client.cluster(embeddings=embedded, method="agglomerative", k=8)
    pairs = client.draw_pairs({"three": found, "eight": other}, 40, 40, disputed=5, seed=1)
    same = [a == b for a, b in zip(kinds(pairs.a_ids), kinds(pairs.b_ids), strict=True)]
    judged = client.compare(pairs, same, {"three": found, "eight": other}, resamples=200)
    eight, three = judged.configurations  # by name
    assert (three.name, eight.name) == ("three", "eight")
    assert three.precision.value == three.recall.value == 1
    assert eight.recall.value < 1
    assert judged.n_pairs == len(pairs)
    with Client(inline.url) as http:
        assert http.sample(9, clusters=found, allocation="equal", seed=1).ids == drawn.ids
        again = http.draw_pairs({"three": found, "eight": other}, 40, 40, disputed=5, seed=1)
        assert (again.a.tolist(), again.b.tolist()) == (pairs.a.tolist(), pairs.b.tolist())
        assert http.compare(pairs, same, {"three": found, "eight": other}, resamples=200).answer == judged.answer


CODES = [1, 0, 0, 1, 1, 0]
WAYS = {
    "int": CODES,
    "float": list(map(float, CODES)),
    "text": list(map(str, CODES)),
    "text of floats": [f"{code}.0" for code in CODES],
    "bool": list(map(bool, CODES)),
    "text of bools": [str(bool(code)).upper() for code in CODES],
    "numpy": np.array(CODES, np.int8),
    "numpy bool": np.array(CODES, bool),
    "Int64": pd.array(CODES, dtype="Int64"),
    "boolean": pd.array([bool(code) for code in CODES], dtype="boolean"),
    "category": pd.Categorical(CODES),
    "string": pd.array(list(map(str, CODES)), dtype="string"),
    "decimal": [decimal.Decimal(code) for code in CODES],
    "gap": pd.Series([*CODES, None])[:6],
}


@pytest.mark.parametrize("way", WAYS)
def test_codes_agree_however_they_are_written(client: Client, way):
    found = client.agreement(["a"] * 6 + ["b"] * 6, [*range(6)] * 2, [*CODES, *WAYS[way]], resamples=5)
    assert (found.percent.value, found.kappa.value, found.items) == (1, 1, 6)
    ids = [float(i) for i in range(6)]
    ordinal = client.agreement(["a"] * 6 + ["b"] * 6, [*range(6), *ids], [*CODES, *WAYS[way]], level="ordinal")
    assert ordinal.alpha.value == 1


@pytest.mark.parametrize("absent", [None, np.nan, pd.NA, pd.NaT, "", " ", "NA", "NaN", "<NA>"])
def test_missing_codes_are_counted_and_told_apart(client: Client, absent):
    table = (["a"] * 4 + ["b"] * 4, [1, 2, 3, 4] * 2, ["x", "y", "x", "y", "x", "y", "x", absent])
    if isinstance(absent, str) and absent.strip():
        with pytest.warns(
            DaguerreWarning, match=f"1 of 8 codes count as missing: 1 '{absent}'; if such a text is a code"
        ):
            found = client.agreement(*table, resamples=5)
        assert client.agreement(*table, missing=[], resamples=5).percent.value == 0.75
    else:
        found = client.agreement(*table, resamples=5)
    assert (found.percent.value, found.items, found.missing) == (1, 3, 1)
    assert "1 codes missing" in repr(found)


def test_ids_whose_zeros_were_lost_are_not_the_same(client: Client):
    with pytest.raises(InvalidRequestError, match="'001' and '1' are two ids: if they are one, zeros at the front"):
        client.agreement(["a", "a", "b", "b"], ["001", "002", 1, 2], [1, 0, 1, 0], resamples=5)
    with pytest.warns(DaguerreWarning, match="'001' and '1' are two ids"):
        found = client.agreement(["a", "a", "b", "b"], ["001", "x", 1, "x"], [1, 0, 1, 0], resamples=5)
    assert found.items == 1
    with pytest.raises(ValueError, match="item: 1 of 2 are missing"):
        client.agreement(["a", "b"], [1, np.nan], [1, 1])


def test_votes_are_read_as_people_write_them(client: Client):
    clusterings = {"a": [0, 0, 1, 1], "b": [0, 1, 0, 1]}
    pairs = [(0, 1), (2, 3), (0, 2), (1, 3), (0, 3)]
    answers = [
        client.compare(pairs, same, clusterings, resamples=5)
        for same in (
            [True, 1, 0, False, None],
            ["yes", "1.0", "No", "0", "NA"],
            pd.Series([1.0, 1, 0, 0, None]),
            pd.array([1, 1, 0, 0, None], dtype="Int64"),
            pd.Series([None, 0, 0, 1, 1], index=[4, 3, 2, 1, 0]),
        )
    ]
    assert all(each.answer == answers[0].answer and each.left_out == 1 for each in answers)
    with pytest.raises(ValueError, match="same: got 'maybe': write 1"):
        client.compare(pairs, ["maybe"] * 5, clusterings)


def test_strata_are_read_as_codes_are(client: Client):
    drawn = client.sample(4, strata=[1, 1.0, "2", 2.0] * 3, seed=1)
    assert sorted(each.stratum for each in drawn.strata) == ["1", "2"]
    named = client.sample(2, strata=pd.Series(["x", "y"] * 2, index=["a.jpg", "b.jpg", "c.jpg", "d.jpg"]), seed=1)
    assert set(named.ids) < {"a.jpg", "b.jpg", "c.jpg", "d.jpg"}
    with pytest.raises(ValueError, match="strata: 1 of 3 items have none"):
        client.sample(1, strata=[1, None, 2])


def test_curl_and_r_users_get_the_same_reading(inline):
    """jsonlite of R writes NA in a column of numbers as the text "NA", and numbers as 1 or 1.5."""
    table = {"coder": [1, 1, 1, 2, 2, 2], "item": [1, 2, 3, 1.0, 2.0, 3.0], "code": [1, 0, "NA", True, "0.0", 1]}
    answer = httpx.post(f"{inline.url}/v1/agreement", json=table).json()
    assert (answer["percent"]["value"], answer["items"], answer["missing"]) == (1, 2, 1)
    assert "1 'NA'" in answer["remarks"][0]
    answer = httpx.post(f"{inline.url}/v1/agreement", json=table | {"missing": [""]}).json()
    assert (answer["items"], answer["missing"], answer["remarks"]) == (3, 0, [])
    refused = httpx.post(f"{inline.url}/v1/agreement", json=table | {"missing": []})
    assert refused.status_code == 422
