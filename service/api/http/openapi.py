"""The browsable API page and the OpenAPI document behind it, served without a network."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.staticfiles import StaticFiles

from service.api.http.examples import EXAMPLES
from service.auth import is_open
from service.schemas.base import Message
from service.schemas.errors import ErrorAnswer
from service.schemas.jobs import Job
from service.schemas.representations import MOST_REPRESENTATIONS

ASSETS = "/docs/assets"
INTRODUCTION = """\
Vectors, labels, trained classifiers and clusters from texts, images and videos.

* Everything under `/v1` takes JSON. Routes with items also take multipart forms: each part named
  `input` is an item, a file or a text, in order.
* Errors have one shape: `{"error": {code, message, param, request_id, items}}`.
* Paths below `/v1/coding` take the token of a coder in place of an API key.
* Every answer carries a `receipt`: store it with the numbers.
* `/livez` and `/readyz` are for probes, `/metrics` for Prometheus.
"""
_ERRORS = {
    400: "Malformed.",
    401: "Missing or invalid key.",
    403: "Owned by another key, or switched off by the server's owner; or, without keys, called by another machine, "
    "web page or host name.",
    404: "No such model, classifier, collection, job, file or study.",
    408: "The body stopped arriving, or arrives too slowly.",
    409: "Conflict with the current state, such as a job without a result.",
    413: "Too large.",
    415: "Neither JSON nor a form; or a single item in an unsupported image format.",
    422: "Invalid values or unusable items.",
    429: "Too busy; see Retry-After.",
    431: "The headers are too large.",
    503: "Starting.",
    504: "Took too long.",
    507: "The server's disk is full.",
}
ANY_ERRORS = (400, 401, 403, 422, 431, 503, 504)  # of every route
WRITE_ERRORS = (507,)  # of routes that may write to disk
BODY_ERRORS = (408, 413, 415, 429)  # of routes that take a body
JSON_ERRORS = (400, 401, 413, 415, 422)  # of routes that take JSON alone
ITEM_ERRORS = (400, 401, 404, 413, 415, 422, 429, 503, 504)  # for routes that take items
AS_JOB: dict[int | str, dict[str, Any]] = {202: {"model": Job, "description": "With mode job."}}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may fail with `statuses`."""
    return {status: {"model": ErrorAnswer, "description": _ERRORS[status]} for status in statuses}


def of_studies(
    summary: str, answer: type[BaseModel] | None, *statuses: int, body: str | None = None, status: int = 200
) -> dict[str, Any]:
    """The arguments of the decorator of a route of studies: `answer` is its schema, `body` that of its JSON."""
    extra: dict[str, Any] = {} if body is None else {"openapi_extra": json_body(body)}
    responses = errors(*statuses)
    return {
        **{"tags": ["studies"], "summary": summary, "status_code": status, "response_model": answer},
        **{"responses": responses, **extra},
    }


def _error(status: int) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}}
    return {"description": _ERRORS[status], "content": content}


def _without_null(schema: Any) -> Any:
    """The schema of a form's field, which cannot be null."""
    if not isinstance(schema, dict) or "anyOf" not in schema:
        return schema
    kept = [each for each in schema["anyOf"] if each != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**rest, **(kept[0] if len(kept) == 1 else {"anyOf": kept})}


def body(request: type[BaseModel], options: type[BaseModel]) -> dict[str, Any]:
    """The request body of a route that takes items: JSON, or a form with one part `input` per item."""
    fields = options.model_json_schema(ref_template="#/components/schemas/{model}")["properties"]
    fields = {name: _without_null(field) for name, field in fields.items()}
    needed = [name for name, field in request.model_fields.items() if field.is_required()]
    if "vectors" in fields:
        fields |= {"request": _beside(request.__name__), **_arrays()}
        needed = []  # all of them may be in the part `request`
    item = {"anyOf": [{"type": "string", "format": "binary"}, {"type": "string"}]}
    described = {"type": "array", "items": item, "description": "The items: image files, texts, or both."}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{request.__name__}"},
                    "examples": {
                        name: {"summary": name, "value": value} for name, value in EXAMPLES[request.__name__].items()
                    },
                },
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"input": described, **fields},
                        "required": needed,
                        "additionalProperties": False,
                    }
                },
            },
        }
    }


def _beside(request: str) -> dict[str, Any]:
    """The part `request` of a form."""
    schema = {"$ref": f"#/components/schemas/{request}"}
    return {"allOf": [schema], "description": "The JSON body, without the items and vectors sent as parts."}


def _arrays() -> dict[str, Any]:
    """The parts of a form that are vectors."""
    return {
        f"{modality}_vectors": {"type": "string", "format": "binary", "description": "A .npy file, (n, d) float32."}
        for modality in ("image", "text", "face")
    }


