"""The token that a worker would put into a mail, as its reader gets it."""

from app.models import AccountToken, AccountTokenPurpose, EmailPurpose, Invitation
from app.security import new_token, token_hash


async def mailed_link(
    purpose: EmailPurpose | None = None, *, row: AccountToken | Invitation | None = None
) -> str:
    """A token for `row`, or for the newest link of this purpose, as the worker makes it when it sends the mail."""
    if row is None:
        assert purpose is not None
        row = await AccountToken.filter(purpose=AccountTokenPurpose(purpose.value)).order_by("-id").first()
    assert row is not None
    token = new_token()
    await type(row).filter(id=row.id).update(token_hash=token_hash(token))
    return token
