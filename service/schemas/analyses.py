"""Requests and answers of analyses: what is in pictures and in the frames of videos."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self, cast

from pydantic import BaseModel, Field, field_validator, model_validator

from models.analysers.face_attributes import ATTRIBUTES, Attribute
from models.analysers.spec import Kind
from service.schemas.base import Message
from service.schemas.common import FIRST_OF_MANY, MODE, SAMPLING, Entry, FailedEntry, Index, Mode, OnError
from service.schemas.example import PHOTO
from service.schemas.items import Items
from service.schemas.video import Sampling, VideoBlock
from service.schemas.zero_shot import PresetCard

Score = Annotated[float, Field(ge=0, le=1)]


class AnalyserOptions(Message):
    """Options of every analyser."""

    model: str | None = Field(
        None, description="Name of an analyser of this kind in GET /v1/analysers. Default: the first of its kind."
    )


class TextOptions(AnalyserOptions):
    """Text that is read in a picture."""

    min_score: Score = Field(0.5, description="Lowest score of a line that is given.")
    max_lines: int = Field(500, ge=1, le=500, description="Maximum number of lines of a picture.")
    long_side: int = Field(
        960,
        ge=320,
        le=1920,
        description="Longer side, in pixels, at which a picture is searched. More finds smaller print in large "
        "pictures, at a cost that grows with its square.",
    )


class ObjectOptions(AnalyserOptions):
    """Objects with boxes."""

    min_score: Score | None = Field(
        None,
        description="Lowest score of an object that is given. Default: that of the analyser, 0.35, or 0.1 for one that "
        "looks for words.",
    )
    labels: list[str] = Field(
        [],
        max_length=1000,
        description="Classes to look for, among those of the analyser. Default: all of them. An analyser without "
        "classes looks for what these words describe.",
        examples=[["person", "car"]],
    )
    limit: int = Field(100, ge=1, le=100, description="Maximum number of objects of a picture.")
    min_scores: dict[str, Score] = Field(
        {}, max_length=1000, description="Lowest scores of single labels, in place of `min_score`."
    )
    overlap: Score | None = Field(
        None,
        description="Largest overlap (intersection over union) of two boxes of one label; of two that overlap by more, "
        "the one with the higher score is given. Default: that of the analyser, if it has one.",
    )


class FaceOptions(AnalyserOptions):
    """Faces with boxes and points."""

    size: int = Field(
        640,
        ge=640,
        le=1280,
        multiple_of=320,
        description="Longer side, in pixels, at which a picture is searched: 640, 960 or 1280. More finds smaller "
        "faces in large pictures, at a cost that grows with its square.",
    )
    min_score: Score = Field(0.7, description="Lowest score of a face that is given.")
    limit: int = Field(1000, ge=1, le=1000, description="Maximum number of faces of a picture.")


class FaceVectorOptions(FaceOptions):
    """Faces with boxes, points and vectors."""

    encoding_format: Literal["float", "base64"] = Field(
        "float", description="`float`: a JSON list. `base64`: little-endian float32, a third of the size."
    )


class FaceAttributeOptions(AnalyserOptions):
    """Guesses about faces, each with its range over eighteen crops."""

    attributes: list[Attribute] = Field(
        [],
        max_length=len(ATTRIBUTES),
        description="Attributes to guess. Default: all that the analyser has and the server's owner permits.",
        examples=[["age"]],
    )
    size: int = Field(
        640,
        ge=640,
        le=1280,
        multiple_of=320,
        description="Longer side, in pixels, at which a picture is searched for faces: 640, 960 or 1280.",
    )
    min_score: Score = Field(0.7, description="Lowest score of a face that is given.")
    limit: int = Field(100, ge=1, le=100, description="Maximum number of faces of a picture.")


class ClassOptions(AnalyserOptions):
    """Classes of the whole picture."""

    top: int = Field(5, ge=1, le=100, description="Maximum number of classes of a picture.")
    min_score: Score = Field(0.0, description="Lowest score of a class that is given.")
    labels: list[str] = Field(
        [], max_length=1000, description="Classes to give, among those of the analyser. Default: all of them."
    )
    level: Literal["classes", "hypernyms"] = Field(
        "classes",
        description="`classes`: those of the network. `hypernyms`: wider terms, such as dog, whose score is the sum "
        "of the scores of their classes.",
    )


class CaptionOptions(AnalyserOptions):
    """A caption of the whole picture."""

    prompt: str | None = Field(
        None,
        max_length=4000,
        description="Beginning of the caption, which is part of its text, or for an analyser that takes instructions, "
        "such as a vision-language model, the instruction. Default: that of the analyser, in its card.",
        examples=["a photo of"],
    )
    max_tokens: int | None = Field(
        None,
        ge=1,
        le=512,
        description="Maximum number of tokens that are written: a word, or a part of a rare word. Default: that of the "
        "analyser.",
    )


class VisualOptions(AnalyserOptions):
    """Visual features of the whole picture: brightness, colours, sharpness."""


class SensitiveOptions(AnalyserOptions):
    """Score of sexual content."""


class Analysers(Message):
    """The analysers to apply, each with its options; `{}` for its defaults."""

    text: TextOptions | None = Field(None, description="Read text.")
    objects: ObjectOptions | None = Field(None, description="Find objects.")
    classes: ClassOptions | None = Field(None, description="Name the classes of the whole picture.")
    visual: VisualOptions | None = Field(None, description="Measure visual features.")
    sensitive: SensitiveOptions | None = Field(None, description="Score sexual content.")
    captions: CaptionOptions | None = Field(None, description="Write a caption.")
    faces: FaceOptions | None = Field(None, description="Find faces.")
    face_vectors: FaceVectorOptions | None = Field(
        None,
        description="Find faces, and embed each of them. It is refused with 403 unless the server's owner has set "
        "DAGUERRE_FACE_RECOGNITION.",
    )
    face_attributes: FaceAttributeOptions | None = Field(
        None,
        description="Guess apparent age, perceived gender and expression of faces. It is refused with 403 unless "
        "the server's owner has set DAGUERRE_FACE_ATTRIBUTES.",
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.chosen():
            names = ", ".join(type(self).model_fields)
            raise ValueError(f'names no analyser; choose some of {names}, for example {{"text": {{}}}}')
        return self

    def chosen(self) -> dict[Kind, AnalyserOptions]:
        """The options of the analysers that were asked for."""
        kinds = cast(Sequence[Kind], list(type(self).model_fields))
        return {kind: options for kind in kinds if (options := getattr(self, kind)) is not None}


class AnalysesOptions(Message):
    """Options of a request for analyses."""

    analysers: Analysers = Field(
        description="Analysers to apply. A picture is decoded once for all of them.",
        examples=[{"text": {}, "objects": {"labels": ["person"]}}],
    )
    on_error: OnError = Field(
        "fail",
        description="Handling of unusable items. `fail`: the request fails with an error that names every such item. "
        "`skip`: the entry of each such item has an error in place of a result.",
    )
    sampling: Sampling | None = SAMPLING
    mode: Mode = MODE


class AnalysesRequest(AnalysesOptions):
    """Images and videos to analyse."""

    input: Items = Field(
        description="An image, a video, or a list of these.", examples=[[{"image": PHOTO, "id": "photo-1"}]]
    )


class Box(BaseModel):
    """A rectangle in pixels of the whole upright picture, also where the item is a crop of it."""

    x: float = Field(description="Left edge.")
    y: float = Field(description="Upper edge.")
    width: float = Field(ge=0, description="Width.")
    height: float = Field(ge=0, description="Height.")


class Ranged(BaseModel):
    """A guess about a face on eighteen crops."""

    mean: float = Field(description="Mean over the crops.")
    lowest: float = Field(description="Lowest of the crops.")
    highest: float = Field(description="Highest of the crops.")


class PerceivedGender(BaseModel):
    """A guess about the gender that people would see in a face."""

    label: Literal["woman", "man", "undecided"] = Field(
        description="`woman` or `man` where the score of all crops is on that side of 0.5, otherwise `undecided`."
    )
    woman: Ranged = Field(description="Score of `woman`, from 0 to 1, not calibrated.")


class Expression(BaseModel):
    """A guess about the expression of a face; not about feelings."""

    label: str = Field(
        description="Expression with the highest score on all crops; `undecided` where crops differ.",
        examples=["happy"],
    )
    votes: dict[str, int] = Field(
        description="Number of crops by expression with the highest score.", examples=[{"happy": 17, "neutral": 1}]
    )


class FaceAttributes(BaseModel):
    """Guesses about a face, with their ranges. Attributes that were not asked for are absent."""

    crops: int = Field(description="Number of crops of the face.")
    apparent_age: Ranged | None = Field(None, description="Apparent age in years.")
    perceived_gender: PerceivedGender | None = Field(None, description="Perceived gender.")
    expression: Expression | None = Field(None, description="Expression.")


class Finding(BaseModel):
    """One thing that was found."""

    label: str | None = Field(None, description="Name of its class.")
    score: float | None = Field(None, description="Score from 0 to 1, not calibrated.")
    box: Box | None = Field(None, description="Rectangle around the finding.")
    polygon: list[list[float]] | None = Field(
        None,
        description="Corners [x, y] of a line of text in pixels of the whole upright picture: upper left, upper right, "
        "lower right, lower left.",
    )
    text: str | None = Field(None, description="Text that was read, or the caption.")
    points: dict[str, tuple[float, float]] | None = Field(
        None,
        description="Points [x, y] of a face in pixels of the whole upright picture: right_eye, left_eye, nose, "
        "right_mouth_corner, left_mouth_corner. Right and left are those of the person.",
    )
    share: float | None = Field(None, description="Share of the analysed picture or crop that the box covers.")
    vector: list[float] | str | None = Field(
        None,
        description="Vector of a face, unit length, as numbers or in base64. Vectors are comparable only if the "
        "fingerprints in their receipts are equal.",
    )
    attributes: FaceAttributes | None = Field(
        None, description="Guesses about a face; absent for a face with a side of less than 48 pixels."
    )


class Findings(BaseModel):
    """The result of one analyser for one picture."""

    findings: list[Finding] = Field(description="In reading order for text, else by falling score.")
    values: dict[str, float] = Field(
        description="Numbers of the picture, or of its crop where the item has one. Of a video: means over its frames."
    )
    truncated: bool = Field(description="Whether more was found than is given.")
    remarks: list[str] = Field(description="Limits of this result.")


class Results(BaseModel):
    """Results by analyser; those that were not asked for are absent."""

    text: Findings | None = Field(None, description="Text that was read.")
    objects: Findings | None = Field(None, description="Objects.")
    classes: Findings | None = Field(None, description="Classes of the whole picture.")
    visual: Findings | None = Field(None, description="Visual features.")
    sensitive: Findings | None = Field(None, description="Score of sexual content.")
    captions: Findings | None = Field(None, description="Caption.")
    faces: Findings | None = Field(None, description="Faces.")
    face_vectors: Findings | None = Field(None, description="Faces with vectors.")
    face_attributes: Findings | None = Field(None, description="Faces with attributes.")


class AnalysedFrame(BaseModel):
    """A frame of a video with its results, as an entry of `frames`."""

    timestamp: float = Field(description="Seconds from the start.")
    times: int = Field(1, description="Number of sampling times at which it is on the screen.")
    thumbnail: str | None = Field(None, description="Thumbnail, a JPEG in base64, if requested.")
    results: Results = Field(description="Results by analyser.")


class Analysed(Entry):
    """The entry of a usable item."""

    width: int = Field(description="Width in pixels of the whole upright picture, also of a crop.")
    height: int = Field(description="Height in pixels of the whole upright picture, also of a crop.")
    results: Results = Field(description="Results by analyser. Of a video: means of values over its frames.")
    video: VideoBlock | None = Field(None, description="Frames of a video, each with its own results.")

    @field_validator("video")
    @classmethod
    def _frames(cls, video: VideoBlock | None) -> VideoBlock | None:
        if video is not None:  # the frames of other operations have other results
            frames = [{**frame, **AnalysedFrame.model_validate(frame).model_dump()} for frame in video.frames]
            video = video.model_copy(update={"frames": frames})
        return video


class AnalyserReceipt(BaseModel):
    """Provenance of the results of an analyser; store it with them."""

    analyser: str = Field(description="Name of the analyser.", examples=["objects"])
    kind: Kind = Field(description="Kind of the analyser.")
    revision: str = Field(description="Revision of the weights.")
    fingerprint: str = Field(
        description="Hash of weights, labels, sizes, precision and recipe. Results are comparable only if it is equal."
    )
    precision: str = Field(description="Arithmetic precision.", examples=["fp32"])
    provider: str = Field(description="Execution provider of ONNX Runtime; none for an analyser without a network.")
    demonstration: bool = Field(description="True for an analyser that is not meant for research.")
    notice: str | None = Field(description="Notice for users of the analyser.")
    made_with: dict[str, str] = Field(description="Versions of the software used; not part of the fingerprint.")


class AnalysesAnswer(BaseModel):
    """Results of all items."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[Analysed | FailedEntry] = Field(description="One entry per item, in order.")
    options: Analysers = Field(description="The options that were applied, defaults included.")
    first_of_many: list[Index] = FIRST_OF_MANY
    receipts: dict[str, AnalyserReceipt] = Field(description="Receipts by kind of analyser.")


class AnalyserCard(BaseModel):
    """An analyser that this server runs."""

    name: str = Field(description="Name of the analyser.", examples=["objects"])
    kind: Kind = Field(description="Kind: the name in `analysers` of a request.")
    default: bool = Field(description="Whether it is the default of its kind.")
    description: str = Field(description="Summary for people.")
    licence: str = Field(description="Licence of the weights.")
    labels: list[str] = Field(description="Names of its classes; empty without classes.")
    languages: str | None = Field(description="Languages and scripts that an analyser of text reads.")
    options: dict[str, object] = Field(description="Options with their defaults.")
    settings: dict[str, object] = Field(description="Sizes and thresholds of the recipe.")
    weights: dict[str, str] = Field(description="SHA-256 of each file of the weights.")
    receipt: AnalyserReceipt = Field(description="Receipt of its results.")


class AnalyserList(BaseModel):
    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[AnalyserCard] = Field(description="The analysers, the default of each kind first.")
    presets: list[PresetCard] = Field(description="Named questions for `preset` of POST /v1/zero-shot.")
