"""The system's own mail as a worker writes it."""

from app.jobs import unit_of_work
from app.models import Email
from app.services import email_delivery


async def letter_of(email: Email) -> str:
    """Both parts of what a worker mails."""
    async with unit_of_work() as work:
        claim = await email_delivery.claim(email.id, now=work.now)
    assert claim is not None
    return f"{claim.letter.text} {claim.letter.html}"
