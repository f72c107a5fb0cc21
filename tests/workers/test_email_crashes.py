"""kill -9 of a worker at every point of a delivery: nothing is lost, and what may have come twice says so."""

import signal
from datetime import timedelta

import pytest

from app import config, db
from app.models import Email, EmailRecipient, EmailState, RecipientState
from app.services.email_leases import TIME_TO_RECORD
from app.workers import emails as worker
from tests.factories import make_email, make_project
from tests.integrations.smtp_server import mail_server
from tests.workers.test_email_processes import ids_of, settings_of, worker_process

NO_REDIS = "redis://127.0.0.1:1/0"
SMTP = "app.integrations.smtp:_Delivery"
DELIVERY = "app.services.email_delivery"
AFTER_DOT = "when the server has the mail"


@pytest.mark.parametrize(
    ("point", "copies", "uncertain"),
    [
        pytest.param(f"{DELIVERY}:hand_over", 1, 0, id="after claim"),
        pytest.param(f"{SMTP}._connect", 1, 0, id="before connect"),
        pytest.param(f"{SMTP}._deliver", 1, 0, id="before DATA"),
        pytest.param(f"{SMTP}._ask_whether_to_end", 1, 0, id="inside DATA"),
        pytest.param(f"{SMTP}._send_dot", 1, 1, id="before the dot, which is announced"),
        pytest.param(AFTER_DOT, 2, 1, id="after the dot"),
        pytest.param(f"{DELIVERY}:record", 2, 1, id="after 250 before our commit"),
        pytest.param(f"{SMTP}.say_goodbye", 1, 0, id="after commit before QUIT"),
    ],
)
async def test_a_mail_is_never_lost_and_never_doubled_unsaid(
    own_database: str, point: str, copies: int, uncertain: int
) -> None:
    email = await make_email(await make_project(), text="Dobrý den")
    async with mail_server() as server:
        values = settings_of(server, own_database, NO_REDIS)
        program = ("app", "worker") if point == AFTER_DOT else ("tests.workers.dying_worker", point)
        async with worker_process(values, *program) as process:

            async def kill() -> None:
                process.send_signal(signal.SIGKILL)
                await process.wait()

            server.before_answer = kill if point == AFTER_DOT else None
            assert await process.wait() == -signal.SIGKILL
        server.before_answer = None
        config.use(config.load(**values))
        await run_out(email)
        await worker.release_expired_leases()
        await run_out(email)
        await worker.send_due()
        config.use(None)

    after, recipient = await Email.get(id=email.id), await EmailRecipient.get(email_id=email.id)
    assert after.state is EmailState.SENT and recipient.state is RecipientState.SENT
    assert (after.uncertain_attempts, recipient.uncertain_attempts) == (uncertain, uncertain)
    assert ids_of(server) == [email.message_id] * copies
    assert copies <= 1 + uncertain


async def run_out(email: Email) -> None:
    """The lease, or the time that a worker that lives has to write the outcome down."""
    past = await db.now() - timedelta(seconds=1)
    await Email.filter(id=email.id, lease_until__isnull=False).update(lease_until=past)
    waiting = Email.filter(id=email.id, next_attempt_at__lte=past + TIME_TO_RECORD + timedelta(minutes=1))
    await waiting.update(next_attempt_at=past)
