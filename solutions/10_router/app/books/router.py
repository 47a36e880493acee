"""Books over HTTP."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from app.books.dependencies import BookId, BookServiceDep, SearchText
from app.books.schemas import BookCreate, BookRead, BookUpdate
from app.common.pagination import PaginationDep
from app.common.responses import CREATED
from app.common.schemas import Page
from app.core.error_handlers import INVALID_BODY, error_responses

router = APIRouter(
    prefix="/books", tags=["books"], responses=error_responses(HTTPStatus.UNPROCESSABLE_ENTITY)
)


@router.get("", response_model=Page[BookRead])
async def search_books(service: BookServiceDep, page: PaginationDep, q: SearchText = None) -> Page[BookRead]:
    """List books ordered by title: all of them, or those whose title or author holds the text `q`."""
    books, total = await service.search(q, limit=page.limit, offset=page.offset)
    items = [BookRead.model_validate(book) for book in books]
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.post(
    "",
    response_model=BookRead,
    status_code=HTTPStatus.CREATED,
    responses=CREATED | error_responses(*INVALID_BODY, HTTPStatus.CONFLICT),
)
async def create_book(
    new: BookCreate, service: BookServiceDep, request: Request, response: Response
) -> BookRead:
    """Take a book into the collection."""
    book = await service.create(new)
    response.headers["Location"] = request.url_for("read_book", book_id=book.id).path
    return BookRead.model_validate(book)


@router.get("/{book_id}", response_model=BookRead, responses=error_responses(HTTPStatus.NOT_FOUND))
async def read_book(book_id: BookId, service: BookServiceDep) -> BookRead:
    """Show one book."""
    return BookRead.model_validate(await service.get(book_id))


@router.patch(
    "/{book_id}",
    response_model=BookRead,
    responses=error_responses(*INVALID_BODY, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def update_book(book_id: BookId, update: BookUpdate, service: BookServiceDep) -> BookRead:
    """Change the given fields of a book."""
    return BookRead.model_validate(await service.update(book_id, update))


@router.delete(
    "/{book_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=error_responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def delete_book(book_id: BookId, service: BookServiceDep) -> None:
    """Take a book out of the collection, while no copy is lent."""
    await service.delete(book_id)
