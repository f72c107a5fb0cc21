"""What stands in the log, in either form."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from app import logs


@pytest.fixture
def _log_of_pytest() -> Iterator[None]:
    """As it was, for the tests that come after."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def fail_with_a_secret() -> None:
    password = "kanarek" + "123"
    raise LookupError(f"nothing of {len(password)} characters")


@pytest.mark.usefixtures("_log_of_pytest")
@pytest.mark.parametrize("as_json", [True, False], ids=["production", "terminal"])
@pytest.mark.parametrize("library", [True, False], ids=["standard library", "structlog"])
def test_a_traceback_holds_no_variables(
    capsys: pytest.CaptureFixture[str], as_json: bool, library: bool
) -> None:
    logs.configure("INFO", as_json=as_json)
    log = logging.getLogger("divize.test") if library else structlog.get_logger("divize.test")

    try:
        fail_with_a_secret()
    except LookupError:
        log.exception("it failed")

    written = capsys.readouterr().err
    assert "nothing of 10 characters" in written and "fail_with_a_secret" in written
    assert "kanarek123" not in written


@pytest.mark.usefixtures("_log_of_pytest")
def test_a_line_break_in_a_value_makes_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", as_json=True)

    structlog.get_logger("divize.test").warning("seen", name="a\n[error] forged\x1b[31m\u2028")

    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.usefixtures("_log_of_pytest")
def test_what_a_database_quotes_of_a_row_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", as_json=True)
    said = 'duplicate key value violates unique constraint "uq"\nDETAIL:  Key (email)=(jana@firma.cz) already exists.'

    try:
        raise RuntimeError(said)
    except RuntimeError:
        logging.getLogger("divize.test").exception("it failed")

    written = capsys.readouterr().err
    assert "violates unique constraint" in written and "jana@firma.cz" not in written
