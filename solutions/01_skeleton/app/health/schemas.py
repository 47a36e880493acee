"""What a health probe answers."""

from typing import Literal

from pydantic import BaseModel


class HealthStatus(BaseModel):
    """How the service is: the status code says the same to machines that read no body."""

    status: Literal["ok", "unavailable"]
