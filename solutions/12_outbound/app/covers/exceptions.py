"""What can go wrong with covers."""

from http import HTTPStatus

from app.core.exceptions import DomainError, NotFoundError


class CoverNotFoundError(NotFoundError):
    """The book has no cover."""

    code = "cover_not_found"

    def __init__(self, book_id: int) -> None:
        super().__init__(f"Book {book_id} has no cover.")


class CoverTooLargeError(DomainError):
    """The picture has too many bytes."""

    code = "cover_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"A cover has at most {max_bytes} bytes.")


class CoverTooSlowError(DomainError):
    """The picture takes too long to arrive."""

    code = "cover_too_slow"
    status = HTTPStatus.REQUEST_TIMEOUT

    def __init__(self, seconds: float) -> None:
        super().__init__(f"A cover arrives within {seconds:.0f} seconds.")


class NotAPictureError(DomainError):
    """The content is no picture of a kind that is kept here."""

    code = "not_a_picture"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE

    def __init__(self) -> None:
        super().__init__("A cover is a PNG, JPEG or WebP picture.")
