"""What the documentation says of responses that several routers give."""

from http import HTTPStatus
from typing import Any

# RFC 9110, 15.3.2: what a request has created can be read where `Location` says.
CREATED: dict[int | str, dict[str, Any]] = {
    HTTPStatus.CREATED.value: {
        "headers": {"Location": {"schema": {"type": "string"}, "description": "Where it can be read."}}
    }
}