def message(request: str, *, files: bool = True, arrays: bool = True, numbered: bool = False) -> dict[str, Any]:
    """The request body of a route that takes JSON, or a form with that JSON as its part `request`, and `files`.

    `arrays`: vectors are among the files; `numbered`: the files are arrays of vectors alone, named by their numbers.
    """
    schema = {"$ref": f"#/components/schemas/{request}"}
    beside, named = _beside(request), _arrays()
    items = {"type": "array", "items": {"type": "string", "format": "binary"}, "description": "Images, in order."}
    parts = {"input": items, **(named if arrays else {})} if files else {}
    if numbered:
        parts = {f"vectors[{i}]": named["image_vectors"] for i in range(MOST_REPRESENTATIONS)}
    examples = EXAMPLES.get(request, {})
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": schema,
                    "examples": {name: {"summary": name, "value": value} for name, value in examples.items()},
                },
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"request": beside, **parts},
                        "additionalProperties": False,
                    }
                },
            },
        }
    }


def json_body(request: str) -> dict[str, Any]:
    """The request body of a route that takes JSON alone."""
    examples = {name: {"summary": name, "value": value} for name, value in EXAMPLES.get(request, {}).items()}
    content = {"schema": {"$ref": f"#/components/schemas/{request}"}, "examples": examples}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def picture() -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers with a picture, or says that the caller has it already."""
    image = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}
    return {
        200: {"content": image, "description": "The picture, a JPEG without metadata."},
        304: {"description": "The caller has the picture already (If-None-Match)."},
    }


def answer(*schemas: str) -> dict[str, Any]:
    """The request body of a route that takes one of the answers `schemas`."""
    schema = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in schemas]}
    examples = {name: {"summary": name, "value": value} for name, value in EXAMPLES[schemas[0]].items()}
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}}
    }


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document."""
    made: dict[str, Any] = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
    )
    schemas = made["components"]["schemas"]
    schemas.update(_requests(made))
    for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own error schemas, which are never sent
        schemas.pop(unused, None)
    made["paths"].update(_probes())
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            if is_open(path):
                continue
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
            writing = () if method == "get" else WRITE_ERRORS
            for status in ANY_ERRORS + writing + (BODY_ERRORS if "requestBody" in operation else ()):
                operation["responses"].setdefault(str(status), _error(status))
    made["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer"},
        "coder": {"type": "http", "scheme": "bearer", "description": "Token of a coder; for /v1/coding alone."},
    }
    made["security"] = [{}, {"key": []}]
    return made


def _requests(made: dict[str, Any]) -> dict[str, Any]:
    """The schemas of the requests to which `made` refers, with those within them."""
    prefix = "#/components/schemas/"
    there = set(made["components"]["schemas"])
    requests = {each.__name__: each for each in _subclasses(Message)}
    definitions: dict[str, Any] = {}
    searched: Any = made["paths"]
    while named := sorted(set(re.findall(rf'"{prefix}(\w+)"', json.dumps(searched))) - there - set(definitions)):
        models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(requests[name], "validation") for name in named]
        searched = models_json_schema(models, ref_template=prefix + "{model}")[1]["$defs"]
        definitions |= searched
    return definitions


def _subclasses(of: type[BaseModel]) -> list[type[BaseModel]]:
    return [each for below in of.__subclasses__() for each in (below, *_subclasses(below))]


def _probes() -> dict[str, Any]:
    plain = {"200": {"description": "Yes."}, "503": {"description": "Not yet."}}
    described = {
        "/livez": ("Is the process alive?", plain),
        "/readyz": ("Are the models loaded and warm?", plain),
        "/metrics": ("Metrics in Prometheus format.", {"200": {"description": "Metrics."}}),
    }
    operations: dict[str, Any] = {}
    for path, (summary, responses) in described.items():
        operation = {"tags": ["operations"], "summary": summary, "responses": responses}
        operations[path] = {"get": {**operation, **({"security": []} if is_open(path) else {})}}
    return operations


def mount(app: FastAPI) -> None:
    """Add /openapi.json and /docs, with the Swagger UI files that BentoML ships."""
    found = find_spec("bentoml")
    assert found
    assert found.submodule_search_locations
    files = Path(found.submodule_search_locations[0]) / "_internal" / "server" / "static_content"
    made: dict[str, Any] = {}

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> dict[str, Any]:
        if not made:
            made.update(document(app))
        return made

    @app.get("/docs", include_in_schema=False)
    async def page(request: Request) -> Response:
        made = get_swagger_ui_html(
            openapi_url="openapi.json",
            title="Daguerre API",
            swagger_js_url="docs/assets/swagger-ui-bundle.js",
            swagger_css_url="docs/assets/swagger-ui.css",
            swagger_favicon_url="docs/assets/favicon-light-32x32.png",
            swagger_ui_parameters={"tryItOutEnabled": True, "defaultModelsExpandDepth": 0},
        )
        made.headers["x-frame-options"] = "DENY"  # another page could guide the user's clicks to its buttons
        return made

    app.mount(ASSETS, StaticFiles(directory=files), name="assets")
