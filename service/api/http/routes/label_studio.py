"""HTTP routes of the protocol by which Label Studio asks a model for predictions, below one address for each model."""

from typing import Annotated, Literal

from fastapi import FastAPI, Path, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import json_response, while_connected
from service.context import Context
from service.errors import Conflict
from service.pipelines import label_studio_backend as pipeline
from service.schemas import label_studio as schema

PREFIX = "/label-studio/{kind}/{name}"
Kind = Annotated[
    Literal["zero-shot", "classifiers"],
    Path(description="zero-shot: the choices are labels of a model. classifiers: a classifier predicts them."),
]
Name = Annotated[str, Path(description="Name of the model or of the classifier.", examples=["embedded"])]


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of Label Studio."""
    bodies = Bodies.of(context)

    async def source_of(request: Request, kind: str, name: str) -> pipeline.Source:
        request.state.operation = "zero_shot" if kind == "zero-shot" else "predict"
        engine = context.engine()
        if kind == "zero-shot":
            return pipeline.Source(engine, context.classifiers, model=engine.model(name))
        stored = await engine.in_thread(lambda: context.classifiers.open(name))
        return pipeline.Source(engine, context.classifiers, stored=stored)

    @app.get(
        f"{PREFIX}/health",
        tags=["label-studio"],
        summary="State of a model for Label Studio",
        response_model=schema.LabelStudioHealth,
        responses=openapi.errors(404),
    )
    async def health(request: Request, kind: Kind, name: Name) -> Response:
        """Whether the model is there."""
        await source_of(request, kind, name)
        return json_response(schema.LabelStudioHealth(model_class=f"{kind}/{name}").model_dump())

    @app.post(
        f"{PREFIX}/setup",
        tags=["label-studio"],
        summary="Check the labelling configuration of a project",
        response_model=schema.LabelStudioVersion,
        responses=openapi.errors(*openapi.JSON_ERRORS, 404),
        openapi_extra=openapi.json_body("LabelStudioSetup"),
    )
    async def setup(request: Request, kind: Kind, name: Name) -> Response:
        """The version of the model, if it predicts a control of the configuration."""
        source = await source_of(request, kind, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.LabelStudioSetup)
        version = source.version(source.controls(body.label_config))
        return json_response(schema.LabelStudioVersion(model_version=version).model_dump())

    @app.post(
        f"{PREFIX}/predict",
        tags=["label-studio"],
        summary="Predict tasks of Label Studio",
        response_model=schema.LabelStudioPredictions,
        responses=openapi.errors(*openapi.ITEM_ERRORS),
        openapi_extra=openapi.json_body("LabelStudioPredict"),
    )
    async def predict(request: Request, kind: Kind, name: Name) -> Response:
        """Pre-labels of pictures in the form of Label Studio. No address is fetched."""
        source = await source_of(request, kind, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.LabelStudioPredict)
            work = pipeline.predictions(source, body.tasks, body.label_config, request.state.reservation.add)
            made = await while_connected(request, context.settings.request_timeout, work)
        return json_response(made.model_dump())

    @app.post(
        f"{PREFIX}/webhook",
        tags=["label-studio"],
        summary="Take note of an event in Label Studio",
        response_model=schema.LabelStudioIgnored,
        responses=openapi.errors(*openapi.JSON_ERRORS, 404, 409),
        openapi_extra=openapi.json_body("LabelStudioEvent"),
    )
    async def webhook(request: Request, kind: Kind, name: Name) -> Response:
        """Events change nothing; the one that starts a training is refused."""
        await source_of(request, kind, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.LabelStudioEvent)
        if body.action == "START_TRAINING":
            raise Conflict(
                "action: nothing is trained from Label Studio; import its annotations into a study, train there, and "
                "connect /label-studio/classifiers/NAME",
                code="no_training",
                param="action",
            )
        return json_response(schema.LabelStudioIgnored().model_dump())
