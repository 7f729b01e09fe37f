"""Requests and answers of the protocol by which Label Studio asks a model for predictions."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import Message

LONGEST_CONFIG = 500_000
CONFIG: Any = {
    "min_length": 1,
    "max_length": LONGEST_CONFIG,
    "description": "Labelling configuration of the project, XML: an Image, and Choices with the labels.",
    "examples": [
        '<View><Image name="image" value="$image"/><Choices name="animal" toName="image"><Choice value="a cat"/>'
        '<Choice value="a dog"/></Choices></View>'
    ],
}


class FromLabelStudio(Message):
    """A request of Label Studio, whose other fields, such as the token of its own API, are not read."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, populate_by_name=True)


class LabelStudioSetup(FromLabelStudio):
    """A project that gets its predictions here."""

    label_config: str = Field(alias="schema", **CONFIG)


class LabelStudioTask(FromLabelStudio):
    """A task."""

    id: int | str | None = Field(None, description="Id of the task.")
    data: dict[str, Any] = Field(
        description="Data of the task: the picture as a data URI, or as the address of a file below the server's "
        "DAGUERRE_DATA (/data/local-files/?d=PATH, /data/PATH)."
    )


class LabelStudioPredict(FromLabelStudio):
    """Tasks to predict."""

    tasks: list[LabelStudioTask] = Field(min_length=1, max_length=20_000, description="Tasks.")
    label_config: str = Field(**CONFIG)


class LabelStudioEvent(FromLabelStudio):
    """An event in a project."""

    action: str = Field("", max_length=200, description="Name of the event.", examples=["ANNOTATION_CREATED"])


class LabelStudioHealth(BaseModel):
    """State of the model behind an address."""

    status: Literal["UP"] = Field("UP", description="Always UP.")
    model_class: str = Field(description="Kind and name of the model.", examples=["zero-shot/embedded"])


class LabelStudioVersion(BaseModel):
    """Version of the model for a project."""

    model_version: str = Field(description="Model, fingerprint and, for zero-shot labels, a hash of the labels.")


class LabelStudioPrediction(BaseModel):
    """Prediction for a task."""

    result: list[dict[str, Any]] = Field(description="Results, one for each control.")
    score: float | None = Field(description="Score of the least certain control; null for numbers.")
    model_version: str = Field(description="Version of the model, as of setup.")


class LabelStudioFailure(BaseModel):
    """A task that cannot be predicted: Label Studio logs it, and asks again another time."""

    error: str = Field(description="Reason, with the way out.")


class LabelStudioPredictions(BaseModel):
    """Predictions."""

    results: list[LabelStudioPrediction | LabelStudioFailure] = Field(
        description="A prediction or the reason why there is none, for each task, in order."
    )
    model_version: str = Field(description="Version of the model, as of setup.")


class LabelStudioIgnored(BaseModel):
    """Answer to an event that changes nothing."""

    status: Literal["ignored"] = Field("ignored", description="Always ignored: nothing is trained by events.")
