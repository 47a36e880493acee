"""The settings: the one place where configuration enters the service."""

from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    """Configuration, each value from an environment variable or else from the file `.env`.

    Attributes:
        app_name: the title of the API's documentation.
        debug: whether an unexpected error answers with its traceback. Never in production.
        database_url: where the data is kept, as SQLAlchemy writes it, with an async driver.
        secret_key: signs the members' tokens; at least 32 characters. There is no default, so that
            a service whose key was never set does not start.
    """

    raise NotImplementedError("Put the four settings in this place")


def get_settings() -> Settings:
    """Read the settings at the first call, and return the same object from then on.

    Raises:
        pydantic.ValidationError: a value is missing or not valid. The message does not show it.
    """
    raise NotImplementedError("Make the settings once, and keep them")
