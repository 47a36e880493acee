"""Make a member a part of the staff: `python -m app.members.promote ada@example.org`.

The first librarian has nobody who could do it over HTTP, so this works on the database of the settings.
"""

import asyncio
import sys

from app.core.config import get_settings
from app.core.database import make_session_factory, open_engine
from app.core.exceptions import DomainError
from app.members.repository import MemberRepository
from app.members.service import MemberService


async def promote(email: str) -> str:
    """Promote the member with this e-mail, and tell what happened.

    Raises:
        MemberNotFoundError: nobody has joined with it.
    """
    settings = get_settings()
    async with open_engine(settings.database_url) as engine, make_session_factory(engine)() as session:
        member = await MemberService(session, MemberRepository(session), settings).promote(email)
    return f"{member.name} ({member.email}) is now a part of the staff."


def main(arguments: list[str]) -> str | None:
    """Do what the command line asks; a text means that it could not be done."""
    if len(arguments) != 1:
        return "usage: python -m app.members.promote E-MAIL"
    try:
        sys.stdout.write(asyncio.run(promote(arguments[0])) + "\n")
    except DomainError as error:
        return error.message
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
