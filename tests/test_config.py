from collections.abc import Callable

import pytest

from app import config
from app.smtp_server import SmtpServer

GOOD = {
    "SECRET_KEY": "cV7m-2pXw9_Lk4RtYb8QzN1sHd5GfJ0aUeOiKxTq",
    "DATABASE_URL": "postgres://divize:pw@db:5432/divize",
    "REDIS_URL": "redis://valkey:6379/0",
    "PUBLIC_URL": "https://crm.example.com",
    "SMTP_URL": "smtp+starttls://robot:p%40ss@mail.example.com",
    "SMTP_FROM": "crm@example.com",
}

Loader = Callable[..., config.Settings]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Loader:
    """Settings from nothing but the given variables."""

    def load(environment: dict[str, str], **defaults: object) -> config.Settings:
        for name in config.Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return config.load(defaults)

    return load


def faulty_names(error: pytest.ExceptionInfo[config.ConfigError]) -> set[str]:
    return {fault.partition(":")[0] for fault in error.value.faults}


def test_production_is_the_default_and_starts_with_six_variables(load: Loader) -> None:
    settings = load(GOOD)

    assert settings.environment == "production"
    assert settings.smtp == SmtpServer("mail.example.com", 587, "starttls", "robot", "p@ss")


def test_all_faults_are_named_at_once_each_with_its_hint(load: Loader) -> None:
    with pytest.raises(config.ConfigError) as error:
        load({"PORT": "x", "SMTP_FROM": "nobody", "PUBLIC_URL": "http://crm.example.com"})

    assert faulty_names(error) == {
        "SECRET_KEY",
        "DATABASE_URL",
        "REDIS_URL",
        "SMTP_URL",
        "PORT",
        "SMTP_FROM",
        "PUBLIC_URL",
    }
    assert all(fault.count(". ") >= 1 for fault in error.value.faults)
    assert "SECRET_KEY: it is missing. Make one with: python3 -c" in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", config.TEST_SECRET_KEY),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "a" * 64),
        ("PUBLIC_URL", "http://crm.example.com"),
        ("PUBLIC_URL", "https://crm.example.com/app"),
        ("ALLOWED_ORIGINS", "https://app.example.com/path"),
        ("ALLOWED_ORIGINS", "*"),
        ("TRUST_ADDRESSES", "1"),
        ("REMINDER_MINUTE_S", "1"),
        ("DATABASE_URL", "mysql://db/divize"),
        ("DATABASE_URL", "postgres://db"),
        ("DATABASE_URL", "sqlite://"),
        ("REDIS_URL", "http://valkey"),
        ("SMTP_URL", "mail.example.com:25"),
        ("SMTP_FROM", "crm@example.com\nBcc: all@example.com"),
        ("PORT", "70000"),
        ("WEB_PROCESSES", "0"),
        ("SESSION_MAX_DAYS", "1"),
        ("SIGN_UP", "perhaps"),
        ("LOG_LEVEL", "LOUD"),
        ("ENVIRONMENT", "staging"),
    ],
)
def test_production_refuses(load: Loader, name: str, value: str) -> None:
    with pytest.raises(config.ConfigError) as error:
        load({**GOOD, name: value})

    assert faulty_names(error) == {name}


@pytest.mark.parametrize("environment", ["dev", "test"])
def test_dev_and_test_may_hurry_and_trust(load: Loader, environment: str) -> None:
    settings = load(
        {
            **GOOD,
            "ENVIRONMENT": environment,
            "REMINDER_MINUTE_S": "0.05",
            "TRUST_ADDRESSES": "1",
            "SECRET_KEY": config.TEST_SECRET_KEY,
        }
    )

    assert (settings.reminder_minute_s, settings.trust_addresses) == (0.05, True)


def test_loopback_needs_no_https(load: Loader) -> None:
    assert load({**GOOD, "PUBLIC_URL": "http://127.0.0.1:8000/"}).public_url == "http://127.0.0.1:8000"


def test_the_environment_wins_over_a_default(load: Loader) -> None:
    settings = load({**GOOD, "PORT": "9000"}, port=8001, host="127.0.0.2")

    assert (settings.port, settings.host) == (9000, "127.0.0.2")


def test_no_secret_shows_in_the_representation(load: Loader) -> None:
    shown = repr(load(GOOD)) + repr(load(GOOD).smtp)

    assert GOOD["SECRET_KEY"] not in shown and "pw@db" not in shown and "p@ss" not in shown


def test_an_override_ends_with_its_block(load: Loader) -> None:
    before = config._current
    try:
        config.use(load(GOOD))
        with config.override(smtp_url="smtp://127.0.0.1:2525"):
            assert config.settings().smtp.port == 2525

        assert config.settings().smtp.port == 587
    finally:
        config.use(before)
