"""What can go wrong with books."""

from app.core.exceptions import ConflictError, NotFoundError


class BookNotFoundError(NotFoundError):
    """There is no such book."""

    code = "book_not_found"

    def __init__(self, book_id: int) -> None:
        super().__init__(f"There is no book {book_id}.")


class DuplicateIsbnError(ConflictError):
    """The library has a book with this ISBN already."""

    code = "duplicate_isbn"

    def __init__(self, isbn: str) -> None:
        super().__init__(f"There is a book with the ISBN {isbn} already.")


class CopiesAreLentError(ConflictError):
    """Copies that should go are with members."""

    code = "copies_are_lent"

    def __init__(self, book_id: int) -> None:
        super().__init__(f"Copies of book {book_id} are lent: they have to come back first.")


class NoCopyLeftError(ConflictError):
    """All copies are lent."""

    code = "no_copy_left"

    def __init__(self, book_id: int) -> None:
        super().__init__(f"All copies of book {book_id} are lent.")
