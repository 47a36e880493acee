"""Letters beyond A to Z, which SQLite does not know by itself."""

import httpx
import pytest

from tests.conftest import AddBook

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("text", ["émile", "ÉMILE", "Émile", "ΆΝΘΡΩΠΟΣ", "толстой", "ТОЛСТОЙ"])
async def test_upper_and_lower_case_are_the_same(
    client: httpx.AsyncClient, add_book: AddBook, text: str
) -> None:
    await add_book(title="Émile")
    await add_book(title="Άνθρωπος")
    await add_book(title="Детство", author="Лев Толстой")

    assert (await client.get("/books", params={"q": text})).json()["total"] == 1
