"""The table of books."""

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from app.common.models import Base


class Book(Base):
    """One edition, of which the library owns one or more copies.

    Attributes:
        isbn: ISBN-13, its 13 digits without hyphens; no two books have the same.
        year: of publication; None where it is not known.
        copies: how many copies the library owns.
        lent: how many of them are out at the moment.
    """

    __tablename__ = "books"
    __table_args__ = (CheckConstraint("lent >= 0 AND lent <= copies", name="lent_within_copies"),)

    isbn: Mapped[str] = mapped_column(String(13), unique=True)
    title: Mapped[str] = mapped_column(String(200), index=True)
    author: Mapped[str] = mapped_column(String(200))
    year: Mapped[int | None]
    copies: Mapped[int]
    lent: Mapped[int] = mapped_column(default=0)

    @property
    def available(self) -> int:
        """How many copies can be lent right now."""
        return self.copies - self.lent
