"""What can go wrong with loans."""

from datetime import date

from app.core.exceptions import ConflictError, NotFoundError


class LoanNotFoundError(NotFoundError):
    """There is no such loan, or it is none of the member's business."""

    code = "loan_not_found"

    def __init__(self, loan_id: int) -> None:
        super().__init__(f"There is no loan {loan_id}.")


class TooManyLoansError(ConflictError):
    """The member has as many books as a member can have."""

    code = "too_many_loans"

    def __init__(self, max_loans: int) -> None:
        super().__init__(f"A member can have {max_loans} books at a time.")


class HasOverdueLoanError(ConflictError):
    """The member has a book that should be back."""

    code = "has_overdue_loan"

    def __init__(self) -> None:
        super().__init__("A book that is overdue has to come back first.")


class AlreadyReturnedError(ConflictError):
    """The book is back already."""

    code = "already_returned"

    def __init__(self) -> None:
        super().__init__("The book is back already.")


class AlreadyRenewedError(ConflictError):
    """The loan was extended as often as a loan can be."""

    code = "already_renewed"

    def __init__(self) -> None:
        super().__init__("The loan was renewed as often as a loan can be.")


class LoanOverdueError(ConflictError):
    """The book should be back already."""

    code = "loan_overdue"

    def __init__(self, due_on: date) -> None:
        super().__init__(f"The book was due on {due_on}: it has to come back.")


class LoanChangedError(ConflictError):
    """The loan was renewed or the book came back, between looking at the loan and changing it."""

    code = "loan_changed"

    def __init__(self, loan_id: int) -> None:
        super().__init__(f"Loan {loan_id} has changed in the meantime: look at it again.")
