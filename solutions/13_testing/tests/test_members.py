"""Joining the library and proving it."""

import json
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
from anyio import to_thread
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.config import get_settings
from app.core.security import _NOBODYS_HASH, create_token
from app.members import promote
from tests.conftest import WEAK_HASHER, Headers
from tests.examples import PASSWORD

pytestmark = pytest.mark.anyio

ADA = {"email": "Ada@Example.org", "name": "Ada", "password": PASSWORD}


async def test_whoever_joins_is_a_member(client: httpx.AsyncClient) -> None:
    joined = await client.post("/members", json=ADA)

    assert joined.status_code == 201
    assert joined.headers["Location"] == "/members/me"
    assert joined.json() == {"id": 1, "email": "ada@example.org", "name": "Ada", "role": "member"}


async def test_an_e_mail_joins_once_however_it_is_written(client: httpx.AsyncClient) -> None:
    await client.post("/members", json=ADA)

    again = await client.post("/members", json=ADA | {"email": "ada@EXAMPLE.ORG"})

    assert (again.status_code, again.json()["code"]) == (409, "email_taken")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "ada"),
        ("email", "ada@example"),
        ("email", "ada @example.org"),
        ("email", "ada\n@example.org"),
        ("name", " "),
        ("password", "short"),
        ("password", "x" * 129),
        ("password", "\ud800" * 13),
        ("role", "staff"),
    ],
)
async def test_whoever_cannot_be_a_member_is_refused(
    client: httpx.AsyncClient, field: str, value: str
) -> None:
    # `json=` writes no half letters; a client of another kind does.
    content = json.dumps(ADA | {field: value})

    answer = await client.post("/members", content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code == 422
    assert [part["field"] for part in answer.json()["fields"]] == [f"body.{field}"]


async def test_a_log_in_with_half_a_letter_is_refused(client: httpx.AsyncClient) -> None:
    form = (
        b'--X\r\nContent-Disposition: form-data; name="username"\r\n\r\nada@example.org\r\n'
        b'--X\r\nContent-Disposition: form-data; name="password"\r\n\r\n\\ud800\r\n--X--\r\n'
    )
    headers = {"Content-Type": "multipart/form-data; boundary=X; charset=unicode_escape"}

    answer = await client.post("/members/token", content=form, headers=headers)

    assert answer.status_code == 422
    assert [part["field"] for part in answer.json()["fields"]] == ["body.password"]


async def test_a_refused_password_is_not_repeated(client: httpx.AsyncClient) -> None:
    answer = await client.post("/members", json=ADA | {"password": "seven77"})

    assert answer.status_code == 422
    assert "seven77" not in answer.text


async def test_a_member_who_logs_in_is_known(client: httpx.AsyncClient) -> None:
    await client.post("/members", json=ADA)
    token = await client.post("/members/token", data={"username": "ADA@example.org", "password": PASSWORD})

    me = await client.get("/members/me", headers={"Authorization": f"Bearer {token.json()['access_token']}"})

    assert (token.json()["token_type"], token.json()["expires_in"]) == ("bearer", 1800)
    assert token.headers["Cache-Control"] == "no-store"
    assert me.json()["name"] == "Ada"


async def test_a_wrong_password_and_an_unknown_member_get_the_same_answer(client: httpx.AsyncClient) -> None:
    await client.post("/members", json=ADA)

    wrong = await client.post("/members/token", data={"username": ADA["email"], "password": "wrong"})
    unknown = await client.post("/members/token", data={"username": "eve@example.org", "password": "wrong"})

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json()["code"] == "wrong_credentials"
    assert wrong.headers["WWW-Authenticate"] == "Bearer"


class WatchedHasher:
    """Hashes as all tests do, and remembers where that was, and what else was held meanwhile."""

    def __init__(self, connections_in_use: Callable[[], int]) -> None:
        self.verified = 0
        self.threads: set[threading.Thread] = set()
        self.connections = 0
        self._connections_in_use = connections_in_use

    def hash(self, password: str) -> str:
        self._look()
        return WEAK_HASHER.hash(password)

    def verify(self, password: str, stored: str) -> bool:
        self._look()
        self.verified += 1
        return WEAK_HASHER.verify(password, stored)

    def _look(self) -> None:
        self.threads.add(threading.current_thread())
        self.connections = max(self.connections, self._connections_in_use())


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch, connections_in_use: Callable[[], int]) -> WatchedHasher:
    hasher = WatchedHasher(connections_in_use)
    monkeypatch.setattr("app.core.security._hasher", hasher)
    return hasher


