"""A hundred people want the same thing at the same moment."""

import asyncio
import random
from collections import Counter

import httpx
import pytest
from proofs.surroundings import Library
from sqlalchemy import func, select

pytestmark = pytest.mark.anyio

CROWD = 100


def counted(answers: list[httpx.Response]) -> dict[int, int]:
    return dict(Counter(int(answer.status_code) for answer in answers))


async def borrow(library: Library, book_id: int, headers: dict[str, str]) -> httpx.Response:
    return await library.client.post("/loans", json={"book_id": book_id}, headers=headers)


@pytest.mark.parametrize("copies", [1, 7])
async def test_the_last_copies_are_lent_once(library: Library, copies: int) -> None:
    book_id = await library.add_book(copies)
    people = await library.add_people(CROWD)

    answers = await asyncio.gather(*(borrow(library, book_id, person) for person in people))

    assert counted(answers) == {201: copies, 409: CROWD - copies}
    assert await library.available(book_id) == 0


async def test_an_isbn_comes_into_the_collection_once(library: Library) -> None:
    (staff,) = await library.add_people(1, staff=True)
    book = {"isbn": "9780306406157", "title": "Emma", "author": "Jane Austen"}

    answers = await asyncio.gather(
        *(library.client.post("/books", json=book, headers=staff) for _ in range(CROWD))
    )

    assert counted(answers) == {201: 1, 409: CROWD - 1}
    assert (await library.client.get("/books")).json()["total"] == 1


async def test_a_book_comes_back_once(library: Library) -> None:
    book_id = await library.add_book(copies=3)
    first, second = await library.add_people(2)
    loan = (await borrow(library, book_id, first)).json()["id"]
    await borrow(library, book_id, second)

    answers = await asyncio.gather(
        *(library.client.post(f"/loans/{loan}/return", headers=first) for _ in range(CROWD))
    )

    assert counted(answers) == {200: 1, 409: CROWD - 1}
    assert await library.available(book_id) == 2


async def test_a_loan_is_renewed_once(library: Library) -> None:
    book_id = await library.add_book()
    (person,) = await library.add_people(1)
    loan = (await borrow(library, book_id, person)).json()

    answers = await asyncio.gather(
        *(library.client.post(f"/loans/{loan['id']}/renewal", headers=person) for _ in range(CROWD))
    )

    assert counted(answers) == {200: 1, 409: CROWD - 1}
    assert (await library.client.get(f"/loans/{loan['id']}", headers=person)).json()["renewals"] == 1


async def test_a_member_never_has_more_than_three_books(library: Library) -> None:
    books = [await library.add_book() for _ in range(CROWD)]
    (person,) = await library.add_people(1)

    answers = await asyncio.gather(*(borrow(library, book_id, person) for book_id in books))

    assert counted(answers) == {201: 3, 409: CROWD - 3}
    assert sum([await library.available(book_id) for book_id in books]) == CROWD - 3


async def test_a_book_is_either_lent_or_deleted(library: Library) -> None:
    book_id = await library.add_book()
    people = await library.add_people(CROWD // 2)
    (staff,) = await library.add_people(1, staff=True)

    borrowed, deleted = [], []
    async with asyncio.TaskGroup() as together:
        for person in people:
            borrowed.append(together.create_task(borrow(library, book_id, person)))
            deleted.append(together.create_task(library.client.delete(f"/books/{book_id}", headers=staff)))

    lent = counted([task.result() for task in borrowed]).get(201, 0)
    gone = counted([task.result() for task in deleted]).get(204, 0)
    assert (lent, gone) in {(1, 0), (0, 1)}
    assert {task.result().status_code for task in borrowed + deleted} <= {201, 204, 404, 409}


async def test_in_a_storm_the_books_and_the_loans_agree(library: Library) -> None:
    from app.books.models import Book
    from app.loans.models import Loan

    choose = random.Random(11)
    books = [await library.add_book(copies=choose.randint(1, 3)) for _ in range(5)]
    people = await library.add_people(20)
    (staff,) = await library.add_people(1, staff=True)

    async def act() -> int:
        person = choose.choice(people)
        action = choose.choice(["borrow", "borrow", "return", "return", "renew", "shrink"])
        if action == "borrow":
            return (await borrow(library, choose.choice(books), person)).status_code
        if action == "shrink":
            path, change = f"/books/{choose.choice(books)}", {"copies": choose.randint(1, 3)}
            return (await library.client.patch(path, json=change, headers=staff)).status_code
        loans = (await library.client.get("/loans", headers=person)).json()["items"]
        if not loans:
            return 200
        path = f"/loans/{choose.choice(loans)['id']}/{'return' if action == 'return' else 'renewal'}"
        return (await library.client.post(path, headers=person)).status_code

    statuses = await asyncio.gather(*(act() for _ in range(3 * CROWD)))

    assert set(statuses) <= {200, 201, 409}
    assert {200, 201, 409} <= set(statuses)
    async with library.app.state.session_factory() as session:
        for book in await session.scalars(select(Book)):
            open_loans = select(func.count()).where(Loan.book_id == book.id, Loan.returned_on.is_(None))
            assert await session.scalar(open_loans) == book.lent <= book.copies
