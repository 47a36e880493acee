"""What requests and responses about members hold."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, StringConstraints

from app.common.schemas import Line, RequestSchema, ResponseSchema
from app.members.models import Role

# Whether an address exists, only a message to it can tell: this keeps out what cannot be one.
Email = Annotated[
    str,
    StringConstraints(to_lower=True, max_length=254, pattern=r"^[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+$"),
    Field(examples=["ada@example.org"]),
]
# At least 12 characters, and a limit so that nobody has a novel hashed.
Password = Annotated[SecretStr, Field(min_length=12, max_length=128)]


class MemberCreate(RequestSchema):
    """A person who joins the library."""

    email: Email
    name: Line
    password: Password


class MemberRead(ResponseSchema):
    """A member as the member may see it."""

    id: int
    email: str
    name: str
    role: Role


class Credentials(BaseModel):
    """The form of a log-in, named as in OAuth 2.0 (RFC 6749, 4.3.2): the user name is the e-mail."""

    username: Email
    password: Annotated[SecretStr, Field(max_length=128)]


class Token(ResponseSchema):
    """What a member shows from now on, in the header `Authorization: Bearer …`.

    Attributes:
        expires_in: for how many seconds the token is valid.
    """

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 (no password, but a kind of token)
    expires_in: int
