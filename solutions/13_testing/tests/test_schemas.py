"""What the bodies of all requests have in common."""

from datetime import date
from typing import Annotated
from uuid import UUID

import pytest
from pydantic import Strict, ValidationError

from app.common.schemas import WHOLE_NUMBER, RequestSchema
from app.members.models import Role


class Visit(RequestSchema):
    """A request as a team may need one next."""

    day: date
    role: Role
    ticket: UUID
    shelves: tuple[str, str]
    people: Annotated[int, Strict(), WHOLE_NUMBER] = 1


VISIT = {
    "day": "2026-03-02",
    "role": "staff",
    "ticket": "8c5ff1bb-8b4e-4a0a-9f6e-0d6f0f3f3c58",
    "shelves": ["A", "B"],
}


def test_what_json_writes_as_text_or_list_is_read() -> None:
    visit = Visit.model_validate(VISIT)

    assert (visit.day, visit.role, visit.shelves) == (date(2026, 3, 2), Role.STAFF, ("A", "B"))


@pytest.mark.parametrize("people", ["2", True, 2.5, None])
def test_what_is_no_number_is_refused(people: object) -> None:
    with pytest.raises(ValidationError, match="people"):
        Visit.model_validate(VISIT | {"people": people})


def test_a_field_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValidationError, match="poeple"):
        Visit.model_validate(VISIT | {"poeple": 2})
