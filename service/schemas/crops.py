"""Crops of images, in requests and answers."""

from pydantic import Field

from models.images import crops
from service.schemas.base import Message


class Crop(Message):
    """A rectangle of an image, in pixels of the upright picture: its EXIF orientation is applied."""

    x: float = Field(description="Horizontal position of the left edge.", examples=[401.2])
    y: float = Field(description="Vertical position of the upper edge.", examples=[233.0])
    width: float = Field(description="Width; at least 1. What lies outside of the picture is left out.", examples=[113])
    height: float = Field(
        description="Height; at least 1. What lies outside of the picture is left out.", examples=[150]
    )
    margin: float = Field(
        0.0, ge=0, le=1, description="Share of the width and of the height that is added on each side.", examples=[0.2]
    )

    def of_models(self) -> crops.Crop:
        """The crop as models/images takes it."""
        return crops.Crop(**self.model_dump())
