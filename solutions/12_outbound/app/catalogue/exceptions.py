"""What can go wrong with the outside catalogue."""

from http import HTTPStatus

from app.core.exceptions import DomainError, NotFoundError


class EntryNotFoundError(NotFoundError):
    """The outside catalogue does not know the book."""

    code = "entry_not_found"

    def __init__(self, isbn: str) -> None:
        super().__init__(f"The outside catalogue knows no book with the ISBN {isbn}.")


class CatalogueTooSlowError(DomainError):
    """The outside catalogue did not answer in time."""

    code = "catalogue_too_slow"
    status = HTTPStatus.GATEWAY_TIMEOUT

    def __init__(self) -> None:
        super().__init__("The outside catalogue did not answer in time.")


class CatalogueFailedError(DomainError):
    """The outside catalogue cannot be reached, fails, or has moved."""

    code = "catalogue_failed"
    status = HTTPStatus.BAD_GATEWAY

    def __init__(self) -> None:
        super().__init__("The outside catalogue cannot be asked at the moment.")


class CatalogueNotUnderstoodError(DomainError):
    """The outside catalogue answered something else than was agreed."""

    code = "catalogue_not_understood"
    status = HTTPStatus.BAD_GATEWAY

    def __init__(self) -> None:
        super().__init__("The outside catalogue gave an answer that makes no sense here.")
