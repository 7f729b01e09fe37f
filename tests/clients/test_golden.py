"""The golden requests and answers (tests/clients/golden.py) and the Python client; tests/clients/r has those of R."""

import base64
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from daguerre import Client
from daguerre.errors import DaguerreWarning
from tests.clients import golden
from tests.clients.stubs import Asked, recording
from tests.e2e.harness import Server

CASES = {case["name"]: case for case in golden.CASES}


@pytest.fixture(scope="module")
def stub() -> Iterator[tuple[Client, list[Asked]]]:
    with recording(golden.answer) as (url, asked), Client(url) as client:
        yield client, asked


def call(client: Client, case: dict[str, Any]) -> dict[str, Any]:
    """The result of a case's call, as the case has it."""
    given = case["arguments"]
    match case["name"]:
        case "agreement":
            codes = given["codes"]
            found = client.agreement(codes["coder"], codes["item"], codes["code"], level=given["level"])
            return {name: getattr(found, name).value for name in ("percent", "kappa", "alpha")}
        case "validate":
            codes = pd.DataFrame(given["codes"])
            measured = client.validate(given["predictions"], codes, seed=given["seed"])
            return {name: figure.value for name, figure in measured.figures.items()}
        case "estimate":
            corpus = pd.DataFrame(given["corpus"])
            E = client.estimate(corpus, predictions=given["predictions"], by=given["by"], positive=given["positive"])
            row = E.to_pandas().iloc[0]
            return {"corrected": row["value"], **{name: row[name] for name in ("low", "high", "naive")}}
        case "sample":
            drawn = client.sample(given["size"], ids=given["ids"], seed=given["seed"])
            return {"ids": list(drawn.ids), "inclusion_prob": list(drawn.inclusion_prob)}
        case "zero_shot":
            Z = client.zero_shot(texts=given["texts"], labels=given["labels"])
            return {"labels": list(Z.to_pandas()["label"]), "scores": Z.scores.tolist()}
        case "label":
            L = client.label(texts=given["texts"], codebook=given["codebook"])
            return {name: L.of(name).values for name in L.variables}
        case "caption":
            pictures = {id: base64.b64decode(data) for id, data in given["images"].items()}
            T = client.caption(pictures, prompt=given["prompt"], max_tokens=given["max_tokens"])
            return {"caption": list(T.captions), "score": list(T.to_pandas()["score"])}
        case "study_codes":
            return dict(client.study(given["name"]).codes(given["variable"]).columns)
        case "search_collection":
            N = client.collection(given["name"]).where(given["where"]).search(given["texts"], k=given["k"])
            table = N.to_pandas()
            return {name: list(table[name]) for name in ("id", "cosine", "year")}
    raise AssertionError(case["name"])


@pytest.mark.parametrize("name", CASES)
def test_the_python_client_sends_and_reads_the_golden_values(name: str, stub: tuple[Client, list[Asked]]) -> None:
    client, asked = stub
    case = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DaguerreWarning)
        result = call(client, case)
    sent = next(each for each in reversed(asked) if golden.path_of(each) == case["path"])
    assert golden.missing(case["fields"], golden.parsed(sent)) == []
    for key, value in case["result"].items():
        if isinstance(value, list) and isinstance(value[0], str):
            assert result[key] == value
        else:
            np.testing.assert_allclose(result[key], value, rtol=1e-6, err_msg=key)


@pytest.mark.parametrize("placement", ["inline"], indirect=True)
@pytest.mark.parametrize("name", ["agreement", "validate", "estimate", "sample"])
def test_the_server_still_gives_the_golden_answers(name: str, server: Server) -> None:
    case = CASES[name]
    with server.client() as client:
        response: httpx.Response = client.post(case["path"], json=case.get("request", case["fields"]))
    assert response.json() == case["answer"]
