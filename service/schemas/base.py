"""The base class of all requests."""

from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import CoreSchema

NULL = {"type": "null"}
ABOUT = (
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
)  # keys that are about a field, not about its values


class Message(BaseModel):
    """A request, or a part of one.

    An unknown field is an error, because it would have no effect, and so is a number that is not finite. Null stands
    for an optional field that is left out, as clients send that fill in all fields of a form.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, fields: Any) -> Any:
        """Drop the optional fields that are null."""
        if not isinstance(fields, dict) or all(value is not None for value in fields.values()):
            return fields
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {name: value for name, value in fields.items() if value is not None or name not in optional}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The JSON schema, in which every optional field of a request may be null."""
        made = handler(schema)
        if handler.mode == "validation":
            described = handler.resolve_ref_schema(made)
            required = described.get("required", [])
            for name, field in described.get("properties", {}).items():
                if name not in required and not _takes_null(field):
                    about = {key: field[key] for key in ABOUT if key in field}
                    values = {key: value for key, value in field.items() if key not in ABOUT}
                    described["properties"][name] = {"anyOf": [values, NULL], **about}
        return made


def _takes_null(field: JsonSchemaValue) -> bool:
    kinds = field.get("anyOf", [field])
    return NULL in kinds or not any(key not in ABOUT for key in field)
