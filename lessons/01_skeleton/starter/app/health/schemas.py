"""What a health probe answers."""

from pydantic import BaseModel


class HealthStatus(BaseModel):
    """How the service is.

    Attributes:
        status: "ok" while all is well.
    """

    raise NotImplementedError("Give the model its field, and take this line out")
