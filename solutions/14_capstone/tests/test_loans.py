"""Borrowing, renewing and returning."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.clock import get_clock, today
from app.loans.models import Loan
from app.loans.repository import LoanRepository
from tests.conftest import AddBook, Headers

pytestmark = pytest.mark.anyio

type Borrow = Callable[..., Awaitable[httpx.Response]]


class Calendar:
    """A clock that goes on when a test says so."""

    def __init__(self) -> None:
        self.day = date(2026, 3, 2)

    def pass_days(self, days: int) -> None:
        self.day += timedelta(days=days)

    def __call__(self) -> date:
        return self.day


@pytest.fixture(autouse=True)
def calendar(app: FastAPI) -> Calendar:
    calendar = Calendar()
    app.dependency_overrides[get_clock] = lambda: calendar
    return calendar


@pytest.fixture
def borrow(client: httpx.AsyncClient, member: Headers, add_book: AddBook) -> Borrow:
    """Borrow a book, or a new one."""

    async def borrow(book: dict[str, Any] | None = None, headers: Headers = member) -> httpx.Response:
        book = book or await add_book()
        return await client.post("/loans", json={"book_id": book["id"]}, headers=headers)

    return borrow


async def available(client: httpx.AsyncClient, book: dict[str, Any]) -> int:
    return int((await client.get(f"/books/{book['id']}")).json()["available"])


# -- borrowing -----------------------------------------------------------------------------------------------


async def test_a_borrowed_book_is_due_in_fourteen_days(
    client: httpx.AsyncClient, member: Headers, add_book: AddBook, borrow: Borrow
) -> None:
    book = await add_book(copies=2)

    lent = await borrow(book)

    assert lent.status_code == 201
    assert lent.json() == {
        "id": lent.json()["id"],
        "book_id": book["id"],
        "member_id": (await client.get("/members/me", headers=member)).json()["id"],
        "borrowed_on": "2026-03-02",
        "due_on": "2026-03-16",
        "returned_on": None,
        "renewals": 0,
    }
    assert (await client.get(lent.headers["Location"], headers=member)).json() == lent.json()
    assert await available(client, book) == 1


async def test_the_last_copy_is_lent_once(
    client: httpx.AsyncClient, add_book: AddBook, borrow: Borrow
) -> None:
    book = await add_book(copies=1)

    answers = [await borrow(book), await borrow(book)]

    assert [answer.status_code for answer in answers] == [201, 409]
    assert answers[1].json()["code"] == "no_copy_left"
    assert await available(client, book) == 0


async def test_the_last_copy_is_lent_once_also_when_many_want_it_at_a_time(
    join: Callable[[str], Awaitable[Headers]], add_book: AddBook, borrow: Borrow
) -> None:
    book = await add_book(copies=1)
    people = [await join(f"reader{number}") for number in range(8)]

    answers = await asyncio.gather(*(borrow(book, headers) for headers in people))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


async def test_a_member_has_three_books_at_a_time(borrow: Borrow) -> None:
    answers = [await borrow() for _ in range(4)]

    assert [answer.status_code for answer in answers] == [201, 201, 201, 409]
    assert answers[3].json()["code"] == "too_many_loans"


async def test_a_member_has_three_books_also_when_asking_for_many_at_a_time(
    add_book: AddBook, borrow: Borrow
) -> None:
    books = [await add_book() for _ in range(8)]

    answers = await asyncio.gather(*(borrow(book) for book in books))

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5


async def test_a_wish_that_is_refused_leaves_the_copy(
    client: httpx.AsyncClient, add_book: AddBook, borrow: Borrow
) -> None:
    for _ in range(3):
        await borrow()
    book = await add_book(copies=1)

    await borrow(book)

    assert await available(client, book) == 1


async def test_whoever_has_an_overdue_book_gets_no_other(borrow: Borrow, calendar: Calendar) -> None:
    await borrow()

    calendar.pass_days(14)
    on_the_due_day = await borrow()
    calendar.pass_days(1)
    a_day_late = await borrow()

    assert on_the_due_day.status_code == 201
    assert (a_day_late.status_code, a_day_late.json()["code"]) == (409, "has_overdue_loan")


async def test_a_late_book_that_is_back_is_forgiven(
    client: httpx.AsyncClient, member: Headers, borrow: Borrow, calendar: Calendar
) -> None:
    lent = await borrow()
    calendar.pass_days(30)
    returned = await client.post(f"/loans/{lent.json()['id']}/return", headers=member)

    assert returned.json()["returned_on"] == "2026-04-01"
    assert (await borrow()).status_code == 201


async def test_a_book_that_is_not_there_cannot_be_borrowed(borrow: Borrow) -> None:
    answer = await borrow({"id": 77})

    assert (answer.status_code, answer.json()["code"]) == (404, "book_not_found")


@pytest.mark.parametrize(
    "wish", [{}, {"book_id": 0}, {"book_id": 2**31}, {"book_id": "1"}, {"book_id": True}]
)
async def test_a_wish_that_is_not_valid_is_refused(
    client: httpx.AsyncClient, member: Headers, wish: dict[str, object]
) -> None:
    assert (await client.post("/loans", json=wish, headers=member)).status_code == 422


# -- returning -----------------------------------------------------------------------------------------------


async def test_a_returned_book_can_be_borrowed_again(
    client: httpx.AsyncClient, member: Headers, add_book: AddBook, borrow: Borrow
) -> None:
    book = await add_book(copies=1)
    lent = await borrow(book)

    returned = await client.post(f"/loans/{lent.json()['id']}/return", headers=member)

    assert returned.status_code == 200
    assert returned.json() == lent.json() | {"returned_on": "2026-03-02"}
    assert (await borrow(book)).status_code == 201


async def test_a_book_comes_back_once(
    client: httpx.AsyncClient, member: Headers, add_book: AddBook, borrow: Borrow
) -> None:
    book = await add_book(copies=2)
    lent = await borrow(book)
    await borrow(book)

    path = f"/loans/{lent.json()['id']}/return"
    answers = await asyncio.gather(*(client.post(path, headers=member) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    assert {answer.json()["code"] for answer in answers if answer.is_error} == {"already_returned"}
    assert await available(client, book) == 1


# -- renewing ------------------------------------------------------------------------------------------------


async def test_a_loan_is_renewed_once(client: httpx.AsyncClient, member: Headers, borrow: Borrow) -> None:
    lent = (await borrow()).json()

    first = await client.post(f"/loans/{lent['id']}/renewal", headers=member)
    second = await client.post(f"/loans/{lent['id']}/renewal", headers=member)

    assert first.json() == lent | {"due_on": "2026-03-30", "renewals": 1}
    assert (second.status_code, second.json()["code"]) == (409, "already_renewed")


async def test_a_loan_is_renewed_once_also_when_asked_many_times_at_a_time(
    client: httpx.AsyncClient, member: Headers, borrow: Borrow
) -> None:
    path = f"/loans/{(await borrow()).json()['id']}/renewal"

    answers = await asyncio.gather(*(client.post(path, headers=member) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    refusals = {answer.json()["code"] for answer in answers if answer.is_error}
    assert refusals <= {"already_renewed", "loan_changed"}


async def test_a_book_that_comes_back_in_the_middle_of_a_renewal_is_not_renewed(
    client: httpx.AsyncClient, member: Headers, borrow: Borrow, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/loans/{(await borrow()).json()['id']}"
    extend = LoanRepository.extend

    async def extend_too_late(loans: LoanRepository, loan: Loan, due_on: date) -> Loan | None:
        await client.post(f"{path}/return", headers=member)
        return await extend(loans, loan, due_on)

    monkeypatch.setattr(LoanRepository, "extend", extend_too_late)

    answer = await client.post(f"{path}/renewal", headers=member)

    assert (answer.status_code, answer.json()["code"]) == (409, "loan_changed")
    assert (await client.get(path, headers=member)).json()["renewals"] == 0


@pytest.mark.parametrize(("days", "status"), [(14, 200), (15, 409)])
async def test_an_overdue_loan_is_not_renewed(  # noqa: PLR0913, PLR0917
    client: httpx.AsyncClient, member: Headers, borrow: Borrow, calendar: Calendar, days: int, status: int
) -> None:
    lent = (await borrow()).json()
    calendar.pass_days(days)

    answer = await client.post(f"/loans/{lent['id']}/renewal", headers=member)

    assert answer.status_code == status
    assert answer.json().get("code") in {None, "loan_overdue"}


async def test_a_returned_book_is_not_renewed(
    client: httpx.AsyncClient, member: Headers, borrow: Borrow
) -> None:
    lent = (await borrow()).json()
    await client.post(f"/loans/{lent['id']}/return", headers=member)

    answer = await client.post(f"/loans/{lent['id']}/renewal", headers=member)

    assert (answer.status_code, answer.json()["code"]) == (409, "already_returned")


# -- whose loans ---------------------------------------------------------------------------------------------


async def test_members_see_their_own_loans(
    client: httpx.AsyncClient, member: Headers, join: Callable[[str], Awaitable[Headers]], borrow: Borrow
) -> None:
    other = await join("oscar")
    mine = [(await borrow()).json()["id"] for _ in range(2)]
    await borrow(headers=other)

    page = (await client.get("/loans", params={"limit": 1}, headers=member)).json()

    assert [loan["id"] for loan in page["items"]] == mine[:0:-1]
    assert page["total"] == 2


@pytest.mark.parametrize(("method", "action"), [("GET", ""), ("POST", "/return"), ("POST", "/renewal")])
async def test_nobody_reaches_another_members_loan_but_the_staff(  # noqa: PLR0913, PLR0917
    client: httpx.AsyncClient,
    staff: Headers,
    join: Callable[[str], Awaitable[Headers]],
    borrow: Borrow,
    method: str,
    action: str,
) -> None:
    path = f"/loans/{(await borrow()).json()['id']}{action}"
    other = await join("oscar")

    assert (await client.request(method, path)).status_code == 401
    refused = await client.request(method, path, headers=other)
    assert (refused.status_code, refused.json()["code"]) == (404, "loan_not_found")
    assert (await client.request(method, path, headers=staff)).status_code == 200


# -- loans and the collection --------------------------------------------------------------------------------


async def test_a_lent_book_stays_in_the_collection(
    client: httpx.AsyncClient, staff: Headers, add_book: AddBook, borrow: Borrow
) -> None:
    book = await add_book(copies=2)
    await borrow(book)

    deleted = await client.delete(f"/books/{book['id']}", headers=staff)

    assert (deleted.status_code, deleted.json()["code"]) == (409, "copies_are_lent")
    assert await available(client, book) == 1


@pytest.mark.parametrize(("copies", "status"), [(1, 409), (2, 200)])
async def test_a_book_has_as_many_copies_as_are_lent(  # noqa: PLR0913, PLR0917
    client: httpx.AsyncClient, staff: Headers, add_book: AddBook, borrow: Borrow, copies: int, status: int
) -> None:
    book = await add_book(copies=3)
    await borrow(book)
    await borrow(book)

    changed = await client.patch(f"/books/{book['id']}", json={"copies": copies}, headers=staff)

    assert changed.status_code == status
    assert changed.json().get("code") in {None, "copies_are_lent"}


async def test_a_book_leaves_with_its_past_loans(
    client: httpx.AsyncClient, member: Headers, staff: Headers, add_book: AddBook, borrow: Borrow
) -> None:
    book = await add_book()
    lent = (await borrow(book)).json()
    await client.post(f"/loans/{lent['id']}/return", headers=member)

    deleted = await client.delete(f"/books/{book['id']}", headers=staff)

    assert deleted.status_code == 204
    assert (await client.get(f"/loans/{lent['id']}", headers=member)).status_code == 404


async def test_the_clock_of_the_service_shows_today() -> None:
    assert (await get_clock()) is today
    assert abs(today() - date.today()) <= timedelta(days=1)  # noqa: DTZ011 (the zone of this machine is any)
