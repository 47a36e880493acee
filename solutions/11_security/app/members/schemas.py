"""What requests and responses about members hold."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr, StringConstraints

from app.common.schemas import Line, RequestSchema, ResponseSchema
from app.members.models import Role

# Whether an address exists, only a message to it can tell: this keeps out what cannot be one.
Email = Annotated[
    str,
    StringConstraints(to_lower=True, max_length=254, pattern=r"^[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+$"),
    Field(examples=["ada@example.org"]),
]


def _hashable(password: SecretStr) -> SecretStr:
    """Refuse half a surrogate pair: JSON can spell it, but it is no letter and has no bytes to hash."""
    try:
        password.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("A password is made of whole characters.") from None
    return password


# A limit, so that nobody has a novel hashed.
AnyPassword = Annotated[SecretStr, Field(max_length=128), AfterValidator(_hashable)]
NewPassword = Annotated[AnyPassword, Field(min_length=12)]


class MemberCreate(RequestSchema):
    """A person who joins the library."""

    email: Email
    name: Line
    password: NewPassword


class MemberRead(ResponseSchema):
    """A member as the member may see it."""

    id: int
    email: str
    name: str
    role: Role


class Credentials(BaseModel):
    """The form of a log-in, named as in OAuth 2.0 (RFC 6749, 4.3.2): the user name is the e-mail."""

    username: Email
    password: AnyPassword


class Token(ResponseSchema):
    """What a member shows from now on, in the header `Authorization: Bearer …`."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 (no password, but a kind of token)
    expires_in: int = Field(description="For how many seconds the token is valid.")
