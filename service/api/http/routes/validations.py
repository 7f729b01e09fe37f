"""HTTP route of the validation of predictions against human codes."""

from functools import partial

from fastapi import FastAPI, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import while_connected
from service.context import Context
from service.errors import Unprocessable
from service.pipelines import validations
from service.pipelines.answers import to_json
from service.schemas import validations as schema


def add(app: FastAPI, context: Context) -> None:
    """Add the route of validations."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/validations",
        tags=["corpus"],
        summary="Validate predictions against human codes",
        response_model=schema.ValidationAnswer,
        responses=openapi.errors(400, 401, 404, 413, 415, 422),
        openapi_extra=openapi.message("ValidationRequest", files=False),
    )
    async def validate(request: Request) -> Response:
        """Accuracy with intervals, thresholds, agreement with each coder, and differences of sets of predictions."""
        request.state.operation = "validations"
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.ValidationRequest)
            if files.inputs or files.named:
                raise Unprocessable("the form has files, which this route does not take; send JSON")
            compute = partial(validations.validated, body, classifiers=context.classifiers, owner=request.state.owner)
            work = context.engine().compute(lambda check: to_json(compute(check).model_dump()))
            answer = await while_connected(request, context.settings.request_timeout, work)
            return Response(answer, media_type="application/json")
