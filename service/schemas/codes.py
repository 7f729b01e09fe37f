"""Codes and ids in requests; models.codes says which are equal and which are missing."""

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

Value = StrictStr | StrictBool | StrictInt | StrictFloat
Code = Value | None
Id = StrictStr | StrictInt | StrictFloat
MISSING_TEXTS = Field(
    None,
    min_length=1,
    description="Texts that are no code, beside blank ones. Left out: NA, N/A, n/a, #N/A, <NA>, NaN, nan, NaT, None "
    "and the word that SQL has for no value. One empty text: none.",
)
