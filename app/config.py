"""Settings from the environment. A process starts only if all of them are right; otherwise it names every fault."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.smtp_server import SCHEMES, SmtpServer

Environment = Literal["dev", "test", "production"]

#: For tests. Everybody knows it, so a production process refuses it.
TEST_SECRET_KEY = "known-to-everybody-and-for-tests-only"  # noqa: S105
SECRET_KEY_BYTES = 32


class ConfigError(Exception):
    """What is wrong with the environment: one line for each fault, `NAME: what is wrong. How to mend.`"""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class Settings(BaseSettings):
    """Every setting is the environment variable of its upper-case name; a description says how to mend it.

    `environment` stands first, because the checks of the others ask for it.
    """

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="forbid", validate_default=True, hide_input_in_errors=True
    )

    environment: Environment = Field(default="production", description="One of dev, test, production.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="One of DEBUG, INFO, WARNING, ERROR."
    )

    secret_key: str = Field(
        repr=False, description="Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
    )
    database_url: str = Field(
        repr=False,
        description="Set postgres://user:password@host:5432/database, or sqlite:///absolute/path for one machine.",
    )
    pool_size: int = Field(
        default=10, ge=1, le=200, description="Connections to PostgreSQL per process, 1 to 200."
    )
    redis_url: str = Field(
        repr=False,
        description="Set redis://host:6379/0, rediss://user:password@host:6379/0 or unix:///absolute/path.",
    )

    public_url: str = Field(
        description="The address people use, without a path: https://crm.example.com. Links in e-mails start with it."
    )
    allowed_origins: str = Field(
        default="",
        description="Origins of web front ends elsewhere, comma-separated: https://app.example.com,https://m.example.com.",
    )
    host: str = Field(
        default="127.0.0.1", description="Address to listen on; 0.0.0.0 behind a proxy or in a container."
    )
    port: int = Field(default=8000, ge=1, le=65535, description="Port to listen on, 1 to 65535.")
    web_processes: int = Field(
        default=1, ge=1, le=64, description="Processes of `serve`, 1 to 64; about one per core."
    )
    trusted_proxies: str = Field(
        default="127.0.0.1",
        description="Addresses of proxies, comma-separated, whose X-Forwarded-For names the caller; or *.",
    )

    smtp_url: str = Field(
        repr=False,
        description="The mail relay: smtp+starttls://user:password@host:587, smtps://… or smtp://host:25.",
    )
    smtp_from: str = Field(
        description="The installation's own address, from which it may send: crm@example.com."
    )
    trust_addresses: bool = Field(
        default=False,
        description="Only in dev and test: unset it, and addresses are used as From once their link was opened.",
    )

    ares_url: str = Field(
        default="https://ares.gov.cz/ekonomicke-subjekty-v-be/rest",
        description="Base address of the business register's REST interface.",
    )
    ares_timeout_s: float = Field(default=5, gt=0, le=60, description="Seconds, above 0 and at most 60.")

    sign_up: Literal["open", "invited"] = Field(
        default="open", description="open: anybody may create an account; invited: only by an invitation."
    )
    session_idle_days: float = Field(
        default=14, gt=0, le=365, description="Days without use after which a session ends."
    )
    session_max_days: float = Field(
        default=90,
        gt=0,
        le=3650,
        description="Days after which a session ends anyway; at least SESSION_IDLE_DAYS.",
    )
    reminder_minute_s: float = Field(
        default=60, gt=0, le=60, description="Unset it: a minute has 60 seconds outside dev and test."
    )
    reminder_log_days: float = Field(
        default=30,
        ge=1,
        le=3650,
        description="Days for which reminder events are kept for clients that were away.",
    )
    audit_keep_days: int = Field(
        default=1_095,
        ge=30,
        le=36_500,
        description="Days for which entries of the audit log are kept: 30 (the database keeps none shorter) to 36,500.",
    )

    @field_validator("secret_key")
    @classmethod
    def _secret_is_secret(cls, value: str, info: ValidationInfo) -> str:
        if not _lenient(info) and value == TEST_SECRET_KEY:
            raise ValueError("this is the tests' own key, which everybody knows")
        if not _lenient(info) and (len(value.encode()) < SECRET_KEY_BYTES or len(set(value)) < 10):
            raise ValueError(f"too easy to guess; at least {SECRET_KEY_BYTES} random bytes are needed")
        return value

    @field_validator("database_url")
    @classmethod
    def _database_is_known(cls, value: str) -> str:
        url = _split(value, ("postgres", "postgresql", "sqlite"))
        if url.scheme == "sqlite" and not url.path.strip("/"):
            raise ValueError("no path to the file")
        has_host = bool(url.hostname) or "host=" in url.query
        if url.scheme != "sqlite" and not (has_host and url.path.strip("/")):
            raise ValueError("a host and the database's name are needed")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis_is_known(cls, value: str) -> str:
        url = _split(value, ("redis", "rediss", "unix"))
        if not (url.path if url.scheme == "unix" else url.hostname):
            raise ValueError("no host, or no path to the socket")
        return value

    @field_validator("public_url")
    @classmethod
    def _public_address_is_safe(cls, value: str, info: ValidationInfo) -> str:
        url = _split(value, ("http", "https"))
        if not url.hostname or url.path.strip("/") or url.query or url.fragment or url.username:
            raise ValueError("only a scheme, a host and a port belong here")
        if url.scheme == "http" and not _lenient(info) and not _is_loopback(url.hostname):
            raise ValueError("passwords would travel in the clear; https is needed")
        return value.rstrip("/")

    @field_validator("allowed_origins")
    @classmethod
    def _origins_are_origins(cls, value: str) -> str:
        for origin in filter(None, map(str.strip, value.split(","))):
            url = _split(origin, ("http", "https"))
            if not url.hostname or url.path or url.query or url.fragment or url.username:
                raise ValueError(f"{origin!r} is not a scheme, a host and perhaps a port")
        return value

    @field_validator("ares_url")
    @classmethod
    def _register_has_an_address(cls, value: str) -> str:
        if not _split(value, ("http", "https")).hostname:
            raise ValueError("no host")
        return value.rstrip("/")

    @field_validator("smtp_url")
    @classmethod
    def _relay_is_known(cls, value: str) -> str:
        if not _split(value, tuple(SCHEMES)).hostname:
            raise ValueError("no host")
        return value

    @field_validator("smtp_from")
    @classmethod
    def _from_is_an_address(cls, value: str, info: ValidationInfo) -> str:
        from email_validator import EmailNotValidError, validate_email

        try:
            checked = validate_email(value, check_deliverability=False, test_environment=_lenient(info))
        except EmailNotValidError as error:
            raise ValueError(f"not an e-mail address ({error})") from error
        return checked.normalized

    @field_validator("trust_addresses")
    @classmethod
    def _addresses_are_proved(cls, value: bool, info: ValidationInfo) -> bool:
        if value and not _lenient(info):
            raise ValueError("anybody could send under anybody's address")
        return value

    @field_validator("reminder_minute_s")
    @classmethod
    def _a_minute_is_a_minute(cls, value: float, info: ValidationInfo) -> float:
        if value != 60 and not _lenient(info):
            raise ValueError("reminders would come back too soon")
        return value

    @field_validator("session_max_days")
    @classmethod
    def _sessions_end(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("session_idle_days", 0):
            raise ValueError("shorter than SESSION_IDLE_DAYS")
        return value

    @property
    def smtp(self) -> SmtpServer:
        """`smtp_url`, taken apart."""
        return SmtpServer.parse(self.smtp_url)


def load(defaults: Mapping[str, Any] | None = None, **fixed: Any) -> Settings:
    """Settings from the environment; `defaults` (by field name) stand in for what it does not set, `fixed` wins.

    Raises ConfigError with every fault.
    """
    unset = {name: value for name, value in (defaults or {}).items() if not os.environ.get(name.upper())}
    try:
        return Settings(**{**unset, **fixed})
    except ValidationError as error:
        raise ConfigError(
            [_fault(each["loc"], each["type"], each["msg"]) for each in error.errors()]
        ) from None


_current: Settings | None = None


def settings() -> Settings:
    """This process's settings, loaded at the first call. Raises ConfigError."""
    global _current
    if _current is None:
        _current = load()
    return _current


def use(value: Settings | None) -> None:
    """Makes `value` this process's settings; None: read the environment anew at the next call."""
    global _current
    _current = value


@contextmanager
def override(**changes: Any) -> Iterator[Settings]:
    """For tests: other settings inside the block, unchecked."""
    before = settings()
    use(before.model_copy(update=changes))
    try:
        yield settings()
    finally:
        use(before)


def _fault(location: tuple[int | str, ...], kind: str, message: str) -> str:
    name = str(location[0])
    what = "it is missing" if kind == "missing" else message.removeprefix("Value error, ")
    field = Settings.model_fields.get(name)
    return (
        f"{name.upper()}: {what[0].lower() + what[1:]}. {field.description if field else 'No such setting.'}"
    )


def _lenient(info: ValidationInfo) -> bool:
    return info.data.get("environment") in ("dev", "test")


def _split(value: str, schemes: tuple[str, ...]) -> SplitResult:
    url = urlsplit(value)
    if url.scheme not in schemes:
        raise ValueError(f"it must begin with {' or '.join(f'{each}://' for each in schemes)}")
    _ = url.port  # Raises ValueError for what is no port.
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
