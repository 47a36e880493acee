"""Passwords and tokens: what is stored instead of a password, and what a member shows instead of it."""

import os
import secrets
from datetime import UTC, datetime, timedelta

import jwt
from anyio import CapacityLimiter, to_thread
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

ALGORITHM = "HS256"

# Argon2id with 19 MiB, two passes and one lane: OWASP, "Password Storage Cheat Sheet".
_hasher = PasswordHash((Argon2Hasher(memory_cost=19 * 1024, time_cost=2, parallelism=1),))
# Hashing keeps a processor busy: at most half of them hash at a time, and the event loop has its turn.
_hashing_threads = CapacityLimiter(max(1, (os.cpu_count() or 1) // 2))
# Stands for the password of a member who does not exist. Nobody knows the text that it was made of.
_NOBODYS_HASH = _hasher.hash(secrets.token_urlsafe())


class BadTokenError(Exception):
    """The token was not made here, was changed, or is no longer valid."""


async def hash_password(password: str) -> str:
    """Give the text to store instead of the password."""
    return await to_thread.run_sync(_hasher.hash, password, limiter=_hashing_threads)


async def verify_password(password: str, stored: str | None) -> bool:
    """Tell whether the password is the one whose hash was stored.

    With nothing stored (None) the answer is False after the same time: whoever measures it does not
    learn whether a member exists.
    """
    matches = await to_thread.run_sync(
        _hasher.verify, password, stored or _NOBODYS_HASH, limiter=_hashing_threads
    )
    return matches and stored is not None


def create_token(subject: int, key: str, lifetime: timedelta) -> str:
    """Make a token for the member with this id, signed with the key, valid from now for the given time."""
    now = datetime.now(UTC)
    return jwt.encode({"sub": str(subject), "iat": now, "exp": now + lifetime}, key, ALGORITHM)


def read_token(token: str, key: str) -> int:
    """Give the id of the member for whom the token was made.

    Raises:
        BadTokenError: it is not signed with this key, is out of date, or names no member.
    """
    try:
        claims = jwt.decode(token, key, algorithms=[ALGORITHM], options={"require": ["sub", "exp"]})
        return int(claims["sub"])
    except (jwt.InvalidTokenError, ValueError) as error:
        raise BadTokenError from error
