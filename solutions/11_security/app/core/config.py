"""The settings: the one place where configuration enters the service."""

import logging
from functools import lru_cache

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

# How a key starts that stands in a public file, and would let anybody make tokens.
PUBLIC_KEY = "for-local-development-only"

logger = logging.getLogger(__name__)


class Settings(BaseSettings):
    """Configuration, each value from an environment variable or else from the file `.env`.

    Attributes:
        app_name: the title of the API's documentation.
        debug: whether an unexpected error answers with its traceback. Never in production.
        database_url: where the data is kept, as SQLAlchemy writes it, with an async driver.
        secret_key: signs the members' tokens; at least 32 characters. There is no default, so that
            a service whose key was never set does not start. One that is marked as `PUBLIC_KEY` is
            accepted with `debug` only.
        token_minutes: how long a member stays logged in.
    """

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", hide_input_in_errors=True)

    app_name: str = "Lending library"
    debug: bool = False
    database_url: str = Field(default="sqlite+aiosqlite:///./library.db", repr=False)
    secret_key: SecretStr = Field(min_length=32)
    token_minutes: int = Field(default=30, ge=1)

    @field_validator("secret_key")
    @classmethod
    def _refuse_a_public_key(cls, key: SecretStr, given: ValidationInfo) -> SecretStr:
        if key.get_secret_value().startswith(PUBLIC_KEY):
            if not given.data.get("debug"):
                raise ValueError("everybody can read this key: it is accepted with DEBUG=true only")
            logger.warning("SECRET_KEY is one that everybody can read: anybody can make tokens")
        return key


@lru_cache
def get_settings() -> Settings:
    """Read the settings at the first call, and return the same object from then on.

    Raises:
        pydantic.ValidationError: a value is missing or not valid. The message does not show it.
    """
    return Settings()
