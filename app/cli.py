"""`python -m app COMMAND`. Commands load what they need when they run, so that each starts quickly."""

import sys
from typing import Annotated, NoReturn

import typer
import uvloop

from app import config
from app.config import ConfigError, Settings
from app.errors import DatabaseAway

app = typer.Typer(
    name="python -m app",
    help="Divize, a CRM backend.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Check = Annotated[bool, typer.Option("--check", help="Change nothing; fail if there is something to do.")]


def main() -> None:
    """Runs the command of the command line.

    Faulty settings end it with status 2 and one line for each, a database that is away with status 1 and a sentence.
    """
    try:
        app()
    except ConfigError as error:
        print("Divize does not start with these settings:", *error.faults, sep="\n", file=sys.stderr)
        sys.exit(2)
    except DatabaseAway as away:
        _lament(away)
        sys.exit(1)


@app.command()
def dev(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 8000,
    reset: Annotated[
        bool, typer.Option("--reset", help="Start over: forget the data of earlier runs.")
    ] = False,
) -> None:
    """Everything in one process, with demo data: what `make run` starts."""
    from app import embedded

    try:
        embedded.run(port=port, reset=reset)
    except embedded.CannotStart as error:
        _say(str(error))
        raise typer.Exit(1) from None


@app.command()
def serve() -> None:
    """The web server: WEB_PROCESSES processes on HOST:PORT. Ends with status 1 if it cannot start."""
    from app import logs, server

    settings = _settings_and_database()
    logs.configure(settings.log_level, as_json=settings.environment == "production")
    if not server.run(settings):
        _fail("The web server could not start; the log says why.")


@app.command()
def worker() -> None:
    """A worker: sends e-mail, fires reminders, sweeps. Run as many as you like. Ends with status 1 by an error."""
    from app import logs
    from app.workers.supervision import run_process

    settings = _settings_and_database()
    logs.configure(settings.log_level, as_json=settings.environment == "production")
    if not uvloop.run(run_process(settings)):
        _fail("The worker ended by an error; the log says which.")


@app.command()
def migrate(
    grant_to: Annotated[
        str, typer.Option(help="PostgreSQL: the role that the application runs as, which owns nothing.")
    ] = "",
) -> None:
    """Brings the database up to date. Safe to run twice at once.

    With --grant-to, the role gets what it needs of the tables: run it with a DATABASE_URL of the role that owns them.
    """
    from app import db
    from app.services import audit_rights

    settings = _settings_and_database()

    async def work() -> list[str]:
        await db.connect(settings.database_url, pool_size=1)
        try:
            done = [f"applied {name}" for name in await db.migrate()] or ["nothing to apply"]
            if grant_to:
                await audit_rights.grant_to(grant_to)
                done.append(f"granted to {grant_to}")
            return done
        finally:
            await db.close()

    try:
        _say(*uvloop.run(work()))
    except (audit_rights.CannotGrant, db.MigrationBlocked) as refused:
        _say(str(refused))
        raise typer.Exit(1) from None


@app.command()
def schema(check: Check = False) -> None:
    """Writes schema.graphql; with --check, compares it to the code and to the last commit."""
    from app import published

    if not check:
        published.write()
        return
    faults = published.faults()
    if faults:
        _say(*faults)
        raise typer.Exit(1)
    _say(
        "schema.graphql is up to date"
        + (
            ", and breaks no client."
            if published.has_been_committed()
            else "; the last commit has none to compare to."
        )
    )


@app.command()
def migrations(
    name: Annotated[str, typer.Argument(help="What changes: add_warranties.")] = "", check: Check = False
) -> None:
    """Writes a migration for what changed in the models."""
    from app import db

    if check:
        differences = uvloop.run(db.drift())
        _say(*(differences or ["Migrations are up to date."]))
        raise typer.Exit(1 if differences else 0)
    if not name.isidentifier():
        raise typer.BadParameter("Say what changes, as a Python name: make migrations NAME=add_warranties")
    written = 0
    while path := uvloop.run(db.make_migration(name)):
        _say(f"wrote {path}")
        written += 1
    if not written:
        _say("nothing changed")


@app.command()
def doctor(parts: Annotated[list[str] | None, typer.Argument(help="Only these.")] = None) -> None:
    """Checks settings, database, migrations, audit, unassigned, windows, redis, clock, worker, smtp; names what mends them."""
    from app import doctor, embedded

    if unknown := set(parts or ()).difference(doctor.PARTS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: the parts are {', '.join(doctor.PARTS)}.")

    if embedded.lend_settings():
        _say("No settings here; looking at what `make run` started.")
    findings = uvloop.run(doctor.examine(config.settings(), parts or doctor.PARTS))
    for finding in findings:
        verdict = "ok " if finding.mend is None else "WRN" if finding.is_warning else "ILL"
        _say(f"{verdict}  {finding.part:<10}  {finding.seen}")
        if finding.mend:
            _say(f"                 → {finding.mend}")
    raise typer.Exit(any(finding.mend and not finding.is_warning for finding in findings))


@app.command()
def explain(
    employee: Annotated[str, typer.Option(help="Who: the employee's id or e-mail.")],
    field: Annotated[
        str, typer.Option(help="What: Contact.vatId, Query.contacts(search:), ContactWhere.vatId.")
    ],
    contact: Annotated[str | None, typer.Option(help="On which contact: its id.")] = None,
    row: Annotated[str | None, typer.Option(help="Or on which other row: its global id.")] = None,
) -> None:
    """May X see Y? Says the rule, and why the row is or is not in reach. Ends with status 0 for yes, 1 for no."""
    from app import db, embedded
    from app.explain import Explanation, Unknown
    from app.explain import explain as explained

    embedded.lend_settings()
    settings = _settings_and_database()

    async def work() -> Explanation:
        await db.connect(settings.database_url, pool_size=1)
        try:
            return await explained(employee=employee, coordinate=field, row=contact or row)
        finally:
            await db.close()

    try:
        found = uvloop.run(work())
    except Unknown as unknown:
        raise typer.BadParameter(str(unknown)) from None
    _say(*(f"{heading:<9} {sentence}" for heading, sentence in found.lines), f"{'Answer':<9} {found.answer}")
    raise typer.Exit(not found.may)


@app.command()
def account(
    email: Annotated[str, typer.Argument(help="The address to sign in with; it counts as proved.")],
    name: Annotated[str, typer.Argument(help="The person's name.")],
) -> None:
    """Opens an account: the first one where SIGN_UP=invited. Asks for the password, or reads it from a pipe."""
    from app import db
    from app.errors import Invalid
    from app.services import accounts

    settings = _settings_and_database()
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")

    async def work() -> None:
        await db.connect(settings.database_url, pool_size=1)
        try:
            await accounts.open_by_operator(email=email, name=name, password=password)
        finally:
            await db.close()

    try:
        uvloop.run(work())
    except Invalid as refused:
        _say(*(f"{'.'.join(fault.path)}: {fault.message}" for fault in refused.faults))
        raise typer.Exit(1) from None
    _say(f"{email} can sign in.")


def _settings_and_database() -> Settings:
    """The settings of a process that is of no use without its database: it ends in a sentence, not in a traceback."""
    from app import db

    settings = config.settings()

    async def connect() -> None:
        await db.connect(settings.database_url, pool_size=1)
        await db.close()

    try:
        uvloop.run(connect())
    except Exception as error:  # noqa: BLE001  The driver's own, whatever it is.
        _lament(error)
        raise typer.Exit(1) from None
    return settings


def _fail(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise typer.Exit(1)


def _lament(error: Exception) -> None:
    from app import db

    print(f"Divize cannot use its database: {db.reason_of(error)}", file=sys.stderr)
    print("Start it, and check DATABASE_URL; `python -m app doctor` looks at everything.", file=sys.stderr)


def _say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)
