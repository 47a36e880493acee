"""The collection of books."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from tests.conftest import AddBook, Headers
from tests.examples import a_book

pytestmark = pytest.mark.anyio


async def test_a_new_book_can_be_read_where_the_answer_says(
    client: httpx.AsyncClient, staff: Headers
) -> None:
    created = await client.post("/books", json=a_book(isbn="978-0-306-40615-7"), headers=staff)
    read = await client.get(created.headers["Location"])

    assert created.status_code == 201
    assert created.json() == read.json()
    assert read.json() == {
        "id": created.json()["id"],
        "isbn": "9780306406157",
        "title": "Emma",
        "author": "Jane Austen",
        "year": 1815,
        "copies": 2,
        "available": 2,
    }


async def test_year_and_copies_can_be_left_out(client: httpx.AsyncClient, staff: Headers) -> None:
    book = {key: value for key, value in a_book().items() if key not in {"year", "copies"}}

    created = (await client.post("/books", json=book, headers=staff)).json()

    assert (created["year"], created["copies"]) == (None, 1)


async def test_an_isbn_comes_into_the_collection_once(
    client: httpx.AsyncClient, staff: Headers, add_book: AddBook
) -> None:
    await add_book(isbn="9780306406157")

    again = await client.post("/books", json=a_book(isbn="978-0-306-40615-7"), headers=staff)

    assert (again.status_code, again.json()["code"]) == (409, "duplicate_isbn")
    assert (await client.get("/books")).json()["total"] == 1


async def test_an_isbn_comes_into_the_collection_once_also_when_many_bring_it_at_a_time(
    client: httpx.AsyncClient, staff: Headers
) -> None:
    book = a_book()

    answers = await asyncio.gather(*(client.post("/books", json=book, headers=staff) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("isbn", "9780306406158"),
        ("title", ""),
        ("title", "   "),
        ("title", "nul\x00"),
        ("title", "two\nlines"),
        ("title", "two\x85lines"),
        ("title", "two\u2028lines"),
        ("title", "two\u2029lines"),
        ("title", "x" * 201),
        ("author", None),
        ("year", 0),
        ("year", "1815"),
        ("copies", 0),
        ("copies", 2**40),
        ("shelf", "misspelt or not known"),
    ],
)
async def test_a_book_that_is_not_valid_is_refused(
    client: httpx.AsyncClient, staff: Headers, field: str, value: object
) -> None:
    answer = await client.post("/books", json=a_book() | {field: value}, headers=staff)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [part["field"] for part in answer.json()["fields"]] == [f"body.{field}"]


async def test_a_number_may_be_written_with_a_fraction_of_zero(add_book: AddBook) -> None:
    assert (await add_book(copies=2.0))["copies"] == 2


async def test_white_space_around_a_title_is_dropped(add_book: AddBook) -> None:
    assert (await add_book(title="  Emma "))["title"] == "Emma"


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_a_book_that_is_not_there_is_not_found(
    client: httpx.AsyncClient, staff: Headers, method: str
) -> None:
    answer = await client.request(
        method, "/books/77", json={"title": "x"} if method == "PATCH" else None, headers=staff
    )

    assert (answer.status_code, answer.json()["code"]) == (404, "book_not_found")


@pytest.mark.parametrize("book_id", ["0", "-1", str(2**31), str(2**70), "emma"])
async def test_what_cannot_be_a_key_is_refused(client: httpx.AsyncClient, book_id: str) -> None:
    assert (await client.get(f"/books/{book_id}")).status_code == 422


# -- search and pages ----------------------------------------------------------------------------------------


async def test_books_are_listed_by_title(client: httpx.AsyncClient, add_book: AddBook) -> None:
    for title in ("Persuasion", "Emma", "Northanger Abbey"):
        await add_book(title=title)

    page = (await client.get("/books")).json()

    assert [book["title"] for book in page["items"]] == ["Emma", "Northanger Abbey", "Persuasion"]
    assert (page["total"], page["limit"], page["offset"]) == (3, 20, 0)


async def test_pages_together_are_the_whole_list_also_where_titles_are_equal(
    client: httpx.AsyncClient, add_book: AddBook
) -> None:
    added = {(await add_book(title="Poems"))["id"] for _ in range(7)}

    pages = [
        (await client.get("/books", params={"limit": 3, "offset": offset})).json() for offset in (0, 3, 6)
    ]

    assert [len(page["items"]) for page in pages] == [3, 3, 1]
    assert {book["id"] for page in pages for book in page["items"]} == added
    assert {page["total"] for page in pages} == {7}


async def test_equal_titles_have_an_order_on_every_database(app: FastAPI, client: httpx.AsyncClient) -> None:
    """SQLite gives them in the order of their keys also unasked; PostgreSQL does not."""
    asked: list[str] = []
    event.listen(app.state.engine.sync_engine, "before_cursor_execute", lambda *args: asked.append(args[2]))

    await client.get("/books")

    assert any("ORDER BY books.title, books.id" in statement for statement in asked)


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("emma", ["Emma"]),
        ("AUSTEN", ["Emma", "Persuasion"]),
        ("%", ["100% Wool"]),
        ("_", ["snake_case"]),
        ("nothing like it", []),
        (" ", ["100% Wool", "Emma", "Persuasion", "snake_case"]),
        ("", ["100% Wool", "Emma", "Persuasion", "snake_case"]),
    ],
)
async def test_search_looks_at_titles_and_authors(
    client: httpx.AsyncClient, add_book: AddBook, text: str, titles: list[str]
) -> None:
    await add_book(title="Emma")
    await add_book(title="Persuasion")
    await add_book(title="100% Wool", author="B. Knitter")
    await add_book(title="snake_case", author="G. Rossum")

    page = (await client.get("/books", params={"q": text})).json()

    assert [book["title"] for book in page["items"]] == titles
    assert page["total"] == len(titles)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "offset=-1", f"offset={2**70}", "q=%00", f"q={'x' * 201}"]
)
async def test_a_list_that_cannot_be_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/books?{query}")).status_code == 422


# -- changes -------------------------------------------------------------------------------------------------


async def test_only_what_is_given_changes(
    client: httpx.AsyncClient, staff: Headers, add_book: AddBook
) -> None:
    book = await add_book()

    changed = await client.patch(f"/books/{book['id']}", json={"title": "Emma, again"}, headers=staff)

    assert changed.json() == book | {"title": "Emma, again"}
    assert (await client.get(f"/books/{book['id']}")).json() == changed.json()


async def test_a_year_can_become_unknown(
    client: httpx.AsyncClient, staff: Headers, add_book: AddBook
) -> None:
    book = await add_book()

    changed = await client.patch(f"/books/{book['id']}", json={"year": None}, headers=staff)

    assert changed.json() == book | {"year": None}


async def test_no_change_is_no_error(client: httpx.AsyncClient, staff: Headers, add_book: AddBook) -> None:
    book = await add_book()

    assert (await client.patch(f"/books/{book['id']}", json={}, headers=staff)).json() == book


@pytest.mark.parametrize("field", ["title", "author", "copies", "isbn", "lent"])
async def test_nothing_else_can_be_null_or_changed(
    client: httpx.AsyncClient, staff: Headers, add_book: AddBook, field: str
) -> None:
    book = await add_book()

    answer = await client.patch(f"/books/{book['id']}", json={field: None}, headers=staff)

    assert answer.status_code == 422
    assert (await client.get(f"/books/{book['id']}")).json() == book


async def test_a_deleted_book_is_gone(client: httpx.AsyncClient, staff: Headers, add_book: AddBook) -> None:
    book = await add_book()

    deleted = await client.delete(f"/books/{book['id']}", headers=staff)

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await client.get(f"/books/{book['id']}")).status_code == 404


# -- who may -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/books"), ("PATCH", "/books/1"), ("DELETE", "/books/1")]
)
async def test_only_the_staff_changes_the_collection(
    client: httpx.AsyncClient, member: Headers, method: str, path: str
) -> None:
    stranger = await client.request(method, path, json=a_book())
    mary = await client.request(method, path, json=a_book(), headers=member)

    assert (stranger.status_code, stranger.json()["code"]) == (401, "not_logged_in")
    assert stranger.headers["WWW-Authenticate"] == "Bearer"
    assert (mary.status_code, mary.json()["code"]) == (403, "staff_only")
