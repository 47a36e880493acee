"""The table of loans."""

from datetime import date

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.common.models import Base


class Loan(Base):
    """One copy of a book with one member, now or in the past.

    Attributes:
        due_on: the last day on which it can come back in time.
        returned_on: the day it came back; None while it is out.
        renewals: how often its time was extended.
    """

    __tablename__ = "loans"

    # A book that leaves the collection takes its past loans along; while one is open it cannot leave.
    book_id: Mapped[int] = mapped_column(ForeignKey("books.id", ondelete="CASCADE"), index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    borrowed_on: Mapped[date]
    due_on: Mapped[date]
    returned_on: Mapped[date | None]
    renewals: Mapped[int] = mapped_column(default=0)

    def is_overdue(self, today: date) -> bool:
        """Tell whether it should have come back before this day."""
        return self.returned_on is None and self.due_on < today
