"""What can go wrong in the domain's own words. Nothing here or in a service knows the web framework."""

from http import HTTPStatus
from typing import ClassVar


class DomainError(Exception):
    """A rule of the library stands against what was asked.

    Subclasses say which by `code`, a word for machines that never changes, and `status`, the kind of
    error in HTTP's terms, which everybody knows.

    Attributes:
        message: the sentence for people. It can be shown to whoever asked.
    """

    code: ClassVar[str]
    status: ClassVar[HTTPStatus]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFoundError(DomainError):
    """What was asked for does not exist."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND


class ConflictError(DomainError):
    """What was asked for does not go together with how things are now."""

    code = "conflict"
    status = HTTPStatus.CONFLICT
