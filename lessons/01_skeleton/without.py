"""What a route answers that does not declare its answer, beside one that does."""

import asyncio

import httpx
from fastapi import FastAPI
from pydantic import BaseModel

MEMBER = {"name": "Ada", "password_hash": "argon2id$17f0..."}

app = FastAPI()


class Member(BaseModel):
    name: str


@app.get("/undeclared")
async def undeclared():  # noqa: ANN201 - the missing declaration is the point
    return MEMBER


@app.get("/declared", response_model=Member)
async def declared() -> dict[str, str]:
    return MEMBER


async def main() -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://library.test") as client:
        for path in ("/undeclared", "/declared"):
            response = await client.get(path)
            print(path, response.text)  # noqa: T201


asyncio.run(main())
