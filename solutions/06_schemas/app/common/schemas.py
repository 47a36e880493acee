"""What the requests and responses of several domain modules have in common."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

# One line with something to read in it: no control characters, of which PostgreSQL cannot store all, and none
# of the other characters that end a line (Unicode, 5.8: NEL, LS, PS).
_NOT_IN_A_LINE = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_LINE_PATTERN = rf"^[^{_NOT_IN_A_LINE}]*[^\s{_NOT_IN_A_LINE}][^{_NOT_IN_A_LINE}]*$"
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_LINE_PATTERN)
]

# The greatest number that fits an INTEGER column of every database.
MAX_INTEGER = 2**31 - 1


def _without_zero_fraction(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Stands last in Annotated, so that it runs before the limits are checked. To JSON, 2.0 is the number 2;
# "2" and true are no numbers, and stay refused.
WHOLE_NUMBER = BeforeValidator(_without_zero_fraction)


def not_given() -> Any:
    """Default of a field that may be left out of a request, and is then not among the fields set.

    Unlike a default of None it lets `null` mean something of its own, or be refused.
    """
    return Field(default_factory=lambda: None)


class RequestSchema(BaseModel):
    """A request's body. A field that is not known is an error: a misspelt one is not lost in silence."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ResponseSchema(BaseModel):
    """A response's body, which can be read from the attributes of a model."""

    model_config = ConfigDict(from_attributes=True)


class Page[Item](ResponseSchema):
    """A part of a longer list.

    Attributes:
        items: the part.
        total: how many items the whole list has.
        limit: the most items that the part may have.
        offset: how many items of the list come before the part.
    """

    items: list[Item]
    total: int
    limit: int
    offset: int
