"""Requests made from the OpenAPI document by Schemathesis: what the server answers is what the document says."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode

from tests.e2e.harness import Server

load_all_checks()
NAMES = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"),
    *("response_headers_conformance", "allow_header_conformance"),
)
REFUSED = "negative_data_rejection"  # what the document forbids is refused
EXAMPLES = 4  # for each operation and mode
LEFT = {  # checks that are off, with what keeps them from zero
    "positive_data_acceptance": (
        "lists that need one length: coder, item and code, a and b, clusterings",
        "fields that need each other: n, strata and scores of a design, options of a policy of sampling",
        "vectors by data, by a file or by a part of a form",
        "bytes that are no image, no video and no .npy, cursors and ids that the server did not make",
        "a form without its part `request`, where the JSON has required fields",
        "names of classifiers, of which the document does not have the pattern",
    ),
    "numbers and booleans as texts": ('"3" for 3, which forms need, is accepted in JSON too',),
}
SLOW = (
    "POST /v1/classifiers",
    "POST /v1/clusters",
    "POST /v1/duplicates",
    "POST /v1/representations",
)  # a valid request waits for a job


def test_checks_that_are_off_have_their_reasons() -> None:
    load_all_checks()
    assert set(CHECKS.get_all_names()) >= {*NAMES, REFUSED, "positive_data_acceptance"}
    assert all(LEFT.values())


def cases(server: Server) -> Iterator[tuple[str, schemathesis.APIOperation]]:
    """The operations of the server's document."""
    document = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    for result in document.get_all_operations():
        operation = result.ok()
        yield f"{operation.method.upper()} {operation.path}", operation


def disagreements(operation: schemathesis.APIOperation, mode: GenerationMode) -> list[str]:
    """The failures of checks on the answers to requests of one operation."""
    names = (*NAMES, REFUSED) if mode == GenerationMode.NEGATIVE else NAMES
    checks, problems = CHECKS.get_by_names(names), []

    @seed(14)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        try:
            case.call_and_validate(checks=checks, timeout=30)
        except (Failure, FailureGroup) as exc:
            problems.append(f"{operation.method.upper()} {operation.path}: {exc}")

    try:
        ask()
    except Unsatisfiable:  # nothing can be wrong with a request without parameters
        assert mode == GenerationMode.NEGATIVE
    return problems


@pytest.mark.thorough
@pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")  # one document, in both
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_answers_to_requests_of_the_document_are_those_that_it_declares(server: Server, mode: GenerationMode) -> None:
    problems: list[str] = []
    for name, operation in cases(server):
        if name not in SLOW or mode == GenerationMode.NEGATIVE:
            problems += disagreements(operation, mode)
    assert not problems, f"{len(problems)} disagreements:\n" + "\n".join(sorted(set(problems))[:10])
