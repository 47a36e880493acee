"""What a health probe answers."""

from pydantic import BaseModel


class HealthStatus(BaseModel):
    """How the service is.

    Attributes:
        status: "ok" while all is well.
    """

    raise NotImplementedError("Put the model's field in this place")