async def test_an_unknown_member_takes_as_much_work_as_a_wrong_password(
    client: httpx.AsyncClient, hasher: WatchedHasher
) -> None:
    await client.post("/members/token", data={"username": "eve@example.org", "password": PASSWORD})

    assert hasher.verified == 1


async def test_hashing_holds_neither_the_loop_nor_a_connection(
    client: httpx.AsyncClient, hasher: WatchedHasher
) -> None:
    await client.post("/members", json=ADA)
    await client.post("/members/token", data={"username": ADA["email"], "password": PASSWORD})

    assert hasher.verified == 1
    assert threading.current_thread() not in hasher.threads
    assert hasher.connections == 0


def test_passwords_are_hashed_as_owasp_recommends() -> None:
    # The one hash that was made before `quick_hashing` came.
    assert _NOBODYS_HASH.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def claims(**changes: object) -> dict[str, object]:
    now = datetime.now(UTC)
    return {"sub": "1", "iat": now, "exp": now + timedelta(minutes=5)} | changes


async def test_a_token_ends(client: httpx.AsyncClient, member: Headers) -> None:
    key = get_settings().secret_key.get_secret_value()
    headers = {"Authorization": f"Bearer {create_token(1, key, timedelta(seconds=-1))}"}

    assert (await client.get("/members/me", headers=member)).status_code == 200
    assert (await client.get("/members/me", headers=headers)).status_code == 401


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize(
    "token",
    [
        "not-a-token",
        jwt.encode(claims(), "another-key-of-the-right-length-000"),
        jwt.encode(claims(), None, algorithm="none"),
    ],
    ids=["text", "another key", "no signature"],
)
async def test_a_token_made_elsewhere_is_worth_nothing(client: httpx.AsyncClient, token: str) -> None:
    answer = await client.get("/members/me", headers={"Authorization": f"Bearer {token}"})

    assert (answer.status_code, answer.json()["code"]) == (401, "not_logged_in")


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize("changes", [{"sub": "someone"}, {"sub": "77"}, {"exp": None}, {"sub": None}])
async def test_a_token_without_a_member_or_an_end_is_worth_nothing(
    client: httpx.AsyncClient, changes: dict[str, object]
) -> None:
    kept = {name: value for name, value in claims(**changes).items() if value is not None}
    token = jwt.encode(kept, get_settings().secret_key.get_secret_value())

    answer = await client.get("/members/me", headers={"Authorization": f"Bearer {token}"})

    assert (answer.status_code, answer.json()["code"]) == (401, "not_logged_in")


async def test_the_database_knows_the_roles(app: FastAPI) -> None:
    async with app.state.session_factory() as session:
        with pytest.raises(IntegrityError, match="role"):
            await session.execute(
                text("INSERT INTO members (email, name, password_hash, role) VALUES ('a', 'b', 'c', 'king')")
            )


async def test_the_documentation_logs_in_behind_a_prefix(client: httpx.AsyncClient) -> None:
    """An absolute path would leave out what `--root-path` says: this one is seen from the documentation."""
    (scheme,) = (await client.get("/openapi.json")).json()["components"]["securitySchemes"].values()

    assert scheme["flows"]["password"]["tokenUrl"] == "members/token"


async def test_a_member_becomes_staff_on_the_command_line(
    client: httpx.AsyncClient, join: Callable[[str], Awaitable[Headers]]
) -> None:
    headers = await join("ada")

    said = await promote.promote("ADA@example.org")

    assert said == "ada (ada@example.org) is now a part of the staff."
    assert (await client.get("/members/me", headers=headers)).json()["role"] == "staff"


def test_the_command_line_says_what_is_wrong() -> None:
    assert promote.main([]) == "usage: python -m app.members.promote E-MAIL"
    assert promote.main(["nobody@example.org"]) == "There is no member with the e-mail nobody@example.org."


@pytest.mark.usefixtures("member")
async def test_the_command_line_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    refused = await to_thread.run_sync(promote.main, ["mary@example.org"])

    assert refused is None
    assert capsys.readouterr().out == "mary (mary@example.org) is now a part of the staff.\n"
