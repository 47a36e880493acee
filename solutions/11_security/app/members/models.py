"""The table of members."""

from enum import StrEnum

from sqlalchemy import Enum, String
from sqlalchemy.orm import Mapped, mapped_column

from app.common.models import Base


class Role(StrEnum):
    """What a member may do."""

    MEMBER = "member"
    """Borrow books."""
    STAFF = "staff"
    """Borrow books, and look after the collection and everybody's loans."""


def _values(roles: type[Role]) -> list[str]:
    return [role.value for role in roles]


class Member(Base):
    """A person who may borrow books.

    Attributes:
        email: in lower case; no two members have the same.
        password_hash: what `app.core.security.hash_password` made of the password.
    """

    __tablename__ = "members"

    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(
        Enum(Role, native_enum=False, length=16, values_callable=_values, create_constraint=True),
        default=Role.MEMBER,
    )
