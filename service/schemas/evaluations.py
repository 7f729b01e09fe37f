"""Requests and answers of the evaluation of found boxes and read texts against those that people coded."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from models.analysers.evaluation_text import Whitespace
from service.schemas.annotation import SEED, Coefficient
from service.schemas.base import Message
from service.schemas.codes import Id

Share = Annotated[float, Field(ge=0, le=1)]


class BoxRows(Message):
    """Boxes, a row each, in pixels of the upright picture."""

    item: list[Id] = Field([], description="Id of the picture of each box.", examples=[["a.jpg", "a.jpg", "b.jpg"]])
    label: list[str] = Field([], description="Label of each box.", examples=[["person", "person", "car"]])
    x: list[float] = Field([], description="Left edge of each box.", examples=[[10, 200, 5]])
    y: list[float] = Field([], description="Upper edge of each box.", examples=[[20, 30, 40]])
    width: list[float] = Field([], description="Width of each box.", examples=[[50, 60, 100]])
    height: list[float] = Field([], description="Height of each box.", examples=[[120, 110, 60]])


class FoundBoxRows(BoxRows):
    """Found boxes with their scores."""

    score: list[float] = Field([], description="Score of each box.", examples=[[0.9, 0.6, 0.5]])


class BoxEvaluation(Message):
    """Found boxes, and the coded boxes that they are measured by."""

    pictures: list[Id] = Field(
        min_length=1,
        description="Ids of the pictures that were analysed and coded, those without any box too.",
        examples=[["a.jpg", "b.jpg"]],
    )
    found: FoundBoxRows = Field(description="Boxes that were found. Those of other pictures are left out.")
    coded: BoxRows = Field(description="Boxes that people coded. Those of other pictures are left out.")
    threshold: Share = Field(0.35, description="Lowest score of boxes that count for precision, recall and counts.")
    overlap: float = Field(0.5, gt=0, le=1, description="Smallest intersection over union of a match there.")
    labels: list[str] | None = Field(
        None, description="Labels that the coders looked for; found boxes of others are left out. Null: those coded."
    )
    min_score: Share | None = Field(
        None, description="Lowest score that the analysis gave, for a remark where it limits the figures."
    )


class TextEvaluation(Message):
    """Texts that were read, and the true texts that they are measured by."""

    item: list[Id] = Field(min_length=1, description="Id of each picture.", examples=[["a.jpg", "b.jpg"]])
    true: list[str] = Field(description="True text of each picture; empty for one without text.")
    read: list[str] = Field(description="Text that was read in each picture; lines are separated by line breaks.")
    ignore_case: bool = Field(False, description="Compare texts without regard to capitals.")
    whitespace: Whitespace = Field(
        "collapse",
        description="Spaces and line breaks in the comparison of characters. `collapse`: runs of them are one space. "
        "`remove`: they do not count. `keep`: as they are.",
    )


class EvaluationRequest(Message):
    """Findings, and the codes that they are measured by."""

    boxes: BoxEvaluation | None = Field(None, description="Boxes to evaluate.")
    texts: TextEvaluation | None = Field(None, description="Texts to evaluate.")
    seed: int = SEED

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.boxes is None and self.texts is None:
            raise ValueError("has neither boxes nor texts; send one of them, or both")
        return self


class SuggestedThreshold(BaseModel):
    """The threshold with the best F1, which is measured on the same boxes and therefore optimistic."""

    threshold: float = Field(description="Boxes count from this score on.")
    precision: float = Field(description="Precision at this threshold.")
    recall: float = Field(description="Recall at this threshold.")
    f1: float = Field(description="F1 at this threshold.")


class BoxFigures(BaseModel):
    """Figures of the boxes of one label, or of all."""

    label: str | None = Field(description="Label; null for all together.")
    ap: float | None = Field(
        description="COCO's average precision, the mean over overlaps from .5 to .95; null without coded boxes."
    )
    ap50: float | None = Field(description="Average precision at an overlap of .5.")
    ap_by_size: dict[str, float | None] = Field(
        description="`ap` of small boxes (less than 32 x 32 pixels), medium ones and large ones (more than 96 x 96)."
    )
    precision: Coefficient = Field(description="Share of the found boxes from the threshold up that match a coded one.")
    recall: Coefficient = Field(description="Share of the coded boxes that a found one matches.")
    recall_by_size: dict[str, Coefficient] = Field(description="Recall of small, medium and large coded boxes.")
    coded: int = Field(description="Number of coded boxes.")
    found: int = Field(description="Number of found boxes from the threshold up.")
    count_error: Coefficient = Field(
        description="Mean over the pictures of the absolute difference between the numbers of found and coded boxes."
    )
    count_bias: Coefficient = Field(description="Mean of that difference, found minus coded.")
    suggested: SuggestedThreshold | None = Field(
        description="Threshold with the best F1; null where no box matches a coded one."
    )


class EvaluatedBoxes(BaseModel):
    """The figures of boxes."""

    pictures: int = Field(description="Number of pictures.")
    threshold: float = Field(description="Threshold of precision, recall and counts.")
    overlap: float = Field(description="Smallest overlap of a match there.")
    overall: BoxFigures = Field(description="Figures of all labels; average precision is the mean over them.")
    labels: list[BoxFigures] = Field(description="Figures of each label.")


class EvaluatedText(BaseModel):
    """The errors in the text of one picture."""

    id: str = Field(description="Id of the picture.")
    character_edits: int = Field(description="Insertions, deletions and substitutions of characters.")
    characters: int = Field(description="Number of characters of the true text.")
    word_edits: int = Field(description="Insertions, deletions and substitutions of words.")
    words: int = Field(description="Number of words of the true text.")
    character_error_rate: float | None = Field(description="Character error rate; null without true text.")
    word_error_rate: float | None = Field(description="Word error rate; null without true text.")


class EvaluatedTexts(BaseModel):
    """The error rates of texts."""

    pictures: int = Field(description="Number of pictures.")
    character_error_rate: Coefficient = Field(
        description="Edits of characters over the characters of the true texts, over all pictures."
    )
    word_error_rate: Coefficient = Field(description="The same of words.")
    exact: Coefficient = Field(description="Share of the texts that were read without an error.")
    ignore_case: bool = Field(description="Whether capitals did not count.")
    whitespace: Literal["collapse", "remove", "keep"] = Field(description="Treatment of spaces and line breaks.")
    data: list[EvaluatedText] = Field(description="Errors by picture.")


class EvaluationAnswer(BaseModel):
    """The figures of findings against codes."""

    boxes: EvaluatedBoxes | None = Field(description="Figures of boxes; null where none were sent.")
    texts: EvaluatedTexts | None = Field(description="Error rates of texts; null where none were sent.")
    remarks: list[str] = Field(description="Remarks on limits of the result.")
    params: dict[str, Any] = Field(description="Options of the evaluation.")
