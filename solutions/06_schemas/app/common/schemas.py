"""What the requests and responses of several domain modules have in common."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

# One line with something to read in it: no control characters, of which PostgreSQL cannot store all, and none
# of the other characters that end a line (Unicode, 5.8: NEL, LS, PS).
_NOT_IN_A_LINE = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_LINE_PATTERN = rf"^[^{_NOT_IN_A_LINE}]*[^\s{_NOT_IN_A_LINE}][^{_NOT_IN_A_LINE}]*$"
_LINE_OR_EMPTY_PATTERN = rf"^[^{_NOT_IN_A_LINE}]*$"
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_LINE_PATTERN)
]
LineOrEmpty = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200, pattern=_LINE_OR_EMPTY_PATTERN)
]

# The greatest number that fits an INTEGER column of every database.
MAX_INTEGER = 2**31 - 1


def _without_zero_fraction(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Stands last in Annotated, so that it runs before `Strict` and the limits. To JSON, 2.0 is the number 2; "2"
# and true are no numbers, and `Strict` refuses them. A schema that is strict as a whole refuses too much:
# FastAPI has read the JSON before, and the text of a date or a UUID does not pass for one any more.
WHOLE_NUMBER = BeforeValidator(_without_zero_fraction)


def not_given() -> Any:
    """Default of a field that may be left out of a request, and is then not among the fields set.

    Unlike a default of None it lets `null` mean something of its own, or be refused.
    """
    return Field(default_factory=lambda: None)


class RequestSchema(BaseModel):
    """A request's body. A field that is not known is an error: a misspelt one is not lost in silence."""

    model_config = ConfigDict(extra="forbid")


class ResponseSchema(BaseModel):
    """A response's body, which can be read from the attributes of a model. Every field is always sent."""

    model_config = ConfigDict(from_attributes=True, json_schema_serialization_defaults_required=True)


class Page[Item](ResponseSchema):
    """A part of a longer list."""

    items: list[Item]
    total: int = Field(description="How many items the whole list has.")
    limit: int = Field(description="The most items that the part may have.")
    offset: int = Field(description="How many items of the list come before the part.")
