"""HTTP route of the evaluation of findings against human codes."""

from fastapi import FastAPI, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import while_connected
from service.context import Context
from service.errors import Unprocessable
from service.pipelines import evaluations
from service.pipelines.answers import to_json
from service.schemas import evaluations as schema


def add(app: FastAPI, context: Context) -> None:
    """Add the route of evaluations."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/evaluations",
        tags=["analyses"],
        summary="Evaluate findings against human codes",
        response_model=schema.EvaluationAnswer,
        responses=openapi.errors(400, 401, 404, 413, 415, 422),
        openapi_extra=openapi.message("EvaluationRequest", files=False),
    )
    async def evaluate(request: Request) -> Response:
        """Boxes by average precision, precision, recall and counts; texts by character and word error rates."""
        request.state.operation = "evaluations"
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.EvaluationRequest)
            if files.inputs or files.named:
                raise Unprocessable("the form has files, which this route does not take; send JSON")
            work = context.engine().compute(lambda check: to_json(evaluations.evaluated(body, check).model_dump()))
            answer = await while_connected(request, context.settings.request_timeout, work)
            return Response(answer, media_type="application/json")
