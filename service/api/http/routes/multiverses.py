"""HTTP route of multiverses: one estimate by many configurations of the predictions."""

from functools import partial

from fastapi import FastAPI, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import while_connected
from service.context import Context
from service.errors import Unprocessable
from service.pipelines.answers import to_json
from service.pipelines.multiverses import multiverse_of
from service.schemas import multiverses as schema


def add(app: FastAPI, context: Context) -> None:
    """Add the route of multiverses."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/multiverses",
        tags=["corpus"],
        summary="Estimate one quantity by many configurations",
        response_model=schema.MultiverseAnswer,
        responses=openapi.errors(400, 401, 413, 415, 422),
        openapi_extra=openapi.message("MultiverseRequest", files=False),
    )
    async def estimate_multiverse(request: Request) -> Response:
        """A share, mean, difference, trend or coefficient by each configuration of model, prompt and threshold.

        The spread of the uncorrected estimates shows how far a finding hangs on a prompt. With codes of a sample each
        configuration has a corrected estimate too, which is valid on its own.
        """
        request.state.operation = "multiverses"
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.MultiverseRequest)
            if files.inputs or files.named:
                raise Unprocessable("the form has files, which this route does not take; send JSON")
            compute = partial(multiverse_of, body)
            work = context.engine().compute(lambda check: to_json(compute(check).model_dump()))
            answer = await while_connected(request, context.settings.request_timeout, work)
            return Response(answer, media_type="application/json")
