"""What can go wrong with members."""

from http import HTTPStatus

from app.core.exceptions import ConflictError, DomainError, NotFoundError


class EmailTakenError(ConflictError):
    """Somebody has joined with this e-mail already."""

    code = "email_taken"

    def __init__(self) -> None:
        super().__init__("There is a member with this e-mail already.")


class WrongCredentialsError(DomainError):
    """No such member, or not the member's password: it does not say which."""

    code = "wrong_credentials"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__("The e-mail or the password is wrong.")


class NotLoggedInError(DomainError):
    """The token is missing, not valid, or no longer valid."""

    code = "not_logged_in"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__("Log in first, or again.")


class StaffOnlyError(DomainError):
    """Members cannot do this."""

    code = "staff_only"
    status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__("This is for the library's staff.")


class MemberNotFoundError(NotFoundError):
    """There is no such member."""

    code = "member_not_found"

    def __init__(self, email: str) -> None:
        super().__init__(f"There is no member with the e-mail {email}.")
