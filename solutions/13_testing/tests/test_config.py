"""Settings that cannot work are refused when they are read."""

import pytest
from pydantic import ValidationError

from app.core.config import Settings, get_settings


def test_the_environment_sets_the_settings() -> None:
    settings = get_settings()

    assert settings.app_name == "Test library"
    assert settings.cover_bytes == 1000


def test_settings_are_read_once() -> None:
    assert get_settings() is get_settings()


def test_a_service_without_a_key_does_not_start(settings: pytest.MonkeyPatch) -> None:
    settings.delenv("SECRET_KEY")

    with pytest.raises(ValidationError, match="secret_key"):
        Settings(_env_file=None)


def test_a_key_that_is_too_short_is_refused_and_not_shown(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("SECRET_KEY", "short-and-secret")

    with pytest.raises(ValidationError, match="secret_key") as refused:
        Settings(_env_file=None)

    assert "short-and-secret" not in str(refused.value)


def test_a_key_that_everybody_can_read_is_for_development_only(
    settings: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.setenv("SECRET_KEY", "for-local-development-only-0123456789")

    with pytest.raises(ValidationError, match="everybody can read this key") as refused:
        Settings(_env_file=None)
    settings.setenv("DEBUG", "true")

    assert "0123456789" not in str(refused.value)
    assert Settings(_env_file=None).debug
    assert "anybody can make tokens" in caplog.text


def test_a_catalogue_without_a_scheme_is_refused(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("CATALOGUE_URL", "openlibrary.org")

    with pytest.raises(ValidationError, match="catalogue_url"):
        Settings(_env_file=None)


def test_settings_can_be_printed_without_giving_secrets_away(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("DATABASE_URL", "postgresql+asyncpg://library:pa55word@localhost/library")

    shown = repr(Settings(_env_file=None))

    assert "pa55word" not in shown
    assert "a-key-for-tests" not in shown
