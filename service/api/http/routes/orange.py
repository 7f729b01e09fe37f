"""The one HTTP route that Orange's widget Image Embedding calls, so that its pictures are embedded by this server."""

from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from models.errors import quoted
from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import json_response, while_connected
from service.context import Context
from service.errors import NotFound
from service.pipelines.embeddings import embed
from service.pipelines.items import Item
from service.schemas.embeddings import OrangeAnswer

STANDS_FOR_DEFAULT = "inception-v3"  # the first of Orange's own models, to which none can be added there
PICTURE = {"schema": {"type": "string", "format": "binary", "description": "The file of a picture."}}


def add(app: FastAPI, context: Context) -> None:
    """Add the route of Orange."""
    bodies = Bodies.of(context)

    @app.post(
        "/image/{model}",
        tags=["embeddings"],
        summary="Embed a picture for Orange",
        response_model=OrangeAnswer,
        responses=openapi.errors(400, 404, 413, 415, 422, 429),
        openapi_extra={"requestBody": {"required": True, "content": {"image/jpeg": PICTURE}}},
    )
    async def orange(
        request: Request,
        model: Annotated[
            str,
            Path(description="Model of this server, or inception-v3 for the default one.", examples=["inception-v3"]),
        ],
    ) -> Response:
        """The unit vector of one picture, in the form that Orange's Image Embedding reads."""
        request.state.operation = "embeddings"
        engine = context.engine()
        if model not in engine.models and model != STANDS_FOR_DEFAULT:
            raise NotFound(
                f"model: there is no {quoted(model)} here; choose Inception v3 in Orange, which stands for the default "
                f"model of this server, {next(iter(engine.models))}",
                code="unknown_model",
                param="model",
            )
        chosen, decode = engine.model(model if model in engine.models else None), context.settings.decode
        with bodies.hold(request, file=True):
            item = Item(image=await bodies.file(request))
            work = embed(engine, chosen, [item], decode=decode, on_error="fail")
            encoded = await while_connected(request, context.settings.request_timeout, work)
        receipt = chosen.receipts[decode]
        vector = {"embedding": encoded.vectors[0], "model": chosen.spec.name, "fingerprint": receipt["fingerprint"]}
        return json_response(vector)
