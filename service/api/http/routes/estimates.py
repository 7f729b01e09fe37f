"""HTTP route of estimates for a corpus, from any predictions and a coded sample."""

from functools import partial

from fastapi import FastAPI, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import while_connected
from service.context import Context
from service.errors import Unprocessable
from service.pipelines import estimates
from service.pipelines.answers import to_json
from service.schemas import estimates as schema


def add(app: FastAPI, context: Context) -> None:
    """Add the route of estimates."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/estimates",
        tags=["corpus"],
        summary="Estimate shares, means and regressions, corrected by codes",
        response_model=schema.EstimateCorpusAnswer,
        responses=openapi.errors(400, 401, 404, 413, 415, 422),
        openapi_extra=openapi.message("EstimateCorpusRequest", files=False),
    )
    async def estimate(request: Request) -> Response:
        """Shares or means of a corpus, of its parts and over time, and regressions, from any predictions and codes.

        Labels that are right nine times in ten still bias what is counted with them. The coded sample corrects them,
        whatever made the predictions.
        """
        request.state.operation = "estimates"
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.EstimateCorpusRequest)
            if files.inputs or files.named:
                raise Unprocessable("the form has files, which this route does not take; send JSON")
            compute = partial(estimates.estimated, body, classifiers=context.classifiers, owner=request.state.owner)
            work = context.engine().compute(lambda check: to_json(compute(check).model_dump()))
            answer = await while_connected(request, context.settings.request_timeout, work)
            return Response(answer, media_type="application/json")
